"""k nearest neighbours on k-mer spectra: the plainest model that a network must beat.

A sequence's spectrum counts its k-mers, those with an unknown base not at all; canonical ones, a k-mer and its reverse
complement as one, where sequences may be read on either strand. Sequences are near when the cosine between their
spectra is great; a query's score is the mean label of its nearest training sequences: the share of positives among
them, the share of a class, or their mean value. The search is exact: counts are small integers, so the dot products of
float32 matrices are whole numbers without rounding, whatever the number of threads; of equally near sequences the
earlier one is nearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from motifloom.genome import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.genome import Codes

BLOCK = 1024
"""Queries that are compared at a time; memory grows with it times the number of training sequences."""


def canonical_index(kmer: int) -> npt.NDArray[np.int64]:
    """Return each k-mer's column of canonical k-mers, bases A C G T read as digits 0 1 2 3; shape ``(4**kmer,)``."""
    forward = np.arange(4**kmer)
    digits = (forward[:, None] // 4 ** np.arange(kmer)) % 4  # the last base first: already reversed
    backward = ((3 - digits) * 4 ** np.arange(kmer)[::-1]).sum(axis=1)
    return np.unique(np.minimum(forward, backward), return_inverse=True)[1]


def spectra(codes: Codes, kmer: int, both_strands: bool) -> npt.NDArray[np.float32]:
    """Count k-mers.

    Parameters
    ----------
    codes
        Shape ``(n, length)``.
    kmer
        The length of a k-mer in bp, 1 to 8.
    both_strands
        Whether they are counted as canonical k-mers.

    Returns
    -------
    float32 array of whole numbers, shape ``(n, k-mers)``.
    """
    column = canonical_index(kmer) if both_strands else np.arange(4**kmer)
    columns = int(column.max()) + 1
    places = codes.shape[1] - kmer + 1
    counts = np.zeros((len(codes), columns), dtype=np.float32)
    if places < 1:
        return counts
    for first in range(0, len(codes), BLOCK):
        block = codes[first : first + BLOCK]
        word = np.zeros((len(block), places), dtype=np.int64)
        known = np.ones((len(block), places), dtype=bool)
        for offset in range(kmer):
            base = block[:, offset : offset + places]
            word = word * 4 + np.minimum(base, 3)
            known &= base < UNKNOWN
        row = np.nonzero(known)[0]
        flat = np.bincount(row * columns + column[word[known]], minlength=len(block) * columns)
        counts[first : first + BLOCK] = flat.reshape(len(block), columns)
    return counts


@dataclass(frozen=True)
class Knn:
    """Training sequences to be asked for their nearest.

    Attributes
    ----------
    counts
        Spectra, shape ``(n, k-mers)``.
    norms
        Their Euclidean lengths, shape ``(n,)``; 1 where a spectrum is empty.
    labels
        0 or 1, or values; NaN where one is missing; shape ``(n, tasks)``.
    kmer
        The length of a k-mer in bp.
    both_strands
        Whether the k-mers are canonical.
    """

    counts: npt.NDArray[np.float32]
    norms: npt.NDArray[np.float64]
    labels: npt.NDArray[np.float32]
    kmer: int
    both_strands: bool

    @classmethod
    def fit(cls, codes: Codes, labels: npt.NDArray[np.float32], kmer: int, both_strands: bool) -> Knn:
        """Keep the spectra of training sequences of shape ``(n, length)`` and their labels of shape ``(n, tasks)``."""
        counts = spectra(codes, kmer, both_strands)
        return cls(counts, _norms(counts), labels, kmer, both_strands)

    def nearest(self, codes: Codes, neighbours: int) -> npt.NDArray[np.int64]:
        """Return the training sequences nearest to each query, the nearest first, shape ``(n, neighbours)``."""
        queries = spectra(codes, self.kmer, self.both_strands)
        similarity = (queries @ self.counts.T).astype(np.float64) / (_norms(queries)[:, None] * self.norms)
        return _greatest(similarity, min(neighbours, len(self.counts)))

    def predict(self, codes: Codes, neighbours: Sequence[int]) -> dict[int, npt.NDArray[np.float64]]:
        """Score queries of shape ``(n, length)`` with several numbers of neighbours at once.

        Returns
        -------
        For each number of neighbours the mean label of those among them that have one, shape ``(n, tasks)``; where none
        has, the mean label of all training sequences. A number greater than that of the training sequences means all
        of them.
        """
        known = ~np.isnan(self.labels)
        values = np.where(known, self.labels, 0).astype(np.float64)
        everywhere = values.sum(axis=0) / known.sum(axis=0)
        scores = {k: np.empty((len(codes), values.shape[1])) for k in neighbours}
        for first in range(0, len(codes), BLOCK):
            part = slice(first, first + BLOCK)
            near = self.nearest(codes[part], max(neighbours))
            for k in neighbours:
                total, number = values[near[:, :k]].sum(axis=1), known[near[:, :k]].sum(axis=1)  # (queries, tasks)
                scores[k][part] = np.where(number > 0, total / np.maximum(number, 1), everywhere)
        return scores


def _norms(counts: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    squares = np.einsum("ij,ij->i", counts, counts, dtype=np.float64)
    return np.sqrt(np.where(squares > 0, squares, 1.0))


def _greatest(values: npt.NDArray[np.float64], number: int) -> npt.NDArray[np.int64]:
    """Return the columns of each row's greatest values, the greatest first; of equal ones the first column first."""
    least = np.partition(values, -number, axis=1)[:, -number]
    found = np.empty((len(values), number), dtype=np.int64)
    for row, candidates in enumerate(values >= least[:, None]):
        columns = np.flatnonzero(candidates)
        found[row] = columns[np.argsort(-values[row, columns], kind="stable")[:number]]
    return found
