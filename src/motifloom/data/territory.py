"""Stretches of a packed genome: what is taken, what is free, and where each split lies.

A place is a position in the packed genome: a chromosome's offset plus a 0-based position in it. So the stretches of all
chromosomes are one sorted array, and what is asked of a million windows is asked at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from motifloom.data.chromosomes import unknown_chromosome
from motifloom.data.splits import SPLITS
from motifloom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from motifloom.config import BlockSplit, ChromosomeSplit
    from motifloom.genome import Genome

    Places = npt.NDArray[np.int64]

ALL = "all"
"""The one territory of examples whose splits are drawn later."""


@dataclass(frozen=True)
class Intervals:
    """Half-open stretches that do not overlap, in ascending order; they may touch, as two chromosomes do.

    Attributes
    ----------
    starts, ends
        Places, shape ``(n,)`` each.
    """

    starts: Places
    ends: Places

    @classmethod
    def none(cls) -> Intervals:
        """Return no stretch."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, starts: Places, ends: Places) -> Intervals:
        """Join stretches of any order that may overlap; empty ones vanish, and such as only touch stay apart."""
        order = np.argsort(starts, kind="stable")
        order = order[starts[order] < ends[order]]
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        first = np.ones(len(starts), dtype=bool)
        first[1:] = starts[1:] >= reach[:-1]
        last = np.flatnonzero(first[1:])
        return cls(starts[first], reach[np.append(last, len(reach) - 1)] if len(reach) else reach)

    def union(self, *others: Intervals) -> Intervals:
        """Return what any of them covers."""
        every = (self, *others)
        return Intervals.of(np.concatenate([i.starts for i in every]), np.concatenate([i.ends for i in every]))

    def overlap(self, starts: Places, ends: Places) -> npt.NDArray[np.bool_]:
        """Return for each window, arrays of shape ``(n,)``, whether it shares a base with any stretch."""
        if not len(self.starts):
            return np.zeros(len(starts), dtype=bool)
        before = np.searchsorted(self.starts, ends, side="left")
        return np.where(before > 0, self.ends[np.maximum(before - 1, 0)] > starts, False)

    def hold(self, starts: Places, ends: Places) -> npt.NDArray[np.bool_]:
        """Return for each window, arrays of shape ``(n,)``, whether it lies within one stretch."""
        if not len(self.starts):
            return np.zeros(len(starts), dtype=bool)
        before = np.searchsorted(self.starts, starts, side="right")
        return np.where(before > 0, self.ends[np.maximum(before - 1, 0)] >= ends, False)

    def minus(self, taken: Intervals) -> Intervals:
        """Return what is left of the stretches."""
        gap_starts = np.concatenate([[np.iinfo(np.int64).min], taken.ends])
        gap_ends = np.concatenate([taken.starts, [np.iinfo(np.int64).max]])
        first = np.searchsorted(gap_ends, self.starts, side="right")
        number = np.searchsorted(gap_starts, self.ends, side="left") - first
        mine = np.repeat(np.arange(len(self.starts)), number)
        gap = first[mine] + np.arange(len(mine)) - np.repeat(np.cumsum(number) - number, number)
        starts, ends = np.maximum(self.starts[mine], gap_starts[gap]), np.minimum(self.ends[mine], gap_ends[gap])
        left = starts < ends
        return Intervals(starts[left], ends[left])


def chromosomes(genome: Genome, names: Iterable[str]) -> Intervals:
    """Return where chromosomes lie."""
    starts = np.array(sorted(genome.offsets[name] for name in names), dtype=np.int64)
    lengths = {genome.offsets[name]: length for name, length in genome.lengths.items()}
    return Intervals(starts, starts + np.array([lengths[start] for start in starts.tolist()], dtype=np.int64))


def chromosomes_of_splits(split: ChromosomeSplit, genome: Genome, where: str) -> dict[str, list[str]]:
    """Divide a genome's chromosomes into splits: train is what neither validation nor test names.

    Parameters
    ----------
    where
        The key in the configuration, for the messages.

    Raises
    ------
    InputError
        Where the genome has no chromosome of a name, or none is left to train on.
    """
    problems = [
        f"{where}.{name}: {unknown_chromosome(chrom, genome)}"
        for name, chroms in (("validation", split.validation), ("test", split.test))
        for chrom in chroms
        if chrom not in genome.lengths
    ]
    held_out = {*split.validation, *split.test}
    train = [chrom for chrom in genome.lengths if chrom not in held_out]
    if not train:
        problems.append(f"{where}: validation and test name every chromosome; none is left to train on")
    if problems:
        raise InputError(problems)
    return {"train": train, "validation": list(split.validation), "test": list(split.test)}


def blocks_of_splits(
    split: BlockSplit, genome: Genome, centres: Places, random: np.random.Generator
) -> dict[str, Intervals]:
    """Cut each chromosome into blocks and deal them to the splits.

    Blocks with positives are dealt by the number of positives, those without by their length, each time so that the
    shares come near to what is asked for.

    Parameters
    ----------
    centres
        The places of the positives' centres, shape ``(n,)``.

    Returns
    -------
    For each split its stretches; neighbouring blocks of one split are one stretch.
    """
    starts, ends, chrom = [], [], []
    for number, (name, length) in enumerate(genome.lengths.items()):
        edges = np.append(np.arange(0, length, split.blocks), length) + genome.offsets[name]
        starts.append(edges[:-1])
        ends.append(edges[1:])
        chrom.append(np.full(len(edges) - 1, number))
    start, end, on = (np.concatenate(parts).astype(np.int64) for parts in (starts, ends, chrom))
    positives = np.bincount(np.searchsorted(start, centres, side="right") - 1, minlength=len(start))
    shares = {"train": 1 - split.validation - split.test, "validation": split.validation, "test": split.test}
    dealt = np.empty(len(start), dtype=np.int64)
    for chosen, weights in ((positives > 0, positives), (positives == 0, end - start)):
        dealt[chosen] = _deal(weights[chosen], [shares[name] for name in SPLITS], random)
    begins = np.append(True, (np.diff(dealt) != 0) | (np.diff(on) != 0))
    run_ends = end[np.append(np.flatnonzero(begins)[1:] - 1, len(end) - 1)]
    mine = dealt[begins]
    return {name: Intervals(start[begins][mine == k], run_ends[mine == k]) for k, name in enumerate(SPLITS)}


def _deal(weights: npt.NDArray[np.int64], shares: list[float], random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Give each weight, in random order, to the receiver that has the least of its share so far.

    A receiver ends with at most one weight more than its share.
    """
    received = [0.0] * len(shares)
    dealt = np.empty(len(weights), dtype=np.int64)
    for item in random.permutation(len(weights)).tolist():
        least = received.index(min(received))
        dealt[item] = least
        received[least] += float(weights[item]) / shares[least]
    return dealt
