"""A genome packed to one byte a base, and what is done with such bases.

A base is a code: A C G T are 0 1 2 3, anything else (N, IUPAC codes, gaps) is 4. A packed genome is a folder of
``codes.bin``, the bases of all contigs one after another, and ``contigs.tsv``, where each contig lies. It is mapped
into memory, not read, and one-hot form exists only per batch. Gathered sequences begin at the first place of a row of
codes; what is behind the end of a shorter one is 5.

What a training does on its way to a batch is numpy alone. Counting is compiled: its loop stands in
:mod:`motifloom.compiled`.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from motifloom.errors import InputError
from motifloom.fasta import CHUNK_BYTES, NO_BASE, FastaReader
from motifloom.files import missing, read_tsv, whole_file, write_tsv

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Codes = npt.NDArray[np.uint8]
    Integers = npt.NDArray[np.int64]

BASES = "ACGT"
UNKNOWN = 4
"""The code of everything that is not A, C, G or T."""

PADDING = 5
"""What stands behind the end of a sequence in a row of codes that is longer: no base at all."""

SOFT_MASKED = 8
"""The bit of a packed base that says it was written in lower case."""

CODE_BITS = np.uint8(SOFT_MASKED - 1)
"""The other bits: the code."""

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

COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN, PADDING], dtype=np.uint8)

BASE_CODES = np.arange(len(BASES), dtype=np.uint8)

CONTIGS_SCHEMA = {"contig": pl.String, "offset": pl.Int64, "length": pl.Int64}
"""The columns of ``contigs.tsv``: the name, the place of the first base in ``codes.bin``, how many there are."""

PACKED_ANEW = "remove the folder, and the genome is packed anew"

RESIDENT_BASES = 1 << 28
"""A mapped file of so many bases may come into memory as a whole; of a larger one, only what is asked for at a time."""

BLOCK_BASES, BLOCK_SEQUENCES = 1 << 20, 1 << 10
"""So much is gathered at a time, at most. With a sequence of a mapped file, the system brings some 64 kB of what lies
around it into memory."""


def encode(sequence: str) -> Codes:
    """Return the codes of a DNA (or RNA) string, shape ``(length,)``; lower case is read as upper case."""
    return CODE_OF_BYTE[np.frombuffer(sequence.encode("ascii", "replace"), dtype=np.uint8)]


def decode(codes: Codes) -> str:
    """Return the string of codes of shape ``(length,)``; what is unknown becomes N, padding a blank.

    >>> decode(encode("acgtRN"))
    'ACGTNN'
    """
    return np.frombuffer(f"{BASES}N ".encode(), dtype=np.uint8)[codes].tobytes().decode()


def reverse_complement(codes: Codes, lengths: Integers | None = None) -> Codes:
    """Return the other strand of sequences, read in its own direction.

    Parameters
    ----------
    codes
        Shape ``(..., length)``; with `lengths`, ``(n, width)``.
    lengths
        Of the sequences in bp, shape ``(n,)``: each begins at the first place, and so does its other strand. None where
        all are as long as `codes`.
    """
    if lengths is None:
        return COMPLEMENT[codes[..., ::-1]]
    place, end = np.arange(codes.shape[1]), lengths[:, None]
    return COMPLEMENT[np.take_along_axis(codes, np.where(place < end, end - 1 - place, place), axis=1)]


def sequence_lengths(codes: Codes) -> Integers:
    """Return how many bp the sequences of codes of shape ``(n, width)`` have, shape ``(n,)``."""
    return np.asarray((codes != PADDING).sum(axis=1))


def map_codes(path: str | Path) -> Codes:
    """Map a file of packed bases into memory, shape ``(bases,)``."""
    if not Path(path).stat().st_size:
        return np.empty(0, dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="r")


def check_inside(packed: Codes, starts: Integers, lengths: Integers) -> None:
    """Raise IndexError where a sequence, by its first base and its length in bp, does not lie in `packed`."""
    outside = (starts < 0) | (lengths < 0) | (starts > len(packed) - lengths)
    if outside.any():
        row = int(outside.argmax())
        raise IndexError(f"sequence {row}: {lengths[row]} bp from {starts[row]} on, of {len(packed)}")


def gather(packed: Codes, starts: Integers, lengths: Integers, minus: npt.NDArray[np.bool_], width: int) -> Codes:
    """Gather sequences as codes, without the mark of soft-masked bases.

    Parameters
    ----------
    packed
        Bases as :func:`pack` writes them, shape ``(bases,)``.
    starts, lengths
        Each sequence's first base in `packed` and its length in bp, shape ``(n,)``. That they lie inside is not
        checked, for a batch takes microseconds: :func:`check_inside` does.
    minus
        Whether the reverse complement is meant, shape ``(n,)``.
    width
        At least the greatest length.

    Returns
    -------
    Codes of shape ``(n, width)``. A sequence begins at the first place; what is behind its end is :data:`PADDING`.
    """
    parts = [
        _gathered(packed, starts[rows], lengths[rows], minus[rows], width)
        for rows in _blocks(packed, len(starts), width)
    ]
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty((0, width), dtype=np.uint8)


def write_stretches(packed: Codes, starts: Integers, ends: Integers, path: Path) -> None:
    """Append stretches of packed bases, from `starts` to `ends`, shape ``(n,)`` each, to a file."""
    bases = np.asarray(packed).data
    with path.open("ab") as out:
        for block in _blocks(packed, len(starts), int((ends - starts).max(initial=0)), once=True):
            places = zip(starts[block].tolist(), ends[block].tolist(), strict=True)
            out.write(b"".join([bases[start:end] for start, end in places]))


def unknown_stretches(packed: Codes, longer: int) -> tuple[Integers, Integers]:
    """Find where more than `longer` bases in a row are unknown.

    Returns
    -------
    The first places of the stretches in `packed`, and the places behind their last, shape ``(n,)`` each, ascending.
    """
    edges = [np.empty(0, dtype=np.int64)]
    before = False
    for block in _blocks(packed, -(-len(packed) // BLOCK_BASES), BLOCK_BASES):
        first = block.start * BLOCK_BASES
        unknown = (packed[first : first + BLOCK_BASES] & CODE_BITS) == UNKNOWN
        edges.append(np.flatnonzero(np.diff(unknown, prepend=before)) + first)
        before = bool(unknown[-1])
    if before:
        edges.append(np.array([len(packed)]))
    starts, ends = np.concatenate(edges).reshape(-1, 2).T
    long = ends - starts > longer
    return starts[long], ends[long]


def one_hot(codes: Codes, out: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.float32]:
    """Return the one-hot form of codes.

    Parameters
    ----------
    codes
        Shape ``(n, length)``: A C G T are 0 1 2 3, anything else is no known base.
    out
        Filled and returned, if given: shape ``(n, 4, length)``.

    Returns
    -------
    float32, shape ``(n, 4, length)``; where no base is known there are zeros alone.
    """
    if out is None:
        out = np.empty((len(codes), len(BASES), codes.shape[1]), dtype=np.float32)
    np.copyto(out.swapaxes(0, 1), codes == BASE_CODES[:, None, None])
    return out


@dataclass(frozen=True)
class Composition:
    """What sequences are made of: numbers of bases, int32 arrays of shape ``(n,)``."""

    gc: npt.NDArray[np.int32]
    unknown: npt.NDArray[np.int32]
    soft_masked: npt.NDArray[np.int32]

    @classmethod
    def of(cls, packed: Codes, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Composition:
        """Count the bases of sequences that begin at `starts` in `packed`; shape ``(n,)`` each."""
        from motifloom.compiled import count_rows  # noqa: PLC0415 - slow

        check_inside(packed, starts, lengths)
        bases, starts, lengths = _fixed(packed, np.uint8), _fixed(starts, np.int64), _fixed(lengths, np.int64)
        counted = cls(*(np.zeros(len(starts), dtype=np.int32) for _ in range(3)))
        for rows in _blocks(packed, len(starts), int(lengths.max(initial=0))):
            places = starts[rows], lengths[rows]
            count_rows(bases, *places, counted.gc[rows], counted.unknown[rows], counted.soft_masked[rows])
        return counted


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
        """Map a folder that :func:`pack` wrote.

        Raises
        ------
        InputError
            Where a file or some of the bases are not there, or it is not told where contigs lie.
        """
        absent = [reason for name in ("contigs.tsv", "codes.bin") if (reason := missing(Path(folder) / name))]
        if absent:
            raise InputError(absent)
        contigs = _read_contigs(Path(folder) / "contigs.tsv")
        names = contigs["contig"].to_list()
        packed, expected = map_codes(Path(folder) / "codes.bin"), contigs["length"].sum()
        if len(packed) != expected:
            raise InputError(f"{folder}/codes.bin: holds {len(packed)} bases; expected {expected}; {PACKED_ANEW}")
        return cls(
            packed=packed,
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
                out.write(bases)
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
        The first word of each header line.
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


def read_records(fasta: str | Path, first: dict[str, str], chunk_bytes: int = CHUNK_BYTES) -> Records:
    """Read a FASTA file of many short sequences into memory.

    Empty sequences are left to the caller to judge.

    Parameters
    ----------
    first
        Where each name of the files read before stands; those of this file are added.

    Raises
    ------
    InputError
        With all problems at once, where the file cannot be read, is truncated or no FASTA, has letters that are no
        base, or names that are missing or known already.
    """
    reader = FastaReader(fasta, PACKED_OF_BYTE, chunk_bytes)
    packed = bytearray()
    for bases in reader:
        packed += bases
    reader.check_names(first)
    reader.raise_any()
    return Records(reader.names, reader.rows, reader.lengths, np.frombuffer(packed, dtype=np.uint8))


def _read_contigs(path: Path) -> pl.DataFrame:
    """Read where contigs lie; InputError where that is not told, or they do not lie one after another."""
    try:
        contigs = read_tsv(path, CONTIGS_SCHEMA)
    except InputError as error:
        raise InputError(f"{problem}; {PACKED_ANEW}" for problem in error.problems) from None
    before = pl.col("length").cum_sum() - pl.col("length")
    sound = contigs.drop_nulls().filter(pl.col("length") > 0, pl.col("offset") == before).unique("contig")
    if contigs.is_empty() or len(sound) < len(contigs):
        raise InputError(f"{path}: holds no contigs one after another, each with a name of its own; {PACKED_ANEW}")
    return contigs


def _blocks(packed: Codes, number: int, width: int, once: bool = False) -> Iterator[slice]:
    """Divide `number` sequences of at most `width` bp into blocks; give the file's pages back after each.

    Those of a small file stay, for batches come to them again, unless it is read `once`.

    Pages count as memory of the process once they are touched. What is given back stays in the system's cache, from
    where it comes again.
    """
    file: Any = packed.base if once or len(packed) > RESIDENT_BASES else None
    step = max(1, min(BLOCK_SEQUENCES, BLOCK_BASES // max(width, 1)))
    for first in range(0, number, step):
        yield slice(first, first + step)
        if isinstance(file, mmap.mmap):
            file.madvise(mmap.MADV_DONTNEED)


def _gathered(packed: Codes, starts: Integers, lengths: Integers, minus: npt.NDArray[np.bool_], width: int) -> Codes:
    """Return the codes of a block of sequences, shape ``(n, width)``."""
    codes = _windows(packed, starts, width)
    codes &= CODE_BITS
    other = minus.nonzero()[0]
    if lengths.min() < width:
        codes[np.arange(width) >= lengths[:, None]] = PADDING
        codes[other] = reverse_complement(codes[other], lengths[other])
    elif len(other):
        codes[other] = reverse_complement(codes[other])
    return codes


def _windows(packed: Codes, starts: Integers, width: int) -> Codes:
    """Return copies of the `width` bases from each start on, any bases in place of those beyond the last."""
    last = len(packed) - width
    if width and starts.max(initial=0) <= last:
        every = np.ndarray((last + 1,), f"V{width}", packed, strides=(1,))  # an item of `width` bytes at each base
        return every[starts].view(np.uint8).reshape(-1, width)
    return packed[np.minimum(starts[:, None] + np.arange(width), len(packed) - 1)]


def _fixed(array: npt.NDArray[Any], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """Return an array as the one type that a loop is compiled for: contiguous, and not to be written to."""
    fixed = np.ascontiguousarray(array, dtype=dtype).view()
    fixed.flags.writeable = False
    return fixed
