"""The pictures of a dataset: curves on test, losses by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.config import ORACLE
from motifloom.report.charts import Axis, Frame, Line, line_chart
from motifloom.report.curves import area, precision_recall, roc, thin
from motifloom.report.scores import LABELS, colour
from motifloom.report.wording import fixed, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from motifloom.report.results import Results, Scores

UNIT_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
UNIT_TEXTS = ("0", "0.2", "0.4", "0.6", "0.8", "1")


@dataclass(frozen=True)
class LegendRow:
    """A line of the curves: the model, its class and the areas below its two curves."""

    model: str
    css: str
    roc_area: str
    pr_area: str


@dataclass(frozen=True)
class CurvePair:
    """The ROC and precision-recall curves of one task, one line a model."""

    roc: Markup
    precision_recall: Markup
    legend: Sequence[LegendRow]


@dataclass(frozen=True)
class TrainingFigure:
    """A network's losses by epoch, and which epoch was kept."""

    model: str
    picture: Markup
    note: str


def curves(results: Results, task: str, scores: Mapping[str, Scores]) -> CurvePair | None:
    """Draw both curves on the test split; None where the labels are not 0 and 1, both present.

    Parameters
    ----------
    scores
        What each model says of test, by its name.
    """
    roc_lines, pr_lines, legend = [], [], []
    prevalence = 0.0
    # The ceiling first, so that it lies below the models.
    for model in sorted(scores, key=lambda name: name != ORACLE):
        table = scores[model].get(task)
        if table is None or set(table["label"].unique()) != {0.0, 1.0}:
            return None
        labels, predicted = table["label"].to_numpy(), table["score"].to_numpy()
        prevalence = float(labels.mean())
        css = colour(results, model)
        first, second = roc(labels, predicted), precision_recall(labels, predicted)
        row = LegendRow(model, css, fixed(area(first)), fixed(area(second)))
        roc_lines.append(Line(f"{model}: AUROC {row.roc_area}", css, thin(first)))
        pr_lines.append(Line(f"{model}: AUPRC {row.pr_area}", css, thin(second)))
        legend.append(row)
    legend.sort(key=lambda row: (row.model == ORACLE, -float(row.roc_area)))
    chance = Line("chance", "chance", np.array([[0.0, 0.0], [1.0, 1.0]]))
    share = Line(f"chance: {fixed(prevalence)}", "chance", np.array([[0.0, prevalence], [1.0, prevalence]]))
    return CurvePair(
        line_chart(
            f"ROC curves of {task} on test",
            _unit("False positive rate", "True positive rate"),
            [chance, *roc_lines],
        ),
        line_chart(f"Precision-recall curves of {task} on test", _unit("Recall", "Precision"), [share, *pr_lines]),
        legend,
    )


def training_figures(results: Results, dataset: str) -> list[TrainingFigure]:
    """Draw the losses of every network, all of them on the same axis of losses."""
    histories = {model: results.histories(dataset, model) for model in results.config.networks()}
    losses = [
        loss
        for tables in histories.values()
        for table in tables
        for loss in (*table["train_loss"], *table["validation_loss"])
        if loss is not None and np.isfinite(loss)
    ]
    if not losses:
        return []
    y = Axis.over("Loss", 0.95 * min(losses), 1.02 * max(losses), most=5)
    label = LABELS[results.main_metric(dataset, "")]
    return [
        _training(model, tables, y, label, results.config.training.max_epochs)
        for model, tables in histories.items()
        if any(len(table) for table in tables)
    ]


def _unit(x_label: str, y_label: str) -> Frame:
    """Return a frame for two shares."""
    axes = [Axis(label, 0.0, 1.0, UNIT_TICKS, UNIT_TEXTS) for label in (x_label, y_label)]
    return Frame(axes[0], axes[1], width=380, height=350)


def _training(model: str, tables: Sequence[pl.DataFrame], y: Axis, metric: str, longest: int) -> TrainingFigure:
    epochs = [epoch for table in tables for epoch in table["epoch"].to_list()]
    first, last = min(epochs), max(epochs)
    places = sorted({first, *range(-(-first // (step := _step(last - first))) * step, last + 1, step)})
    x = Axis("Epoch", first, max(last, first + 1), places, [str(place) for place in places])
    lines, dots, kept, reached = [], [], [], []
    for number, table in enumerate(tables):
        for column, css in (("train_loss", "on-train"), ("validation_loss", "on-validation")):
            points = table.select("epoch", column).drop_nulls().cast(pl.Float64).to_numpy()
            points = points[np.isfinite(points).all(axis=1)]
            if len(points):
                lines.append(Line(f"{column.replace('_', ' ')}, replicate {number}", css, points))
        best = table.filter(pl.col("validation_loss").is_finite()).sort("validation_loss", maintain_order=True).head(1)
        for epoch, loss, value in best.select("epoch", "validation_loss", "metric").iter_rows():
            dots.append((float(epoch), loss, "on-validation"))
            kept.append(str(epoch))
            reached.append(fixed(value))
    frame = Frame(x, y, width=330, height=230)
    mark = (dots[0][0], "kept") if len(dots) == 1 else None
    picture = line_chart(f"Loss of {model} by epoch, training and validation", frame, lines, mark, dots)
    note = f"kept epoch {listed(kept)} (validation {metric} {listed(reached)}); the last was {last}" if kept else ""
    if note and last + 1 == longest:
        note += ", where max_epochs ended the training: a greater one may give better results"
    return TrainingFigure(model, picture, note)


def _step(span: int) -> int:
    """Return a round step that puts at most about six ticks on a range of epochs."""
    return next((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if span / step <= 6), 1000)
