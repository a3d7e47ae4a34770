"""The dataset: the one form that every model reads, whatever the source was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.data.prepare import window_offsets
from motifloom.genome import Genome, reverse_complement

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.genome import Codes

PLACE_COLUMNS = ("id", "split", "chrom", "start", "end", "strand")


@dataclass(frozen=True)
class Dataset:
    """Windows of a packed genome with their labels.

    Attributes
    ----------
    examples
        A row per example: ``id``, ``split``, ``chrom``, ``start``, ``end``, ``strand``, then a column per task.
    genome
        Where the windows lie.
    starts
        Each window's first base in the packed genome, shape ``(n,)``.
    """

    examples: pl.DataFrame
    genome: Genome
    starts: npt.NDArray[np.int64]

    @classmethod
    def open(cls, examples: str | Path, genome: str | Path) -> Dataset:
        """Open the table that ``prepare`` wrote over the folder that ``pack`` wrote."""
        table = pl.read_parquet(Path(examples))
        packed = Genome.open(genome)
        return cls(table, packed, window_offsets(table, packed))

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks."""
        return [column for column in self.examples.columns if column not in PLACE_COLUMNS]

    @property
    def length(self) -> int:
        """The length of every sequence, in bp."""
        return int(self.examples["end"][0] - self.examples["start"][0])

    def rows(self, *splits: str) -> npt.NDArray[np.int64]:
        """Return the rows of `splits`, in the table's order."""
        return np.flatnonzero(self.examples["split"].is_in(splits).to_numpy())

    def codes(self, rows: npt.NDArray[np.int64]) -> Codes:
        """Gather the sequences of `rows` as codes, shape ``(n, length)``; those of strand ``-`` as they read there."""
        codes = self.genome.windows(self.starts[rows], self.length)
        minus = (self.examples["strand"][rows] == "-").to_numpy()
        codes[minus] = reverse_complement(codes[minus])
        return codes

    def labels(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the labels of `rows`, 0 or 1, shape ``(n, tasks)``."""
        return self.examples.select(self.tasks)[rows].to_numpy().astype(np.float32)
