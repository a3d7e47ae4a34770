"""The road from a genome and regions to a table of examples."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.data.negatives import MAX_UNKNOWN, Composition, sample_negatives
from motifloom.data.regions import SCHEMA, Occupied, centred_windows, read_regions
from motifloom.data.splits import SPLITS, chromosomes_of_splits
from motifloom.errors import InputError, Problems
from motifloom.seeds import generator

if TYPE_CHECKING:
    from motifloom.config import Config
    from motifloom.genome import Genome

logger = logging.getLogger(__name__)

DROPPED_SCHEMA = {"file": pl.String, "row": pl.Int64, "reason": pl.String}


def prepare(config: Config, name: str, genome: Genome) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Turn a dataset's regions into positives, sample its negatives, and give every window its split.

    Parameters
    ----------
    name
        The dataset. It is also the name of its one task.
    genome
        The dataset's genome, packed.

    Returns
    -------
    examples
        A row per window: ``id``, ``split``, ``chrom``, ``start``, ``end``, ``strand``, and a column of 0 and 1 that has
        the task's name; ordered by place.
    dropped
        A row per region that was left out: ``file``, ``row``, ``reason``.

    Raises
    ------
    InputError
        Where a file cannot be used, a split has no positive, or there are too few negatives.
    """
    section = config.datasets[name]
    path, exclude_path = config.regions(name), config.exclude(name)
    problems = Problems()
    with problems.gathered():
        regions = read_regions(path)
        _check_chromosomes(regions, genome, str(path))
    with problems.gathered():
        excluded = read_regions(exclude_path) if exclude_path else pl.DataFrame(schema=SCHEMA)
    with problems.gathered():
        chroms = chromosomes_of_splits(section.split, genome, f"datasets.{name}.split")
    problems.raise_any()

    windows = centred_windows(regions, section.window)
    reasons = _reasons(regions, windows, Occupied.of(excluded), genome)
    dropped = windows.select(pl.lit(str(path)).alias("file"), "row", reason=reasons).filter(pl.col("reason") != "")
    positives = windows.filter(reasons == "")
    _check_positives(positives, chroms, str(path), len(regions))

    occupied = Occupied.of(regions, windows, excluded)
    parts = []
    for split in SPLITS:
        mine = positives.filter(pl.col("chrom").is_in(chroms[split]))
        gc = Composition.of(genome, window_offsets(mine, genome), section.window).gc
        with problems.gathered():
            negatives = sample_negatives(
                genome, chroms[split], occupied, section.window, gc, section.negatives_per_positive,
                section.negatives == "gc-matched", generator(config.seed, name, "negatives", split),
            )  # fmt: skip
            gc_of_negatives = Composition.of(genome, window_offsets(negatives, genome), section.window).gc
            logger.info(
                "%s: %d positives, %d negatives; mean GC content %.3f and %.3f",
                split, len(mine), len(negatives), gc.mean() / section.window, gc_of_negatives.mean() / section.window,
            )  # fmt: skip
            parts += [_labelled(mine, split, name, 1), _labelled(negatives, split, name, 0)]
    problems.raise_any()
    place = pl.format("{}:{}-{}", "chrom", "start", "end")
    stranded = pl.when(pl.col("strand") == ".").then(place).otherwise(pl.format("{}({})", place, "strand"))
    examples = pl.concat(parts).select(stranded.alias("id"), pl.all())
    order = {chrom: index for index, chrom in enumerate(genome.lengths)}
    examples = examples.sort(pl.col("chrom").replace_strict(order, return_dtype=pl.Int64), "start", "end", "strand")
    logger.info("%d of %d regions left out", len(dropped), len(regions))
    for reason, count in dropped.group_by("reason", maintain_order=True).len().iter_rows():
        logger.info("  %d: %s", count, reason)
    return examples, dropped.select(pl.col(name).cast(kind) for name, kind in DROPPED_SCHEMA.items())


def window_offsets(windows: pl.DataFrame, genome: Genome) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return where each window starts in the packed genome, shape ``(n,)``."""
    offset = pl.col("chrom").replace_strict(genome.offsets, return_dtype=pl.Int64)
    return windows.select(offset + pl.col("start")).to_series().to_numpy()


def _reasons(regions: pl.DataFrame, windows: pl.DataFrame, excluded: Occupied, genome: Genome) -> pl.Series:
    """Say of each region why it is left out; an empty string where it is used."""
    length = pl.col("chrom").replace_strict(genome.lengths, default=None, return_dtype=pl.Int64)
    bad_interval = (regions["start"] < 0) | (regions["start"] >= regions["end"])
    reasons = windows.with_columns(bad=bad_interval, length=length).select(
        pl.when(pl.col("length").is_null())
        .then(pl.lit("the genome has no such chromosome"))
        .when(pl.col("bad"))
        .then(pl.lit("the region's start is negative or not before its end"))
        .when((pl.col("start") < 0) | (pl.col("end") > pl.col("length")))
        .then(pl.lit("the window reaches past the chromosome's end"))
        .when(pl.struct("chrom", "start", "strand").is_first_distinct().not_())
        .then(pl.lit("the window of an earlier row"))
        .otherwise(pl.lit(""))
        .alias("reason")
    )["reason"]
    usable = (reasons == "").to_numpy()
    out = reasons.to_numpy().astype(object)
    for (chrom,), part in windows.with_row_index("index").filter(usable).group_by("chrom", maintain_order=True):
        index = part["index"].to_numpy()
        hit = excluded.overlap(str(chrom), part["start"].to_numpy(), part["end"].to_numpy())
        out[index[hit]] = "the window overlaps an excluded region"
    left = np.flatnonzero(out == "")
    if len(left):
        kept = windows[left]
        window = int(kept["end"][0] - kept["start"][0])
        usable = Composition.of(genome, window_offsets(kept, genome), window).usable
        out[left[~usable]] = f"more than {MAX_UNKNOWN:.0%} of the window is N"
    return pl.Series("reason", out, dtype=pl.String)


def _check_chromosomes(regions: pl.DataFrame, genome: Genome, path: str) -> None:
    """Raise where the regions lie on none of the genome's chromosomes, as with ``chr1`` against ``1``."""
    if not set(regions["chrom"]) & set(genome.lengths):
        theirs, ours = regions["chrom"][0], next(iter(genome.lengths))
        other = theirs.removeprefix("chr") if theirs.startswith("chr") else f"chr{theirs}"
        hint = f"; it has '{other}' where the regions have '{theirs}'" if other in genome.lengths else ""
        raise InputError(f"{path}: none of its chromosomes ('{theirs}', …) is in the genome ('{ours}', …){hint}")


def _check_positives(positives: pl.DataFrame, chroms: dict[str, list[str]], path: str, regions: int) -> None:
    """Raise where a split would have no positive."""
    problems = [
        f"{path}: no usable region on {', '.join(chroms[split])}, so the {split} split has no positive; "
        f"{len(positives)} of {regions} regions are usable"
        for split in SPLITS
        if not positives["chrom"].is_in(chroms[split]).any()
    ]
    if problems:
        raise InputError(problems)


def _labelled(windows: pl.DataFrame, split: str, task: str, label: int) -> pl.DataFrame:
    """Lay out windows as examples of one split and one label."""
    strand = pl.col("strand") if "strand" in windows.columns else pl.lit(".").alias("strand")
    return windows.select(
        pl.lit(split).alias("split"),
        "chrom",
        "start",
        "end",
        strand,
        pl.lit(label, dtype=pl.Int8).alias(task),
    )
