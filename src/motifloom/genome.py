"""FASTA files packed to one byte a base, and what is done with such codes.

A base is a code: A C G T are 0 1 2 3, anything else (N, IUPAC codes, gaps) is 4. A packed genome is a folder of
``codes.bin``, the codes of all contigs one after another, and ``contigs.tsv``, where each contig lies. It is mapped
into memory, not read: a window costs no copy. One-hot form exists only per batch.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import polars as pl
from Bio.SeqIO.FastaIO import SimpleFastaParser

from motifloom.errors import InputError
from motifloom.files import whole_file, write_tsv

if TYPE_CHECKING:
    import numpy.typing as npt

    Codes = npt.NDArray[np.uint8]

BASES = "ACGT"
UNKNOWN = 4
"""The code of everything that is not A, C, G or T."""

CODE_OF_BYTE = np.full(256, UNKNOWN, dtype=np.uint8)
for _code, _base in enumerate(BASES):
    CODE_OF_BYTE[[ord(_base), ord(_base.lower())]] = _code
CODE_OF_BYTE[[ord("U"), ord("u")]] = BASES.index("T")

COMPLEMENT = np.array([3, 2, 1, 0, UNKNOWN], dtype=np.uint8)


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


@dataclass(frozen=True)
class Genome:
    """A packed genome.

    Attributes
    ----------
    codes
        The codes of all contigs one after another, shape ``(bases,)``, mapped from the file.
    offsets
        Contig name to the place of its first base in `codes`.
    lengths
        Contig name to its length in bp, in the FASTA file's order.
    """

    codes: Codes
    offsets: dict[str, int]
    lengths: dict[str, int]

    @classmethod
    def open(cls, folder: str | Path) -> Genome:
        """Map a folder that :func:`pack` wrote."""
        contigs = pl.read_csv(Path(folder) / "contigs.tsv", separator="\t", schema_overrides={"contig": pl.String})
        names = contigs["contig"].to_list()
        return cls(
            codes=np.memmap(Path(folder) / "codes.bin", dtype=np.uint8, mode="r"),
            offsets=dict(zip(names, contigs["offset"].to_list(), strict=True)),
            lengths=dict(zip(names, contigs["length"].to_list(), strict=True)),
        )

    def windows(self, starts: npt.NDArray[np.int64], length: int) -> Codes:
        """Gather windows.

        Parameters
        ----------
        starts
            Places in `codes` (a contig's offset plus a 0-based position in it), shape ``(n,)``. Every window must lie
            within its contig.
        length
            In bp.

        Returns
        -------
        uint8 array of shape ``(n, length)``.
        """
        return self.codes[starts[:, None] + np.arange(length)]


def pack(fasta: str | Path, folder: str | Path) -> Genome:
    """Pack a FASTA file: plain, gzip or bgzip, any line length, lower case, IUPAC codes, names with descriptions.

    Memory grows with the longest contig. A contig's name is the first word of its header line.

    Raises
    ------
    InputError
        Where the file cannot be read, is truncated, is no FASTA, or names a contig twice or with nothing in it.
    """
    folder = Path(folder)
    offset = 0
    rows: list[tuple[str, int, int]] = []
    problems: list[str] = []
    with whole_file(folder / "codes.bin") as beside, beside.open("wb") as packed:
        try:
            with open_text(fasta) as lines:
                for title, sequence in SimpleFastaParser(lines):
                    name = title.split(maxsplit=1)[0] if title.strip() else ""
                    packed.write(encode(sequence).tobytes())
                    rows.append((name, offset, len(sequence)))
                    offset += len(sequence)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{fasta}: cannot be read: {error}") from None
        except (UnicodeDecodeError, ValueError) as error:
            raise InputError(f"{fasta}: is no FASTA file: {error}") from None
        if not rows:
            problems.append(f"{fasta}: is no FASTA file: no line starts with '>'")
        seen: set[str] = set()
        for number, (name, _, length) in enumerate(rows, start=1):
            if not name:
                problems.append(f"{fasta}: sequence {number} has no name; expected a word after '>'")
            elif name in seen:
                problems.append(f"{fasta}: sequence {number} is called '{name}' like one before it")
            if not length:
                problems.append(f"{fasta}: sequence {number} ('{name}') is empty")
            seen.add(name)
        if problems:
            raise InputError(problems)
    write_tsv(folder / "contigs.tsv", pl.DataFrame(rows, schema=["contig", "offset", "length"], orient="row"))
    return Genome.open(folder)


def open_text(path: str | Path) -> IO[str]:
    """Open a text file for reading, gunzipping it where its first bytes say that it is gzip or bgzip."""
    with Path(path).open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="ascii") if zipped else Path(path).open(encoding="ascii")
