"""The two tables of a dataset's predictions: what models reach, and where two of them differ."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from motifloom.evaluation.comparisons import (
    Placements,
    bootstrap_p_value,
    calibration_p_value,
    delong,
    draw_swaps,
    q_values,
)
from motifloom.evaluation.intervals import (
    auroc_interval,
    bootstrap_generator,
    calibration_interval,
    corrected_interval,
    distributions,
    estimates,
    intervals,
)
from motifloom.evaluation.metrics import Ranking
from motifloom.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from motifloom.evaluation.metrics import Floats, Scored
    from motifloom.evaluation.panels import Panel, Run

    Row = tuple[Any, ...]

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


def evaluate(
    panels: Sequence[Panel], dataset: str, *, seed: int, resamples: int, confidence: float, threads: int = 1
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tell what every model and replicate reaches on every split, and compare every two models on test.

    A model with several replicates is compared by the mean of their metric: how good a training of it is, on average.
    (Its ensemble is a model of its own.) The intervals are DeLong's for `auroc`, bias-corrected bootstrap percentiles
    for the others, and of a difference percentiles on the same resamples; the p-value is DeLong's for `auroc`, a
    permutation test's for `ece` and the paired bootstrap's for the others; q is Benjamini and Hochberg's within the
    dataset, task and metric.

    Parameters
    ----------
    panels
        The predictions of one dataset.
    dataset
        Its name.
    seed
        The run's seed; the resamples are the same for all models.
    resamples, confidence
        Of the bootstrap intervals; there are as many permutations.
    threads
        So many panels are worked on at a time. No value depends on it.

    Returns
    -------
    A table with the columns of `METRICS_SCHEMA`: on validation and test every metric of the panel's kind, on train the
    main one. And one with those of `COMPARISONS_SCHEMA`: a row per task, metric and pair, the earlier model being
    `model_a`. Undefined values are null, and so is ``n_positive`` where labels are not 0 and 1.
    """

    def work(panel: Panel) -> tuple[dict[Run, list[Row]], list[Row]]:
        reached = Reached.of(panel, bootstrap_generator(seed, dataset, panel.split, panel.task), resamples)
        compared: Iterable[Row] = ()
        if panel.split == "test":
            compared = _compare(reached, generator(seed, dataset, "permutation", panel.task), confidence)
        return _tell(reached, confidence), [(dataset, panel.task, *row) for row in compared]

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(work, panels))
    runs = list(panels[0].scores) if panels else []
    metrics = [(dataset, *run, *row) for run in runs for told, _ in found for row in told[run]]
    return _table(metrics, METRICS_SCHEMA), _table([row for _, rows in found for row in rows], COMPARISONS_SCHEMA)


@dataclass(frozen=True)
class Reached:
    """What every run reaches on one split and task.

    Attributes
    ----------
    scored
        The runs' scores, arranged.
    values
        By metric, shape ``(runs,)``.
    spread
        The same on resamples of the examples, shape ``(runs, resamples)``.
    """

    panel: Panel
    scored: Sequence[Scored]
    values: dict[str, Floats]
    spread: dict[str, Floats]

    @classmethod
    def of(cls, panel: Panel, rng: np.random.Generator, resamples: int) -> Reached:
        """Compute the metrics of all runs: on train the main one alone."""
        metrics = (panel.judged.main,) if panel.split == "train" else panel.judged.metrics
        scored = panel.arrange(list(panel.scores.values()))
        spread = distributions(scored, panel.strata, resamples, rng, metrics)
        return cls(panel, scored, estimates(scored, metrics), spread)


def _tell(reached: Reached, confidence: float) -> dict[Run, list[Row]]:
    """Return each run's rows: `METRICS_SCHEMA`'s columns from ``task`` on."""
    panel = reached.panel
    counts = (len(panel.labels), panel.positives)
    rows: dict[Run, list[Row]] = {run: [] for run in panel.scores}
    for metric, values in reached.values.items():
        for place, run in enumerate(panel.scores):
            value = float(values[place])
            ends = interval_of(reached.scored[place], metric, reached.spread[metric][place], value, confidence)
            row = (panel.task, panel.split, metric, value, *ends)
            rows[run].append((*row, *counts))
    return rows


def interval_of(scored: Scored, metric: str, spread: Floats, value: float, confidence: float) -> tuple[float, float]:
    """Return a metric's interval by the method that suits it."""
    if isinstance(scored, Ranking) and metric == "ece":
        return calibration_interval(scored, spread, value, confidence)
    if isinstance(scored, Ranking) and metric == "auroc" and min(scored.labels.sum(), (1 - scored.labels).sum()) > 1:
        return auroc_interval(scored, confidence)
    return corrected_interval(spread, value, confidence)


def _compare(reached: Reached, rng: np.random.Generator, confidence: float) -> Iterator[Row]:
    """Yield `COMPARISONS_SCHEMA`'s columns from ``metric`` on."""
    replicates = reached.panel.replicates
    pairs = list(combinations(replicates, 2))
    if not pairs:
        return
    for metric, values in reached.values.items():
        spread = {model: reached.spread[metric][places].mean(axis=0) for model, places in replicates.items()}
        means = {model: values[places].mean() for model, places in replicates.items()}
        spreads = np.array([spread[a] - spread[b] for a, b in pairs])
        differences = np.array([means[a] - means[b] for a, b in pairs])
        p_values = np.array(_p_values(reached, metric, pairs, spreads, rng))
        columns = (differences, *intervals(spreads, differences, confidence), p_values, q_values(p_values))
        for pair, row in zip(pairs, np.stack(columns, axis=1).tolist(), strict=True):
            yield (metric, *pair, *row)


def _p_values(
    reached: Reached, metric: str, pairs: Sequence[tuple[str, str]], spreads: Floats, rng: np.random.Generator
) -> list[float]:
    """Test each pair of models by the test that suits the metric."""
    replicates = reached.panel.replicates
    match metric:
        case "auroc":
            each = [Placements.of(ranking) for ranking in reached.scored if isinstance(ranking, Ranking)]
            of_model = {model: Placements.mean([each[place] for place in replicates[model]]) for model in replicates}
            return [delong(of_model[a], of_model[b]) for a, b in pairs]
        case "ece":
            swaps = draw_swaps(len(reached.panel.labels), spreads.shape[1], rng)
            return [calibration_p_value(reached.panel.labels, _scores(reached.panel, pair), swaps) for pair in pairs]
        case _:
            return [bootstrap_p_value(spread) for spread in spreads]


def _scores(panel: Panel, pair: tuple[str, str]) -> list[tuple[Floats, Floats]]:
    """Return the two models' scores, replicate by replicate; one that has fewer begins again with its first."""
    scores = list(panel.scores.values())
    one, other = (panel.replicates[model] for model in pair)
    return [
        (scores[one[number % len(one)]], scores[other[number % len(other)]])
        for number in range(max(len(one), len(other)))
    ]


def _table(rows: Sequence[tuple[Any, ...]], schema: dict[str, Any]) -> pl.DataFrame:
    """Lay out rows; a NaN becomes null, an empty field in a file."""
    return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)
