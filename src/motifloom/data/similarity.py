"""Sequences that are alike: exact duplicates, near-duplicates on either strand, and the families that they form.

The similarity of two sequences is the share of canonical k-mers (a k-mer and its reverse complement are the same) that
they have in common: what they share, each k-mer as often as both have it, divided by the number that the one with more
has. k-mers with an unknown base are passed over. Two sequences without any k-mer have similarity 1 where they are equal
on either strand, else 0; unknown bases at the ends do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from motifloom.compiled import compiled
from motifloom.genome import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from motifloom.data.dataset import Sequences
    from motifloom.genome import Codes

    Rows = npt.NDArray[np.int64]
    Keys = npt.NDArray[np.uint64]

KMER, LEAST_KMER = 12, 6
"""The length of the k-mers that are compared, in bp, and the least where sequences are short."""

NEAR = 0.5
"""Sequences at least this similar are near-duplicates."""

SKETCH = 32
"""So many k-mers, those with the smallest hashes, stand for a sequence while candidates are looked for."""

SHARED = 5
"""Candidates share at least so many of the :data:`SKETCH` smallest hashes of both; at :data:`NEAR`, 11 are expected."""

NEIGHBOURS = 16
"""Where many sequences have sketched k-mers in common, each is compared with so many that follow it."""

BLOCK = 1 << 23
"""Bases gathered at a time."""

CANDIDATES = 1 << 22
"""Pairs held before they are compared."""

ROW_BITS = np.uint64(28)
"""Of 64 bits, so many name a row while candidates are looked for; the others a k-mer."""

EMPTY = ~np.uint64(0)
"""What fills up the sketch of a sequence with few k-mers."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of similar sequences, each once, ordered by `first`, then `second`.

    Attributes
    ----------
    first, second
        Row numbers, ``first < second``; shape ``(pairs,)``.
    similarity
        From :data:`NEAR` to 1, shape ``(pairs,)``.
    """

    first: Rows
    second: Rows
    similarity: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.first)


def kmer_length(lengths: Rows) -> int:
    """Return the length of the k-mers that sequences of these lengths are compared by.

    A third of the median length, from :data:`LEAST_KMER` to :data:`KMER`: from 17 bp on, two sequences that one
    substitution sets apart are near-duplicates then.
    """
    third = (int(np.median(lengths)) + 1) // 3 if len(lengths) else KMER
    return min(max(third, LEAST_KMER), KMER)


def near_duplicates(sequences: Sequences, rows: Rows) -> Pairs:
    """Find the pairs of sequences with a similarity of :data:`NEAR` or more.

    A sequence that equals an earlier one, on either strand, is paired with the first such row and with nothing else:
    what is similar to that first row is similar to it as well. All others are paired by bottom sketches (Broder,
    Proc. SEQUENCES 21, 1997): the :data:`SKETCH` k-mers with the smallest hashes. Sequences with a sketched k-mer in
    common whose sketches agree in at least :data:`SHARED` places are compared exactly. Of the pairs with a similarity
    of 0.6 or more, fewer than one in a thousand are missed.

    Where many have a k-mer in common (repeats, variants of one sequence), those with a second one in common are lined
    up, and each is compared with the next :data:`NEIGHBOURS` alone: such a family is tied together, but not each of its
    members with every other.

    Memory grows by about 0.6 kB a sequence.

    Parameters
    ----------
    rows
        The rows of `sequences` to compare, none twice, shape ``(n,)``.
    """
    rows = np.sort(rows)
    hashes, sketches = _sketch(sequences, rows)
    original = _first_alike(hashes)
    copies = np.flatnonzero(original != np.arange(len(rows)))
    pairs = [_verify(sequences, rows, original[copies], copies)]
    for first, second in _candidates(sketches, np.flatnonzero(original == np.arange(len(rows)))):
        pairs.append(_verify(sequences, rows, first, second))
    first, second, similarity = _each_once(pairs)
    return Pairs(rows[first], rows[second], similarity)


def with_pairs_across(sequences: Sequences, pairs: Pairs, split: Rows) -> Pairs:
    """Add pairs of sequences of different splits that the search among many alike left out.

    A sequence without a partner in a split is compared with those that its family, all that `pairs` ties it to, has
    there: with the first :data:`NEIGHBOURS` of them.

    Parameters
    ----------
    pairs
        What :func:`near_duplicates` found among `sequences`.
    split
        The number of each sequence's split, shape ``(n,)``.
    """
    family = families(len(split), (pairs.first, pairs.second))
    one, other = np.concatenate([pairs.first, pairs.second]), np.concatenate([pairs.second, pairs.first])
    found = [(pairs.first, pairs.second, pairs.similarity)]
    for number in range(split.max(initial=-1) + 1):
        members = np.flatnonzero(split == number)
        members = members[np.argsort(family[members], kind="stable")]
        begin, end = (np.searchsorted(family[members], family, side=side) for side in ("left", "right"))
        asking = (split != number) & (end > begin)
        asking[one[split[other] == number]] = False
        rows, step = np.flatnonzero(asking), CANDIDATES // NEIGHBOURS
        for part in (rows[place : place + step] for place in range(0, len(rows), step)):
            place = begin[part, None] + np.arange(NEIGHBOURS)
            which, _ = inside = np.nonzero(place < end[part, None])
            partner = members[place[inside]]
            first, second = np.minimum(part[which], partner), np.maximum(part[which], partner)
            found.append(_verify(sequences, np.arange(len(split)), first, second))
    return Pairs(*_each_once(found))


def _each_once(parts: list[tuple[Rows, Rows, npt.NDArray[np.float32]]]) -> tuple[Rows, Rows, npt.NDArray[np.float32]]:
    """Put pairs together, ordered, each once."""
    first, second, similarity = (np.concatenate(found) for found in zip(*parts, strict=True))
    _, once = np.unique(first << 32 | second, return_index=True)
    return first[once], second[once], similarity[once]


def families(number: int, *edges: tuple[Rows, Rows]) -> npt.NDArray[np.int64]:
    """Find what is tied together, directly or through others.

    Parameters
    ----------
    number
        Of rows.
    edges
        Arrays of row numbers, each pair of them tied; shapes ``(edges,)``.

    Returns
    -------
    The number of each row's family, from 0 in the order of their first rows; shape ``(number,)``.
    """
    first = np.concatenate([np.empty(0, dtype=np.int64), *(pair[0] for pair in edges)])
    second = np.concatenate([np.empty(0, dtype=np.int64), *(pair[1] for pair in edges)])
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(number, number))
    label = connected_components(graph, directed=False)[1]
    _, first_row, inverse = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(first_row), dtype=np.int64)
    rank[np.argsort(first_row)] = np.arange(len(first_row))
    return rank[inverse]


# ------------------------------------------------------------------------------------------------------------ sketches


def _sketch(sequences: Sequences, rows: Rows) -> tuple[Keys, Keys]:
    """Return each sequence's hash, alike on both strands, shape ``(n,)``, and its sketch, shape ``(n, SKETCH)``."""
    kmer = kmer_length(sequences.lengths)
    hashes = np.empty(len(rows), dtype=np.uint64)
    sketches = np.empty((len(rows), SKETCH), dtype=np.uint64)
    for part, width in _blocks(sequences.lengths[rows]):
        codes = sequences.codes(rows[part], width)
        hashes[part] = _hash_sequences(codes)
        sketches[part] = _bottom_sketches(codes, kmer)
    return hashes, sketches


def _blocks(lengths: Rows) -> Iterator[tuple[Rows, int]]:
    """Divide sequences, the shortest first, into blocks of at most :data:`BLOCK` bases once padded; give the width."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        stop = start + max(1, BLOCK // max(1, int(lengths[order[start]])))
        part = order[start:stop]
        fitting = lengths[part] * np.arange(1, len(part) + 1) <= BLOCK
        part = part[: max(1, int(fitting.sum()))]
        yield part, int(lengths[part[-1]])
        start += len(part)


def _first_alike(hashes: Keys) -> Rows:
    """Return for each sequence the first one with the same hash, shape ``(n,)``."""
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    return first[inverse]


@compiled
def _mix(value: np.uint64) -> np.uint64:
    """Scramble 64 bits so that each depends on all (the finaliser of splitmix64)."""
    value = np.uint64(value) + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@compiled
def _known_ends(codes: Codes) -> tuple[int, int]:
    """Return where the known bases of one sequence begin and end."""
    start, stop = 0, len(codes)
    while start < stop and codes[start] >= UNKNOWN:
        start += 1
    while stop > start and codes[stop - 1] >= UNKNOWN:
        stop -= 1
    return start, stop


@compiled
def _hash_sequences(codes: Codes) -> Keys:
    """Hash each sequence so that its reverse complement has the same hash; `codes` of shape ``(n, width)``."""
    hashes = np.empty(len(codes), dtype=np.uint64)
    for row in range(len(codes)):
        start, stop = _known_ends(codes[row])
        forward = backward = np.uint64(stop - start)
        for place in range(start, stop):
            ahead, behind = codes[row, place], codes[row, start + stop - 1 - place]
            forward = _mix(forward ^ np.uint64(ahead))
            backward = _mix(backward ^ np.uint64(behind if behind == UNKNOWN else 3 - behind))
        hashes[row] = min(forward, backward)
    return hashes


@compiled
def _canonical_kmers(codes: Codes, kmer: int) -> npt.NDArray[np.uint32]:
    """Return the canonical k-mers of one sequence in rising order, each as often as it is there."""
    kmers = np.empty(max(0, len(codes) - kmer + 1), dtype=np.uint32)
    number = known = 0
    forward = backward = np.uint32(0)
    for code in codes:
        if code >= UNKNOWN:
            known = 0
            continue
        forward = np.uint32((forward << 2 | code) & ((1 << 2 * kmer) - 1))
        backward = np.uint32(backward >> 2 | (3 - code) << 2 * (kmer - 1))
        known += 1
        if known >= kmer:
            kmers[number] = min(forward, backward)
            number += 1
    return np.sort(kmers[:number])


@compiled
def _bottom_sketches(codes: Codes, kmer: int) -> Keys:
    """Return the smallest hashes of each sequence's k-mers in rising order, then EMPTY; shape ``(n, SKETCH)``.

    The second occurrence of a k-mer in a sequence has another hash than the first, and so on: so sketches compare
    k-mers as often as they are there.
    """
    sketches = np.full((len(codes), SKETCH), EMPTY)
    for row in range(len(codes)):
        sketch = sketches[row]
        occurrence = 0
        kmers = _canonical_kmers(codes[row], kmer)
        for index in range(len(kmers)):
            occurrence = occurrence + 1 if index and kmers[index] == kmers[index - 1] else 0
            key = _mix(np.uint64(occurrence) << np.uint64(2 * kmer) | np.uint64(kmers[index]))
            if key < sketch[SKETCH - 1]:
                place = SKETCH - 1
                while place and sketch[place - 1] > key:
                    sketch[place] = sketch[place - 1]
                    place -= 1
                sketch[place] = key
    return sketches


# ---------------------------------------------------------------------------------------------------------- candidates


def _candidates(sketches: Keys, chosen: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Give pairs of the `chosen` rows of `sketches` that may be similar, some at a time, first < second."""
    entries = _entries(sketches, chosen)
    entries.sort()
    place = 0
    while place < len(entries):
        found, place = _next_candidates(entries, sketches, place)
        found.sort()
        found = found[np.diff(found, prepend=EMPTY) != 0]
        yield (found >> np.uint64(32)).astype(np.int64), (found & np.uint64(0xFFFFFFFF)).astype(np.int64)


@compiled
def _entries(sketches: Keys, chosen: Rows) -> Keys:
    """List the sketched k-mers of all chosen rows: a hash of the k-mer above :data:`ROW_BITS` of the row."""
    entries = np.empty(len(chosen) * SKETCH, dtype=np.uint64)
    number = 0
    for row in chosen:
        for key in sketches[row]:
            if key != EMPTY:
                entries[number] = _mix(key) >> ROW_BITS << ROW_BITS | np.uint64(row)
                number += 1
    return entries[:number]


@compiled
def _next_candidates(entries: Keys, sketches: Keys, place: int) -> tuple[Keys, int]:
    """Collect about :data:`CANDIDATES` pairs from sorted `entries`, beginning at `place`; return where to go on.

    A pair is ``first << 32 | second``; it may stand there several times.
    """
    found = np.empty(CANDIDATES, dtype=np.uint64)
    number = 0
    while place < len(entries):
        stop = place + 1
        while stop < len(entries) and entries[stop] >> ROW_BITS == entries[place] >> ROW_BITS:
            stop += 1
        most = NEIGHBOURS * (stop - place)
        if number + most > len(found):
            if number:
                break
            found = np.empty(most, dtype=np.uint64)
        rows, group = _arranged(entries[place:stop], sketches)
        for i in range(len(rows)):
            for j in range(i + 1, min(i + 1 + NEIGHBOURS, len(rows))):
                if group[j] != group[i]:
                    break
                if _agree(sketches[rows[i]], sketches[rows[j]]):
                    found[number] = min(rows[i], rows[j]) << np.uint64(32) | max(rows[i], rows[j])
                    number += 1
        place = stop
    return found[:number], place


@compiled
def _arranged(bucket: Keys, sketches: Keys) -> tuple[Keys, Keys]:
    """Return the rows that have one sketched k-mer in common, and which of them to compare: those of equal group.

    Where they are few, that is all. Where they are many, those that have another one in common, the k-mer with the
    smallest hash of a hash function of this bucket's own: similar sequences do as often as their sketches agree.
    """
    rows = bucket & ((np.uint64(1) << ROW_BITS) - np.uint64(1))
    group = np.zeros(len(rows), dtype=np.uint64)
    if len(rows) <= NEIGHBOURS + 1:
        return rows, group
    kmer = bucket[0] >> ROW_BITS
    for index in range(len(rows)):
        least = EMPTY
        for key in sketches[rows[index]]:
            if key != EMPTY and _mix(key) >> ROW_BITS != kmer:
                least = min(least, _mix(key ^ kmer))
        group[index] = least >> ROW_BITS << ROW_BITS | _mix(rows[index] ^ kmer) >> (np.uint64(64) - ROW_BITS)
    order = np.argsort(group)
    return rows[order], group[order] >> ROW_BITS


@compiled
def _agree(first: Keys, second: Keys) -> bool:
    """Return whether enough of the smallest hashes of both together are in both sketches."""
    i = j = shared = seen = 0
    while seen < SKETCH and (first[i] != EMPTY or second[j] != EMPTY):
        ahead, behind = first[i] <= second[j], second[j] <= first[i]
        seen += 1
        shared += 1 if ahead and behind else 0
        i += 1 if ahead else 0
        j += 1 if behind else 0
    return shared * SKETCH >= SHARED * seen


# -------------------------------------------------------------------------------------------------------- verification


def _verify(sequences: Sequences, rows: Rows, first: Rows, second: Rows) -> tuple[Rows, Rows, npt.NDArray[np.float32]]:
    """Compare the sequences ``rows[first]`` and ``rows[second]``; keep the pairs that are near-duplicates."""
    kmer = kmer_length(sequences.lengths)
    similarity = np.empty(len(first), dtype=np.float32)
    lengths = sequences.lengths[rows]
    for part, width in _blocks(np.maximum(lengths[first], lengths[second])):
        which, place = np.unique(np.concatenate([first[part], second[part]]), return_inverse=True)
        codes = sequences.codes(rows[which], width)
        similarity[part] = _similarities(codes, *_sorted_kmers(codes, kmer), place[: len(part)], place[len(part) :])
    near = similarity >= NEAR
    return first[near], second[near], similarity[near]


@compiled
def _sorted_kmers(codes: Codes, kmer: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Return the canonical k-mers of each sequence in rising order, shape ``(n, width)``, and how many there are."""
    kmers = np.empty(codes.shape, dtype=np.uint32)
    number = np.empty(len(codes), dtype=np.int64)
    for row in range(len(codes)):
        mine = _canonical_kmers(codes[row], kmer)
        number[row] = len(mine)
        kmers[row, : len(mine)] = mine
    return kmers, number


@compiled
def _similarities(
    codes: Codes, kmers: npt.NDArray[np.uint32], number: npt.NDArray[np.int64], first: Rows, second: Rows
) -> npt.NDArray[np.float32]:
    """Return the similarity of the sequences `first` and `second` of `codes`, given their k-mers."""
    similarity = np.empty(len(first), dtype=np.float32)
    for pair in range(len(first)):
        one, other = first[pair], second[pair]
        most = max(number[one], number[other])
        if most:
            similarity[pair] = _in_both(kmers[one, : number[one]], kmers[other, : number[other]]) / most
        else:
            similarity[pair] = _equal(codes[one], codes[other])
    return similarity


@compiled
def _in_both(first: npt.NDArray[np.uint32], second: npt.NDArray[np.uint32]) -> int:
    """Count what two rising lists have in common, each value as often as it is in both."""
    i = j = shared = 0
    while i < len(first) and j < len(second):
        ahead, behind = first[i] <= second[j], second[j] <= first[i]
        shared += 1 if ahead and behind else 0
        i += 1 if ahead else 0
        j += 1 if behind else 0
    return shared


@compiled
def _equal(first: Codes, second: Codes) -> bool:
    """Return whether two sequences are equal on either strand, whatever unknown bases stand at their ends."""
    start, stop = _known_ends(first)
    begin, end = _known_ends(second)
    one, other = first[start:stop], second[begin:end]
    if len(one) != len(other):
        return False
    same = complement = True
    for index in range(len(one)):
        behind = other[len(other) - 1 - index]
        same &= one[index] == other[index]
        complement &= one[index] == (behind if behind == UNKNOWN else 3 - behind)
    return same or complement
