"""The table of a dataset's tasks, or of its classes: each model's main metric in each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from motifloom.config import ORACLE
from motifloom.report.scores import Cell, colour
from motifloom.report.verdict import tested, unbeaten
from motifloom.report.wording import fixed, listed, thousands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motifloom.report.results import Results
    from motifloom.report.scores import Standing


@dataclass(frozen=True)
class TaskRow:
    """A task: how many test examples it has, how many are positive, what each model reaches, what they come down to."""

    task: str
    examples: Cell
    positives: Cell | None
    cells: Sequence[Cell]
    verdict: str


@dataclass(frozen=True)
class TaskTable:
    """The tasks of a dataset.

    Attributes
    ----------
    metric
        The main metric, as it is shown.
    models
        Names and classes, in the order of the mean over the tasks; the ceiling last.
    means
        Over the tasks.
    """

    metric: str
    models: Sequence[tuple[str, str]]
    rows: Sequence[TaskRow]
    means: Sequence[Cell]
    verdict: str


def task_table(results: Results, standings: Sequence[Standing], word: str) -> TaskTable:
    """Lay out at least two tasks, each called a `word`."""
    means = {model: _mean(standings, model) for model in standings[0].models}
    models = sorted(means, key=lambda model: -np.inf if (mean := means[model]) is None else mean, reverse=True)
    shown = [*models, *standings[0].ceiling]
    return TaskTable(
        standings[0].label,
        [(model, colour(results, model)) for model in shown],
        [_row(standing, shown) for standing in standings],
        _cells([_mean(standings, model) for model in shown], shown),
        _verdict(standings, models, word),
    )


def _mean(standings: Sequence[Standing], model: str) -> float | None:
    """Return the mean over the tasks in which a model's main metric is defined."""
    values = [value for standing in standings if (value := standing.mean(model)) is not None]
    return float(np.mean(values)) if values else None


def _row(standing: Standing, models: Sequence[str]) -> TaskRow:
    positives = standing.positives
    return TaskRow(
        standing.task,
        Cell(thousands(standing.examples), sort=standing.examples),
        None if positives is None else Cell(thousands(positives), sort=positives),
        _cells([standing.mean(model) for model in models], models),
        standing.verdict,
    )


def _cells(values: Sequence[float | None], models: Sequence[str]) -> list[Cell]:
    """Return a row of values, the best model's in bold."""
    known = [value for model, value in zip(models, values, strict=True) if value is not None and model != ORACLE]
    best = fixed(max(known, default=None))
    return [
        Cell(fixed(value), sort=value, best=value is not None and model != ORACLE and fixed(value) == best)
        for model, value in zip(models, values, strict=True)
    ]


def _verdict(standings: Sequence[Standing], models: Sequence[str], word: str) -> str:
    """Say in how many tasks no other model is better than each."""
    if len(models) < 2 or all(tested(one.compared).is_empty() for one in standings):
        return standings[0].verdict
    count = {model: sum(model in unbeaten(one.defined, one.compared) for one in standings) for model in models}
    first, *rest = sorted(models, key=lambda model: count[model], reverse=True)
    counts = [
        f"{first} in {count[first]} of {len(standings)} {word}",
        *(f"{model} in {count[model]}" for model in rest),
    ]
    return f"Beaten by no other model: {listed(counts)}."
