"""The dataset: the one form that every model reads, whatever the source was.

A prepared dataset is a folder with three files:

``examples.parquet``
    A row per example: ``id``, ``split``; ``chrom``, ``start``, ``end``, ``strand`` where examples have a place; then a
    column per task, null where a label is missing. A multiclass dataset has a column of 0 and 1 for each class.
``sequences.parquet``
    Row by row where each example's sequence lies: the columns of :data:`SEQUENCE_SCHEMA`.
``sequences.bin``
    The packed bases of all sequences. Windows of a genome lie there in the genome's order, with what training may shift
    them by; bases that several windows share lie there once.
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
from motifloom.errors import InputError
from motifloom.files import missing, read_parquet
from motifloom.genome import SOFT_MASKED, UNKNOWN, Composition, check_inside, gather, map_codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.genome import Codes, Integers

    Mask = npt.NDArray[np.bool_]

EXAMPLE_SCHEMA = {"id": pl.String, "split": pl.String}
PLACE_SCHEMA = {"chrom": pl.String, "start": pl.Int64, "end": pl.Int64, "strand": pl.String}
"""What stands in ``examples.parquet`` before the tasks; the place only where examples have one."""

SEQUENCE_SCHEMA = {
    "offset": pl.Int64,
    "length": pl.Int64,
    "minus": pl.Boolean,
    "before": pl.Int64,
    "after": pl.Int64,
    "parent": pl.String,
    "group": pl.String,
}
"""``offset``: the first base in ``sequences.bin``; ``length`` in bp; ``minus``: whether the reverse complement of what
lies there is meant; ``before``, ``after``: how many bp towards the genome's start and end training may shift it by,
null where nothing lies around it; ``parent``: the id of the example that this one is a shuffle of; ``group``: what must
stay in one split."""


FINGERPRINT_ROWS = 4096
"""So many sequences are gathered at a time for a fingerprint."""

PREPARED_ANEW = "prepare the dataset anew"

HEAD_BASES = 4096
"""So many bases are looked at to tell whether a file is one of packed bases."""


@dataclass(frozen=True)
class Sequences:
    """The bases of examples.

    Attributes
    ----------
    packed
        Packed bases that all of them lie in, shape ``(bases,)``; mapped from the file where there is one.
    table
        With the columns of :data:`SEQUENCE_SCHEMA`, a row per sequence.
    """

    packed: Codes
    table: pl.DataFrame

    @classmethod
    def open(cls, folder: Path) -> Sequences:
        """Map the bases of the prepared dataset in a folder.

        Raises
        ------
        InputError
            Where one of the two files is damaged, or they do not belong together.
        """
        bases, places = folder / "sequences.bin", folder / "sequences.parquet"
        sequences = cls(map_codes(bases), read_parquet(places, SEQUENCE_SCHEMA))
        if sequences.table.select("offset", "length", "minus").null_count().sum_horizontal().item():
            raise InputError(f"{places}: a sequence has no place; {PREPARED_ANEW}")
        if (sequences.packed[:HEAD_BASES] > UNKNOWN | SOFT_MASKED).any():
            raise InputError(f"{bases}: holds something else than packed bases; {PREPARED_ANEW}")
        try:
            _ = sequences._offsets
        except IndexError as error:
            raise InputError(f"{bases}: lacks bases that {places} tells of ({error}); {PREPARED_ANEW}") from None
        return sequences

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def lengths(self) -> Integers:
        """The length of each sequence in bp, shape ``(n,)``."""
        return self.table["length"].to_numpy()

    @cached_property
    def room(self) -> tuple[Integers, Integers]:
        """How many bp towards the genome's start and end each sequence may be shifted by, shape ``(n,)`` each."""
        before, after = (_zero_for_null(self.table[name]) for name in ("before", "after"))
        return before, after

    @cached_property
    def _offsets(self) -> Integers:
        """The first base of each sequence; IndexError where one does not lie in the packed bases."""
        (before, after), offsets = self.room, self.table["offset"].to_numpy()
        check_inside(self.packed, offsets - before, before + self.lengths + after)
        return offsets

    @cached_property
    def _minus(self) -> Mask:
        return self.table["minus"].to_numpy()

    def codes(
        self, rows: Integers, width: int, *, flipped: Mask | None = None, shifts: Integers | None = None
    ) -> Codes:
        """Gather sequences as they read on their strand.

        Parameters
        ----------
        rows
            Which, shape ``(n,)``.
        width
            At least the length of the longest of them, in bp.
        flipped
            Of which of them the reverse complement is meant instead, shape ``(n,)``.
        shifts
            By how many bp each is to lie nearer to the genome's end, within its :attr:`room`, shape ``(n,)``.

        Returns
        -------
        Codes of shape ``(n, width)``; what is behind the end of a shorter sequence is
        :data:`~motifloom.genome.PADDING`.
        """
        minus = self._minus[rows] if flipped is None else self._minus[rows] ^ flipped
        starts = self._offsets[rows] if shifts is None else self._offsets[rows] + shifts
        return gather(self.packed, starts, self.lengths[rows], minus, width)

    def with_room(self, rows: Integers) -> Codes:
        """Gather sequences with the bases that they may be shifted to, shape ``(n, the greatest length)``."""
        before, after = (room[rows] for room in self.room)
        lengths = before + self.lengths[rows] + after
        return gather(self.packed, self._offsets[rows] - before, lengths, self._minus[rows], int(lengths.max()))

    def composition(self, rows: Integers) -> Composition:
        """Count what the sequences of `rows` are made of."""
        return Composition.of(self.packed, self._offsets[rows], self.lengths[rows])


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
    def open(cls, examples: str | Path) -> Dataset:
        """Open the table of examples that ``prepare`` wrote, with the files beside it.

        Raises
        ------
        InputError
            Where a file is missing or damaged, or they do not belong together.
        """
        folder = Path(examples).parent
        files = [Path(examples), folder / "sequences.parquet", folder / "sequences.bin"]
        absent = [reason for path in files if (reason := missing(path))]
        if absent:
            raise InputError(absent)
        table, sequences = read_examples(examples), Sequences.open(folder)
        if len(table) != len(sequences):
            raise InputError(
                f"{examples}: holds {len(table)} examples; expected {len(sequences)}, as {files[1]} holds; "
                f"{PREPARED_ANEW}"
            )
        return cls(table, sequences)

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
        """A digest of what a model learns from, 32 hexadecimal digits.

        That is names, splits, labels, and sequences with the bases that they may be shifted to.
        """
        digest = hashlib.blake2b(digest_size=16)
        for row in self.examples.select("id", "split", *self.tasks).iter_rows():
            digest.update(repr(row).encode())
        for room in self.sequences.room:
            digest.update(room.tobytes())
        rows = np.arange(len(self.examples))
        for first in range(0, len(rows), FINGERPRINT_ROWS):
            digest.update(self.sequences.with_room(rows[first : first + FINGERPRINT_ROWS]).data)
        return digest.hexdigest()

    def rows(self, *splits: str) -> npt.NDArray[np.int64]:
        """Return the rows of `splits`, in the table's order."""
        return np.flatnonzero(self.examples["split"].is_in(splits).to_numpy())

    def codes(self, rows: Integers, *, flipped: Mask | None = None, shifts: Integers | None = None) -> Codes:
        """Gather the sequences of `rows` as codes, shape ``(n, length)``; as :meth:`Sequences.codes` does."""
        return self.sequences.codes(rows, self.length, flipped=flipped, shifts=shifts)

    def labels(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the labels of `rows`, shape ``(n, tasks)``, NaN where one is missing.

        They are 0 or 1, or values where the dataset is one of regression.
        """
        table = self.examples.select(pl.col(self.tasks).cast(pl.Float32).fill_null(float("nan")))[rows]
        return table.to_numpy(order="c", writable=True)  # sums depend on the order in memory


def read_examples(path: str | Path) -> pl.DataFrame:
    """Read a table of examples.

    Raises
    ------
    InputError
        Where the file cannot be read, or is no such table.
    """
    table = read_parquet(path, EXAMPLE_SCHEMA, PLACE_SCHEMA)
    tasks = [name for name in table.columns if name not in PLACE_COLUMNS]
    text = [name for name in tasks if not table.schema[name].is_numeric()]
    if text:
        raise InputError(f"{path}: the column '{text[0]}' holds {table.schema[text[0]]}, expected labels: numbers")
    if table.is_empty() or not tasks:
        raise InputError(f"{path}: holds no {'labels' if len(table) else 'example'}")
    if table.select("id", "split").null_count().sum_horizontal().item():
        raise InputError(f"{path}: an example has no id or no split; {PREPARED_ANEW}")
    return table


def _zero_for_null(column: pl.Series) -> Integers:
    """Return a column of integers; where it is all null, as that of a table often is, no memory is written to."""
    if column.null_count() == len(column):
        return np.zeros(len(column), dtype=np.int64)
    return column.fill_null(0).to_numpy()
