"""The stratified bootstrap: how far a metric would move with other examples from the same source.

Examples are drawn with replacement within each label (Efron & Tibshirani 1993, An Introduction to the
Bootstrap, ch. 8), so every resample has the labels' numbers of the original and no metric becomes undefined.
All models of a dataset, split and task are weighed with the same resamples: their difference is compared on
like examples.

What an interval covers is the choice of the evaluated examples, with the trained model as it is; how far
another training would move is told by the replicates. Windows are taken as independent, which neighbours on a
chromosome may not be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from motifloom.evaluation.metrics import Floats, Ranking, block_rows, compute
from motifloom.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def bootstrap_generator(seed: int, dataset: str, split: str, task: str) -> np.random.Generator:
    """Return the generator of the resamples that all models of a dataset, split and task share."""
    return generator(seed, dataset, "bootstrap", split, task)


def bootstrap_weights(labels: Floats, resamples: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Draw how often each example is in each resample.

    Parameters
    ----------
    labels
        0 or 1, shape ``(n,)``.
    resamples
        How many resamples in all.

    Yields
    ------
    Counts of shape ``(rows, n)``, blocks of resamples that are small enough to hold in memory. Within each
    label a row's counts sum to the label's number of examples. The draws do not depend on the size of the
    blocks.
    """
    n = len(labels)
    by_label = [np.flatnonzero(labels == value) for value in (0, 1)]
    counts = [len(members) for members in by_label]
    members = np.concatenate(by_label)
    size = np.repeat(counts, counts)
    first = np.repeat([0, counts[0]], counts)
    rows = block_rows(n)
    for start in range(0, resamples, rows):
        taken = min(rows, resamples - start)
        drawn = members[first + np.minimum((rng.random((taken, n)) * size).astype(np.int64), size - 1)]
        cell = drawn + n * np.arange(taken)[:, None]
        yield np.bincount(cell.ravel(), minlength=taken * n).reshape(taken, n).astype(np.float64)


def distributions(
    labels: Floats, scores: Floats, resamples: int, rng: np.random.Generator, metrics: Sequence[str]
) -> dict[str, Floats]:
    """Compute the metrics of several models on the same resamples.

    Parameters
    ----------
    labels
        0 or 1, shape ``(n,)``.
    scores
        0 to 1, shape ``(models, n)``.
    resamples
        How many resamples.
    metrics
        Names of metrics.

    Returns
    -------
    For each metric its values, shape ``(models, resamples)``; NaN where undefined.
    """
    found = {name: np.empty((len(scores), resamples)) for name in metrics}
    rankings = [Ranking.of(labels, model) for model in scores]
    done = 0
    for weights in bootstrap_weights(labels, resamples, rng):
        for row, ranking in enumerate(rankings):
            for name, values in compute(ranking, weights, metrics).items():
                found[name][row, done : done + len(weights)] = values
        done += len(weights)
    return found


def estimates(labels: Floats, scores: Floats, metrics: Sequence[str]) -> dict[str, Floats]:
    """Compute the metrics of several models, `scores` of shape ``(models, n)``, on the examples as they are.

    Returns
    -------
    For each metric its values, shape ``(models,)``; NaN where undefined.
    """
    ones = np.ones((1, len(labels)))
    rows = [compute(Ranking.of(labels, model), ones, metrics) for model in scores]
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
    Low and high end, both NaN where `estimate` is NaN.
    """
    if np.isnan(estimate):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return min(float(low), estimate), max(float(high), estimate)
