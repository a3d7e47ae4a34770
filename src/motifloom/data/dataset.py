"""The dataset: the one form that every model reads, whatever the source was.

A prepared dataset is a folder with three files:

``examples.parquet``
    A row per example: ``id``, ``split``; ``chrom``, ``start``, ``end``, ``strand`` where examples have a place; then a
    column per task, null where a label is missing. A multiclass dataset has a column of 0 and 1 for each class.
``sequences.parquet``
    Row by row where each example's sequence lies: the columns of :data:`SEQUENCE_SCHEMA`.
``sequences.bin``
    The packed bases of the sequences that lie in no genome: records of tables and FASTA files, and shuffled negatives.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.config import PLACE_COLUMNS
from motifloom.genome import Composition, Genome, gather, map_codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.genome import Codes

SEQUENCE_SCHEMA = {
    "offset": pl.Int64,
    "length": pl.Int64,
    "minus": pl.Boolean,
    "own": pl.Boolean,
    "parent": pl.String,
    "group": pl.String,
}
"""``offset``: the first base in the packed genome or, where ``own``, in ``sequences.bin``; ``length`` in bp; ``minus``:
whether the reverse complement of what lies there is meant; ``parent``: the id of the example that this one is a shuffle
of; ``group``: what must stay in one split."""


FINGERPRINT_ROWS = 4096
"""So many sequences are gathered at a time for a fingerprint."""


@dataclass(frozen=True)
class Sequences:
    """The bases of examples, wherever they lie.

    Attributes
    ----------
    genome
        The packed genome; empty where no sequence lies in one.
    own
        The packed bases of all other sequences.
    table
        With the columns of :data:`SEQUENCE_SCHEMA`, a row per sequence.
    """

    genome: Codes
    own: Codes
    table: pl.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The length of each sequence in bp, shape ``(n,)``."""
        return self.table["length"].to_numpy()

    @cached_property
    def _offsets(self) -> npt.NDArray[np.int64]:
        return self.table["offset"].to_numpy()

    @cached_property
    def _minus(self) -> npt.NDArray[np.bool_]:
        return self.table["minus"].to_numpy()

    @cached_property
    def _own(self) -> npt.NDArray[np.bool_]:
        return self.table["own"].to_numpy()

    def codes(self, rows: npt.NDArray[np.int64], width: int) -> Codes:
        """Gather sequences as they read on their strand.

        Returns
        -------
        Codes of shape ``(len(rows), width)``; a shorter sequence stands in the middle, unknown bases around it.
        """
        codes = np.empty((len(rows), width), dtype=np.uint8)
        own = self._own[rows]
        for store, chosen in ((self.genome, ~own), (self.own, own)):
            if chosen.all():
                gather(store, self._offsets[rows], self.lengths[rows], self._minus[rows], codes)
            elif chosen.any():
                mine = rows[chosen]
                part = np.empty((len(mine), width), dtype=np.uint8)
                gather(store, self._offsets[mine], self.lengths[mine], self._minus[mine], part)
                codes[chosen] = part
        return codes

    def composition(self, rows: npt.NDArray[np.int64]) -> Composition:
        """Count what the sequences of `rows` are made of."""
        made_of = Composition.empty(len(rows))
        own = self._own[rows]
        for store, chosen in ((self.genome, ~own), (self.own, own)):
            if chosen.any():
                mine = rows[chosen]
                made_of.put(chosen, Composition.of(store, self._offsets[mine], self.lengths[mine]))
        return made_of


@dataclass(frozen=True)
class Dataset:
    """Sequences with labels and splits.

    Attributes
    ----------
    examples
        A row per example: ``id``, ``split``, perhaps its place, then a column per task.
    sequences
        Their bases, in the same order.
    """

    examples: pl.DataFrame
    sequences: Sequences

    @classmethod
    def open(cls, examples: str | Path, genome: str | Path | None = None) -> Dataset:
        """Open the table of examples that ``prepare`` wrote, with the files beside it.

        Parameters
        ----------
        genome
            The folder that ``pack`` wrote, where the examples are windows of a genome.
        """
        folder = Path(examples).parent
        packed = Genome.open(genome).packed if genome else np.empty(0, dtype=np.uint8)
        sequences = Sequences(
            packed, map_codes(folder / "sequences.bin"), pl.read_parquet(folder / "sequences.parquet")
        )
        return cls(pl.read_parquet(Path(examples)), sequences)

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks; of the classes where the dataset is multiclass."""
        return [column for column in self.examples.columns if column not in PLACE_COLUMNS]

    @cached_property
    def length(self) -> int:
        """The length of the longest sequence, in bp: what all are padded to."""
        return int(self.sequences.lengths.max())

    @cached_property
    def fingerprint(self) -> str:
        """A digest of what a model learns from: names, splits, labels and sequences, 32 hexadecimal digits."""
        digest = hashlib.blake2b(digest_size=16)
        for row in self.examples.select("id", "split", *self.tasks).iter_rows():
            digest.update(repr(row).encode())
        rows = np.arange(len(self.examples))
        for first in range(0, len(rows), FINGERPRINT_ROWS):
            digest.update(self.codes(rows[first : first + FINGERPRINT_ROWS]).data)
        return digest.hexdigest()

    def rows(self, *splits: str) -> npt.NDArray[np.int64]:
        """Return the rows of `splits`, in the table's order."""
        return np.flatnonzero(self.examples["split"].is_in(splits).to_numpy())

    def codes(self, rows: npt.NDArray[np.int64]) -> Codes:
        """Gather the sequences of `rows` as codes, shape ``(n, length)``, as they read on their strand.

        A shorter sequence stands in the middle, unknown bases around it.
        """
        return self.sequences.codes(rows, self.length)

    def labels(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the labels of `rows`, shape ``(n, tasks)``, NaN where one is missing.

        They are 0 or 1, or values where the dataset is one of regression.
        """
        return self.examples.select(pl.col(self.tasks).cast(pl.Float32).fill_null(float("nan")))[rows].to_numpy(
            writable=True
        )
