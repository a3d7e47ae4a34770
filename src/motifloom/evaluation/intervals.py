"""How far a metric would move with other examples from the same source: by the bootstrap, or by a formula.

Examples are drawn with replacement (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 8), those with a
class within each class, so that every resample has the classes' numbers of the original and no metric becomes
undefined; those with a value from all together. All models of a dataset, split and task are weighed with the same
resamples: their difference is compared on like examples.

What an interval covers is the choice of the evaluated examples, with the trained model as it is; how far
another training would move is told by the replicates. Windows are taken as independent, which neighbours on a
chromosome may not be.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit, stdtrit
from scipy.stats import norm

from motifloom.evaluation.comparisons import Placements
from motifloom.evaluation.loops import LANES, count_draws
from motifloom.evaluation.means import Mean
from motifloom.evaluation.resamples import defined
from motifloom.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from motifloom.evaluation.loops import Counts
    from motifloom.evaluation.metrics import Floats, Ranking, Scored


def bootstrap_generator(seed: int, dataset: str, split: str, task: str) -> np.random.Generator:
    """Return the generator of the resamples that all models of a dataset, split and task share."""
    return generator(seed, dataset, "bootstrap", split, task)


def bootstrap_weights(strata: Floats, resamples: int, rng: np.random.Generator) -> Iterator[Counts]:
    """Draw how often each example is in each resample.

    Parameters
    ----------
    strata
        The group of each example, shape ``(n,)``; each is drawn within its group.
    resamples
        How many resamples in all.

    Yields
    ------
    Counts of shape ``(rows, n)``, blocks of as many resamples as the loops work on at a time. Within each stratum a
    row's counts sum to the stratum's number of examples. The draws do not depend on the size of the blocks.
    """
    n = len(strata)
    members = np.argsort(strata, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.unique(strata, return_counts=True)[1])]).astype(np.intp)
    for start in range(0, resamples, LANES):
        taken = min(LANES, resamples - start)
        counts = np.zeros((n, taken), dtype=np.uint16)
        # 64 bits at a time take half as long as two times 32.
        bits = rng.integers(2**64 - 1, endpoint=True, size=-(-taken * n // 2), dtype=np.uint64).view(np.uint32)
        count_draws(bits[: taken * n].reshape(taken, n), members, starts, counts)
        yield counts.T


def distributions(
    scored: Sequence[Scored], strata: Floats, resamples: int, rng: np.random.Generator, metrics: Sequence[str]
) -> dict[str, Floats]:
    """Compute the metrics of several models on the same resamples.

    Parameters
    ----------
    scored
        The same examples with the scores of each model.
    strata
        As of :func:`bootstrap_weights`.
    resamples
        How many resamples.
    metrics
        Names of metrics.

    Returns
    -------
    For each metric its values, shape ``(models, resamples)``; NaN where undefined.
    """
    found = {name: np.empty((len(scored), resamples)) for name in metrics}
    done = 0
    for weights in bootstrap_weights(strata, resamples, rng):
        for row, model in enumerate(scored):
            for name, values in model.compute(weights, metrics).items():
                found[name][row, done : done + len(weights)] = values
        done += len(weights)
    return found


def estimates(scored: Sequence[Scored], metrics: Sequence[str]) -> dict[str, Floats]:
    """Compute the metrics of several models on the examples as they are.

    Returns
    -------
    For each metric its values, shape ``(models,)``; NaN where undefined.
    """
    rows = [model.compute(np.ones((1, len(model))), metrics) for model in scored]
    return {name: np.array([row[name][0] for row in rows]) for name in metrics}


def corrected_interval(values: Floats, estimate: float, fewest: int, confidence: float) -> tuple[float, float]:
    """Return the bias-corrected percentile interval of a metric (Efron 1981, Can J Stat 9:139).

    The percentiles are moved by as much as the estimate is from the median of its resamples: with z0 the normal
    quantile of the share of resamples below it, equal ones counting half, to those of Φ(2 z0 ± r). Here r is not the
    normal quantile but a wider one, see :func:`reach`.

    Parameters
    ----------
    values
        On the resamples, shape ``(resamples,)``.
    estimate
        The metric.
    fewest
        As of :func:`reach`.
    confidence
        The interval's level, 0 to 1.

    Returns
    -------
    Low and high end; NaN where the estimate is, or more than :func:`defined` allows of `values`.
    """
    values = defined(values)
    if np.isnan(estimate) or not len(values):
        return float("nan"), float("nan")
    share = ((values < estimate).sum() + (values == estimate).sum() / 2) / len(values)
    shift = norm.ppf(np.clip(share, 1 / len(values), 1 - 1 / len(values)))
    level = reach(fewest, confidence)
    low, high = np.quantile(values, [norm.cdf(2 * shift - level), norm.cdf(2 * shift + level)])
    return float(low), float(high)


def reach(fewest: int, confidence: float) -> float:
    """Return how many standard deviations of the resamples an interval reaches.

    Resamples of n examples vary less than they should, and how much they do is itself uncertain. Both is corrected as
    of a mean: √(n / (n − 1)) times the quantile of the t distribution with n − 1 degrees of freedom (Hesterberg 2015,
    Am Stat 69:371).

    Parameters
    ----------
    fewest
        n, so many examples decide how much the metric moves, of two labels those of the rarer. 1 is taken as 2.
    confidence
        The interval's level, 0 to 1.
    """
    freedom = max(fewest - 1, 1)
    return math.sqrt((freedom + 1) / freedom) * float(stdtrit(freedom, (1 + confidence) / 2))


def auroc_interval(ranking: Ranking, confidence: float) -> tuple[float, float]:
    """Return the interval of an AUROC by DeLong's variance.

    What an area misses to 1 is a mean over the positives, or the negatives, of what their placements miss: its
    variance is the sum of these means' variances (DeLong et al. 1988, Biometrics 44:837). So is its third cumulant:
    :meth:`motifloom.evaluation.means.Mean.interval` takes the skewness away, which is great for a good model, where a
    few examples miss much. Where those are very few, that goes too far: the low end is never below Wilson's for a share
    of the rarer label's k examples, since no area varies more than area · (1 − area) / k (Bamber 1975, J Math Psychol
    12:387). Of a ranking without a fault see :func:`_of_no_fault`.

    Returns
    -------
    Low and high end; NaN where a label occurs fewer than two times.
    """
    placements = Placements.of(ranking)
    if ranking.fewest < 2:
        return float("nan"), float("nan")
    area = float(placements.of_positives.mean())
    if area in {0.0, 1.0}:
        low, high = _of_no_fault(ranking.fewest, confidence)
        return (low, high) if area else (1 - high, 1 - low)
    over = [Mean.of(1 - placed, np.zeros(len(placed))) for placed in placements]
    missing = Mean(1 - area, sum(each.variance for each in over), sum(each.third for each in over), ranking.fewest - 1)
    low, high = missing.interval(confidence)
    return max(share_interval(area, ranking.fewest, confidence)[0], 1 - high), 1 - low


def auprc_interval(values: Floats, estimate: float, fewest: int, confidence: float) -> tuple[float, float]:
    """Return the interval of an average precision by the bootstrap's standard error on the logit scale.

    Percentiles do not do near 1: few examples are ranked wrong, and resamples without them have no counterpart with
    more of them. The logit scale is that of Boyd et al. 2013 (ECML PKDD, Lect Notes Comput Sci 8190:451). Of a
    ranking without a fault see :func:`_of_no_fault`. Arguments and result are as of :func:`corrected_interval`.
    """
    if estimate == 1:
        return _of_no_fault(fewest, confidence)
    width = reach(fewest, confidence) * float(values.std()) / (estimate * (1 - estimate))
    return float(expit(logit(estimate) - width)), float(expit(logit(estimate) + width))


def _of_no_fault(fewest: int, confidence: float) -> tuple[float, float]:
    """Return the interval of an area that is 1, whose variance's estimate is 0.

    Its low end is (α/2)^(1/k) with k examples of the rarer label and α = 1 − confidence: the chance that each of them
    stands above (or below) all others is at most area^k.
    """
    return float(((1 - confidence) / 2) ** (1 / fewest)), 1.0


def share_interval(share: float, n: int, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval of a share of `n` examples (1927, J Am Stat Assoc 22:209); NaN of none."""
    if not n:
        return float("nan"), float("nan")
    z = float(norm.ppf((1 + confidence) / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    width = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return min(middle - width, share), max(middle + width, share)


def calibration_interval(ranking: Ranking, estimate: float, confidence: float) -> tuple[float, float]:
    """Return an interval of the expected calibration error.

    Each bin's sum of label minus score is about normal. Its absolute value has a folded normal distribution, whose
    mean is too great: by 0.8 standard deviations where the true sum is 0, and by less and less the greater it is (Leone
    et al. 1961, Technometrics 3:543). So of each bin that true sum is taken of which the observed absolute value would
    be the mean, or 0. The interval is the sum of these plus and minus its standard error's multiple. It begins with 0
    where scores that are true probabilities would have given as great an error in at least the share 1 − confidence of
    samples (Bröcker & Smith 2007, Weather Forecast 22:651; here by the normal distribution of their folded sums).

    Parameters
    ----------
    ranking
        The model's scores.
    estimate
        The error.
    confidence
        The interval's level, 0 to 1.

    Returns
    -------
    Low and high end, at least 0; NaN where the estimate is.
    """
    if np.isnan(estimate):
        return float("nan"), float("nan")
    gaps, scores = ranking.labels - ranking.scores, ranking.scores
    sizes, sums, squares, noise = (
        np.bincount(ranking.bins, values) for values in (np.ones(len(ranking)), gaps, gaps**2, scores * (1 - scores))
    )
    # Of a bin with one example the variance is not known: its whole square is taken.
    variances = np.where(sizes > 1, sizes * squares - sums**2, squares) / np.maximum(sizes - 1, 1)
    deviations = np.sqrt(np.maximum(variances, 0))
    error = float(_unfolded(np.abs(sums), deviations).sum()) / len(ranking)
    width = norm.ppf((1 + confidence) / 2) * math.sqrt(float((deviations**2).sum())) / len(ranking)
    expected = math.sqrt(2 / math.pi) * float(np.sqrt(noise).sum())
    spread = math.sqrt((1 - 2 / math.pi) * float(noise.sum()))
    calibrated = estimate * len(ranking) <= expected + norm.ppf(confidence) * spread
    return 0.0 if calibrated else max(0.0, error - width), error + width


def _unfolded(means: Floats, deviations: Floats) -> Floats:
    """Return the centre of the normal distributions whose absolute values have these means, 0 where none has.

    Parameters
    ----------
    means
        At least 0.
    deviations
        The normal distributions' standard deviations, at least 0.
    """
    centres = np.linspace(0, 6, 601)  # from 6 standard deviations on nothing is folded
    folded = 2 * norm.pdf(centres) + centres * (1 - 2 * norm.cdf(-centres))
    in_deviations = means / np.where(deviations > 0, deviations, np.inf)
    inside = np.interp(in_deviations, folded, centres, left=0.0) * deviations
    return np.where((in_deviations < centres[-1]) & (deviations > 0), inside, means)
