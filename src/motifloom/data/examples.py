"""Examples on their way from a source to a prepared dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.data.dataset import PLACE_SCHEMA, SEQUENCE_SCHEMA, Sequences
from motifloom.data.territory import Intervals
from motifloom.files import whole_file, write_parquet, write_tsv
from motifloom.genome import write_stretches

if TYPE_CHECKING:
    from pathlib import Path

    from motifloom.genome import Codes, Genome

RECORD_SCHEMA = {"id": pl.String, "split": pl.String, **PLACE_SCHEMA, **SEQUENCE_SCHEMA, "own": pl.Boolean}
"""``own`` says whether ``offset`` counts from the first of the examples' own bases, or of the packed genome."""

DROPPED_SCHEMA = {"file": pl.String, "row": pl.Int64, "reason": pl.String}


@dataclass(frozen=True)
class Examples:
    """What a source gives.

    Attributes
    ----------
    records
        A row per example with the columns of :data:`RECORD_SCHEMA`; ``split`` is null where it is still to be drawn,
        the place is null where a source has none.
    labels
        Row by row a column per task: Int8 0, 1 or null; Float64 where the dataset is one of regression.
    own
        The packed bases of the sequences that lie in no genome: records of tables and FASTA files, shuffles.
    dropped
        A row per input record that was left out, with the columns of :data:`DROPPED_SCHEMA`.
    """

    records: pl.DataFrame
    labels: pl.DataFrame
    own: Codes
    dropped: pl.DataFrame

    def stretches(self) -> Intervals:
        """Return what the windows, with the room around them, cover of the packed genome."""
        windows = self.records.filter(~pl.col("own")).select(
            start=pl.col("offset") - pl.col("before").fill_null(0),
            end=pl.col("offset") + pl.col("length") + pl.col("after").fill_null(0),
        )
        return Intervals.of(windows["start"].to_numpy(), windows["end"].to_numpy())

    @property
    def bases(self) -> int:
        """How many bases are kept of the examples."""
        stretches = self.stretches()
        return int((stretches.ends - stretches.starts).sum()) + len(self.own)

    def sequence_table(self) -> pl.DataFrame:
        """Return ``sequences.parquet``: where sequences lie in the :meth:`stretches`, put together, and own bases."""
        stretches = self.stretches()
        ends = np.cumsum(stretches.ends - stretches.starts)
        offset, own = self.records["offset"].to_numpy(), self.records["own"].to_numpy()
        which = np.searchsorted(stretches.starts, offset[~own], side="right") - 1
        moved = offset + (ends[-1] if len(ends) else 0)
        moved[~own] = offset[~own] - stretches.ends[which] + ends[which]
        return self.records.with_columns(offset=pl.Series(moved)).select(*SEQUENCE_SCHEMA)

    def sequences(self, genome: Codes) -> Sequences:
        """Return the examples' bases, those of windows in the packed `genome`."""
        if not self.records["own"].any():
            return Sequences(genome, self.records.select(*SEQUENCE_SCHEMA))
        stretches = self.stretches()
        parts = [genome[start:end] for start, end in zip(stretches.starts, stretches.ends, strict=True)]
        return Sequences(np.concatenate([*parts, self.own]) if parts else self.own, self.sequence_table())

    def with_split(self, split: pl.Series) -> Examples:
        """Return the examples with their splits."""
        return replace(self, records=self.records.with_columns(split.alias("split")))

    def table(self) -> pl.DataFrame:
        """Return ``examples.parquet``: id, split, the place where there is one, then the tasks."""
        placed = [] if self.records["chrom"].null_count() == len(self.records) else list(PLACE_SCHEMA)
        return pl.concat([self.records.select("id", "split", *placed), self.labels], how="horizontal")

    def write(self, folder: Path, genome: Genome | None) -> None:
        """Write the files of a prepared dataset, ``examples.parquet`` last; windows lie in `genome`."""
        write_tsv(folder / "dropped.tsv", self.dropped)
        stretches = self.stretches()
        with whole_file(folder / "sequences.bin") as beside:
            if genome:
                write_stretches(genome.packed, stretches.starts, stretches.ends, beside)
            with beside.open("ab") as out:
                out.write(self.own.data)
        write_parquet(folder / "sequences.parquet", self.sequence_table())
        write_parquet(folder / "examples.parquet", self.table())
