"""Examples on their way from a source to a prepared dataset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from motifloom.data.dataset import SEQUENCE_SCHEMA, Sequences
from motifloom.files import whole_file, write_parquet, write_tsv

if TYPE_CHECKING:
    from pathlib import Path

    from motifloom.genome import Codes

PLACE_SCHEMA = {"chrom": pl.String, "start": pl.Int64, "end": pl.Int64, "strand": pl.String}
RECORD_SCHEMA = {"id": pl.String, "split": pl.String, **PLACE_SCHEMA, **SEQUENCE_SCHEMA}
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
        The packed bases of the sequences that lie in no genome.
    dropped
        A row per input record that was left out, with the columns of :data:`DROPPED_SCHEMA`.
    """

    records: pl.DataFrame
    labels: pl.DataFrame
    own: Codes
    dropped: pl.DataFrame

    def sequences(self, genome: Codes) -> Sequences:
        """Return the examples' bases, those of windows in the packed `genome`."""
        return Sequences(genome, self.own, self.records.select(*SEQUENCE_SCHEMA))

    def with_split(self, split: pl.Series) -> Examples:
        """Return the examples with their splits."""
        return replace(self, records=self.records.with_columns(split.alias("split")))

    def table(self) -> pl.DataFrame:
        """Return ``examples.parquet``: id, split, the place where there is one, then the tasks."""
        placed = [] if self.records["chrom"].null_count() == len(self.records) else list(PLACE_SCHEMA)
        return pl.concat([self.records.select("id", "split", *placed), self.labels], how="horizontal")

    def write(self, folder: Path) -> None:
        """Write the files of a prepared dataset, ``examples.parquet`` last."""
        write_tsv(folder / "dropped.tsv", self.dropped)
        with whole_file(folder / "sequences.bin") as beside:
            self.own.tofile(beside)
        write_parquet(folder / "sequences.parquet", self.records.select(*SEQUENCE_SCHEMA))
        write_parquet(folder / "examples.parquet", self.table())
