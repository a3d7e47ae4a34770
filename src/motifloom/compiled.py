"""Loops over bases, compiled to machine code at their first call and kept beside this file for the next process.

Nothing here checks what it is given: :mod:`motifloom.genome` and :mod:`motifloom.fasta` do. They import this module
where they call it, because numba takes a quarter of a second to import.
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

LINE_FEED, CARRIAGE_RETURN, TAB, BLANK, COMMENT, HEADER = (ord(character) for character in "\n\r\t ;>")

LINE_END = 16
"""What a table of letters holds for a line feed. Packed bases are below it, bytes that are no base above."""

PREAMBLE, SEQUENCE, BEFORE_NAME, NAME, PASSED_OVER = range(5)
"""Where a parser stands: before the first header; among bases; behind a ``>``; in a name; in what is not read."""

MODE, LINE, PREVIOUS, BASES, RECORDS, FAULTS = range(6)
"""What a parser remembers: the mode, the number of the line (from 1), the last byte of the chunk before, and how many
bases, headers and faulty lines there were so far."""

START_OF_FILE = (PREAMBLE, 1, LINE_FEED, 0, 0, 0)

Loop = TypeVar("Loop", bound="Callable[..., Any]")


def compiled(loop: Loop) -> Loop:
    """Compile a loop at its first call; anew in each process where there is no folder to keep the result in."""
    try:
        dispatcher: Any = njit(cache=True, nogil=True)(loop)
    except RuntimeError:
        dispatcher = njit(nogil=True)(loop)
    return dispatcher


@compiled
def parse_fasta(  # noqa: PLR0912 - one state machine
    chunk: Bytes, letters: Bytes, state: Integers, codes: Bytes, names: Bytes, headers: Integers, faults: Integers
) -> tuple[int, int, int]:
    """Parse the next bytes of a FASTA file, which may break off anywhere.

    Parameters
    ----------
    chunk
        The bytes.
    letters
        What each of the 256 bytes is packed to, :data:`LINE_END`, or more where it is no base.
    state
        :data:`START_OF_FILE` at first, then what the call before left.
    codes
        Filled with the packed bases; as long as the chunk.
    names
        Filled with the names, each closed by a line feed; as long as the chunk.
    headers
        Filled with the line of each header and the number of bases before it; of as many rows as the chunk has bytes.
    faults
        Filled with the line of each fault and its byte, as far as there is room; a line has one at most, and so has
        all that comes before the first header.

    Returns
    -------
    How many bases, bytes of names and headers were filled in.
    """
    mode, line = state[MODE], state[LINE]
    bases = length = found = 0
    place, end = 0, len(chunk)
    if end and chunk[0] == LINE_FEED and state[PREVIOUS] == CARRIAGE_RETURN:
        place = 1
    while place < end:
        if mode == SEQUENCE:
            run, packed = _pack_run(chunk, place, letters, codes, bases)
            line += run - packed
            place += run
            bases += packed
            if place == end:
                break
        byte = chunk[place]
        before = chunk[place - 1] if place else state[PREVIOUS]
        ends_line = byte in {LINE_FEED, CARRIAGE_RETURN}
        if mode == NAME or (mode == BEFORE_NAME and (byte > BLANK or ends_line)):
            names[length] = byte if byte > BLANK else LINE_FEED
            length += 1
            mode = NAME if byte > BLANK else PASSED_OVER
        if ends_line:
            if byte == CARRIAGE_RETURN and place + 1 < end and chunk[place + 1] == LINE_FEED:
                place += 1
            line += 1
            mode = SEQUENCE if state[RECORDS] else PREAMBLE
        elif mode in {BEFORE_NAME, NAME, PASSED_OVER} or byte in {BLANK, TAB}:
            pass
        elif byte == HEADER and before in {LINE_FEED, CARRIAGE_RETURN}:
            headers[found, 0], headers[found, 1] = line, state[BASES] + bases
            found += 1
            state[RECORDS] += 1
            mode = BEFORE_NAME
        else:
            if byte != COMMENT or before not in {LINE_FEED, CARRIAGE_RETURN}:
                number = state[FAULTS]
                if number < len(faults):
                    faults[number, 0], faults[number, 1] = line, byte
                state[FAULTS] += mode == SEQUENCE or number == 0
            mode = PASSED_OVER
        place += 1
    if end:
        state[PREVIOUS] = chunk[end - 1]
    state[MODE], state[LINE] = mode, line
    state[BASES] += bases
    return bases, length, found


@compiled
def _pack_run(chunk: Bytes, start: int, letters: Bytes, codes: Bytes, bases: int) -> tuple[int, int]:
    """Pack bytes up to the first that is neither a base nor a line feed; return how many there were, and bases of them.

    Unsigned indices spare the question whether one counts from the end, which takes half of the time.
    """
    place, filled = np.uint64(start), np.uint64(bases)
    while place < np.uint64(len(chunk)):
        code = letters[chunk[place]]
        if code > LINE_END:
            break
        codes[filled] = code
        filled += np.uint64(code < LINE_END)
        place += np.uint64(1)
    return int(place) - start, int(filled) - bases


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
