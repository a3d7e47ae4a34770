"""K-mers as numbers: the bases A C G T read as the digits 0 1 2 3, the first base first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from motifloom.genome import UNKNOWN

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.genome import Codes

    Integers = npt.NDArray[np.int32]


def kmer_columns(kmer: int, canonical: bool) -> Integers:
    """Return the column of each k-mer, bases A C G T read as digits 0 1 2 3; shape ``(4**kmer,)``.

    Where `canonical`, a k-mer and its reverse complement have one column.
    """
    forward = np.arange(4**kmer, dtype=np.int32)
    if not canonical:
        return forward
    digits = (forward[:, None] // 4 ** np.arange(kmer)) % 4  # the last base first: already reversed
    backward = ((3 - digits) * 4 ** np.arange(kmer)[::-1]).sum(axis=1)
    return np.unique(np.minimum(forward, backward), return_inverse=True)[1].astype(np.int32)


def kmer_presence(codes: Codes, kmer: int, canonical: bool) -> npt.NDArray[np.bool_]:
    """Return which sequences have which k-mers, as :func:`kmer_columns` numbers them; shape ``(n, k-mers)``."""
    columns = kmer_columns(kmer, canonical)
    present = np.zeros((len(codes), int(columns.max()) + 1), dtype=bool)
    places = codes.shape[1] - kmer + 1
    if places > 0:
        word, known = np.zeros((len(codes), places), dtype=np.int32), np.ones((len(codes), places), dtype=bool)
        for offset in range(kmer):
            bases = codes[:, offset : offset + places]
            word = 4 * word + bases
            known &= bases < UNKNOWN
        first = np.arange(len(codes))[:, None] * present.shape[1]  # of each sequence's places in the flat table
        present.reshape(-1)[(first + columns[np.where(known, word, 0)])[known]] = True
    return present
