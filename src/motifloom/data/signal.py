"""Coverage of windows from bigWig files: the labels of regression."""

from __future__ import annotations

import os
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyBigWig

from motifloom.data.chromosomes import check_names
from motifloom.errors import InputError
from motifloom.files import missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from motifloom.data.territory import Places
    from motifloom.genome import Genome

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


@dataclass(frozen=True)
class Signal:
    """A bigWig file of values along a genome.

    Attributes
    ----------
    path
        Where it lies.
    names
        For each of the genome's chromosomes that the file has, what the file calls it.
    """

    path: Path
    names: dict[str, str]

    @classmethod
    def open(cls, path: Path, genome: Genome, aliases: Mapping[str, str], where: str) -> Signal:
        """Read a file's header and hold it against the genome.

        Parameters
        ----------
        aliases
            Names of chromosomes in files: names in the genome.
        where
            The dataset's key in the configuration, for the messages.

        Raises
        ------
        InputError
            Where the file is no bigWig file, has none of the genome's chromosomes, or has one of another length.
        """
        lengths = check_signal(path)
        names = {aliases.get(name, name): name for name in lengths}
        check_names(names, genome, path, where)
        names = {chrom: name for chrom, name in names.items() if chrom in genome.lengths}
        others = [chrom for chrom, name in names.items() if lengths[name] != genome.lengths[chrom]]
        if others:
            chrom = others[0]
            raise InputError(
                f"{path}: '{names[chrom]}' has {lengths[names[chrom]]} bp, the genome's '{chrom}' "
                f"{genome.lengths[chrom]}; {len(others)} of {len(names)} chromosomes differ; expected the same assembly"
            )
        return cls(path, names)

    def coverage(self, genome: Genome, starts: Places, window: int, how: str) -> npt.NDArray[np.float64]:
        """Sum up the values in windows.

        Bases without a value, or with NaN, count as 0. Memory does not grow with the file.

        Parameters
        ----------
        starts
            The windows' first places in the packed genome, ascending, shape ``(n,)``.
        window
            In bp.
        how
            ``mean`` or ``max`` over the window's bases; after ``log1p-``, the natural logarithm of 1 + that.

        Returns
        -------
        Array of shape ``(n,)``; NaN for windows on chromosomes that the file does not have.

        Raises
        ------
        InputError
            Where the file cannot be read, a value is infinite, or a logarithm of a negative value is asked for.
        """
        values = np.full(len(starts), np.nan)
        with _reading(self.path) as file:
            for chrom, name in self.names.items():
                offset = genome.offsets[chrom]
                part = slice(*np.searchsorted(starts, [offset, offset + genome.lengths[chrom]]))
                values[part] = _along(file, name, starts[part] - offset, window, how.removeprefix("log1p-"))
        if np.isinf(values).any():
            where = _place(genome, starts[np.isinf(values).argmax()], window)
            raise InputError(f"{self.path}: has infinite values, the first in {where}; expected numbers")
        if not how.startswith("log1p-"):
            return values
        if (values < 0).any():
            least = np.nanargmin(values)
            where = _place(genome, starts[least], window)
            raise InputError(
                f"{self.path}: the coverage of {where} is {values[least]:g}; 'coverage: {how}' needs values of 0 or "
                f"more, expected 'coverage: {how.removeprefix('log1p-')}'"
            )
        return np.log1p(values)


def check_signal(path: Path) -> dict[str, int]:
    """Read a bigWig file's header, and return the lengths of its chromosomes; InputError where it is none."""
    _check_kind(path)
    with _reading(path) as file:
        return dict(file.chroms())


def _place(genome: Genome, start: int, window: int) -> str:
    """Return what to call the window that begins at `start` in the packed genome."""
    chrom = max((name for name in genome.offsets if genome.offsets[name] <= start), key=genome.offsets.__getitem__)
    return f"{chrom}:{start - genome.offsets[chrom]}-{start - genome.offsets[chrom] + window}"


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
        raise InputError(
            f"{path}: is empty, truncated or damaged: its header names parts that are not there; fetch or make it again"
        )


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


@contextmanager
def _reading(path: Path) -> Iterator[Any]:
    """Open a bigWig file; what its library raises while it is read is the file's fault."""
    try:
        with pyBigWig.open(str(path)) as file:
            yield file
    except RuntimeError as error:
        raise InputError(f"{path}: cannot be read ({error}); is it the whole file?") from None


def _along(file: Any, name: str, starts: Places, window: int, how: str) -> npt.NDArray[np.float64]:
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
