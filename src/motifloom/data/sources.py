"""The files that a dataset of a genome is made of, read and held against that genome."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from motifloom.config import ChromosomeSplit, GenomeDataset, SimulatedDataset
from motifloom.data.chromosomes import check_aliases, check_names, rename
from motifloom.data.placement import locate
from motifloom.data.regions import read_regions
from motifloom.data.signal import Signal
from motifloom.data.territory import chromosomes_of_splits
from motifloom.errors import Problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from motifloom.config import Config
    from motifloom.genome import Genome

WindowsDataset = GenomeDataset | SimulatedDataset


@dataclass(frozen=True)
class Sources:
    """What one dataset's files tell.

    Tables hold :func:`located <motifloom.data.placement.locate>` regions, with the ``file`` that each one comes from.

    Attributes
    ----------
    regions
        Those of all tasks, with their ``task``.
    negatives
        Those that a file tells to be negative; None where negatives come otherwise.
    excluded
        Those never used; perhaps none.
    signals
        For each task its bigWig file; empty where the regions are the labels.
    """

    regions: pl.DataFrame
    negatives: pl.DataFrame | None
    excluded: pl.DataFrame
    signals: dict[str, Signal]

    @classmethod
    def read(cls, config: Config, name: str, section: WindowsDataset, genome: Genome) -> Sources:
        """Read a dataset's files, and check that they and its split speak of the genome's chromosomes.

        Raises
        ------
        InputError
            With the problems of all files at once.
        """
        where = f"datasets.{name}"
        aliases, signal_paths, exclude = _of_genome(section)
        regions, signals = [], {}
        negatives, excluded = None, None
        problems = Problems()
        with problems.gathered():
            check_aliases(aliases, genome, where)
        if isinstance(section.split, ChromosomeSplit):
            with problems.gathered():
                chromosomes_of_splits(section.split, genome, f"{where}.split")
        for task, path in config.regions(name).items():
            with problems.gathered():
                regions.append(_read(path, genome, aliases, where).with_columns(task=pl.lit(task)))
        negative_path = config.negative_regions(name)
        if negative_path:
            with problems.gathered():
                negatives = _read(negative_path, genome, aliases, where)
        if exclude:
            with problems.gathered():
                excluded = _read(exclude, genome, aliases, where)
        for task, path in signal_paths.items():
            with problems.gathered():
                signals[task] = Signal.open(path, genome, aliases, where)
        problems.raise_any()
        placed = pl.concat(regions)
        return cls(placed, negatives, placed.clear() if excluded is None else excluded, signals)

    def useless_exclusions(self) -> pl.DataFrame:
        """Return the excluded places that exclude no base of the genome."""
        start, end = pl.max_horizontal("start", 0), pl.min_horizontal("end", "length")
        return self.excluded.filter(pl.col("length").is_null() | (start >= end))


def _of_genome(section: WindowsDataset) -> tuple[Mapping[str, str], dict[str, Path], Path | None]:
    """Return what only a user's own genome has: aliases, the file of each signal, and the file of excluded places."""
    if isinstance(section, SimulatedDataset):
        return {}, {}, None
    signals = {task: Path(path) for task, path in (section.signal or {}).items()}
    return section.aliases, signals, Path(section.exclude) if section.exclude else None


def _read(path: Path, genome: Genome, aliases: Mapping[str, str], where: str) -> pl.DataFrame:
    """Read the regions of a file, place them on the genome, and note the file."""
    regions = rename(read_regions(path), aliases)
    check_names(regions["chrom"].unique(maintain_order=True), genome, path, where)
    return locate(regions, genome).with_columns(file=pl.lit(str(path)))
