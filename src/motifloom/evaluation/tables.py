"""The two tables of a dataset's predictions: what models reach, and where two of them differ."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from motifloom.evaluation.comparisons import bootstrap_p_value, delong, q_values
from motifloom.evaluation.intervals import bootstrap_generator, distributions, estimates, interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from motifloom.evaluation.metrics import Floats
    from motifloom.evaluation.panels import Panel, Run

METRICS_SCHEMA = {
    "dataset": pl.String,
    "model": pl.String,
    "replicate": pl.Int64,
    "task": pl.String,
    "split": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n": pl.Int64,
    "n_positive": pl.Int64,
}
COMPARISONS_SCHEMA = {
    "dataset": pl.String,
    "task": pl.String,
    "metric": pl.String,
    "model_a": pl.String,
    "model_b": pl.String,
    "difference": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
}


def metrics_table(
    panels: Sequence[Panel], dataset: str, *, seed: int, resamples: int, confidence: float
) -> pl.DataFrame:
    """Tell what every model and replicate reaches on every split.

    Parameters
    ----------
    panels
        The predictions of one dataset.
    dataset
        Its name.
    seed
        The run's seed; the resamples are the same for all models.
    resamples, confidence
        Of the bootstrap intervals.

    Returns
    -------
    Table with the columns of `METRICS_SCHEMA`: on validation and test every metric of the panel's kind, on train the
    main one. Undefined values and their intervals are null, and so is ``n_positive`` where labels are not 0 and 1.
    """
    found = [_reached(panel, dataset, seed, resamples, confidence) for panel in panels]
    runs = list(panels[0].scores) if panels else []
    rows = [(dataset, *run, *row) for run in runs for of_panel in found for row in of_panel[run]]
    return _table(rows, METRICS_SCHEMA)


def comparisons_table(
    panels: Sequence[Panel], dataset: str, *, seed: int, resamples: int, confidence: float
) -> pl.DataFrame:
    """Compare every two models on the test split.

    A model with several replicates is compared by the mean of their scores, which is what one would use it
    by. The intervals are paired bootstrap percentiles; the p-value is DeLong's for `auroc` and the paired
    bootstrap's for the others; q is Benjamini and Hochberg's within the dataset, task and metric. For `ece`
    the test is cautious: the resamples of a calibration error spread wider than the error itself.

    Parameters
    ----------
    panels
        The predictions of one dataset; panels of other splits are passed over.
    dataset, seed, resamples, confidence
        As of :func:`metrics_table`; the resamples are the same.

    Returns
    -------
    Table with the columns of `COMPARISONS_SCHEMA`, a row per task, metric and pair, the earlier model being
    `model_a`. Undefined values are null.
    """
    rows: list[tuple[Any, ...]] = []
    for panel in panels:
        if panel.split == "test":
            rng = bootstrap_generator(seed, dataset, panel.split, panel.task)
            rows += ((dataset, panel.task, *row) for row in _compare(panel, rng, resamples, confidence))
    return _table(rows, COMPARISONS_SCHEMA)


def _reached(
    panel: Panel, dataset: str, seed: int, resamples: int, confidence: float
) -> dict[Run, list[tuple[Any, ...]]]:
    """Return each run's rows on one split and task: `METRICS_SCHEMA`'s columns from ``task`` on."""
    metrics = (panel.judged.main,) if panel.split == "train" else panel.judged.metrics
    scored = panel.arrange(list(panel.scores.values()))
    rng = bootstrap_generator(seed, dataset, panel.split, panel.task)
    spread = distributions(scored, panel.strata, resamples, rng, metrics)
    values = estimates(scored, metrics)
    counts = (len(panel.labels), panel.positives)
    rows: dict[Run, list[tuple[Any, ...]]] = {}
    for index, run in enumerate(panel.scores):
        rows[run] = []
        for metric in metrics:
            value = float(values[metric][index])
            ends = interval(spread[metric][index], value, confidence)
            rows[run].append((panel.task, panel.split, metric, value, *ends, *counts))
    return rows


def _compare(
    panel: Panel, rng: np.random.Generator, resamples: int, confidence: float
) -> Iterator[tuple[str | float, ...]]:
    """Yield `COMPARISONS_SCHEMA`'s columns from ``metric`` on."""
    by_model = _mean_scores(panel)
    models, scores = list(by_model), list(by_model.values())
    scored = panel.arrange(scores)
    metrics = panel.judged.metrics
    spread = distributions(scored, panel.strata, resamples, rng, metrics)
    reached = estimates(scored, metrics)
    pairs = list(combinations(range(len(models)), 2))
    for metric in metrics:
        differences = [spread[metric][a] - spread[metric][b] for a, b in pairs]
        if metric == "auroc":
            p_values = [delong(panel.labels, scores[a], scores[b]) for a, b in pairs]
        else:
            p_values = [bootstrap_p_value(difference) for difference in differences]
        adjusted = q_values(np.array(p_values))
        for (a, b), difference, p_value, q_value in zip(pairs, differences, p_values, adjusted, strict=True):
            value = float(reached[metric][a] - reached[metric][b])
            ends = interval(difference, value, confidence)
            yield metric, models[a], models[b], value, *ends, p_value, float(q_value)


def _mean_scores(panel: Panel) -> dict[str, Floats]:
    """Return each model's scores averaged over its replicates, in the order of the models."""
    return {
        model: np.mean([panel.scores[run] for run in sorted(panel.scores) if run.model == model], axis=0)
        for model in dict.fromkeys(run.model for run in panel.scores)
    }


def _table(rows: Sequence[tuple[Any, ...]], schema: dict[str, Any]) -> pl.DataFrame:
    """Lay out rows; a NaN becomes null, an empty field in a file."""
    return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)
