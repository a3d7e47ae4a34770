"""Negative windows sampled from the genome, alike to the positives in all but what makes them positive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.errors import InputError
from motifloom.genome import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.data.regions import Occupied
    from motifloom.genome import Codes, Genome

MAX_UNKNOWN = 0.1
"""A window with a greater share of N than this is never used, as a positive or as a negative."""

GC_TOLERANCE = 0.1
"""A GC-matched negative's GC content is at most this far from its positive's; the nearest available are taken first."""

FIRST_POOL = 50
"""So many candidates are looked at for each negative wanted, before all the places there are."""


BLOCK = 16384
"""Windows whose bases are counted at a time."""


def gc_count(codes: Codes) -> npt.NDArray[np.int64]:
    """Return the number of G and C in each window of codes of shape ``(n, length)``."""
    return ((codes == 1) | (codes == 2)).sum(axis=1)


@dataclass(frozen=True)
class Composition:
    """What windows are made of; arrays of shape ``(n,)``.

    Attributes
    ----------
    gc
        The number of G and C.
    usable
        Whether the share of N is small enough, at most :data:`MAX_UNKNOWN`.
    """

    gc: npt.NDArray[np.int64]
    usable: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, genome: Genome, starts: npt.NDArray[np.int64], length: int) -> Composition:
        """Count the bases of the windows of `length` bp that begin at `starts`, in blocks: memory does not grow."""
        gc = np.empty(len(starts), dtype=np.int64)
        usable = np.empty(len(starts), dtype=bool)
        for first in range(0, len(starts), BLOCK):
            part = slice(first, first + BLOCK)
            codes = genome.windows(starts[part], length)
            gc[part] = gc_count(codes)
            usable[part] = (codes == UNKNOWN).mean(axis=1) <= MAX_UNKNOWN
        return cls(gc, usable)


def sample_negatives(
    genome: Genome,
    chroms: Sequence[str],
    occupied: Occupied,
    length: int,
    gc: npt.NDArray[np.int64],
    per_positive: int,
    match_gc: bool,
    random: np.random.Generator,
) -> pl.DataFrame:
    """Draw windows that overlap nothing in `occupied` and not each other.

    The candidates are the tiles of a grid laid over each chromosome at a random offset. With `match_gc`, each positive
    takes tiles of its own number of G and C, or of the nearest number within :data:`GC_TOLERANCE` that has any left;
    the distribution of GC content is then that of the positives.

    Parameters
    ----------
    chroms
        The chromosomes of one split.
    length
        Of a window, in bp.
    gc
        The number of G and C in each of that split's positives, shape ``(n,)``.

    Returns
    -------
    Table with ``chrom``, ``start`` and ``end``, ``n * per_positive`` rows ordered by place.

    Raises
    ------
    InputError
        Where there are too few such windows; the message says how many there are.
    """
    wanted = len(gc) * per_positive
    grid = _Grid(genome, chroms, length, random)
    order = random.permutation(grid.size)
    for size in sorted({min(grid.size, FIRST_POOL * wanted), grid.size}):
        tiles = grid.tiles(order[:size], occupied)
        made_of = Composition.of(genome, tiles["offset"].to_numpy(), length)
        usable = np.flatnonzero(made_of.usable)
        if match_gc:
            picked = _match(gc.repeat(per_positive), made_of.gc[usable], length, random)
        else:
            picked = np.arange(min(wanted, len(usable)))
        if len(picked) == wanted:
            return tiles[usable[picked]].drop("offset").sort("chrom", "start")
    alike = f" and a GC content within {GC_TOLERANCE:g} of a positive's" if match_gc else ""
    raise InputError(
        f"too few negatives on {', '.join(chroms)}: {len(picked)} windows of {length} bp that overlap no region"
        f"{alike}; {wanted} are wanted ({per_positive} per positive)"
    )


class _Grid:
    """Windows side by side over chromosomes, from a random offset on, numbered from 0."""

    def __init__(self, genome: Genome, chroms: Sequence[str], length: int, random: np.random.Generator) -> None:
        self.genome, self.chroms, self.length = genome, chroms, length
        self.shift = [int(random.integers(length)) for _ in chroms]
        counts = [max(0, (genome.lengths[c] - s) // length) for c, s in zip(chroms, self.shift, strict=True)]
        self.first = np.concatenate([[0], np.cumsum(counts)])
        self.size = int(self.first[-1])

    def tiles(self, numbers: npt.NDArray[np.int64], occupied: Occupied) -> pl.DataFrame:
        """Return the places of the numbered tiles that overlap nothing, in the order of their numbers' list."""
        which = np.searchsorted(self.first, numbers, side="right") - 1
        parts = []
        for index, chrom in enumerate(self.chroms):
            place = np.flatnonzero(which == index)
            start = self.shift[index] + (numbers[place] - self.first[index]) * self.length
            free = ~occupied.overlap(chrom, start, start + self.length)
            parts.append(
                pl.DataFrame({"place": place[free], "start": start[free]}).with_columns(
                    chrom=pl.lit(chrom), offset=pl.col("start") + self.genome.offsets[chrom]
                )
            )
        tiles = pl.concat(parts).sort("place")
        return tiles.select("chrom", "start", (pl.col("start") + self.length).alias("end"), "offset")


def _match(
    wanted: npt.NDArray[np.int64], available: npt.NDArray[np.int64], length: int, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Give each wanted GC count an available one of the same count or the nearest, none twice.

    Returns
    -------
    Indices into `available`; fewer than ``len(wanted)`` where a count has none left within the tolerance.
    """
    stacks = {count: list(np.flatnonzero(available == count)[::-1]) for count in np.unique(available)}
    picked: list[np.int64] = []
    unmatched = random.permutation(wanted).tolist()
    for distance in range(int(GC_TOLERANCE * length) + 1):
        left = []
        for count in unmatched:
            near = [stacks[c] for c in (count - distance, count + distance) if stacks.get(c)]
            if near:
                picked.append(near[0].pop())
            else:
                left.append(count)
        unmatched = left
    return np.array(picked, dtype=np.int64)
