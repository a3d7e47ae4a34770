"""Each example's most similar partner in each split: equal, nearly equal, or at an overlapping place.

Examples that are equal form a class, told by a number, so a partner is looked up once for a class and not for each pair
of its members: time and memory grow with the examples, even where a thousand of them are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from motifloom.compiled import compiled
from motifloom.genome import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import polars as pl

    from motifloom.data.dataset import Sequences
    from motifloom.data.similarity import Pairs
    from motifloom.genome import Codes

    Rows = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

BLOCK = 2**24
"""Bases that are looked at together."""

NONE = -1
"""In place of a row or of a class: there is none."""


# ---------------------------------------------------------------------------------------------------- equal sequences


@dataclass(frozen=True)
class Strands:
    """Numbers that tell which sequences are equal: arrays of shape ``(n,)``, :data:`NONE` where no base is known.

    Sequences are compared without their outer unknown bases, whatever their case.

    Attributes
    ----------
    forward, backward
        Of the sequence and of its reverse complement: i equals j where ``forward[i] == forward[j]``, and the other
        strand of j where ``backward[i] == forward[j]``.
    canonical
        The lesser of both: i equals j on either strand where ``canonical[i] == canonical[j]``.
    """

    forward: Rows
    backward: Rows
    canonical: Rows

    @classmethod
    def of(cls, sequences: Sequences) -> Strands:
        """Give numbers to sequences by digests of 128 bits."""
        digests = np.zeros((2, len(sequences), 2), dtype=np.uint64)
        for rows, width in length_blocks(sequences):
            block = np.zeros((2, len(rows), 2), dtype=np.uint64)
            _digest(sequences.codes(rows, width), block)
            digests[:, rows] = block
        numbers = _numbered(digests.reshape(-1, 2)).reshape(2, -1)
        numbers[:, ~digests[0].any(axis=1)] = NONE
        return cls(numbers[0], numbers[1], numbers.min(axis=0))


def length_blocks(sequences: Sequences) -> Iterator[tuple[Rows, int]]:
    """Yield rows of sequences of like length, with the longest one's length: about :data:`BLOCK` bases at a time."""
    order = np.argsort(sequences.lengths, kind="stable")
    last = len(order)
    while last:
        width = int(sequences.lengths[order[last - 1]])
        first = max(0, last - max(1, BLOCK // max(1, width)))
        yield order[first:last], width
        last = first


@compiled
def _mixed(word: np.uint64) -> np.uint64:
    """Scatter the bits of a word: the last step of splitmix64 (Steele et al. 2014, OOPSLA)."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@compiled
def _digest(codes: Codes, digests: npt.NDArray[np.uint64]) -> None:
    """Fill `digests`, shape ``(2, n, 2)``, with two words for each strand of codes of shape ``(n, width)``.

    Outer unknown bases do not count; what has no known base is left as it is.
    """
    for row in range(len(codes)):
        first, last = 0, codes.shape[1]
        while first < last and codes[row, first] >= UNKNOWN:
            first += 1
        while last > first and codes[row, last - 1] >= UNKNOWN:
            last -= 1
        length = last - first
        for strand in range(2 if length else 0):
            one, other = np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(length), np.uint64(length)
            word = np.uint64(0)
            for place in range(length):
                base = np.uint64(codes[row, last - 1 - place if strand else first + place])
                if strand and base != np.uint64(UNKNOWN):
                    base = np.uint64(3) - base
                word = (word << np.uint64(3)) | base
                if place % 21 == 20 or place == length - 1:  # 21 bases of 3 bits fill a word
                    one = _mixed(one ^ word)
                    other = _mixed(other + word * np.uint64(0xD1342543DE82EF95))
                    word = np.uint64(0)
            digests[strand, row, 0], digests[strand, row, 1] = one, other


def _numbered(digests: npt.NDArray[np.uint64]) -> Rows:
    """Return for each row of `digests`, shape ``(n, 2)``, a number from 0 on: the same where the rows are equal."""
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    ranked = digests[order]
    numbers = np.zeros(len(digests), dtype=np.int64)
    numbers[order[1:]] = np.cumsum((ranked[1:] != ranked[:-1]).any(axis=1))
    return numbers


# ----------------------------------------------------------------------------------------------------- places


@dataclass(frozen=True)
class Places:
    """Where examples lie: the distinct places by contig and start, and each example's.

    Attributes
    ----------
    of_row
        The number of each example's place, shape ``(n,)``; :data:`NONE` where it has none.
    contig, start, end
        Shape ``(places,)``.
    """

    of_row: Rows
    contig: Rows
    start: Rows
    end: Rows

    @classmethod
    def of(cls, examples: pl.DataFrame, parents: pl.Series) -> Places:
        """Read the places of `examples`; a shuffle, that has a parent, lies nowhere."""
        if "chrom" not in examples.columns:
            return cls(np.full(len(examples), NONE), *(np.empty(0, dtype=np.int64) for _ in range(3)))
        columns = ["chrom", "start", "end"]
        placed = examples.select(columns).with_row_index("row").filter(parents.is_null()).drop_nulls()
        distinct = placed.select(columns).unique().sort(columns).with_row_index("place")
        of_row = np.full(len(examples), NONE)
        joined = placed.join(distinct, on=columns)
        of_row[joined["row"].to_numpy()] = joined["place"].to_numpy()
        contig = distinct["chrom"].rank("dense").to_numpy().astype(np.int64)
        return cls(of_row, contig, distinct["start"].to_numpy(), distinct["end"].to_numpy())

    def nearest(self, first: Rows) -> tuple[Rows, Floats]:
        """Return for each place and split the row of the example that shares most, at another place.

        Parameters
        ----------
        first
            A row of each place's and split's examples, shape ``(places, splits)``; :data:`NONE` without.

        Returns
        -------
        The rows, :data:`NONE` without, and the share of the longer place's bases; shape ``(places, splits)``.
        """
        best, similarity = np.full(first.shape, NONE), np.zeros(first.shape)
        _sweep(self.contig, self.start, self.end, first, best, similarity)
        return best, similarity


@compiled
def _sweep(contig: Rows, start: Rows, end: Rows, first: Rows, best: Rows, similarity: Floats) -> None:
    """Compare every place with those that begin within it."""
    for i in range(len(start)):
        for j in range(i + 1, len(start)):
            if contig[j] != contig[i] or start[j] >= end[i]:
                break
            shared = (min(end[i], end[j]) - start[j]) / max(end[i] - start[i], end[j] - start[j])
            for split in range(first.shape[1]):
                if first[j, split] != NONE and shared > similarity[i, split]:
                    best[i, split], similarity[i, split] = first[j, split], shared
                if first[i, split] != NONE and shared > similarity[j, split]:
                    best[j, split], similarity[j, split] = first[i, split], shared


# ----------------------------------------------------------------------------------------------------- partners


@dataclass(frozen=True)
class Partners:
    """Rows of examples, their partners' rows and how similar they are, 0 to 1; shape ``(n,)`` each."""

    row: Rows
    other: Rows
    similarity: Floats

    @classmethod
    def together(cls, *parts: Partners) -> Partners:
        """Lay several findings after each other."""
        return cls(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "other", "similarity"))
        )

    def where(self, kept: npt.NDArray[np.bool_] | Rows) -> Partners:
        """Return some of the findings, by a mask or by their numbers."""
        return Partners(self.row[kept], self.other[kept], self.similarity[kept])

    def at_least(self, similarity: float) -> Partners:
        """Return the findings that are similar enough."""
        return self.where(self.similarity >= similarity)

    def best(self, split: Rows, by: Floats | None = None) -> Partners:
        """Keep for each example and each split one partner: the most similar, of equals the first.

        Parameters
        ----------
        split
            The number of every example's split.
        by
            What is to be greatest instead of the similarity, shape ``(n,)``.
        """
        by = self.similarity if by is None else by
        order = np.lexsort((self.other, -by, split[self.other], self.row))
        row, home = self.row[order], split[self.other[order]]
        return self.where(order[(np.diff(row, prepend=NONE) != 0) | (np.diff(home, prepend=NONE) != 0)])


@dataclass(frozen=True)
class Search:
    """Looks for partners.

    Attributes
    ----------
    split
        The number of each example's split, shape ``(n,)``.
    splits
        How many there are.
    """

    split: Rows
    splits: int

    def equal(self, queries: Rows, wanted: Rows, targets: Rows, classes: Rows) -> Partners:
        """Find for each query, in each split, the first target whose class is the one wanted, other than itself.

        Parameters
        ----------
        queries, targets
            Rows of examples.
        wanted, classes
            By row a class, at least 0 for every query and target.
        """
        size = int(max(wanted[queries].max(initial=NONE), classes[targets].max(initial=NONE))) + 1
        first = self.first(targets, classes, size)
        others = targets[first[classes[targets], self.split[targets]] != targets]
        second = self.first(others, classes, size)
        found = first[wanted[queries]]
        found = np.where(found == queries[:, None], second[wanted[queries]], found)
        return _listed(queries, found, np.ones(found.shape))

    def near(self, queries: Rows, targets: Rows, classes: Rows, pairs: Pairs) -> Partners:
        """Find for each query, in each split, the most similar target of another class, by pairs of like sequences."""
        size = int(classes.max(initial=NONE)) + 1
        first = self.first(targets, classes, size)
        one = classes[np.concatenate([pairs.first, pairs.second])]
        other = classes[np.concatenate([pairs.second, pairs.first])]
        similarity = np.concatenate([pairs.similarity, pairs.similarity]).astype(np.float64)
        best, highest = np.full(first.shape, NONE), np.zeros(first.shape)
        for split in range(self.splits):
            partner = first[other, split]
            use = np.flatnonzero((partner != NONE) & (one != other))
            use = use[np.lexsort((partner[use], -similarity[use], one[use]))]
            use = use[np.diff(one[use], prepend=NONE) != 0]  # each class's best
            best[one[use], split], highest[one[use], split] = partner[use], similarity[use]
        return _listed(queries, best[classes[queries]], highest[classes[queries]])

    def overlapping(self, queries: Rows, targets: Rows, places: Places) -> Partners:
        """Find for each query, in each split, the target that shares most bases with it; where both have a place."""
        queries, targets = (rows[places.of_row[rows] != NONE] for rows in (queries, targets))
        same = self.equal(queries, places.of_row, targets, places.of_row)
        best, shared = places.nearest(self.first(targets, places.of_row, len(places.start)))
        at = places.of_row[queries]
        return Partners.together(same, _listed(queries, best[at], shared[at])).best(self.split)

    def first(self, rows: Rows, classes: Rows, size: int) -> Rows:
        """Return the first of `rows` of each class and split, shape ``(size, splits)``; :data:`NONE` without."""
        first = np.full(size * self.splits, NONE)
        cell, place = np.unique(classes[rows] * self.splits + self.split[rows], return_index=True)
        first[cell] = rows[place]
        return first.reshape(size, self.splits)


def _listed(queries: Rows, found: Rows, similarity: Floats) -> Partners:
    """List the partners of `queries`, given as rows by split, shape ``(n, splits)``."""
    query, split = np.nonzero(found != NONE)
    return Partners(queries[query], found[query, split], similarity[query, split])
