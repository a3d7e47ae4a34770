"""Whether scores are probabilities: reliability, temperature scaling, and a threshold that is chosen on validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from motifloom.evaluation.metrics import BINS, Floats, brier, calibration_bins, ece, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from motifloom.evaluation.panels import Panel, Run

CALIBRATION_SCHEMA = {
    "model": pl.String,
    "replicate": pl.Int64,
    "task": pl.String,
    "temperature": pl.Float64,
    "ece": pl.Float64,
    "ece_scaled": pl.Float64,
    "brier": pl.Float64,
    "brier_scaled": pl.Float64,
    "threshold": pl.Float64,
    "precision": pl.Float64,
    "recall": pl.Float64,
    "mcc": pl.Float64,
}
RELIABILITY_SCHEMA = {
    "model": pl.String,
    "replicate": pl.Int64,
    "task": pl.String,
    "scaled": pl.Boolean,
    "low": pl.Float64,
    "high": pl.Float64,
    "n": pl.Int64,
    "mean_score": pl.Float64,
    "positive_share": pl.Float64,
}
LEAST = 1e-6
"""Probabilities are taken to be at least so far from 0 and 1: of certainty no temperature makes anything else."""

COLDEST, HOTTEST = 0.01, 100.0
"""Between these a temperature is sought."""

Row = tuple[Any, ...]


def fit_temperature(labels: Floats, scores: Floats) -> float:
    """Find the temperature under which labels are most likely (Guo et al. 2017, ICML, sec. 4.2).

    Parameters
    ----------
    labels
        Numbers of classes, of a binary task 0 or 1, shape ``(n,)``.
    scores
        The classes' probabilities, shape ``(n, classes)``.

    Returns
    -------
    The temperature, between `COLDEST` and `HOTTEST`: above 1 scores are too sure, below 1 not sure enough. NaN where
    only one class occurs, so that any certainty would do.
    """
    if len(np.unique(labels)) < 2:
        return float("nan")
    logarithms, right = _logarithms(scores), labels.astype(np.intp)[:, None]

    def loss(log_temperature: float) -> float:
        likely = log_softmax(logarithms / np.exp(log_temperature), axis=1)
        return -float(np.take_along_axis(likely, right, axis=1).mean())

    found = minimize_scalar(loss, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def scale(scores: Floats, temperature: float) -> Floats:
    """Return the probabilities, shape ``(n, classes)``, with their logarithms divided by the temperature."""
    scaled: Floats = softmax(_logarithms(scores) / temperature, axis=1)
    return scaled


def choose_threshold(labels: Floats, scores: Floats) -> float:
    """Choose the score from which on the label 1 is predicted with the greatest Matthews correlation.

    Parameters
    ----------
    labels
        0 or 1, shape ``(n,)``.
    scores
        Shape ``(n,)``.

    Returns
    -------
    One of the scores, of equally good ones the greatest; NaN where a label does not occur.
    """
    positives, n = labels.sum(), len(labels)
    if positives in {0, n}:
        return float("nan")
    distinct, run = np.unique(-scores, return_inverse=True)
    true, named = (np.cumsum(np.bincount(run, weights)) for weights in (labels, np.ones(n)))
    spread = np.sqrt((named * (n - named)) * (positives * (n - positives)))
    correlation = np.nan_to_num(ratio(true * n - named * positives, spread))
    return -float(distinct[correlation.argmax()])


def decide(labels: Floats, scores: Floats, threshold: float) -> tuple[float, float, float]:
    """Return precision, recall and Matthews correlation where a score of `threshold` or more predicts the label 1.

    NaN where undefined: all without a threshold, precision without predictions of 1, recall without labels of 1.
    """
    if np.isnan(threshold):
        return (float("nan"),) * 3
    named, positives, n = float((scores >= threshold).sum()), float(labels.sum()), len(labels)
    true = float(labels[scores >= threshold].sum())
    spread = np.sqrt((named * (n - named)) * (positives * (n - positives)))
    correlation = (true * n - named * positives) / spread if spread else 0.0 if 0 < positives < n else float("nan")
    return true / named if named else float("nan"), true / positives if positives else float("nan"), correlation


def reliability(labels: Floats, scores: Floats) -> Iterator[Row]:
    """Yield the points of the reliability curve (Niculescu-Mizil & Caruana 2005, ICML), a bin that has examples each.

    Yields
    ------
    The bin's ends, its number of examples, their mean score and their share of the label 1.
    """
    bins = calibration_bins(scores)
    numbers = np.bincount(bins, minlength=BINS)
    means, shares = (np.bincount(bins, weights, BINS) / np.maximum(numbers, 1) for weights in (scores, labels))
    for place in np.flatnonzero(numbers):
        ends = (place / BINS, (place + 1) / BINS)
        yield (*ends, int(numbers[place]), float(means[place]), float(shares[place]))


def calibration_tables(panels: Sequence[Panel]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tell how well calibrated every run is on test, as it is and with a temperature fitted on validation.

    Parameters
    ----------
    panels
        The predictions of a dataset, on validation and test. Of a multiclass dataset one temperature is fitted to all
        classes, and each class is told of; of values there is nothing to tell.

    Returns
    -------
    Tables with the columns of `CALIBRATION_SCHEMA` and `RELIABILITY_SCHEMA`.
    """
    by_place = {(panel.split, panel.task): panel for panel in panels if panel.kind == "binary"}
    over_all = {panel.split: panel for panel in panels if panel.kind == "multiclass"}
    tasks = [task for split, task in by_place if split == "test" and ("validation", task) in by_place]
    rows: list[Row] = []
    points: list[Row] = []
    for place, task in enumerate(tasks):
        validation, test = (by_place[split, task] for split in ("validation", "test"))
        for run in test.scores:
            before = test.scores[run]
            if over_all:
                temperature, after = _scaled(over_all["validation"], over_all["test"], run)
                after = after[:, place]
            else:
                temperature, after = _scaled(validation, test, run)
                after = after[:, -1]
            threshold = choose_threshold(validation.labels, validation.scores[run])
            rows.append((
                *run, task, temperature, *_both(ece, test.labels, before, after),
                *_both(brier, test.labels, before, after), threshold, *decide(test.labels, before, threshold),
            ))  # fmt: skip
            for scaled, scores in ((False, before), (True, after)):
                if not np.isnan(scores).any():
                    points += ((*run, task, scaled, *point) for point in reliability(test.labels, scores))
    calibration = pl.DataFrame(rows, CALIBRATION_SCHEMA, orient="row").fill_nan(None)
    return calibration, pl.DataFrame(points, RELIABILITY_SCHEMA, orient="row")


def _logarithms(scores: Floats) -> Floats:
    return np.log(np.clip(scores, LEAST, 1 - LEAST))


def _scaled(validation: Panel, test: Panel, run: Run) -> tuple[float, Floats]:
    """Fit a run's temperature on validation, and return it with the scaled probabilities on test."""
    temperature = fit_temperature(validation.labels, _of_classes(validation.scores[run]))
    return temperature, scale(_of_classes(test.scores[run]), temperature)


def _of_classes(scores: Floats) -> Floats:
    """Return the probabilities of both classes where there is that of the label 1 alone."""
    return scores if scores.ndim == 2 else np.stack([1 - scores, scores], axis=1)


def _both(metric: Any, labels: Floats, before: Floats, after: Floats) -> list[float]:
    once = np.ones((1, len(labels)))
    return [
        float("nan") if np.isnan(scores).any() else float(metric(labels, scores, once)[0]) for scores in (before, after)
    ]
