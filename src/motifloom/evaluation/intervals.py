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

from typing import TYPE_CHECKING

import numpy as np

from motifloom.evaluation.metrics import Floats, Scored, block_rows
from motifloom.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def bootstrap_generator(seed: int, dataset: str, split: str, task: str) -> np.random.Generator:
    """Return the generator of the resamples that all models of a dataset, split and task share."""
    return generator(seed, dataset, "bootstrap", split, task)


def bootstrap_weights(strata: Floats, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Draw how often each example is in each resample.

    Parameters
    ----------
    strata
        The group of each example, shape ``(n,)``; each is drawn within its group.
    resamples
        How many resamples in all.

    Yields
    ------
    Counts of shape ``(rows, n)``, blocks of resamples that are small enough to hold in memory. Within each
    stratum a row's counts sum to the stratum's number of examples. The draws do not depend on the size of the
    blocks.
    """
    n = len(strata)
    members = np.argsort(strata, kind="stable")
    counts = np.unique(strata, return_counts=True)[1]
    size = np.repeat(counts, counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    rows = block_rows(n)
    for start in range(0, resamples, rows):
        taken = min(rows, resamples - start)
        drawn = members[first + np.minimum((rng.random((taken, n)) * size).astype(np.int64), size - 1)]
        cell = drawn + n * np.arange(taken)[:, None]
        yield np.bincount(cell.ravel(), minlength=taken * n).reshape(taken, n).astype(np.float64)


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
    rows = [model.compute(np.ones((1, len(model.order))), metrics) for model in scored]
    return {name: np.array([row[name][0] for row in rows]) for name in metrics}


def interval(values: Floats, estimate: float, confidence: float) -> tuple[float, float]:
    """Return the percentile interval of `values`, widened to hold `estimate`.

    A metric whose resamples are biased (the calibration error grows on them, since examples repeat) can have
    all its percentiles on one side of the estimate; then the interval's nearer end is moved to the estimate.

    Parameters
    ----------
    values
        The metric on the resamples, shape ``(resamples,)``.
    confidence
        The interval's level, 0 to 1.

    Returns
    -------
    Low and high end, both NaN where `estimate` or one of `values` is.
    """
    if np.isnan(estimate) or np.isnan(values).any():
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return min(float(low), estimate), max(float(high), estimate)
