"""Loops over bases, compiled to machine code at their first call and kept beside this file for the next process.

Nothing here checks what it is given: :mod:`motifloom.genome` does. It imports this module where it calls it, because
numba takes a quarter of a second to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Counts = npt.NDArray[np.int32]
    Integers = npt.NDArray[np.int64]

CODE_BITS, SOFT_MASK_SHIFT = np.uint8(7), np.uint8(3)
CYTOSINE, GUANINE, UNKNOWN = np.uint8(1), np.uint8(2), np.uint8(4)
"""A packed base: the code in its low bits, above them whether it is soft-masked."""

Loop = TypeVar("Loop", bound="Callable[..., Any]")


def compiled(loop: Loop) -> Loop:
    """Compile a loop at its first call; anew in each process where there is no folder to keep the result in."""
    try:
        dispatcher: Any = njit(cache=True, nogil=True)(loop)
    except RuntimeError:
        dispatcher = njit(nogil=True)(loop)
    return dispatcher


@compiled
def count_rows(
    packed: Bytes, starts: Integers, lengths: Integers, gc: Counts, unknown: Counts, soft_masked: Counts
) -> None:
    """Fill in the numbers of bases of each sequence."""
    for row in range(len(starts)):
        bases = packed[starts[row] : starts[row] + lengths[row]]
        found_gc = found_unknown = found_soft_masked = np.int32(0)
        for place in range(len(bases)):
            code = bases[place] & CODE_BITS
            found_gc += (code == CYTOSINE) | (code == GUANINE)
            found_unknown += code == UNKNOWN
            found_soft_masked += bases[place] >> SOFT_MASK_SHIFT
        gc[row], unknown[row], soft_masked[row] = found_gc, found_unknown, found_soft_masked
