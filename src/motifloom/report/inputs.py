"""What went into a dataset: where it comes from, how many examples each split holds, what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from motifloom.config import PLACE_COLUMNS
from motifloom.data.splits import SPLITS
from motifloom.report.scores import Cell
from motifloom.report.sources import MOST, source
from motifloom.report.wording import fixed, listed, measured, thousands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from motifloom.config import Kind
    from motifloom.report.results import Results

    Count = Callable[[pl.Series], Cell]


@dataclass(frozen=True)
class SplitRow:
    """A split: its examples, the labels of the only task, the chromosomes."""

    split: str
    examples: Cell
    labels: Sequence[Cell]
    chromosomes: str


@dataclass(frozen=True)
class TaskLabels:
    """The labels of a task, or class, in each split."""

    task: str
    splits: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Inputs:
    """What went into a dataset.

    Attributes
    ----------
    source
        Sentences.
    columns
        What is told of labels: in `splits` where there is one task, else in `tasks`.
    dropped
        File, reason and number of records.
    """

    source: Sequence[str]
    columns: Sequence[str]
    splits: Sequence[SplitRow]
    tasks: Sequence[TaskLabels]
    placed: bool
    dropped: Sequence[tuple[str, str, Cell]]
    dropped_total: int


def inputs(results: Results, dataset: str) -> Inputs:
    """Count a dataset's examples and what was left out of it."""
    examples, kind = results.examples(dataset), results.config.kind(dataset)
    tasks = [column for column in examples.columns if column not in PLACE_COLUMNS]
    alone = len(tasks) == 1
    told = _told(kind, alone, missing=any(examples[task].null_count() for task in tasks))
    parts = {name: part for name in SPLITS if len(part := examples.filter(pl.col("split") == name))}
    left_out = results.dropped(dataset).group_by("file", "reason", maintain_order=True).len("records")
    left_out = left_out.sort("records", "reason", descending=[True, False])
    return Inputs(
        [*source(results.config, dataset), _lengths(results.lengths(dataset))],
        list(told),
        [_split_row(name, part, tasks[:1] if alone else [], told) for name, part in parts.items()],
        [] if alone else [TaskLabels(task, [_labels(part[task], told) for part in parts.values()]) for task in tasks],
        "chrom" in examples.columns,
        [(file or "", reason or "", _count(count)) for file, reason, count in left_out.iter_rows()],
        int(left_out["records"].sum()),
    )


def _lengths(lengths: pl.Series) -> str:
    """Say how long the sequences are."""
    low, high, median = (int(value) for value in (lengths.min(), lengths.max(), lengths.median()))  # type: ignore[arg-type]
    if low == high:
        return f"All sequences are {thousands(low)} bp long."
    return f"Sequences are {thousands(low)} to {thousands(high)} bp long, {thousands(median)} bp in the median."


def _told(kind: Kind, alone: bool, missing: bool) -> dict[str, Count]:
    """Return what is told of a task's labels, by its heading; more where it stands `alone`."""
    counts: dict[str, Count] = {}
    if kind == "regression":
        counts = {"Labels": lambda labels: _count(labels.count())} if missing or not alone else {}
        counts |= {"Mean": lambda labels: _value(labels.mean()), "SD": lambda labels: _value(labels.std())}
        if alone:
            counts |= {"Least": lambda labels: _value(labels.min()), "Greatest": lambda labels: _value(labels.max())}
    elif kind == "multiclass":
        counts = {"Examples": lambda labels: _count(int((labels == 1).sum())), "Share": _share}
    else:
        counts = {label: _counter(value) for label, value in (("Positive", 1), ("Negative", 0))}
        counts |= {"Share": _share} if alone else {}
    return counts | ({"No label": lambda labels: _count(labels.null_count())} if missing else {})


def _counter(value: int) -> Count:
    return lambda labels: _count(int((labels == value).sum()))


def _count(number: int) -> Cell:
    return Cell(thousands(number), sort=number)


def _share(labels: pl.Series) -> Cell:
    """Tell the share of the labels that are 1."""
    share = labels.cast(pl.Float64).mean()
    return Cell(fixed(share, 2), sort=share)  # type: ignore[arg-type]


def _value(value: object) -> Cell:
    number = float(value) if isinstance(value, int | float) else None
    return Cell(measured(number), sort=number)


def _labels(labels: pl.Series, told: dict[str, Count]) -> list[Cell]:
    return [tell(labels) for tell in told.values()]


def _split_row(split: str, examples: pl.DataFrame, tasks: Sequence[str], told: dict[str, Count]) -> SplitRow:
    chromosomes = ""
    if "chrom" in examples.columns:
        names = examples["chrom"].drop_nulls().unique(maintain_order=True)
        chromosomes = listed(names.to_list(), MOST)
    labels = [cell for task in tasks for cell in _labels(examples[task], told)]
    return SplitRow(split, _count(len(examples)), labels, chromosomes)
