"""Tests of the difference between two models on the same examples, and the correction for many of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit
from scipy.stats import false_discovery_control

from motifloom.evaluation.jackknife import jackknife_error
from motifloom.evaluation.loops import sum_swapped
from motifloom.evaluation.means import Mean
from motifloom.evaluation.metrics import BINS, Floats, calibration_bins
from motifloom.evaluation.resamples import defined

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.evaluation.metrics import Ranking

    Swaps = npt.NDArray[np.uint8]

ROUNDING = 1e-13
"""Differences as small as this are none: sums over replicates are rounded."""


class Difference(NamedTuple):
    """How far two models are apart in a metric, and how far that would move with other examples.

    Attributes
    ----------
    value
        That of the one less that of the other.
    error
        Its standard error.
    freedom
        Degrees of freedom of the t distribution that the value over its error has where the models are equally good;
        infinite for the normal distribution.
    """

    value: float
    error: float
    freedom: float

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the low and the high end of the interval of this level, 0 to 1; NaN where the error is."""
        reach = float(stdtrit(self.freedom, (1 + confidence) / 2)) * self.error if self.error else 0.0
        return self.value - reach, self.value + reach

    def p_value(self) -> float:
        """Return the two-sided p-value of no difference.

        1 where there is none but for rounding, NaN where the error is. Where the error's estimate is 0 (one model ranks
        all positives first, the other last), p is 0.
        """
        if math.isnan(self.error):
            return float("nan")
        if abs(self.value) < ROUNDING:
            return 1.0
        return 2 * float(stdtr(self.freedom, -abs(self.value) / self.error)) if self.error else 0.0


class Placements(NamedTuple):
    """Where one label's scores stand among the other's, an equal score counting half.

    Attributes
    ----------
    of_positives
        For each positive, the share of negatives below it, shape ``(positives,)``.
    of_negatives
        For each negative, the share of positives above it, shape ``(negatives,)``.
    """

    of_positives: Floats
    of_negatives: Floats

    @classmethod
    def of(cls, ranking: Ranking) -> Placements:
        """Read the placements from a ranking; NaN where the other label does not occur."""
        true = np.cumsum(ranking.labels)[ranking.ends]
        up_to = ranking.ends + 1.0
        hits, misses = (np.diff(counts, prepend=0) for counts in (true, up_to - true))
        runs = np.diff(ranking.ends, prepend=-1)
        below = np.repeat(up_to[-1:] - true[-1:] - (up_to - true) + misses / 2, runs)
        above = np.repeat(true - hits / 2, runs)
        placed = np.empty(len(ranking))
        positives, negatives = ranking.labels.sum(), len(ranking) - ranking.labels.sum()
        placed[ranking.order] = np.where(
            ranking.labels == 1, below / (negatives or np.nan), above / (positives or np.nan)
        )
        positive = np.empty(len(ranking), dtype=np.bool_)
        positive[ranking.order] = ranking.labels == 1
        return cls(placed[positive], placed[~positive])

    @classmethod
    def mean(cls, several: Sequence[Placements]) -> Placements:
        """Average over rankings of the same examples: the area of the mean is the mean of their areas."""
        return cls(*(np.mean(values, axis=0) for values in zip(*several, strict=True)))


def delong(one: Placements, other: Placements) -> Difference:
    """Compare two areas under the ROC curve.

    The variance of the difference is that of the placements (DeLong et al. 1988, Biometrics 44:837), which are read
    from ranks (Sun & Xu 2014, IEEE Signal Process Lett 21:1389); the difference over its standard error is held
    against the normal distribution.

    Parameters
    ----------
    one, other
        Of the same examples.

    Returns
    -------
    The difference; its error is NaN where a label occurs fewer than two times.
    """
    of_positives, of_negatives = (a - b for a, b in zip(one, other, strict=True))
    if min(map(len, one)) < 2:
        return Difference(float("nan"), float("nan"), math.inf)
    variance = float(of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives))
    return Difference(float(of_positives.mean()), math.sqrt(variance), math.inf)


def precision_difference(value: float, one: Floats, other: Floats, labels: Floats) -> Difference:
    """Compare two average precisions by the jackknife of their difference, held against a t distribution.

    Parameters
    ----------
    value
        The difference.
    one, other
        Either model's average precision without each example, shape ``(n,)``.
    labels
        As of :func:`motifloom.evaluation.jackknife.jackknife_error`.
    """
    return Difference(value, *jackknife_error(one - other, labels))


def bootstrap_difference(value: float, on_resamples: Floats, fewest: int) -> Difference:
    """Compare two models by how much their difference varies over resamples.

    Resamples of few examples vary too little, and how much they do is itself uncertain. Both is corrected as of a mean
    (Hesterberg 2015, Am Stat 69:371): by √(n / (n − 1)), and by the t distribution with n − 1 degrees of freedom.

    Parameters
    ----------
    value
        The difference.
    on_resamples
        The same on paired resamples, shape ``(resamples,)``; NaN where undefined, see
        :func:`motifloom.evaluation.resamples.defined`.
    fewest
        n, so many examples decide how much the metric moves, of two labels those of the rarer. 1 is taken as 2.
    """
    freedom = max(fewest - 1, 1)
    values = defined(on_resamples)
    if not len(values):
        return Difference(value, float("nan"), freedom)
    return Difference(value, float(values.std()) * math.sqrt((freedom + 1) / freedom), freedom)


def mean_difference(one: Floats, other: Floats, strata: Floats) -> Difference:
    """Compare two models by a metric that is a mean over examples, as a paired t test does.

    Parameters
    ----------
    one, other
        What each example adds to the metric of either model, shape ``(n,)``.
    strata
        As of :meth:`motifloom.evaluation.means.Mean.of`.
    """
    mean = Mean.of(one - other, strata)
    return Difference(mean.value, math.sqrt(mean.variance), mean.freedom)


def draw_swaps(n: int, permutations: int, rng: np.random.Generator) -> Swaps:
    """Draw which of `n` examples swap two models' scores, each with a chance of one half.

    Returns
    -------
    Bits, eight examples a byte, shape ``(n / 8 rounded up, 1 + permutations)``; in the first column none is swapped.
    """
    swaps = rng.integers(256, size=(-(-n // 8), 1 + permutations), dtype=np.uint8)
    swaps[:, 0] = 0
    return swaps


def mean_p_value(one: Floats, other: Floats, swaps: Swaps) -> float:
    """Test whether a metric that is a mean over examples differs between two models, by letting them swap scores.

    Where both models are alike, it makes no odds which of them gave an example which of the two scores (Pesarin &
    Salmaso 2010, Permutation Tests for Complex Data): an example that swaps changes the sign of its difference.

    Parameters
    ----------
    one, other
        What each example adds to the metric of either model, shape ``(n,)``.
    swaps
        As :func:`draw_swaps` gives them.

    Returns
    -------
    Two-sided p-value, as of :func:`swap_p_value`; NaN without examples, and where the difference overflows.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        differences = one - other
        scale = float(np.abs(one).sum() + np.abs(other).sum())
    if not len(one) or not math.isfinite(scale):
        return float("nan")
    return swap_p_value(differences.sum() - 2 * _swapped(differences, swaps), scale)


def calibration_p_value(labels: Floats, pairs: Sequence[tuple[Floats, Floats]], swaps: Swaps) -> float:
    """Test whether two models' expected calibration errors differ, by letting them swap their scores.

    The bootstrap does not do for this metric: each resample adds its own noise to every bin, whose absolute value is
    taken, so that its differences spread much wider than the metric's own.

    Parameters
    ----------
    labels
        0 or 1, shape ``(n,)``.
    pairs
        Scores of the two models, a pair for each replicate, shape ``(n,)`` each.
    swaps
        As :func:`draw_swaps` gives them; in all pairs the same examples swap.

    Returns
    -------
    Two-sided p-value of the mean difference of the pairs, as of :func:`swap_p_value`; NaN without examples.
    """
    if not len(labels):
        return float("nan")
    found = np.zeros(swaps.shape[1])
    for scores in map(np.array, pairs):
        gaps, bins = labels - scores, calibration_bins(scores)
        for number in range(BINS):
            one, other = np.where(bins == number, gaps, 0.0)
            moved = _swapped(other - one, swaps)
            found += np.abs(one.sum() + moved) - np.abs(other.sum() - moved)
    return swap_p_value(found, float(len(labels) * len(pairs)))


def swap_p_value(differences: Floats, scale: float) -> float:
    """Return the share of swaps whose difference is at least as great as the observed one.

    Parameters
    ----------
    differences
        Between the two models, by swap, the first being the observed, shape ``(1 + permutations,)``.
    scale
        How much was added up: what is less than `ROUNDING` of it is nothing.

    Returns
    -------
    Two-sided p-value. The observed one is among them, so p is never 0 (Phipson & Smyth 2010, Stat Appl Genet Mol Biol
    9:39).
    """
    return float((np.abs(differences) >= abs(differences[0]) - ROUNDING * scale).mean())


def _swapped(values: Floats, swaps: Swaps) -> Floats:
    """Sum the values of the examples that swap, shape ``(1 + permutations,)``."""
    sums = np.zeros(swaps.shape[1])
    sum_swapped(swaps, values, sums)
    return sums


def q_values(p_values: Floats) -> Floats:
    """Adjust p-values of one family (Benjamini & Hochberg 1995, J R Stat Soc B 57:289).

    Parameters
    ----------
    p_values
        0 to 1, or NaN for tests that could not be made, shape ``(tests,)``.

    Returns
    -------
    The least false discovery rates at which each would be called, shape ``(tests,)``; NaN where p is, which
    do not count.
    """
    adjusted = np.full(len(p_values), np.nan)
    made = ~np.isnan(p_values)
    if made.any():
        adjusted[made] = false_discovery_control(p_values[made], method="bh")
    return adjusted
