"""The sites of filters and patterns as BED, in the genome's coordinates where examples have a place."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import polars as pl

from motifloom.files import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from motifloom.data.dataset import Dataset
    from motifloom.motifs.filters import Scan
    from motifloom.motifs.motif import Motif

HITS_SCHEMA = {
    "chrom": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "name": pl.String,
    "score": pl.Int64,
    "strand": pl.String,
    "id": pl.String,
}
"""The six columns of BED, and the example. The score is the share of the motif's sites that are no better, × 1000."""


PLACE = {"chrom": pl.String, "start": pl.Int64, "end": pl.Int64, "strand": pl.String}
"""Where an example lies, if it does."""


def hits(motifs: Sequence[Motif], scan: Scan, dataset: Dataset) -> pl.DataFrame:
    """Lay out the sites of filters or patterns in the held-out sequences.

    A site is cut to its motif's columns and to its sequence. Where an example lies in no genome, as shuffles do though
    they have the place of what they are shuffles of, ``chrom`` is its id and coordinates count from its first base.

    Parameters
    ----------
    motifs
        Of all filters, or all patterns, of a network.
    scan
        With them.

    Returns
    -------
    Table with the columns of :data:`HITS_SCHEMA`, ordered by place; 0-based, half-open.
    """
    sites = scan.sites
    start, end = scan.extent(sites)
    length = scan.lengths[sites.row]
    start, end = start.clip(0, length), end.clip(0, length)
    names = {motif.unit: motif.name for motif in motifs}
    examples = dataset.examples[scan.rows[sites.row]]
    minus = pl.Series(sites.minus)
    rank = pl.DataFrame({"unit": sites.unit, "score": sites.score}).select(
        (pl.col("score").rank("max") / pl.len() * 1000).floor().cast(pl.Int64).over("unit")
    )
    places = [name for name in PLACE if name in examples.columns]
    table = examples.select(
        "id", *places, *(pl.lit(None, kind).alias(n) for n, kind in PLACE.items() if n not in places)
    )
    table = table.with_columns(
        first=pl.Series(start),
        last=pl.Series(end),
        minus=minus,
        score=rank["score"],
        name=pl.Series([names[unit] for unit in sites.unit.tolist()], dtype=pl.String),
    )
    turned = (pl.col("strand") == "-").fill_null(value=False)
    shuffle = dataset.sequences.table["parent"][scan.rows[sites.row]].is_not_null()
    nowhere = pl.col("chrom").is_null() | shuffle
    first, last = pl.col("first"), pl.col("last")
    table = table.with_columns(
        chrom=pl.when(nowhere).then("id").otherwise("chrom"),
        start=pl.when(nowhere).then(first).when(turned).then(pl.col("end") - last).otherwise(pl.col("start") + first),
        end=pl.when(nowhere).then(last).when(turned).then(pl.col("end") - first).otherwise(pl.col("start") + last),
        minus=pl.col("minus") ^ (turned & ~nowhere),
    )
    strand = pl.when(pl.col("minus")).then(pl.lit("-")).otherwise(pl.lit("+"))
    return table.with_columns(strand=strand).select(pl.col(name).cast(kind) for name, kind in HITS_SCHEMA.items())


def write_hits(path: Path, table: pl.DataFrame) -> None:
    """Write sites as BED, compressed; the same sites give the same bytes."""
    ordered = table.sort("chrom", "start", "end", "name", "strand")
    text = ordered.write_csv(separator="\t", include_header=False)
    with whole_file(path) as beside:
        beside.write_bytes(gzip.compress(text.encode(), mtime=0))
