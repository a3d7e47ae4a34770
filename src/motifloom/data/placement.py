"""Regions on a genome, the windows around them, and why some cannot be used.

Tables here have a row per region or window: ``chrom``, ``start``, ``end``, ``strand`` as in a BED file; ``offset`` and
``length``, where the chromosome begins in the packed genome and how long it is, null where the genome has no such one;
``reason``, why it is left out, null where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.data.negatives import MAX_UNKNOWN, count_bases
from motifloom.data.territory import ALL, Intervals

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from motifloom.data.territory import Places
    from motifloom.genome import Genome

    Territories = Mapping[str, Intervals]

NO_CHROMOSOME = "the genome has no such chromosome"
BAD_INTERVAL = "the region's start is negative or not before its end"
REGION_PAST_END = "the region reaches past the chromosome's end"
BAD_SUMMIT = "the summit lies outside the region"
WINDOW_PAST_END = "the window reaches past the chromosome's end"
EARLIER_ROW = "the window of an earlier row"
EXCLUDED = "the window overlaps an excluded region"
OVERLAPS_POSITIVE = "the window overlaps a positive's region or window"
MOSTLY_UNKNOWN = f"more than {MAX_UNKNOWN:.0%} of the window is N"
NO_SIGNAL = "no bigWig file has the window's chromosome"
CROSSES_BORDER = "the window crosses the border between two splits' blocks"


def locate(regions: pl.DataFrame, genome: Genome) -> pl.DataFrame:
    """Look up the chromosomes of regions as :func:`~motifloom.data.regions.read_regions` returns them, and judge them.

    Returns
    -------
    The regions with ``offset``, ``length`` and ``reason``.
    """
    contigs = pl.DataFrame({
        "chrom": list(genome.lengths),
        "offset": [genome.offsets[chrom] for chrom in genome.lengths],
        "length": list(genome.lengths.values()),
    }, schema={"chrom": pl.String, "offset": pl.Int64, "length": pl.Int64})  # fmt: skip
    start, end, centre = pl.col("start"), pl.col("end"), pl.col("centre")
    reason = (
        pl.when(pl.col("length").is_null())
        .then(pl.lit(NO_CHROMOSOME))
        .when((start < 0) | (start >= end))
        .then(pl.lit(BAD_INTERVAL))
        .when(end > pl.col("length"))
        .then(pl.lit(REGION_PAST_END))
        .when((centre < start) | (centre > end))  # peak callers that cut peaks leave summits at their very end
        .then(pl.lit(BAD_SUMMIT))
    )
    return regions.join(contigs, on="chrom", how="left", maintain_order="left").with_columns(reason=reason)


def stretches(*tables: pl.DataFrame) -> Intervals:
    """Return where regions or windows lie, cut at their chromosomes' ends; such as cannot be placed lie nowhere."""
    start = pl.col("offset") + pl.col("start").clip(lower_bound=0)
    end = pl.col("offset") + pl.min_horizontal("end", "length")
    placed = pl.concat([table.filter(pl.col("length").is_not_null()).select(start=start, end=end) for table in tables])
    return Intervals.of(placed["start"].to_numpy(), placed["end"].to_numpy())


def windows_around(regions: pl.DataFrame, window: int, merge: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Lay windows of `window` bp around the centres of the regions that have no ``reason``.

    With `merge`, regions whose centres are :func:`near <clusters>` share a window around the middle between the first
    and the last of them; it keeps a strand that all of them have. Without, each region has a window of its own. A
    window of even length has one base more before its centre than behind it.

    Returns
    -------
    windows
        A row per window, with ``window``, its number, and ``place``, that of its first base.
    regions
        As given, with the number of each one's ``window``; null where it has a ``reason``.
    """
    used = regions["reason"].is_null()
    part = regions.filter(used)
    centre = (part["offset"] + part["centre"]).to_numpy()
    number = clusters(centre, part["offset"].to_numpy(), window) if merge else np.arange(len(part))
    numbers = np.full(len(regions), -1)
    numbers[used.to_numpy()] = number
    windows = part.with_columns(window=pl.Series(number, dtype=pl.Int64))
    if merge:
        one_strand = pl.when(pl.col("strand").n_unique() == 1).then(pl.col("strand").first()).otherwise(pl.lit("."))
        middle = (pl.col("centre").min() + pl.col("centre").max()) // 2
        windows = windows.group_by("window", maintain_order=True).agg(
            pl.col("chrom", "offset", "length").first(), strand=one_strand, centre=middle
        )
    start = pl.col("centre") - window // 2
    windows = windows.select(
        "window", "chrom", "strand", "offset", "length", start=start, end=start + window, place=start + pl.col("offset")
    )
    return windows, regions.with_columns(window=pl.Series(numbers, dtype=pl.Int64).replace(-1, None))


def clusters(centres: Places, offsets: Places, window: int) -> npt.NDArray[np.int64]:
    """Return for each centre the number of the cluster that shares a window, shape ``(n,)``.

    In ascending order along each chromosome, a centre joins the cluster before it as long as the cluster spans less
    than half a window.

    Parameters
    ----------
    centres, offsets
        The place of each centre and that of its chromosome's first base, shape ``(n,)``.
    """
    apart = centres + np.unique(offsets, return_inverse=True)[1] * window  # so that no cluster spans two chromosomes
    order = np.argsort(apart, kind="stable")
    ascending = apart[order]
    first_beyond = np.searchsorted(ascending, ascending + (window + 1) // 2).tolist()
    begins = np.zeros(len(centres), dtype=np.int64)
    first = 0
    while first < len(centres):
        begins[first] = 1
        first = first_beyond[first]
    number = np.empty(len(centres), dtype=np.int64)
    number[order] = np.cumsum(begins) - 1
    return number


def judge_windows(windows: pl.DataFrame, blocked: Mapping[str, Intervals], genome: Genome, window: int) -> pl.DataFrame:
    """Say of each window why it cannot be used.

    Parameters
    ----------
    blocked
        Reasons, and the stretches that a window must not overlap for each.

    Returns
    -------
    The windows with ``reason``: the first of those in the order in which they are told here.
    """
    place = windows["place"].to_numpy()
    reason = (
        pl.when((pl.col("start") < 0) | (pl.col("end") > pl.col("length")))
        .then(pl.lit(WINDOW_PAST_END))
        .when(~pl.struct("chrom", "start", "strand").is_first_distinct())
        .then(pl.lit(EARLIER_ROW))
    )
    for told, taken in blocked.items():
        reason = reason.when(pl.Series(taken.overlap(place, place + window))).then(pl.lit(told))
    judged = windows.with_columns(reason=reason)
    left = np.flatnonzero(judged["reason"].is_null().to_numpy())
    left = left[np.argsort(place[left], kind="stable")]
    unknown = np.zeros(len(windows), dtype=bool)
    unknown[left] = ~count_bases(genome.packed, place[left], window)[1]
    return judged.with_columns(reason=pl.when(pl.Series(unknown)).then(pl.lit(MOSTLY_UNKNOWN)).otherwise("reason"))


def give_splits(windows: pl.DataFrame, territories: Territories, window: int) -> pl.DataFrame:
    """Give each window the ``split`` that it lies in, null for ALL, or the reason that it lies in none."""
    place = windows["place"].to_numpy()
    names = list(territories)
    held = [territory.hold(place, place + window) for territory in territories.values()]
    which = np.select(held, range(len(names)), default=-1)
    crosses = pl.col("reason").is_null() & pl.Series(which == -1)
    return windows.with_columns(
        split=pl.Series([*names, None], dtype=pl.String).replace(ALL, None)[which],
        reason=pl.when(crosses).then(pl.lit(CROSSES_BORDER)).otherwise("reason"),
    )


def centres_of(regions: pl.DataFrame) -> Places:
    """Return where the centres of the regions that have no ``reason`` lie in the packed genome, ascending."""
    on_chromosome = pl.min_horizontal("centre", pl.col("length") - 1)  # a summit at the very end is not the next one's
    placed = regions.filter(pl.col("reason").is_null()).select(pl.col("offset") + on_chromosome)
    return np.sort(placed.to_series().to_numpy())


def holds_centre(windows: pl.DataFrame, regions: pl.DataFrame, window: int) -> npt.NDArray[np.bool_]:
    """Return whether each window holds the centre of any of the regions that have no ``reason``, shape ``(n,)``."""
    centres, place = centres_of(regions), windows["place"].to_numpy()
    return np.searchsorted(centres, place + window) > np.searchsorted(centres, place)
