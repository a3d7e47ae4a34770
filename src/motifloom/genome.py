"""A genome packed to one byte a base, and what is done with such bases.

A base is a code: A C G T are 0 1 2 3, anything else (N, IUPAC codes, gaps) is 4. A packed genome is a folder of
``codes.bin``, the bases of all contigs one after another, and ``contigs.tsv``, where each contig lies. It is mapped
into memory, not read: a window costs no copy. One-hot form exists only per batch. The loops over bases are compiled:
they stand in :mod:`motifloom.compiled`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from motifloom.fasta import CHUNK_BYTES, NO_BASE, FastaReader
from motifloom.files import whole_file, write_tsv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import RawIOBase

    import numpy.typing as npt

    Codes = npt.NDArray[np.uint8]
    Integers = npt.NDArray[np.int64]

BASES = "ACGT"
UNKNOWN = 4
"""The code of everything that is not A, C, G or T."""

SOFT_MASKED = 8
"""The bit of a packed base that says it was written in lower case."""

CODE_OF_BYTE = np.full(256, UNKNOWN, dtype=np.uint8)
for _code, _base in enumerate(BASES):
    CODE_OF_BYTE[[ord(_base), ord(_base.lower())]] = _code
CODE_OF_BYTE[[ord("U"), ord("u")]] = BASES.index("T")

PACKED_OF_BYTE = np.full(256, NO_BASE, dtype=np.uint8)
"""What a letter of a FASTA file is packed to: bases, IUPAC codes (X for N, as some tools mask), and gaps."""
for _letter in "ACGTURYSWKMBDHVNX":
    PACKED_OF_BYTE[ord(_letter)] = CODE_OF_BYTE[ord(_letter)]
    PACKED_OF_BYTE[ord(_letter.lower())] = CODE_OF_BYTE[ord(_letter)] | SOFT_MASKED
PACKED_OF_BYTE[[ord(_gap) for _gap in "-.*"]] = UNKNOWN

COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)

RESIDENT_BYTES = 1 << 28
"""A mapped file of so many bytes may come into memory as a whole; of a larger one, only what is asked for is read."""

BLOCK_BYTES, SPAN_BYTES = 1 << 23, 1 << 26
"""How much is read of such a file at a time: sequences of so many bases, within a stretch of so many."""

CALL_BYTES = 1 << 13
"""A call of the system takes as long as it takes to read so many bytes."""


def encode(sequence: str) -> Codes:
    """Return the codes of a DNA (or RNA) string, shape ``(length,)``; lower case is read as upper case."""
    return CODE_OF_BYTE[np.frombuffer(sequence.encode("ascii", "replace"), dtype=np.uint8)]


def decode(codes: Codes) -> str:
    """Return the string of codes of shape ``(length,)``; what is unknown becomes N.

    >>> decode(encode("acgtRN"))
    'ACGTNN'
    """
    return np.frombuffer(f"{BASES}N".encode(), dtype=np.uint8)[codes].tobytes().decode()


def reverse_complement(codes: Codes) -> Codes:
    """Return the other strand of codes of shape ``(..., length)``, read in its own direction."""
    return COMPLEMENT[codes[..., ::-1]]


def map_codes(path: str | Path) -> Codes:
    """Map a file of packed bases into memory, shape ``(bases,)``."""
    if not Path(path).stat().st_size:
        return np.empty(0, dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="r")


def gather(
    packed: Codes,
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    minus: npt.NDArray[np.bool_],
    out: Codes,
) -> None:
    """Gather sequences as codes, without the mark of soft-masked bases.

    Parameters
    ----------
    packed
        Bases as :func:`pack` writes them, shape ``(bases,)``.
    starts, lengths
        Each sequence's first base in `packed` and its length in bp, at most the width of `out`; shape ``(n,)``.
    minus
        Whether the reverse complement is meant, shape ``(n,)``.
    out
        Filled with codes, shape ``(n, width)``; a shorter sequence stands in the middle, unknown bases around it.

    Raises
    ------
    IndexError
        Where a sequence reaches out of `packed`, or is longer than `out` is wide.
    """
    from motifloom.compiled import gather_rows  # noqa: PLC0415 - slow

    if not len(starts) == len(lengths) == len(minus) == len(out):
        raise ValueError(f"{len(starts)} starts, {len(lengths)} lengths, {len(minus)} strands for {len(out)} rows")
    minus = _fixed(minus, np.bool_)
    for rows, bases, begins, extents in _blocks(packed, starts, lengths, out.shape[1]):
        gather_rows(bases, begins, extents, minus[rows], out[rows])


def one_hot(codes: Codes, out: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
    """Return the one-hot form of codes.

    Parameters
    ----------
    codes
        Shape ``(n, length)``: A C G T are 0 1 2 3, anything else is unknown.
    out
        Filled and returned, if given: C-contiguous, shape ``(n, 4, length)``.

    Returns
    -------
    float32, shape ``(n, 4, length)``; an unknown base is all zeros.
    """
    from motifloom.compiled import fill_one_hot  # noqa: PLC0415 - slow

    number, length = codes.shape
    if out is None:
        out = np.empty((number, len(BASES), length), dtype=np.float32)
    elif out.shape != (number, len(BASES), length):
        raise ValueError(f"shape {out.shape} for the one-hot form of {codes.shape}")
    fill_one_hot(_fixed(codes, np.uint8), out)
    return out


@dataclass(frozen=True)
class Composition:
    """What sequences are made of: numbers of bases, int32 arrays of shape ``(n,)``."""

    gc: npt.NDArray[np.int32]
    unknown: npt.NDArray[np.int32]
    soft_masked: npt.NDArray[np.int32]

    @classmethod
    def empty(cls, number: int) -> Composition:
        """Return counts of 0 of `number` sequences."""
        return cls(*(np.zeros(number, dtype=np.int32) for _ in range(3)))

    @classmethod
    def of(cls, packed: Codes, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Composition:
        """Count the bases of sequences that begin at `starts` in `packed`; shape ``(n,)`` each."""
        from motifloom.compiled import count_rows  # noqa: PLC0415 - slow

        counted = cls.empty(len(starts))
        for rows, bases, begins, extents in _blocks(packed, starts, lengths):
            count_rows(bases, begins, extents, counted.gc[rows], counted.unknown[rows], counted.soft_masked[rows])
        return counted

    def put(self, chosen: npt.NDArray[np.bool_], counted: Composition) -> None:
        """Lay the counts of some of the sequences into their places."""
        self.gc[chosen], self.unknown[chosen] = counted.gc, counted.unknown
        self.soft_masked[chosen] = counted.soft_masked


@dataclass(frozen=True)
class Genome:
    """A packed genome.

    Attributes
    ----------
    packed
        The bases of all contigs one after another, shape ``(bases,)``, mapped from the file: codes, with the bit
        :data:`SOFT_MASKED` set where the file has lower case.
    offsets
        Contig name to the place of its first base in `packed`.
    lengths
        Contig name to its length in bp, in the FASTA file's order.
    """

    packed: Codes
    offsets: dict[str, int]
    lengths: dict[str, int]

    @classmethod
    def open(cls, folder: str | Path) -> Genome:
        """Map a folder that :func:`pack` wrote."""
        contigs = pl.read_csv(Path(folder) / "contigs.tsv", separator="\t", schema_overrides={"contig": pl.String})
        names = contigs["contig"].to_list()
        return cls(
            packed=map_codes(Path(folder) / "codes.bin"),
            offsets=dict(zip(names, contigs["offset"].to_list(), strict=True)),
            lengths=dict(zip(names, contigs["length"].to_list(), strict=True)),
        )


def pack(fasta: str | Path, folder: str | Path, chunk_bytes: int = CHUNK_BYTES) -> Genome:
    """Pack a FASTA file: plain, gzip or bgzip, any line length, lower case, IUPAC codes, names with descriptions.

    A contig's name is the first word of its header line. Memory does not grow with the genome.

    Parameters
    ----------
    folder
        Where ``codes.bin`` and ``contigs.tsv`` are written, each wholly or not at all.
    chunk_bytes
        How much of the file is parsed at a time.

    Raises
    ------
    InputError
        With all problems at once, where the file cannot be read, is truncated or no FASTA, has letters that are no
        base, or names a contig twice, not at all, or with nothing in it.
    """
    folder = Path(folder)
    reader = FastaReader(fasta, PACKED_OF_BYTE, chunk_bytes)
    with whole_file(folder / "codes.bin") as beside:
        with beside.open("wb") as out:
            for bases in reader:
                out.write(bases.data)
        lengths = reader.contigs()
    contigs = pl.DataFrame({"contig": lengths.keys(), "length": lengths.values()}).select(
        "contig", offset=pl.col("length").cum_sum() - pl.col("length"), length="length"
    )
    write_tsv(folder / "contigs.tsv", contigs)
    return Genome.open(folder)


def scan(fasta: str | Path) -> dict[str, int]:
    """Read a FASTA file as :func:`pack` does, but write nothing.

    Returns
    -------
    Contig name to its length in bp, in the file's order.

    Raises
    ------
    InputError
        Where :func:`pack` does.
    """
    reader = FastaReader(fasta, PACKED_OF_BYTE)
    for _ in reader:
        pass
    return reader.contigs()


@dataclass(frozen=True)
class Records:
    """The sequences of a FASTA file, as they come.

    Attributes
    ----------
    names
        The first word of each header line; empty where there is none.
    rows
        The line of each header in the file, from 1, shape ``(n,)``.
    lengths
        The length of each sequence in bp, perhaps 0, shape ``(n,)``.
    packed
        The bases of all sequences one after another, with the bit :data:`SOFT_MASKED`.
    """

    names: list[str]
    rows: Integers
    lengths: Integers
    packed: Codes


def read_records(fasta: str | Path, chunk_bytes: int = CHUNK_BYTES) -> Records:
    """Read a FASTA file of many short sequences into memory.

    Empty sequences, and names given twice or not at all, are left to the caller to judge.

    Raises
    ------
    InputError
        With all problems at once, where the file cannot be read, is truncated or no FASTA, or has letters that are no
        base.
    """
    reader = FastaReader(fasta, PACKED_OF_BYTE, chunk_bytes)
    packed = bytearray()
    for bases in reader:
        packed += bases.data
    reader.raise_any()
    return Records(reader.names, reader.rows, reader.lengths, np.frombuffer(packed, dtype=np.uint8))


def _blocks(
    packed: Codes, starts: Integers, lengths: Integers, width: int | None = None
) -> Iterator[tuple[slice, Codes, Integers, Integers]]:
    """Give sequences to a compiled loop: rows, bases that hold them, their starts therein, and their lengths.

    Pages of a mapped file count as memory of the process once they are touched, and with them much of what lies around.
    A large one is therefore read.

    Raises
    ------
    IndexError
        Where a sequence reaches out of `packed`, or is longer than `width`.
    """
    starts, lengths = _fixed(starts, np.int64), _fixed(lengths, np.int64)
    longest = len(packed) if width is None else width
    outside = (starts < 0) | (lengths < 0) | (lengths > longest) | (starts > len(packed) - lengths)
    if outside.any():
        row = int(outside.argmax())
        room = "" if width is None else f", in {width} columns"
        raise IndexError(f"sequence {row}: {lengths[row]} bp from {starts[row]} on, of {len(packed)}{room}")
    path = _mapped_file(packed) if len(packed) > RESIDENT_BYTES else None
    if path is None:
        yield slice(None), _fixed(packed, np.uint8), starts, lengths
        return
    number = max(1, BLOCK_BYTES // int(lengths.max(initial=1)))
    with path.open("rb", buffering=0) as file:
        for first in range(0, len(starts), number):
            rows = slice(first, first + number)
            bases, begins = _read(file, starts[rows], lengths[rows])
            yield rows, _fixed(bases, np.uint8), _fixed(begins, np.int64), lengths[rows]


def _mapped_file(packed: Any) -> Path | None:
    """Return the file that an array is the map of, from its first byte on; None where it is no such map."""
    if not isinstance(packed, np.memmap) or packed.filename is None or packed.offset:
        return None
    whole: Any = packed.base
    return Path(packed.filename) if isinstance(whole, mmap) else None


def _read(file: RawIOBase, starts: Integers, lengths: Integers) -> tuple[Codes, Integers]:
    """Read sequences of a file: the stretch that holds all of them where they lie close together, else one by one.

    Returns
    -------
    The bases, and where in them each sequence begins.
    """
    first, span = int(starts.min()), int((starts + lengths).max() - starts.min())
    if span <= min(SPAN_BYTES, CALL_BYTES * len(starts)):
        bases, begins, expected = os.pread(file.fileno(), span, first), starts - first, span
    else:
        places = zip(starts.tolist(), lengths.tolist(), strict=True)
        bases = b"".join([os.pread(file.fileno(), length, start) for start, length in places])
        begins, expected = np.cumsum(lengths) - lengths, int(lengths.sum())
    if len(bases) < expected:
        raise OSError(f"{file}: {expected - len(bases)} of {expected} bases are missing")
    return np.frombuffer(bases, dtype=np.uint8), begins


def _fixed(array: npt.NDArray[Any], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """Return an array as the one type that a loop is compiled for: contiguous, and not to be written to."""
    fixed = np.ascontiguousarray(array, dtype=dtype).view()
    fixed.flags.writeable = False
    return fixed
