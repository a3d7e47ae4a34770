"""Scanning sequences with many matrices of one width: the best score of each sequence, and all sites above a threshold.

A matrix adds a value for each base; an unknown base, and what is beyond a sequence's ends, adds 0. A place counts where
the matrix's centre is on the sequence and at least half of the bases that it lies on are known.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from motifloom.genome import UNKNOWN, sequence_lengths

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from motifloom.genome import Codes

    Floats = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.int64]

ROOM = 1 << 16
"""Sites of a batch that there is room for at first."""


@dataclass(frozen=True)
class Sites:
    """Places of filters, at most one of a filter where several overlap; arrays of shape ``(sites,)``.

    They are ordered by sequence and filter, and within these by score, the best first.

    Attributes
    ----------
    row
        The sequence, counted from the first that was scanned.
    unit
        The filter.
    start
        The first base under the filter on the forward strand, in bp from the sequence's first; may be negative.
    minus
        Whether the filter reads the reverse strand.
    score
        The sum of what the bases add.
    """

    row: Integers
    unit: Integers
    start: Integers
    minus: npt.NDArray[np.bool_]
    score: Floats

    def __len__(self) -> int:
        return len(self.row)

    def of(self, chosen: npt.NDArray[np.bool_]) -> Sites:
        """Return the sites that are `chosen`, a mask of shape ``(sites,)``."""
        return Sites(self.row[chosen], self.unit[chosen], self.start[chosen], self.minus[chosen], self.score[chosen])

    @property
    def best(self) -> npt.NDArray[np.bool_]:
        """Which sites are the best of their filter in their sequence, shape ``(sites,)``."""
        first = np.ones(len(self), dtype=bool)
        first[1:] = (self.row[1:] != self.row[:-1]) | (self.unit[1:] != self.unit[:-1])
        return first


NOWHERE = np.empty(0, dtype=np.int64)
NONE = Sites(NOWHERE, NOWHERE, NOWHERE, np.empty(0, dtype=np.bool_), np.empty(0, dtype=np.float32))


def best_scores(matrices: Floats, batches: Iterable[Codes], both_strands: bool) -> Floats:
    """Find the greatest score of each matrix in each sequence.

    Parameters
    ----------
    matrices
        What A C G T add in each column, shape ``(matrices, width, 4)``.
    batches
        Codes of shape ``(batch, length)``.
    both_strands
        Whether the other strand counts too.

    Returns
    -------
    Shape ``(sequences, matrices)``; −∞ where a sequence has no place for a site.
    """
    from motifloom.motifs import loops  # noqa: PLC0415 - numba takes a quarter of a second to import

    number, width, _ = matrices.shape
    strands, tables = 1 + both_strands, _tables(matrices, both_strands)
    found = [np.empty((0, number), dtype=np.float32)]
    for codes in batches:
        best = np.full((len(codes), len(tables) * loops.LANES), -np.inf, dtype=np.float32)
        loops.best_scores(_padded(codes, width), sequence_lengths(codes), width, tables, best)
        found.append(best[:, : strands * number].reshape(len(codes), strands, number).max(axis=1))
    return np.concatenate(found)


def find_sites(matrices: Floats, thresholds: Floats, batches: Iterable[Codes], both_strands: bool) -> Sites:
    """Find every place where a matrix scores more than its threshold; of overlapping ones the best.

    Parameters
    ----------
    matrices
        What A C G T add in each column, shape ``(matrices, width, 4)``.
    thresholds
        Shape ``(matrices,)``.
    batches
        Codes of shape ``(batch, length)``; memory beyond the result grows with the batch alone.
    both_strands
        Whether the other strand is scanned too.
    """
    from motifloom.motifs import loops  # noqa: PLC0415 - numba takes a quarter of a second to import

    number, width, _ = matrices.shape
    strands, tables = 1 + both_strands, _tables(matrices, both_strands)
    limits = np.full(len(tables) * loops.LANES, np.inf, dtype=np.float32)
    limits[: strands * number] = np.tile(thresholds, strands)
    found, scores = np.empty((ROOM, 3), dtype=np.int64), np.empty(ROOM, dtype=np.float32)
    parts: list[Sites] = [NONE]
    first = 0
    for codes in batches:
        inputs = (_padded(codes, width), sequence_lengths(codes), width, tables, limits)
        total = loops.sites_above(*inputs, found, scores)
        if total > len(found):
            found, scores = np.empty((2 * total, 3), dtype=np.int64), np.empty(2 * total, dtype=np.float32)
            loops.sites_above(*inputs, found, scores)
        row, matrix, start = found[:total].T
        order = np.lexsort((matrix, start, -scores[:total], matrix % number, row))
        row, matrix, start, score = row[order], matrix[order], start[order], scores[:total][order]
        unit, kept = matrix % number, np.empty(total, dtype=bool)
        loops.apart(row, unit, start, width, kept)
        parts.append(Sites(first + row, unit, start, matrix >= number, score).of(kept))
        first += len(codes)
    return Sites(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Sites)))


def _tables(matrices: Floats, both_strands: bool) -> Floats:
    """Return what words add to matrices and, behind them, to those of the other strand, as the loops take it."""
    from motifloom.motifs import loops  # noqa: PLC0415 - numba takes a quarter of a second to import

    both = np.concatenate([matrices, matrices[:, ::-1, ::-1]]) if both_strands else matrices
    number, width, _ = both.shape
    groups, blocks = -(-width // loops.TOGETHER), -(-number // loops.LANES)
    shape = (blocks * loops.LANES, groups * loops.TOGETHER, loops.LETTERS)
    letters = np.zeros(shape, dtype=np.float32)
    letters[:number, :width, :4] = both
    letters = letters.reshape(blocks, loops.LANES, groups, loops.TOGETHER, loops.LETTERS)
    words = letters[:, :, :, 0]
    for place in range(1, loops.TOGETHER):
        words = (words[..., None] + letters[:, :, :, place, None]).reshape(*words.shape[:3], -1)
    return np.ascontiguousarray(words.transpose(0, 2, 3, 1))  # (blocks, groups, words, lanes)


def _padded(codes: Codes, width: int) -> Codes:
    """Return codes with unknown bases on either side, as the loops want them, all that is no base as one code."""
    return np.pad(np.minimum(codes, UNKNOWN), ((0, 0), (width, width + 2)), constant_values=UNKNOWN)
