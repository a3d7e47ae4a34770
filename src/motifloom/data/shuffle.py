"""Sequences shuffled so that every dinucleotide is kept: negatives made of what the positives are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from motifloom.compiled import compiled
from motifloom.genome import UNKNOWN

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.genome import Codes

LETTERS = 5
"""A C G T and the unknown base."""


def shuffled_rows(codes: Codes, random: np.random.Generator) -> Codes:
    """Return sequences shuffled, each from its first to its last known base; what surrounds those stays in its place.

    Parameters
    ----------
    codes
        Shape ``(n, length)``.
    """
    rows = codes.copy(order="C")
    _shuffle_rows(rows, random)
    return rows


@compiled
def _shuffle_rows(codes: Codes, random: np.random.Generator) -> None:
    for row in range(len(codes)):
        known = np.flatnonzero(codes[row] < UNKNOWN)
        if len(known):
            inner = codes[row, known[0] : known[-1] + 1]
            inner[:] = shuffled(inner, random)


@compiled
def shuffled(codes: Codes, random: np.random.Generator) -> Codes:
    """Draw a sequence with the same dinucleotides, evenly among all there are.

    A sequence is a walk over a graph of five letters whose edges are its dinucleotides, and every walk that uses each
    edge once is such a sequence. The last edges out of each letter form a tree that leads to the last base; a random
    tree (Wilson's walk), then the other edges in random order, give every walk the same chance (Altschul and Erickson,
    Mol. Biol. Evol. 2, 526, 1985; Wilson, STOC 1996).

    Parameters
    ----------
    codes
        Codes 0 to 4 of one sequence, shape ``(length,)``; the unknown base is a letter like the others.
    random
        The only source of randomness.

    Returns
    -------
    Codes of shape ``(length,)``: each pair of neighbours as often as in `codes`, the same first and last base.
    """
    length = len(codes)
    if length < 4:  # nothing lies between the first and the last base that could change places
        return codes.copy()
    first, successors = _successors(codes)
    last_edge = _random_tree(first, successors, codes[length - 1], random)
    for letter in range(LETTERS):
        start, stop = first[letter], first[letter + 1]
        if last_edge[letter] >= 0:
            stop -= 1
            _swap(successors, last_edge[letter], stop)
        for place in range(stop - 1, start, -1):
            _swap(successors, random.integers(start, place + 1), place)
    walk = np.empty_like(codes)
    walk[0] = codes[0]
    following = first[:LETTERS].copy()
    for place in range(1, length):
        letter = walk[place - 1]
        walk[place] = successors[following[letter]]
        following[letter] += 1
    return walk


@compiled
def _successors(codes: Codes) -> tuple[npt.NDArray[np.int64], Codes]:
    """List, letter by letter, what follows it: those of letter ``i`` lie from ``first[i]`` to ``first[i + 1]``."""
    first = np.zeros(LETTERS + 1, dtype=np.int64)
    for code in codes[:-1]:
        first[code + 1] += 1
    first = np.cumsum(first)
    place = first[:LETTERS].copy()
    successors = np.empty(len(codes) - 1, dtype=np.uint8)
    for index in range(len(codes) - 1):
        code = codes[index]
        successors[place[code]] = codes[index + 1]
        place[code] += 1
    return first, successors


@compiled
def _random_tree(
    first: npt.NDArray[np.int64], successors: Codes, root: int, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Draw the last edge out of each letter, so that all lead to `root`; -1 for `root` and for letters without edges.

    From each letter that is not yet in the tree a random walk goes until it meets the tree; the edge by which it last
    left each letter is kept.
    """
    edge = np.full(LETTERS, -1, dtype=np.int64)
    in_tree = np.zeros(LETTERS, dtype=np.bool_)
    in_tree[root] = True
    for letter in range(LETTERS):
        if first[letter] == first[letter + 1]:
            continue
        here = letter
        while not in_tree[here]:
            edge[here] = random.integers(first[here], first[here + 1])
            here = successors[edge[here]]
        here = letter
        while not in_tree[here]:
            in_tree[here] = True
            here = successors[edge[here]]
    return edge


@compiled
def _swap(values: Codes, i: int, j: int) -> None:
    values[i], values[j] = values[j], values[i]
