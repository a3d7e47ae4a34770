"""Loops over places of sequences, compiled: what scanning with filters spends its time in.

Three neighbouring bases are looked up at a time, for many matrices side by side, which is what the vector units of a
processor do best. Nothing here checks what it is given. Every score is the sum of the same float32 in the same order,
whatever the batch, the loop or the number of threads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from motifloom.compiled import compiled

Codes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

LANES = 128
"""So many matrices are worked on at a time."""

LETTERS = 5
"""A C G T and unknown."""

TOGETHER = 3
"""Bases that are looked up at a time."""


@compiled
def best_scores(codes: Codes, lengths: Integers, width: int, tables: Floats, best: Floats) -> None:
    """Find the greatest score of each matrix in each sequence.

    Parameters
    ----------
    codes
        0 to 3, or 4 where no base is known: sequences with `width` places of 4 before them and at least
        ``width + TOGETHER - 1`` behind, shape ``(n, places)``.
    lengths
        Of the sequences, shape ``(n,)``.
    width
        Of the matrices.
    tables
        What the words of :data:`TOGETHER` letters add, group of columns by group, shape
        ``(blocks, groups, LETTERS ** TOGETHER, LANES)``.
    best
        Filled in, shape ``(n, blocks * LANES)``; left as it is where a sequence has no place for a site.
    """
    words, counts = _read(codes, lengths, width)
    score = np.empty(LANES, dtype=np.float32)
    for block in range(len(tables)):
        for row in range(len(codes)):
            reached = best[row, block * LANES : (block + 1) * LANES]
            for start in range(width - width // 2, width - width // 2 + lengths[row]):
                if counts[row, start]:
                    _add_up(tables[block], words[row], start, score)
                    for lane in range(LANES):
                        reached[lane] = max(reached[lane], score[lane])


@compiled
def sites_above(
    codes: Codes, lengths: Integers, width: int, tables: Floats, thresholds: Floats, found: Integers, scores: Floats
) -> int:
    """Find the places where a matrix scores more than its threshold.

    Parameters
    ----------
    codes, lengths, width, tables
        As of :func:`best_scores`.
    thresholds
        Shape ``(blocks * LANES,)``.
    found
        Filled in with the row, the matrix and the start (from the sequence's first base) of each site, shape
        ``(room, 3)``.
    scores
        Filled in, shape ``(room,)``.

    Returns
    -------
    How many sites there are; more than `room` where not all were filled in.
    """
    words, counts = _read(codes, lengths, width)
    score = np.empty(LANES, dtype=np.float32)
    number = 0
    for block in range(len(tables)):
        limits = thresholds[block * LANES : (block + 1) * LANES]
        for row in range(len(codes)):
            for start in range(width - width // 2, width - width // 2 + lengths[row]):
                if not counts[row, start]:
                    continue
                _add_up(tables[block], words[row], start, score)
                passing = 0
                for lane in range(LANES):
                    passing |= score[lane] > limits[lane]
                if not passing:
                    continue
                for lane in range(LANES):
                    if score[lane] > limits[lane]:
                        if number < len(found):
                            found[number, 0], found[number, 1] = row, block * LANES + lane
                            found[number, 2] = start - width
                            scores[number] = score[lane]
                        number += 1
    return number


@compiled
def apart(rows: Integers, units: Integers, starts: Integers, width: int, kept: npt.NDArray[np.bool_]) -> None:
    """Keep sites that overlap no better one of the same filter.

    Parameters
    ----------
    rows, units, starts
        Of each site, those of one sequence and filter side by side, the best first, shape ``(sites,)``.
    width
        Of a site.
    kept
        Filled in, shape ``(sites,)``.
    """
    first = 0
    for site in range(len(rows)):
        if rows[site] != rows[first] or units[site] != units[first]:
            first = site
        kept[site] = True
        for other in range(first, site):
            if kept[other] and abs(starts[site] - starts[other]) < width:
                kept[site] = False
                break


@compiled
def _read(codes: Codes, lengths: Integers, width: int) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Return the word at each place, and whether at least half of the bases of a site that starts there are known."""
    words = np.zeros(codes.shape, dtype=np.int64)
    counts = np.zeros(codes.shape, dtype=np.bool_)
    for row in range(len(codes)):
        for place in range(codes.shape[1] - TOGETHER + 1):
            for letter in range(TOGETHER):
                words[row, place] = words[row, place] * LETTERS + codes[row, place + letter]
        for start in range(width - width // 2, width - width // 2 + lengths[row]):
            known = 0
            for column in range(width):
                known += codes[row, start + column] < LETTERS - 1
            counts[row, start] = 2 * known >= width
    return words, counts


@compiled
def _add_up(table: Floats, words: Integers, start: int, score: Floats) -> None:
    """Fill in what the matrices of a block score at a place, shape ``(LANES,)``."""
    added = table[0, words[start]]
    for lane in range(LANES):
        score[lane] = added[lane]
    group = 1
    while group + 2 < len(table):  # three at a time: a score is read and written once for all of them
        place = start + TOGETHER * group
        one = table[group, words[place]]
        two = table[group + 1, words[place + TOGETHER]]
        three = table[group + 2, words[place + 2 * TOGETHER]]
        for lane in range(LANES):
            score[lane] = score[lane] + one[lane] + two[lane] + three[lane]
        group += 3
    for last in range(group, len(table)):
        added = table[last, words[start + TOGETHER * last]]
        for lane in range(LANES):
            score[lane] += added[lane]
