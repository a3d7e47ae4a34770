"""The table of metrics and its forest: values with their interval, or their range over replicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.config import ORACLE
from motifloom.report.charts import Estimate, forest
from motifloom.report.verdict import verdict
from motifloom.report.wording import fixed, interval, listed, measured, signed, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from markupsafe import Markup

    from motifloom.report.results import Results

LABELS = {
    "auroc": "AUROC", "auprc": "AUPRC", "accuracy": "Accuracy", "mcc": "MCC", "brier": "Brier", "ece": "ECE",
    "pearson": "Pearson", "spearman": "Spearman", "r2": "R²", "mse": "MSE",
}  # fmt: skip
LOWER_IS_BETTER = frozenset({"brier", "ece", "mse"})
IN_UNITS = frozenset({"mse"})
"""Metrics of any size, since they have the labels' unit."""

COLOURS = 8
"""So many colours the style sheet has for models."""


def colour(results: Results, model: str) -> str:
    """Return the class of a model's colour, the same on the whole page; a ninth model's line is dashed.

    An ensemble has the colour of its network, and a dotted line.
    """
    if model == ORACLE:
        return "ceiling"
    network = results.config.ensembles().get(model)
    index = list(results.config.models).index(network or model)
    dashes = " dotted" if network else " dashed" if index >= COLOURS else ""
    return f"model-{index % COLOURS}{dashes}"


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
class Value:
    """A metric's mean over replicates, with its range as text; of one replicate with its interval."""

    mean: float
    ends: str


Summary = dict[tuple[str, str, str], Value]
"""By model, split and metric."""


@dataclass(frozen=True)
class Standing:
    """How the models of one task stand on the test split.

    Attributes
    ----------
    metric
        The main metric, which ranks them.
    models
        The best first.
    ceiling
        The oracle, where there is one.
    rows
        The task's rows of the metrics.
    compared
        The comparisons of two models by the main metric.
    """

    task: str
    metric: str
    models: Sequence[str]
    ceiling: Sequence[str]
    rows: pl.DataFrame
    compared: pl.DataFrame
    summary: Summary

    @classmethod
    def of(cls, results: Results, dataset: str, task: str) -> Standing:
        """Rank the models of one task by their mean over the replicates."""
        metric, rows = results.main_metric(dataset, task), results.scored(dataset, task)
        summary = _summarise(rows)
        models = sorted(
            (model for model in results.models(dataset) if model != ORACLE),
            key=lambda model: summary[key].mean if (key := (model, "test", metric)) in summary else -np.inf,
            reverse=True,
        )
        compared = results.compared(dataset, task).filter(
            pl.col("metric") == metric, pl.col("model_a").is_in(models), pl.col("model_b").is_in(models)
        )
        ceiling = [ORACLE] if ORACLE in results.models(dataset) else []
        return cls(task, metric, models, ceiling, rows, compared, summary)

    @property
    def label(self) -> str:
        """The main metric as it is shown."""
        return LABELS.get(self.metric, self.metric)

    @property
    def verdict(self) -> str:
        """What the comparisons say."""
        undefined = [model for model in self.models if model not in self.defined]
        if not self.defined:
            return f"{self.label} is not defined for any model."
        told = verdict(self.defined, self.compared)
        return f"{told} {self.label} is not defined for {listed(undefined)}." if undefined else told

    @property
    def chosen(self) -> str:
        """Say which model one would take, knowing validation alone."""
        known = {model: value for model in self.models if (value := self.mean(model, "validation")) is not None}
        if len(known) < 2:
            return ""
        best = max(known, key=lambda model: known[model])
        return f"Validation chooses {best}: {self.label} {fixed(known[best])} there, {fixed(self.mean(best))} on test."

    @property
    def defined(self) -> list[str]:
        """The models that have a value on test, the best first."""
        return [model for model in self.models if self.mean(model) is not None]

    @property
    def examples(self) -> int:
        """The number of test examples with a label."""
        return max(self._of_test["n"].to_list(), default=0)

    @property
    def positives(self) -> int | None:
        """How many of them are positive; None where that is no question."""
        return max(self._of_test["n_positive"].drop_nulls().to_list(), default=None)

    @property
    def _of_test(self) -> pl.DataFrame:
        return self.rows.filter(pl.col("split") == "test")

    def mean(self, model: str, split: str = "test") -> float | None:
        """Return a model's main metric, its mean over replicates."""
        found = self.summary.get((model, split, self.metric))
        return None if found is None else found.mean


@dataclass(frozen=True)
class Overview:
    """What a dataset's task comes down to."""

    task: str
    metric: str
    verdict: str
    chosen: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[MetricRow]
    forest: Markup | None
    ceiling: str
    examples: int
    positives: int | None


def overview(results: Results, standing: Standing) -> Overview:
    """Lay out the models of one task: best first by the main metric, the ceiling at the end."""
    models, ceiling, summary = standing.models, standing.ceiling, standing.summary
    metrics = ordered({metric for _, split, metric in summary if split == "test"})
    best = {metric: _best(summary, models, metric) for metric in metrics}
    return Overview(
        standing.task,
        standing.label,
        standing.verdict,
        standing.chosen,
        [(LABELS.get(metric, metric), "lower" if metric in LOWER_IS_BETTER else "higher") for metric in metrics],
        [_metric_row(results, standing, model, metrics, best) for model in [*models, *ceiling]],
        _forest(results, standing),
        _ceiling(standing) if ceiling and models else "",
        standing.examples,
        standing.positives,
    )


def show(metric: str) -> Callable[[float | None], str]:
    """Return how values of a metric are written."""
    return measured if metric in IN_UNITS else fixed


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
        (model, split, metric): Value(mean, (span if several else interval)(low, high, show(metric)))
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
    return show(metric)(choose(values)) if values else ""


def _metric_row(
    results: Results, standing: Standing, model: str, metrics: Sequence[str], best: dict[str, str]
) -> MetricRow:
    cells = []
    for metric in metrics:
        found = standing.summary.get((model, "test", metric))
        text = show(metric)(_mean(found))
        is_best = found is not None and model != ORACLE and text == best[metric]
        cells.append(Cell(text, found.ends if found else "", _mean(found), is_best))
    train, test = standing.mean(model, "train"), standing.mean(model)
    gap = None if train is None or test is None else train - test
    return MetricRow(
        model,
        colour(results, model),
        model == ORACLE,
        cells,
        Cell(fixed(train), sort=train),
        Cell(signed(gap), sort=gap),
    )


def _forest(results: Results, standing: Standing) -> Markup | None:
    """Draw every model's main metric on the test split."""
    test = standing.rows.filter(pl.col("split") == "test", pl.col("metric") == standing.metric)
    estimates = {}
    for model in [*standing.models, *standing.ceiling]:
        mine = test.filter(pl.col("model") == model, pl.col("value").is_finite())
        if len(mine):
            triples = mine.select("value", "ci_low", "ci_high").cast(pl.Float64).fill_null(np.nan).rows()
            value = float(np.mean([triple[0] for triple in triples]))
            estimates[model] = Estimate(model, colour(results, model), value, fixed(value), triples)
    shown = [estimates[model] for model in standing.models if model in estimates]
    if not shown:
        return None
    label = f"{standing.label} on test"
    return forest(f"{label} by model, with intervals", label, shown, estimates.get(ORACLE))


def _ceiling(standing: Standing) -> str:
    """Say how far the best model is from the ceiling."""
    top, best = standing.mean(ORACLE), standing.mean(standing.models[0])
    if top is None or best is None:
        return ""
    return (
        f"The data are simulated, so the best possible score is known: {standing.label} {fixed(top)} on test. "
        f"{standing.models[0]} is {fixed(abs(top - best))} {'below' if top >= best else 'above'} it."
    )
