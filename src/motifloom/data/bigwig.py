"""bigWig files, read by a process of their own.

pyBigWig trusts what it reads: a damaged byte can crash the process. That process is not the user's command, then.
"""

from __future__ import annotations

import os
import struct
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pyBigWig

from motifloom.errors import InputError
from motifloom.files import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    Places = npt.NDArray[np.int64]
    Values = npt.NDArray[np.float64]

Read = TypeVar("Read")

MAGIC = {"bigWig": 0x888FFC26, "bigBed": 0x8789F2EB}
"""The first four bytes of a file, in either order."""

HEADER = struct.Struct("<IHHQQQHHQQIQ")
"""A bigWig file's first bytes: its magic number, version, how many zoom levels there are; where the chromosomes, the
values and their index begin; and more."""

ZOOM_BYTES = 24
"""What follows for each zoom level, the last eight bytes being the place of its index."""

TREE_MAGIC, INDEX_MAGIC = 0x78CA8C91, 0x2468ACE0
"""What the list of chromosomes and an index begin with."""

SPAN = 1 << 20
"""Bases of a chromosome that are read at a time."""

AGAIN = "fetch or make it again"


def read_chromosomes(path: Path) -> dict[str, int]:
    """Read the names of a bigWig file's chromosomes, and their lengths in bp.

    Raises
    ------
    InputError
        Where the file is none, is truncated, or cannot be read.
    """
    _check_kind(path)
    return _apart(path, _chromosomes)


def read_coverage(path: Path, starts: Mapping[str, Places], window: int, how: str) -> dict[str, Values]:
    """Sum up the values in windows.

    Bases without a value, or with NaN, count as 0. Memory does not grow with the file.

    Parameters
    ----------
    starts
        Chromosome to its windows' first bases, 0-based, ascending, shape ``(n,)`` each. All windows lie inside.
    window
        In bp.
    how
        ``mean`` or ``max`` over the window's bases.

    Returns
    -------
    Chromosome to an array of shape ``(n,)``, perhaps with infinite values.

    Raises
    ------
    InputError
        Where the file cannot be read.
    """
    return _apart(path, _coverage, starts, window, how)


def _check_kind(path: Path) -> None:
    """Raise where a file's first bytes are not those of bigWig."""
    reason = missing(path)
    if reason:
        raise InputError(reason)
    with path.open("rb") as file:
        head = file.read(HEADER.size)
    start = head[:4]
    kinds = {magic.to_bytes(4, order): kind for kind, magic in MAGIC.items() for order in ("little", "big")}
    if kinds.get(start) == "bigBed":
        raise InputError(f"{path}: is a bigBed file, which has no values; expected bigWig")
    if start not in kinds:
        raise InputError(f"{path}: is no bigWig file: begins with {start!r}")
    if not _leads_to_its_parts(path, head):
        raise InputError(f"{path}: is empty, truncated or damaged: its header names parts that are not there; {AGAIN}")


def _leads_to_its_parts(path: Path, head: bytes) -> bool:
    """Return whether the list of chromosomes and every index begin where a bigWig file's header says.

    pyBigWig trusts the header: what is not there crashes it (Kent et al. 2010, Bioinformatics 26:2204, supplement).
    """
    order: Literal["little", "big"] = "little" if head[0] == MAGIC["bigWig"] & 0xFF else "big"
    if len(head) < HEADER.size:
        return False
    at = struct.Struct(("<" if order == "little" else ">") + HEADER.format[1:])
    _, _, zooms, tree, _, index, *_ = at.unpack(head)
    parts = [(tree, TREE_MAGIC), (index, INDEX_MAGIC)]
    with path.open("rb") as file:
        file.seek(HEADER.size)
        for _ in range(zooms):
            place = file.read(ZOOM_BYTES)[-8:]
            parts.append((int.from_bytes(place, order), INDEX_MAGIC))
        size = file.seek(0, os.SEEK_END)
        for place, magic in parts:
            if place > size - 4:
                return False
            file.seek(place)
            if int.from_bytes(file.read(4), order) != magic:
                return False
    return True


def _apart(path: Path, read: Callable[..., Read], *arguments: Any) -> Read:
    """Return what `read` makes of a file in a process of its own; what goes wrong there is the file's fault."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_keep_quiet) as apart:
        try:
            return apart.submit(read, str(path), *arguments).result()
        except BrokenProcessPool:
            raise InputError(f"{path}: is damaged, so that reading it crashes; {AGAIN}") from None
        except RuntimeError as error:
            raise InputError(f"{path}: cannot be read ({error}); is it the whole file?") from None


def _keep_quiet() -> None:
    """Send what the C library prints of a damaged file nowhere: the error says it in one line."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _chromosomes(path: str) -> dict[str, int]:
    with pyBigWig.open(path) as file:
        return dict(file.chroms())


def _coverage(path: str, starts: Mapping[str, Places], window: int, how: str) -> dict[str, Values]:
    with pyBigWig.open(path) as file:
        return {chrom: _along(file, chrom, places, window, how) for chrom, places in starts.items()}


def _along(file: Any, name: str, starts: Places, window: int, how: str) -> Values:
    """Return the mean or the maximum in windows of one chromosome, `starts` ascending; shape ``(n,)``."""
    combine = np.add if how == "mean" else np.maximum
    found = np.empty(len(starts))
    first = 0
    while first < len(starts):
        begin = starts[first]
        stop = max(first + 1, int(np.searchsorted(starts, begin + SPAN - window, side="right")))
        edges = (starts[first:stop, None] - begin + [0, window]).ravel()
        values = np.zeros(edges[-1] + 1)  # one more, so that the last edge is an index
        values[:-1] = np.nan_to_num(file.values(name, begin, begin + edges[-1], numpy=True), nan=0, posinf=np.inf)
        found[first:stop] = combine.reduceat(values, edges)[::2]
        first = stop
    return found / window if how == "mean" else found
