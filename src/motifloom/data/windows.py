"""The road from a genome and regions bound in it to examples: windows with labels, negatives and splits."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.config import DINUCLEOTIDE_SHUFFLE, BlockSplit, ChromosomeSplit, GenomeDataset, SimulatedDataset
from motifloom.data.examples import DROPPED_SCHEMA, RECORD_SCHEMA, Examples
from motifloom.data.jitter import keeping_centres, with_room
from motifloom.data.negatives import count_bases, sample_negatives, unknown_intervals
from motifloom.data.placement import (
    EXCLUDED,
    NO_SIGNAL,
    OVERLAPS_POSITIVE,
    centres_of,
    give_splits,
    holds_centre,
    judge_windows,
    stretches,
    windows_around,
)
from motifloom.data.shuffle import shuffled
from motifloom.data.sources import Sources
from motifloom.data.territory import ALL, Intervals, blocks_of_splits, chromosomes, chromosomes_of_splits
from motifloom.errors import InputError, Problems
from motifloom.genome import SOFT_MASKED, gather
from motifloom.seeds import generator

if TYPE_CHECKING:
    from motifloom.config import Config
    from motifloom.data.placement import Territories
    from motifloom.data.sources import WindowsDataset
    from motifloom.data.territory import Places
    from motifloom.genome import Codes, Genome

logger = logging.getLogger(__name__)

SHUFFLED = 1 << 24
"""Bases of windows that are gathered at a time, to be shuffled."""

GC_APART = 0.015
"""Where GC contents that should match differ by more, the least with the least and so on, in the mean, that is told."""

SHOWN = 5
"""So many chromosomes are named in a message."""


def genome_examples(config: Config, name: str, genome: Genome) -> Examples:
    """Turn a dataset's regions into labelled windows, and add its negatives.

    Several files of regions are several tasks: regions that are near share a window, and a window is positive for each
    task that has a region's centre in it. With a signal, windows are labelled by its coverage instead.

    Parameters
    ----------
    name
        The dataset. It is also the name of the one task of a single file.
    genome
        The dataset's genome, packed.

    Returns
    -------
    The examples ordered by place, with their splits; these are null where shares of the examples are held out.

    Raises
    ------
    InputError
        Where files cannot be used, a split has no positive of a task, or there are too few negatives.
    """
    section = config.datasets[name]
    if not isinstance(section, GenomeDataset | SimulatedDataset):
        raise TypeError(f"{name} lies in no genome")
    window = section.window
    sources = Sources.read(config, name, section, genome)
    unusable = {EXCLUDED: stretches(sources.excluded), NO_SIGNAL: _without_signal(sources, genome)}

    windows, regions = windows_around(sources.regions, window, merge=len(config.regions(name)) > 1)
    windows = judge_windows(windows, unusable, genome, window)
    territories = _territories(config, name, windows, genome)
    windows = give_splits(windows, territories, window)
    regions = _judged(regions, windows)
    _check_usable(regions)
    positives = _records(windows, window)
    labels = pl.DataFrame({
        task: holds_centre(positives, sources.regions.filter(pl.col("task") == task), window).astype(np.int8)
        for task in config.regions(name)
    })  # fmt: skip
    if not sources.signals:
        _check_positives(config, name, regions, positives, labels, genome)

    dropped = [regions]
    own = np.empty(0, dtype=np.uint8)
    taken = stretches(sources.regions, windows)
    if sources.negatives is not None:
        windows, regions = windows_around(sources.negatives, window, merge=False)
        windows = judge_windows(windows, unusable | {OVERLAPS_POSITIVE: taken}, genome, window)
        windows = give_splits(windows, territories, window)
        dropped.append(_judged(regions, windows))
        _check_usable(dropped[-1])
        negatives = _records(windows, window)
    elif section.negatives == DINUCLEOTIDE_SHUFFLE:
        random = generator(config.seed, name, "negatives")
        negatives, own = _shuffles(positives, genome.packed, _per_positive(section), random)
    else:
        unfree = taken.union(unknown_intervals(genome.packed, window), *unusable.values())
        free = {split: territory.minus(unfree) for split, territory in territories.items()}
        negatives = _sampled(config.seed, name, section, positives, free, genome)
    dropped.append(sources.useless_exclusions())

    if section.jitter:
        allowed = chromosomes(genome, genome.lengths).minus(unusable[EXCLUDED])
        positives = with_room(positives, section.jitter, allowed)
        if len(config.regions(name)) > 1:
            positives = keeping_centres(positives, centres_of(sources.regions))
        negatives = negatives if len(own) else with_room(negatives, section.jitter, allowed.minus(taken))
    records = pl.concat([positives, negatives])
    order = records.select(pl.arg_sort_by("place", "strand", maintain_order=True)).to_series()
    records = records[order]
    if isinstance(section, GenomeDataset) and sources.signals:
        labels = _coverage(sources, section.coverage, records, genome)
    else:
        none = pl.DataFrame({task: np.zeros(len(negatives), dtype=np.int8) for task in labels.columns})
        labels = pl.concat([labels, none])[order]
    left_out = pl.concat(table.filter(pl.col("reason").is_not_null()).select(*DROPPED_SCHEMA) for table in dropped)
    return Examples(records.select(*RECORD_SCHEMA), labels, own, left_out)


def _without_signal(sources: Sources, genome: Genome) -> Intervals:
    """Return the chromosomes that no bigWig file has; nothing where the dataset has no signal."""
    if not sources.signals:
        return Intervals.none()
    known = {chrom for signal in sources.signals.values() for chrom in signal.names}
    return chromosomes(genome, genome.lengths.keys() - known)


def _territories(config: Config, name: str, windows: pl.DataFrame, genome: Genome) -> Territories:
    """Return where each split lies; the whole genome where shares of the examples are held out."""
    section = config.datasets[name]
    split, where = section.split, f"datasets.{name}.split"
    if isinstance(split, ChromosomeSplit):
        named = chromosomes_of_splits(split, genome, where)
        return {part: chromosomes(genome, chroms) for part, chroms in named.items()}
    if isinstance(split, BlockSplit):
        usable = windows.filter(pl.col("reason").is_null())
        centres = (usable["place"] + (usable["end"] - usable["start"]) // 2).to_numpy()
        return blocks_of_splits(split, genome, centres, generator(config.seed, name, "blocks"))
    return {ALL: chromosomes(genome, genome.lengths)}


def _judged(regions: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """Give each region the reason of its window where it has none of its own."""
    told = windows.select("window", told="reason")
    return regions.join(told, on="window", how="left", maintain_order="left").with_columns(
        reason=pl.coalesce("reason", "told")
    )


def _check_usable(regions: pl.DataFrame) -> None:
    """Raise where a file has not one region that can be used, and tell how many fall for which reason."""
    problems = []
    for (path,), rows in regions.group_by("file", maintain_order=True):
        if rows["reason"].null_count() == 0:
            reasons = rows.group_by("reason", maintain_order=True).len().iter_rows()
            counted = ", ".join(f"{number}: {reason}" for reason, number in reasons)
            problems.append(f"{path}: none of its {len(rows)} regions can be used ({counted})")
    if problems:
        raise InputError(problems)


def _check_positives(
    config: Config, name: str, regions: pl.DataFrame, positives: pl.DataFrame, labels: pl.DataFrame, genome: Genome
) -> None:
    """Raise where a split would have no positive of a task; not where splits are drawn later."""
    split = config.datasets[name].split
    if isinstance(split, ChromosomeSplit):
        named = chromosomes_of_splits(split, genome, f"datasets.{name}.split")
        where = {part: f"on {', '.join(c[:SHOWN])}{', …' * (len(c) > SHOWN)}" for part, c in named.items()}
    elif isinstance(split, BlockSplit):
        where = dict.fromkeys(("train", "validation", "test"), f"in its blocks of {split.blocks} bp")
    else:
        return
    problems = []
    for task, path in config.regions(name).items():
        rows = regions.filter(pl.col("task") == task)
        for part, place in where.items():
            if not (labels[task].cast(pl.Boolean) & (positives["split"] == part)).any():
                problems.append(
                    f"{path}: no usable region {place}, so the {part} split has no positive of '{task}'; "
                    f"{rows['reason'].null_count()} of {len(rows)} regions are usable"
                )
    if problems:
        raise InputError(problems)


def _records(windows: pl.DataFrame, window: int) -> pl.DataFrame:
    """Lay out the windows that can be used as records of examples, ordered by ``place``."""
    at = pl.format("{}:{}-{}", "chrom", "start", "end")
    stranded = pl.when(pl.col("strand") == ".").then(at).otherwise(pl.format("{}({})", at, "strand"))
    records = windows.filter(pl.col("reason").is_null()).select(
        "split", "chrom", "start", "end", "strand", "place",
        id=stranded, offset="place", length=pl.lit(window), minus=pl.col("strand") == "-", own=pl.lit(False),
        before=pl.lit(None), after=pl.lit(None), parent=pl.lit(None), group=pl.lit(None),
    )  # fmt: skip
    schema = RECORD_SCHEMA | {"place": pl.Int64}
    return records.select(pl.col(column).cast(kind) for column, kind in schema.items()).sort("place", "strand")


def _per_positive(section: WindowsDataset) -> int:
    return section.ratio if isinstance(section, GenomeDataset) else section.negatives_per_positive


def _shuffles(
    positives: pl.DataFrame, packed: Codes, per_positive: int, random: np.random.Generator
) -> tuple[pl.DataFrame, Codes]:
    """Shuffle each positive as it reads on its strand; return the records and their packed bases.

    Where a positive is soft-masked, its shuffles are as well: what no network reads must not tell them apart.
    """
    number, window = len(positives), int(positives["length"][0])
    own = np.empty((number, per_positive, window), dtype=np.uint8)
    starts, minus = positives["offset"].to_numpy(), positives["minus"].to_numpy()
    step = max(1, SHUFFLED // window)
    for first in range(0, number, step):
        part = slice(first, first + step)
        codes = gather(packed, starts[part], np.full(len(starts[part]), window), minus[part], window)
        for row, sequence in enumerate(codes, start=first):
            marks = packed[starts[row] : starts[row] + window] & SOFT_MASKED
            for shuffle in range(per_positive):
                own[row, shuffle] = shuffled(sequence, random) | (marks[::-1] if minus[row] else marks)
    numbered = pl.int_range(pl.len()) % per_positive + 1
    records = positives[np.repeat(np.arange(number), per_positive)].with_columns(
        id=pl.format("{}:shuffle{}", "id", numbered),
        parent="id",
        own=pl.lit(True),
        minus=pl.lit(False),
        offset=pl.int_range(pl.len()) * window,
    )
    return records, own.reshape(-1)


def _sampled(
    seed: int, name: str, section: WindowsDataset, positives: pl.DataFrame, free: Territories, genome: Genome
) -> pl.DataFrame:
    """Draw each split's negatives from what is free of its territory."""
    window, per_positive = section.window, _per_positive(section)
    drawn = [positives.clear()]
    problems = Problems()
    for split, territory in free.items() if per_positive else ():
        mine = positives if split == ALL else positives.filter(pl.col("split") == split)
        gc, _ = count_bases(genome.packed, mine["place"].to_numpy(), window)
        with problems.gathered():
            starts = sample_negatives(
                genome.packed, territory, window, gc, per_positive, section.negatives == "gc-matched",
                generator(seed, name, "negatives", split),
                f"datasets.{name}: {'the whole genome' if split == ALL else f'the {split} split'}",
            )  # fmt: skip
            drawn.append(_records(_windows_at(starts, split, window, genome), window))
            drawn_gc, _ = count_bases(genome.packed, starts, window)
            logger.info(
                "%s: %d positives, %d negatives; mean GC content %.3f and %.3f",
                split, len(mine), len(starts), gc.mean() / window, drawn_gc.mean() / window,
            )  # fmt: skip
            apart = np.abs(np.sort(np.repeat(gc, per_positive)) - np.sort(drawn_gc)).mean() / window
            if section.negatives == "gc-matched" and apart > GC_APART:
                logger.warning(
                    "%s: too few windows of the positives' GC content are free: that of the negatives is %.3f from it "
                    "(mean), and may tell them apart", split, apart,
                )  # fmt: skip
    problems.raise_any()
    return pl.concat(drawn)


def _windows_at(starts: Places, split: str, window: int, genome: Genome) -> pl.DataFrame:
    """Return the windows that begin at places of the packed genome."""
    names = sorted(genome.offsets, key=genome.offsets.__getitem__)
    offsets = np.array([genome.offsets[name] for name in names], dtype=np.int64)
    chrom = np.searchsorted(offsets, starts, side="right") - 1
    start = starts - offsets[chrom]
    return pl.DataFrame(
        {"chrom": pl.Series(names, dtype=pl.String)[chrom], "start": start, "place": starts}
    ).with_columns(
        end=pl.col("start") + window,
        strand=pl.lit("."),
        split=pl.lit(None if split == ALL else split, dtype=pl.String),
        reason=pl.lit(None, dtype=pl.String),
    )


def _coverage(sources: Sources, how: str, records: pl.DataFrame, genome: Genome) -> pl.DataFrame:
    """Label windows, ordered by place, by their coverage; null where a bigWig file lacks the chromosome."""
    window = int(records["length"][0])
    labels = {}
    problems = Problems()
    for task, signal in sources.signals.items():
        with problems.gathered():
            labels[task] = signal.coverage(genome, records["place"].to_numpy(), window, how)
    problems.raise_any()
    return pl.DataFrame(labels).fill_nan(None)
