"""What went into a dataset: where it comes from, how many examples each split holds, what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from motifloom.config import SimulatedDataset
from motifloom.data.dataset import PLACE_COLUMNS
from motifloom.data.splits import SPLITS
from motifloom.report.scores import Cell
from motifloom.report.wording import fixed, listed, thousands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motifloom.report.results import Results

MOST_CHROMOSOMES = 6


@dataclass(frozen=True)
class SplitRow:
    """Examples of a split; `classes` holds each task's positives, negatives and share of positives."""

    split: str
    chromosomes: str
    examples: Cell
    classes: Sequence[tuple[Cell, Cell, Cell]]


@dataclass(frozen=True)
class Inputs:
    """What went into a dataset."""

    source: str
    tasks: Sequence[str]
    rows: Sequence[SplitRow]
    placed: bool
    dropped: Sequence[tuple[str, str, Cell]]
    """File, reason and number of regions."""
    dropped_total: int


def inputs(results: Results, dataset: str) -> Inputs:
    """Count a dataset's examples and what was left out of it."""
    examples = results.examples(dataset)
    tasks = [column for column in examples.columns if column not in PLACE_COLUMNS]
    splits = [split for split in SPLITS if split in set(examples["split"])]
    left_out = results.dropped(dataset).group_by("file", "reason", maintain_order=True).len("regions")
    left_out = left_out.sort("regions", "reason", descending=[True, False])
    return Inputs(
        source(results, dataset),
        tasks,
        [_split_row(split, examples.filter(pl.col("split") == split), tasks) for split in splits],
        "chrom" in examples.columns,
        [(file or "", reason or "", _count(count)) for file, reason, count in left_out.iter_rows()],
        int(left_out["regions"].sum()),
    )


def source(results: Results, dataset: str) -> str:
    """Say in one sentence where a dataset's examples come from."""
    section = results.config.datasets[dataset]
    if isinstance(section, SimulatedDataset):
        spec = section.simulate
        origin = (
            f"Simulated: {thousands(spec.positives)} regions, each with one site of {_either(spec.motifs)} "
            f"planted near its centre, in a genome of {spec.gc:.0%} GC"
        )
    else:
        origin = f"Regions of {section.regions} in {section.genome}"
    negatives = f"{section.negatives_per_positive} {section.negatives} negative"
    plural = "" if section.negatives_per_positive == 1 else "s"
    return f"{origin}; windows of {section.window} bp; {negatives}{plural} per positive."


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _count(value: int) -> Cell:
    return Cell(thousands(value), sort=value)


def _split_row(split: str, examples: pl.DataFrame, tasks: Sequence[str]) -> SplitRow:
    classes = []
    for task in tasks:
        positives, negatives = (int((examples[task] == label).sum() or 0) for label in (1, 0))
        share = positives / (positives + negatives) if positives + negatives else None
        classes.append((_count(positives), _count(negatives), Cell(fixed(share, 2), sort=share)))
    chromosomes = ""
    if "chrom" in examples.columns:
        chromosomes = listed(examples["chrom"].unique(maintain_order=True).to_list(), MOST_CHROMOSOMES)
    return SplitRow(split, chromosomes, _count(len(examples)), classes)
