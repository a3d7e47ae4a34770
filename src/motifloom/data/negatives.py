"""Negative windows drawn from the genome, alike to the positives in all but what makes them positive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from motifloom.data.territory import Intervals
from motifloom.errors import InputError
from motifloom.genome import Composition, unknown_stretches

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.data.territory import Places
    from motifloom.genome import Codes

MAX_UNKNOWN = 0.1
"""A window with a greater share of N than this is never used, as a positive or as a negative."""

GC_TOLERANCE = 0.1
"""A GC-matched negative's GC content is at most this far from its positive's; the nearest available are taken first."""

BLOCK = 1 << 20
"""Windows whose bases are counted at a time."""


def count_bases(packed: Codes, starts: Places, window: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Count the bases of the windows of `window` bp that begin at `starts` in the packed genome.

    `starts` should ascend, so that the genome is read once from one end to the other.

    Returns
    -------
    gc
        The number of G and C, shape ``(n,)``.
    usable
        Whether the share of N is at most :data:`MAX_UNKNOWN`, shape ``(n,)``.
    """
    gc = np.empty(len(starts), dtype=np.int32)
    usable = np.empty(len(starts), dtype=bool)
    for first in range(0, len(starts), BLOCK):
        part = starts[first : first + BLOCK]
        counted = Composition.of(packed, part, np.full(len(part), window))
        gc[first : first + BLOCK] = counted.gc
        usable[first : first + BLOCK] = counted.unknown <= MAX_UNKNOWN * window
    return gc, usable


def unknown_intervals(packed: Codes, window: int) -> Intervals:
    """Return what no window is laid over: N in a row, more than a window may have.

    Half of what it may have is left at both ends, so that a window between two such runs may reach into both.
    """
    margin = int(MAX_UNKNOWN * window) // 2
    starts, ends = unknown_stretches(packed, 2 * margin)
    return Intervals(starts + margin, ends - margin)


def sample_negatives(
    packed: Codes,
    free: Intervals,
    window: int,
    gc: npt.NDArray[np.int32],
    per_positive: int,
    match_gc: bool,
    random: np.random.Generator,
    where: str,
) -> Places:
    """Draw windows from what is free of a genome; they do not overlap each other.

    The candidates are tiles: windows side by side, as many as fit into each free stretch, from a random offset on. With
    `match_gc` they are drawn among those of the positives' numbers of G and C, or of the nearest numbers that have any
    left within :data:`GC_TOLERANCE`; the distribution of GC content is then that of the positives.

    Parameters
    ----------
    packed
        The packed genome.
    window
        In bp.
    gc
        The number of G and C in each positive, shape ``(n,)``.
    where
        What the negatives are for, for the message.

    Returns
    -------
    The windows' first places, ascending, shape ``(n * per_positive,)``.

    Raises
    ------
    InputError
        Where there are too few such windows; the message says how many there are.
    """
    starts = tile(free, window, random)
    counts, usable = count_bases(packed, starts, window)
    starts, counts = starts[usable], counts[usable]
    wanted = len(gc) * per_positive
    if match_gc:
        asked = np.bincount(gc, minlength=window + 1) * per_positive
        taken = _nearest(asked, np.bincount(counts, minlength=window + 1), int(GC_TOLERANCE * window), random)
        number = int(taken.sum())
    else:
        number = min(wanted, len(starts))
    if number < wanted:
        alike = f" and a GC content within {GC_TOLERANCE:g} of a positive's" if match_gc else ""
        raise InputError(
            f"{where}: too few negatives: {number} windows of {window} bp that overlap no region{alike}; "
            f"{wanted} are wanted ({per_positive} per positive)"
        )
    drawn = (
        _draw(counts, taken, random) if match_gc else random.choice(len(starts), wanted, replace=False, shuffle=False)
    )
    return np.sort(starts[drawn])


def tile(free: Intervals, window: int, random: np.random.Generator) -> Places:
    """Lay as many windows side by side as fit into each stretch, from a random offset on; return their first places."""
    lengths = free.ends - free.starts
    number = lengths // window
    offset = random.integers(0, lengths - number * window + 1)
    place = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    return np.repeat(free.starts + offset, number) + place * window


def _nearest(
    asked: npt.NDArray[np.int64], available: npt.NDArray[np.int64], tolerance: int, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Share out windows by their number of G and C: the same number first, then the nearest, up to `tolerance` away.

    Parameters
    ----------
    asked, available
        How many positives ask for, and how many windows have, 0, 1, 2, … G and C; the same shape ``(numbers,)``.

    Returns
    -------
    How many windows of each number are taken; together fewer than asked for where there are too few.
    """
    asked, left = asked.copy(), available.copy()
    for distance in range(tolerance + 1):
        if not asked.any():
            break
        # Each number asked for has one number `distance` above and one below: a side at a time, nobody competes.
        for side in random.permutation([-distance, distance]) if distance else [0]:
            asking = asked[max(0, -side) : len(asked) - max(0, side)]
            having = left[max(0, side) : len(left) - max(0, -side)]
            given = np.minimum(asking, having)
            asking -= given
            having -= given
    return available - left


def _draw(
    counts: npt.NDArray[np.int32], taken: npt.NDArray[np.int64], random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw as many windows of each number of G and C as `taken` says; return their indices."""
    narrow = np.min_scalar_type(len(taken))  # 16 bits are sorted by radix, in linear time
    by_count = np.argsort(counts.astype(narrow), kind="stable")
    number = np.bincount(counts, minlength=len(taken))
    first = np.cumsum(number) - number
    return np.concatenate([
        by_count[first[count] + random.choice(number[count], taken[count], replace=False, shuffle=False)]
        for count in np.flatnonzero(taken)
    ] or [by_count[:0]])  # fmt: skip
