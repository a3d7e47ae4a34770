"""The border between predictions tables and arrays: what every model said of the same examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from motifloom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from motifloom.evaluation.metrics import Floats

SPLITS = ("train", "validation", "test")
COLUMNS = ("id", "split", "task", "label", "score")


class Run(NamedTuple):
    """One training of one model."""

    model: str
    replicate: int


@dataclass(frozen=True)
class Panel:
    """One split and task, seen by every model.

    Attributes
    ----------
    labels
        0 or 1, shape ``(n,)``, in the order of the examples' ids.
    scores
        Probabilities of the label 1, shape ``(n,)`` each, of every run.
    """

    split: str
    task: str
    labels: Floats
    scores: dict[Run, Floats]


def align(predictions: Mapping[Run, pl.DataFrame]) -> list[Panel]:
    """Check predictions and bring every run's rows into one order.

    Parameters
    ----------
    predictions
        Tables with at least ``id``, ``split``, ``task``, ``label`` and ``score``, in any order of rows.

    Returns
    -------
    A panel per task and split: tasks in the order of the first table, splits from train to test, those
    without rows left out.

    Raises
    ------
    InputError
        With every problem at once: a missing column, an unknown split, a label other than 0 and 1, a score
        that is no probability, an example that is there twice, runs that do not have the same examples and
        labels.
    """
    problems = [problem for run, table in predictions.items() for problem in _problems(run, table)]
    if problems:
        raise InputError(problems)
    parts = {run: _parts(table) for run, table in predictions.items()}
    first = next(iter(parts), None)
    if first is None:
        return []
    for run, found in parts.items():
        differing = [
            key
            for key in dict.fromkeys([*parts[first], *found])
            if key not in found or key not in parts[first] or not _same_examples(found[key], parts[first][key])
        ]
        problems += [
            f"{_title(run)}: task {task}, split {split}: other examples or labels than {_title(first)} has"
            for task, split in differing
        ]
    if problems:
        raise InputError(problems)
    return [
        Panel(
            split,
            task,
            table["label"].to_numpy(),
            {run: parts[run][task, split]["score"].to_numpy() for run in predictions},
        )
        for (task, split), table in parts[first].items()
    ]


def _title(run: Run) -> str:
    return f"predictions of {run.model}, replicate {run.replicate}"


def _problems(run: Run, table: pl.DataFrame) -> Iterator[str]:
    """Tell what is wrong with one table, each kind of problem once, with the first row that has it."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        yield f"{_title(run)}: no column {', '.join(missing)}; found {', '.join(table.columns)}"
        return
    table = _typed(table)
    checks = {
        "split": (pl.col("split").is_in(SPLITS), f"expected one of {', '.join(SPLITS)}"),
        "label": (pl.col("label").is_in([0.0, 1.0]), "expected 0 or 1"),
        "score": (pl.col("score").is_between(0, 1), "expected a probability, 0 to 1"),
        "id": (
            pl.struct("id", "split", "task").is_first_distinct(),
            "expected once for each task and split",
        ),
    }
    for column, (good, expected) in checks.items():
        bad = table.filter(~good.fill_null(value=False))
        if len(bad):
            row = bad.row(0, named=True)
            value = "" if column == "id" else f"{column} {row[column]!r}, "
            yield (
                f"{_title(run)}: id {row['id']}, task {row['task']}: {value}{expected}"
                + (f" (and {len(bad) - 1} rows more)" if len(bad) > 1 else "")
            )


def _parts(table: pl.DataFrame) -> dict[tuple[str, str], pl.DataFrame]:
    """Return each task's and split's rows, sorted by id."""
    table = _typed(table)
    tasks = table["task"].unique(maintain_order=True).to_list()
    found = table.partition_by("task", "split", as_dict=True)
    return {
        (task, split): found[task, split].sort("id") for task in tasks for split in SPLITS if (task, split) in found
    }


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with labels and scores as float64, null where they are no numbers."""
    return table.with_columns(pl.col("label", "score").cast(pl.Float64, strict=False))


def _same_examples(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    return one.select("id", "label").equals(other.select("id", "label"))
