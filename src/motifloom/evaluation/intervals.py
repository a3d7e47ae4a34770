"""The bootstrap: how far a metric would move with other examples from the same source.

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
from scipy.special import expit, logit
from scipy.stats import norm

from motifloom.evaluation.comparisons import Placements
from motifloom.evaluation.loops import LANES, count_draws
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
        count_draws(rng.integers(2**32, size=(taken, n), dtype=np.uint32), members, starts, counts)
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


def intervals(values: Floats, estimates: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return the percentile intervals of several metrics, or of several models, widened to hold the estimates.

    A metric whose resamples are biased can have all its percentiles on one side of the estimate; then the interval's
    nearer end is moved to the estimate.

    Parameters
    ----------
    values
        On the resamples, shape ``(rows, resamples)``.
    estimates
        Shape ``(rows,)``.
    confidence
        The interval's level, 0 to 1.

    Returns
    -------
    Low and high ends, shape ``(rows,)``, NaN where an estimate or one of its values is.
    """
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2], axis=1)
    return np.minimum(low, estimates), np.maximum(high, estimates)


def corrected_interval(values: Floats, estimate: float, confidence: float) -> tuple[float, float]:
    """Return the bias-corrected percentile interval of a metric (Efron 1981, Can J Stat 9:139).

    The percentiles are moved by as much as the estimate is from the median of its resamples: with z0 the normal
    quantile of the share of resamples below it, equal ones counting half, to those of Φ(2 z0 ± z). Widened to hold the
    estimate.

    Parameters
    ----------
    values
        On the resamples, shape ``(resamples,)``.
    estimate
        The metric.
    confidence
        The interval's level, 0 to 1.

    Returns
    -------
    Low and high end; NaN where the estimate or one of `values` is.
    """
    if np.isnan(estimate) or np.isnan(values).any():
        return float("nan"), float("nan")
    share = ((values < estimate).sum() + (values == estimate).sum() / 2) / len(values)
    shift = norm.ppf(np.clip(share, 1 / len(values), 1 - 1 / len(values)))
    level = norm.ppf((1 + confidence) / 2)
    low, high = np.quantile(values, [norm.cdf(2 * shift - level), norm.cdf(2 * shift + level)])
    return min(float(low), estimate), max(float(high), estimate)


def auroc_interval(ranking: Ranking, confidence: float) -> tuple[float, float]:
    """Return the interval of an AUROC by DeLong's variance on the logit scale.

    From DeLong et al. 1988 (Biometrics 44:837) and Pepe 2003 (The Statistical Evaluation of Medical Tests, sec. 5.2).
    Of a ranking without a fault the variance's estimate is 0. Then the other end is (α/2)^(1/k) with k examples of the
    rarer label and α = 1 − confidence: the chance that each of them stands above (or below) all others is at most
    AUROC^k.

    Returns
    -------
    Low and high end; NaN where a label occurs fewer than two times.
    """
    placements = Placements.of(ranking)
    rarer = min(map(len, placements))
    if rarer < 2:
        return float("nan"), float("nan")
    area = float(placements.of_positives.mean())
    unlikely = float(((1 - confidence) / 2) ** (1 / rarer))
    if area in {0.0, 1.0}:
        return (unlikely, 1.0) if area else (0.0, 1 - unlikely)
    error = math.sqrt(sum(float(placed.var(ddof=1)) / len(placed) for placed in placements))
    width = norm.ppf((1 + confidence) / 2) * error / (area * (1 - area))
    return min(area, float(expit(logit(area) - width))), max(area, float(expit(logit(area) + width)))


def calibration_interval(ranking: Ranking, values: Floats, estimate: float, confidence: float) -> tuple[float, float]:
    """Return an interval of the expected calibration error.

    The estimate is too great by the noise of each bin, whose absolute value is taken, and its resamples are once more:
    their mean tells the bias (Efron & Tibshirani 1993, ch. 10). The low end is the percentile less twice the bias, the
    high end less the bias alone. Where scores that are true probabilities would give as great an error (Bröcker & Smith
    2007, Weather Forecast 22:651; here by the normal distribution of each bin's sum), the low end is 0.

    Parameters
    ----------
    ranking
        The model's scores.
    values
        The error on the resamples, shape ``(resamples,)``.
    estimate
        The error.
    confidence
        The interval's level, 0 to 1.

    Returns
    -------
    Low and high end, at least 0, with the estimate between them; NaN where it is.
    """
    if np.isnan(estimate):
        return float("nan"), float("nan")
    bias = float(values.mean()) - estimate
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    noise = np.bincount(ranking.bins, ranking.scores * (1 - ranking.scores)) / len(ranking) ** 2
    expected = float(np.sqrt(2 / np.pi * noise).sum())
    spread = math.sqrt(float(((1 - 2 / np.pi) * noise).sum()))
    if estimate <= expected + norm.ppf((1 + confidence) / 2) * spread:
        low = 0.0
    return max(0.0, min(float(low) - 2 * bias, estimate)), max(float(high) - bias, estimate)
