"""How far scores are probabilities, and where, how and how steadily models err: the tables that ``diagnose`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.config import ALL_CLASSES
from motifloom.report.charts import Axis, Frame, Line, line_chart
from motifloom.report.reading import CALIBRATION, ERRORS, RELIABILITY, STABILITY, STRATA, read_delimited
from motifloom.report.scores import Cell, colour
from motifloom.report.stability import stability_cells
from motifloom.report.wording import NOTHING, fixed, interval, measured, span, thousands

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup

    from motifloom.report.reading import Schema
    from motifloom.report.results import Results
    from motifloom.report.scores import Standing

BEST = 3
"""Curves are drawn, and strata shown, of so many models of a task."""

MOST = 4
"""Of more tasks than this, these alone are shown; the files have the rest."""

PROPERTIES = {
    "gc": "GC, %",
    "length": "length, bp",
    "unknown": "unknown bases",
    "chromosome": "chromosome",
    "strength": "strength of positives' peaks",
}
CURVE = (264, 262)
"""The size of a picture in px; two of them, and what is between them, are as wide as a pair in the style sheet."""

UNIT = [0.0, 0.25, 0.5, 0.75, 1.0]


@dataclass(frozen=True)
class Named:
    """A row: its task where there are several, its model with its class, and numbers."""

    task: str
    model: str
    css: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class CurveOfTask:
    """The reliability of one task's best models, as they are and with the temperature."""

    task: str
    before: Markup
    after: Markup
    models: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class StratumRow:
    """A part of test: its property, its name, its number of examples, and what each model reaches."""

    task: str
    property: str
    stratum: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class StrataTable:
    """One task by strata; the models have names and classes."""

    task: str
    metric: str
    models: Sequence[tuple[str, str]]
    rows: Sequence[StratumRow]


@dataclass(frozen=True)
class ErrorRow:
    """An error, and the training sequences nearest to it: id, label and similarity."""

    task: str
    example: str
    cells: Sequence[Cell]
    neighbours: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Diagnosis:
    """What the tables come down to; `shown` and `tasks` say how many of the tasks."""

    calibration: Sequence[Named]
    curves: Sequence[CurveOfTask]
    strata: Sequence[StrataTable]
    stability: Sequence[Named]
    stability_metric: str
    errors: Sequence[ErrorRow]
    errors_of: str
    shown: int
    tasks: int


def diagnosis(results: Results, dataset: str, standings: Sequence[Standing], overall: Standing) -> Diagnosis | None:
    """Sum up the five tables; None where a dataset has none.

    Parameters
    ----------
    standings
        Of the tasks, or classes.
    overall
        Of all classes, where the dataset is multiclass; else of the first task.

    Raises
    ------
    InputError
        Where one of the files is missing or no such table.
    """
    home = results.folder / dataset
    if not (home / "calibration.tsv").is_file():
        return None

    def read(name: str, schema: Schema) -> pl.DataFrame:
        return read_delimited(home / f"{name}.tsv", schema)

    shown = standings[:MOST]
    judged = [overall] if overall.task == ALL_CLASSES else shown
    errors = read("errors", ERRORS)
    models = errors.filter(pl.col("task").is_in([one.task for one in shown]))["model"].unique(maintain_order=True)
    return Diagnosis(
        list(_calibration(results, read("calibration", CALIBRATION), shown)),
        list(_curves(results, read("reliability", RELIABILITY), shown)),
        list(_strata(results, read("strata", STRATA), judged)),
        list(_stability(results, read("stability", STABILITY), judged)),
        judged[0].label,
        list(_errors(errors, shown)),
        ", ".join(models),
        len(shown),
        len(standings),
    )


def _task(standing: Standing, standings: Sequence[Standing]) -> str:
    """Return a task's name where there are several."""
    return standing.task if len(standings) > 1 else ""


def _calibration(results: Results, table: pl.DataFrame, standings: Sequence[Standing]) -> Iterator[Named]:
    """Yield a row per task and model, the mean over its replicates."""
    columns = list(CALIBRATION)[3:]
    means = table.group_by("task", "model").agg(pl.mean(*columns))
    found = {(task, model): values for task, model, *values in means.select("task", "model", *columns).iter_rows()}
    for standing in standings:
        for model in [*standing.models, *standing.ceiling]:
            if (standing.task, model) in found:
                values = found[standing.task, model]
                cells = [Cell(measured(values[0]), sort=values[0]), *(Cell(fixed(x), sort=x) for x in values[1:])]
                yield Named(_task(standing, standings), model, colour(results, model), cells)


def _curves(results: Results, table: pl.DataFrame, standings: Sequence[Standing]) -> Iterator[CurveOfTask]:
    """Draw the reliability of each task's best models, of their first replicates."""
    for standing in standings:
        mine = table.filter(task=standing.task, replicate=0)
        models = [model for model in standing.models if model in set(mine["model"])][:BEST]
        if models:
            pictures = [_curve(results, mine.filter(scaled=scaled), models) for scaled in (False, True)]
            named = [(model, colour(results, model)) for model in models]
            yield CurveOfTask(_task(standing, standings), pictures[0], pictures[1], named)


def _curve(results: Results, points: pl.DataFrame, models: Sequence[str]) -> Markup:
    texts = [f"{value:g}" for value in UNIT]
    axes = [Axis(label, 0, 1, UNIT, texts) for label in ("Mean score", "Share of positives")]
    frame = Frame(axes[0], axes[1], *CURVE)
    lines = [Line("as it should be", "chance", np.array([[0.0, 0.0], [1.0, 1.0]]))]
    for model in models:
        places = points.filter(model=model).select("mean_score", "positive_share").to_numpy()
        if len(places):
            lines.append(Line(model, colour(results, model), places, dots=True))
    return line_chart("Share of positives by score on test", frame, lines)


def _strata(results: Results, table: pl.DataFrame, standings: Sequence[Standing]) -> Iterator[StrataTable]:
    """Yield a table per task, the best models across."""
    for standing in standings:
        mine = table.filter(task=standing.task)
        models = standing.models[:BEST]
        rows = []
        for (name, stratum), part in mine.group_by("property", "stratum", maintain_order=True):
            cells = [_number(part["n"][0])]
            if part["n_positive"][0] is not None:
                cells.append(_number(part["n_positive"][0]))
            cells += (_reached(part.filter(model=model)) for model in models)
            rows.append(StratumRow("", PROPERTIES.get(str(name), str(name)), str(stratum), cells))
        if rows:
            named = [(model, colour(results, model)) for model in models]
            yield StrataTable(_task(standing, standings), standing.label, named, rows)


def _reached(part: pl.DataFrame) -> Cell:
    """Return the mean over replicates, with its range; of one replicate with its interval."""
    values = part["value"].drop_nulls()
    if values.is_empty():
        return Cell(NOTHING)
    mean = float(np.mean(values.to_numpy()))
    low, high = float(np.min(values.to_numpy())), float(np.max(values.to_numpy()))
    ends = span(low, high) if len(part) > 1 else interval(part["ci_low"][0], part["ci_high"][0])
    return Cell(fixed(mean), ends, mean)


def _number(number: int) -> Cell:
    return Cell(thousands(number), sort=number)


def _stability(results: Results, table: pl.DataFrame, standings: Sequence[Standing]) -> Iterator[Named]:
    """Yield a row per task and model with several replicates."""
    rows = {(row["task"], row["model"]): row for row in table.iter_rows(named=True)}
    for standing in standings:
        for model in [*standing.models, *standing.ceiling]:
            row = rows.get((standing.task, model))
            if row:
                yield Named(_task(standing, standings), model, colour(results, model), stability_cells(row))


def _errors(table: pl.DataFrame, standings: Sequence[Standing]) -> Iterator[ErrorRow]:
    """Yield a row per error of each task."""
    for standing in standings:
        for _, part in table.filter(task=standing.task).group_by("id", maintain_order=True):
            first = part.row(0, named=True)
            cells = [
                Cell(_label(first["label"]), sort=first["label"]),
                Cell(measured(first["score"]), sort=first["score"]),
            ]
            neighbours = [
                (name, _label(label), fixed(similarity, 2))
                for name, label, similarity in part.select("neighbour", "neighbour_label", "similarity").iter_rows()
            ]
            yield ErrorRow(_task(standing, standings), first["id"], cells, neighbours)


def _label(value: float | None) -> str:
    return str(int(value)) if value in {0.0, 1.0} else measured(value)
