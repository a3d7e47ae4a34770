"""Tests of the difference between two models on the same examples, and the correction for many of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import false_discovery_control

from motifloom.evaluation.loops import swap_gaps
from motifloom.evaluation.metrics import BINS, Floats, calibration_bins

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.evaluation.metrics import Ranking

    Swaps = npt.NDArray[np.uint8]

ROUNDING = 1e-13
"""Differences as small as this are none: sums over replicates are rounded."""


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


def delong(one: Placements, other: Placements) -> float:
    """Test whether two areas under the ROC curve differ.

    The variance of the difference is that of the placements (DeLong et al. 1988, Biometrics 44:837), which are read
    from ranks (Sun & Xu 2014, IEEE Signal Process Lett 21:1389); the difference over its standard error is held
    against the normal distribution.

    Parameters
    ----------
    one, other
        Of the same examples.

    Returns
    -------
    Two-sided p-value; 1 where both areas are equal but for rounding, NaN where a label occurs fewer than two times.
    Where the areas differ and no placement varies (one model ranks all positives first, the other last), the
    variance's estimate is 0, and so is p.
    """
    if min(map(len, one)) < 2:
        return float("nan")
    of_positives, of_negatives = (a - b for a, b in zip(one, other, strict=True))
    difference = float(of_positives.mean())
    variance = float(of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives))
    if abs(difference) < ROUNDING:
        return 1.0
    if variance == 0:
        return 0.0
    return math.erfc(abs(difference) / math.sqrt(2 * variance))


def bootstrap_p_value(differences: Floats) -> float:
    """Test whether a difference is zero, by inverting its percentile interval.

    Parameters
    ----------
    differences
        The difference on paired resamples, shape ``(resamples,)``.

    Returns
    -------
    Two-sided p-value: twice the share of resamples on the rarer side of 0, a 0 counting on both, and one
    resample added to either count so that p is never 0 (Davison & Hinkley 1997, Bootstrap Methods and their
    Application, sec. 4.2; Phipson & Smyth 2010, Stat Appl Genet Mol Biol 9:39); at most 1. NaN where a
    difference is NaN.
    """
    if np.isnan(differences).any():
        return float("nan")
    rarer = min(int((differences <= ROUNDING).sum()), int((differences >= -ROUNDING).sum()))
    return min(1.0, 2 * (rarer + 1) / (len(differences) + 1))


def draw_swaps(n: int, permutations: int, rng: np.random.Generator) -> Swaps:
    """Draw which of `n` examples swap two models' scores, each with a chance of one half.

    Returns
    -------
    Bits, eight examples a byte, shape ``(1 + permutations, n / 8 rounded up)``; in the first row none is swapped.
    """
    swaps = rng.integers(256, size=(1 + permutations, -(-n // 8)), dtype=np.uint8)
    swaps[0] = 0
    return swaps


def calibration_p_value(labels: Floats, pairs: Sequence[tuple[Floats, Floats]], swaps: Swaps) -> float:
    """Test whether two models' expected calibration errors differ, by letting them swap their scores.

    The bootstrap does not do for this metric: each resample adds its own noise to every bin, whose absolute value is
    taken, so that its differences spread much wider than the metric's own. Where both models are alike, it makes no
    odds which of them gave an example which of the two scores (Pesarin & Salmaso 2010, Permutation Tests for Complex
    Data).

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
    Two-sided p-value of the mean difference of the pairs: the share of permutations whose difference is at least as
    great, the observed one among them, so that p is never 0 (Phipson & Smyth 2010). NaN without examples.
    """
    if not len(labels):
        return float("nan")
    found = np.zeros(len(swaps))
    for pair in pairs:
        scores = np.stack(pair, axis=1)
        swap_gaps(swaps, labels[:, None] - scores, calibration_bins(scores).astype(np.uint8), BINS, found)
    return float((np.abs(found) >= abs(found[0]) - ROUNDING).mean())


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
