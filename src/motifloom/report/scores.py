"""The table of metrics and its forest: values with their interval, or their range over replicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.evaluation.metrics import MAIN_METRIC
from motifloom.report.charts import Estimate, forest
from motifloom.report.results import ORACLE
from motifloom.report.verdict import verdict
from motifloom.report.wording import fixed, interval, signed, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markupsafe import Markup

    from motifloom.report.results import Results

LABELS = {
    "auroc": "AUROC", "auprc": "AUPRC", "accuracy": "Accuracy", "mcc": "MCC", "brier": "Brier", "ece": "ECE",
    "pearson": "Pearson", "spearman": "Spearman", "r2": "R²", "mse": "MSE",
}  # fmt: skip
LOWER_IS_BETTER = frozenset({"brier", "ece", "mse"})
COLOURS = 8
"""So many colours the style sheet has for models."""


def colour(results: Results, model: str) -> str:
    """Return the class of a model's colour, the same on the whole page; a ninth model's line is dashed."""
    if model == ORACLE:
        return "ceiling"
    index = list(results.config.models).index(model)
    return f"model-{index % COLOURS}{' dashed' if index >= COLOURS else ''}"


@dataclass(frozen=True)
class Cell:
    """A number of a table: as text, with its interval, to sort by, and whether it is its column's best."""

    text: str
    interval: str = ""
    sort: float | None = None
    best: bool = False


@dataclass(frozen=True)
class MetricRow:
    """A model of the overview."""

    model: str
    css: str
    ceiling: bool
    cells: Sequence[Cell]
    train: Cell
    gap: Cell


@dataclass(frozen=True)
class Overview:
    """What a dataset's task comes down to."""

    task: str
    verdict: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[MetricRow]
    forest: Markup | None
    ceiling: str
    examples: int
    positives: int | None


def overview(results: Results, dataset: str, task: str) -> Overview:
    """Rank the models of one task on the test split and say what the comparisons find.

    Models come best first by the main metric, the ceiling at the end.
    """
    rows = results.metrics.filter(pl.col("dataset") == dataset, pl.col("task") == task)
    summary = _summarise(rows)
    models = sorted(
        (model for model in results.models(dataset) if model != ORACLE),
        key=lambda model: summary[key].mean if (key := (model, "test", MAIN_METRIC)) in summary else -np.inf,
        reverse=True,
    )
    ceiling = [ORACLE] if ORACLE in results.models(dataset) else []
    metrics = ordered(rows.filter(pl.col("split") == "test")["metric"].unique())
    best = {metric: _best(summary, models, metric) for metric in metrics}
    compared = results.comparisons.filter(
        pl.col("dataset") == dataset, pl.col("task") == task, pl.col("metric") == MAIN_METRIC
    ).filter(pl.col("model_a").is_in(models) & pl.col("model_b").is_in(models))
    test = rows.filter(pl.col("split") == "test", pl.col("metric") == MAIN_METRIC)
    return Overview(
        task,
        verdict(models, compared),
        [(LABELS.get(metric, metric), "lower" if metric in LOWER_IS_BETTER else "higher") for metric in metrics],
        [_metric_row(results, summary, model, metrics, best) for model in [*models, *ceiling]],
        _forest(results, test, models, ceiling),
        _ceiling(summary, models) if ceiling and models else "",
        max(test["n"].to_list(), default=0),
        max(test["n_positive"].drop_nulls().to_list(), default=None),
    )


@dataclass(frozen=True)
class Value:
    """A metric's mean over replicates, with its range as text; of one replicate with its interval."""

    mean: float
    ends: str


Summary = dict[tuple[str, str, str], Value]
"""By model, split and metric."""


def _summarise(rows: pl.DataFrame) -> Summary:
    table = rows.filter(pl.col("value").is_finite()).group_by("model", "split", "metric", maintain_order=True)
    many = pl.len() > 1
    columns = table.agg(
        pl.mean("value"),
        many.alias("many"),
        low=pl.when(many).then(pl.min("value")).otherwise(pl.first("ci_low")),
        high=pl.when(many).then(pl.max("value")).otherwise(pl.first("ci_high")),
    )
    return {
        (model, split, metric): Value(mean, (span if several else interval)(low, high))
        for model, split, metric, mean, several, low, high in columns.iter_rows()
    }


def _mean(found: Value | None) -> float | None:
    return None if found is None else found.mean


def ordered(found: Iterable[str]) -> list[str]:
    """Order metrics as readers expect them, unknown ones last."""
    order = list(LABELS)
    return sorted(found, key=lambda metric: (order.index(metric) if metric in order else len(order), metric))


def _best(summary: Summary, models: Sequence[str], metric: str) -> str:
    """Return the best value of a column, as it is shown."""
    values = [summary[model, "test", metric].mean for model in models if (model, "test", metric) in summary]
    choose = min if metric in LOWER_IS_BETTER else max
    return fixed(choose(values)) if values else ""


def _metric_row(
    results: Results, summary: Summary, model: str, metrics: Sequence[str], best: dict[str, str]
) -> MetricRow:
    cells = []
    for metric in metrics:
        found = summary.get((model, "test", metric))
        text = fixed(_mean(found))
        is_best = found is not None and model != ORACLE and text == best[metric]
        cells.append(Cell(text, found.ends if found else "", _mean(found), is_best))
    train, test = (_mean(summary.get((model, split, MAIN_METRIC))) for split in ("train", "test"))
    gap = None if train is None or test is None else train - test
    return MetricRow(
        model,
        colour(results, model),
        model == ORACLE,
        cells,
        Cell(fixed(train), sort=train),
        Cell(signed(gap), sort=gap),
    )


def _forest(results: Results, test: pl.DataFrame, models: Sequence[str], ceiling: Sequence[str]) -> Markup | None:
    """Draw every model's main metric on the test split."""
    estimates = {}
    for model in [*models, *ceiling]:
        mine = test.filter(pl.col("model") == model, pl.col("value").is_finite())
        if len(mine):
            triples = mine.select("value", "ci_low", "ci_high").cast(pl.Float64).fill_null(np.nan).rows()
            value = float(np.mean([triple[0] for triple in triples]))
            estimates[model] = Estimate(model, colour(results, model), value, fixed(value), triples)
    shown = [estimates[model] for model in models if model in estimates]
    if not shown:
        return None
    label = f"{LABELS[MAIN_METRIC]} on test"
    return forest(f"{label} by model, with intervals", label, shown, estimates.get(ORACLE))


def _ceiling(summary: Summary, models: Sequence[str]) -> str:
    """Say how far the best model is from the ceiling."""
    top, best = (_mean(summary.get((model, "test", MAIN_METRIC))) for model in (ORACLE, models[0]))
    if top is None or best is None:
        return ""
    return (
        "The data are simulated, so the best possible score is known: "
        f"{LABELS[MAIN_METRIC]} {fixed(top)} on test. "
        f"{models[0]} is {fixed(abs(top - best))} {'below' if top >= best else 'above'} it."
    )
