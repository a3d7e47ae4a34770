"""Sequences as whole numbers of which most are zero: counts of k-mers, and the base at each position.

What the baselines compare and weigh. Unknown bases and padding are no bases: a k-mer with one of them is not counted,
and a position that holds one has four zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, hstack

from motifloom.compiled import compiled
from motifloom.genome import BASES
from motifloom.models.kmers import kmer_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.genome import Codes

    Integers = npt.NDArray[np.int32]


def kmer_counts(codes: Codes, kmers: Sequence[int], canonical: bool) -> csr_array:
    """Count k-mers of one length or of several.

    Parameters
    ----------
    codes
        Shape ``(n, length)``.
    kmers
        Lengths in bp, 1 to 8.
    canonical
        Whether a k-mer and its reverse complement are counted as one: both strands alike.

    Returns
    -------
    int32 counts, shape ``(n, columns)``: the columns that :func:`motifloom.models.kmers.kmer_columns` gives
    for each of `kmers`, one after another.
    """
    parts = []
    for kmer in kmers:
        column_of = kmer_columns(kmer, canonical)
        width, most = int(column_of.max()) + 1, max(0, codes.shape[1] - kmer + 1)
        columns, counts = (np.empty(len(codes) * min(most, width), dtype=np.int32) for _ in range(2))
        starts = np.zeros(len(codes) + 1, dtype=np.int64)
        _count(codes, kmer, column_of, np.zeros(width, dtype=np.int32), starts, columns, counts)
        filled = slice(int(starts[-1]))
        parts.append(csr_array((counts[filled], columns[filled], starts), shape=(len(codes), width)))
    return parts[0] if len(parts) == 1 else csr_array(hstack(parts, format="csr"))


def positions(codes: Codes) -> csr_array:
    """Return the one-hot form of aligned sequences, position by position.

    Parameters
    ----------
    codes
        Shape ``(n, length)``.

    Returns
    -------
    int32 zeros and ones, shape ``(n, 4 * length)``: A C G T of the first position, then of the second, and so on.
    """
    known = codes < len(BASES)
    starts = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
    columns = (np.arange(codes.shape[1], dtype=np.int32) * len(BASES) + codes)[known]
    ones = np.ones(len(columns), dtype=np.int32)
    return csr_array((ones, columns, starts), shape=(len(codes), len(BASES) * codes.shape[1]))


@compiled
def _count(
    codes: Codes, kmer: int, column_of: Integers, tally: Integers, starts: npt.NDArray[np.int64], columns: Integers,
    counts: Integers,
) -> None:  # fmt: skip
    """Fill in compressed sparse rows, the columns of a row as they first come; `tally` is zero, and so again."""
    filled = 0
    for row in range(len(codes)):
        word, known = 0, 0
        for code in codes[row]:
            word = (word << 2 | code) & (len(column_of) - 1)
            known = known + 1 if code < 4 else 0
            if known >= kmer:
                column = column_of[word]
                if tally[column] == 0:
                    columns[filled] = column
                    filled += 1
                tally[column] += 1
        for place in range(starts[row], filled):
            counts[place] = tally[columns[place]]
            tally[columns[place]] = 0
        starts[row + 1] = filled
