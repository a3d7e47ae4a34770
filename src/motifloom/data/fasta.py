"""Two sets of FASTA records, positives and negatives: what becomes an example, and what is wrong with the others."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.config import DINUCLEOTIDE_SHUFFLE, ChromosomeSplit, as_list
from motifloom.data.examples import DROPPED_SCHEMA, RECORD_SCHEMA, Examples
from motifloom.data.negatives import MAX_UNKNOWN
from motifloom.data.shuffle import shuffled
from motifloom.errors import InputError, Problems
from motifloom.genome import CODE_BITS, SOFT_MASKED, Composition, read_records
from motifloom.seeds import generator

if TYPE_CHECKING:
    from motifloom.config import Config, FastaDataset
    from motifloom.genome import Codes

PLACE = r"^(?:.*::)?(?<chrom>.+):(?<start>\d+)-(?<end>\d+)(?:\((?<strand>[-+.])\))?$"
"""Names such as ``chr1:100-300``, with a strand in brackets or a name and ``::`` before it, as bedtools writes them."""

NEGATIVE = " (negative)"
"""Stands behind the name of a negative that is called like a positive."""

EMPTY = "the sequence is empty"
MOSTLY_UNKNOWN = f"more than {MAX_UNKNOWN:.0%} of the sequence is N"


def fasta_examples(config: Config, name: str, section: FastaDataset) -> Examples:
    """Turn FASTA records into examples of the one task `name`.

    Where every record's name tells the place that its sequence comes from, the examples have places: 0-based and
    half-open, or from 1 and closed, as the sequence's length tells. A negative called like a positive is called
    ``{name} (negative)``; the shuffles of a positive ``{name}:shuffle1`` and so on.

    Returns
    -------
    The positives in the files' order, then the negatives. ``split`` is null where shares of the examples are held out.

    Raises
    ------
    InputError
        With every problem of all files at once.
    """
    files = {1: as_list(section.positives)}
    if section.negatives != DINUCLEOTIDE_SHUFFLE:
        files[0] = as_list(section.negatives)
    records, own = _read(files)
    unusable = records["reason"].is_not_null()
    dropped = records.filter(unusable).select(*DROPPED_SCHEMA)
    records = records.filter(~unusable)
    for label, paths in files.items():
        if label not in records["label"]:
            reason = dropped.filter(pl.col("file").is_in(paths))["reason"][0]
            raise InputError(f"{', '.join(paths)}: no record can be used; of the first, {reason}")

    records = _with_places(_with_unique_ids(records))
    if isinstance(section.split, ChromosomeSplit):
        records = _with_chromosome_split(records, section.split, f"datasets.{name}.split")
    if section.negatives == DINUCLEOTIDE_SHUFFLE:
        random = generator(config.seed, name, "negatives")
        shuffles, bases = _shuffles(records, own, section.negatives_per_positive, random)
        records, own = pl.concat([records, shuffles]), np.concatenate([own, bases])
    labels = records.select(pl.col("label").cast(pl.Int8).alias(name))
    return Examples(records.select(*RECORD_SCHEMA), labels, own, dropped)


def _on_both_sides(positives: list[str], negatives: list[str]) -> list[str]:
    """Say of files that are named as positives and, in other words, as negatives, that they are the same."""
    pairs = [(one, other) for one in positives for other in negatives if Path(one).exists() and Path(other).exists()]
    return [
        f"{one}: is the same file as {other}; expected other sequences as negatives than as positives"
        for one, other in pairs
        if Path(one).samefile(other)
    ]


def _read(files: dict[int, list[str]]) -> tuple[pl.DataFrame, Codes]:
    """Read the FASTA files of each label.

    Returns
    -------
    Table with the columns of :data:`RECORD_SCHEMA`, of which places and splits are null, and ``label``, ``file``,
    ``row`` and ``reason``, why a record is left out; and the packed bases of all records.
    """
    problems = Problems()
    problems.found += _on_both_sides(files[1], files.get(0, []))
    tables, parts, offset = [], [], 0
    for label, paths in files.items():
        first: dict[str, str] = {}
        for path in paths:
            with problems.gathered():
                found = read_records(path, first)
                ends = np.cumsum(found.lengths)
                table = pl.DataFrame({"row": found.rows, "id": found.names, "length": found.lengths}).with_columns(
                    offset=ends - found.lengths + offset, label=pl.lit(label), file=pl.lit(path)
                )
                tables.append(table)
                parts.append(found.packed)
                offset += len(found.packed)
    problems.raise_any()
    own = np.concatenate(parts)
    records = pl.concat(tables)
    length = records["length"].to_numpy()
    unknown = Composition.of(own, records["offset"].to_numpy(), length).unknown
    reason = (
        pl.when(pl.col("length") == 0)
        .then(pl.lit(EMPTY))
        .when(pl.Series(unknown > MAX_UNKNOWN * length))
        .then(pl.lit(MOSTLY_UNKNOWN))
    )
    nothing = [
        pl.lit(None, dtype).alias(column) for column, dtype in RECORD_SCHEMA.items() if column not in records.columns
    ]
    return records.with_columns(nothing).with_columns(reason=reason, minus=pl.lit(False), own=pl.lit(True)), own


def _with_unique_ids(records: pl.DataFrame) -> pl.DataFrame:
    """Mark the negatives that are called like a positive."""
    positives = records.filter(pl.col("label") == 1)["id"].implode()
    alike = (pl.col("label") == 0) & pl.col("id").is_in(positives)
    return records.with_columns(id=pl.when(alike).then(pl.col("id") + NEGATIVE).otherwise("id"))


def _with_places(records: pl.DataFrame) -> pl.DataFrame:
    """Fill in the places that the records' names tell, if all of them do."""
    places = _places(records)
    if places["chrom"].null_count():
        return records
    return records.with_columns(places)


def _places(records: pl.DataFrame) -> pl.DataFrame:
    """Return ``chrom``, ``start``, ``end`` and ``strand`` as each name tells them; null where it does not.

    A place as long as its sequence is taken as 0-based and half-open, one that is 1 bp too short as closed and from 1.
    """
    told = records.select("length", pl.col("id").str.strip_suffix(NEGATIVE).str.extract_groups(PLACE).struct.unnest())
    start, end = (pl.col(name).cast(pl.Int64, strict=False) for name in ("start", "end"))
    from_1 = pl.col("length") - (end - start)
    return told.select(
        pl.when(from_1.is_in([0, 1]) & (start >= from_1)).then(column)
        for column in (pl.col("chrom"), (start - from_1).alias("start"), end, pl.col("strand").fill_null("."))
    )


def _with_chromosome_split(records: pl.DataFrame, split: ChromosomeSplit, where: str) -> pl.DataFrame:
    """Give the records the splits of their chromosomes: train is what neither validation nor test names.

    Parameters
    ----------
    where
        The key in the configuration, for the messages.
    """
    nowhere = records.filter(_places(records)["chrom"].is_null()).head(1)
    for file, row, name, length in nowhere.select("file", "row", "id", "length").iter_rows():
        raise InputError(
            f"{where}: names chromosomes, but {file}: line {row}: the name '{name}' is not the place of {length} bp; "
            "expected names such as chr1:100-300 throughout, or shares: {validation: 0.1, test: 0.2}"
        )
    known = records["chrom"].unique(maintain_order=True).to_list()
    problems = []
    of = {}
    for name in ("validation", "test"):
        for chrom in getattr(split, name):
            of[chrom] = name
            if chrom not in known:
                nearest = difflib.get_close_matches(chrom, known, n=1)
                hint = f"the nearest is '{nearest[0]}'" if nearest else f"there are {', '.join(known[:10])}"
                problems.append(f"{where}.{name}: no record lies on '{chrom}'; {hint}")
    if not set(known) - set(of):
        problems.append(f"{where}: validation and test name every chromosome; none is left to train on")
    if problems:
        raise InputError(problems)
    return records.with_columns(split=pl.col("chrom").replace_strict(of, default="train"))


def _shuffles(
    positives: pl.DataFrame, own: Codes, per_positive: int, random: np.random.Generator
) -> tuple[pl.DataFrame, Codes]:
    """Shuffle each positive; return the records, at the places of their parents, and their packed bases.

    Where a positive is soft-masked, its shuffles are as well: what no network reads must not tell them apart.
    """
    codes, marks = own & CODE_BITS, own & SOFT_MASKED
    bases, end = np.empty(int(positives["length"].sum()) * per_positive, dtype=np.uint8), 0
    for offset, length in positives.select("offset", "length").iter_rows():
        for _ in range(per_positive):
            start, end = end, end + length
            bases[start:end] = shuffled(codes[offset : offset + length], random) | marks[offset : offset + length]
    records = positives[np.repeat(np.arange(len(positives)), per_positive)].with_columns(
        id=pl.format("{}:shuffle{}", "id", pl.int_range(pl.len()) % per_positive + 1),
        label=pl.lit(0),
        parent="id",
        offset=pl.col("length").cum_sum() - pl.col("length") + len(own),
    )
    alike = positives.filter(pl.col("id").is_in(records["id"].implode()))
    if len(alike):
        raise InputError(
            f"{file}: line {row}: the name '{name}' is that of a shuffle as well; rename the record"
            for file, row, name in alike.select("file", "row", "id").iter_rows()
        )
    return records, bases
