"""FASTA files as they come, read in one pass of constant memory, and everything that is wrong with one of them.

What a letter is packed to is told by the caller: see :mod:`motifloom.genome`.
"""

from __future__ import annotations

import gzip
import logging
import os
import re
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from motifloom.errors import InputError
from motifloom.files import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20
"""So much of a file is in memory at a time."""

NO_BASE = 255
"""What a table of letters holds for a byte that can stand in no sequence."""

NO_NAME = "a sequence without a name; expected a word after '>'"

MOST_PROBLEMS = 20
"""So many problems of one file are told; the rest is counted."""

QUIET_SECONDS = 5.0
"""Who waits for a large file is told of it at most this often."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"
BGZIP_HEADER_BYTES = 16
BGZIP_HEADER = re.compile(rb"\x1f\x8b\x08\x04.{6}\x06\x00BC\x02\x00", re.DOTALL)
BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that closes a bgzip file (SAM specification, section 4.1.2)."""

OTHER_FORMATS = {
    rb"<": "HTML, not FASTA; was it downloaded from a web page?",
    rb"@(HD|SQ|RG|PG|CO)\t": "SAM, not FASTA",
    rb"@": "FASTQ, not FASTA; 'seqtk seq -A' converts it",
    rb"(track|browser)\s|[^>;\s]\S*[\t ]+\d+[\t ]+\d+\s": "BED, not FASTA",
    rb"##gff|#!genome": "GFF, not FASTA",
    rb"LOCUS {2}|ID {3}": "GenBank or EMBL, not FASTA",
    rb"\x1a\x41\x27\x43|\x43\x27\x41\x1a": "2bit, not FASTA; 'twoBitToFa' converts it",
    rb"\x1f\x8b": "gzip within gzip; unzip it once",
    rb"PK\x03\x04": "a zip archive; unzip it, or use gzip",
    rb"BZh|\xfd7zXZ\x00|\x28\xb5\x2f\xfd": "compressed by another tool than gzip or bgzip; decompress it",
    rb"\xff\xfe|\xfe\xff": "text in UTF-16; save it as UTF-8",
}
"""What the first bytes of a file match, blanks aside, and what it is then."""

PROTEIN_LETTERS = "EFIJLOPQZ"
"""One-letter codes of amino acids that stand for no nucleotide."""


class FastaReader:
    """One pass over a FASTA file: plain, gzip or bgzip, with line ends of any system, of lines of any length.

    Iterate over it for the packed bases, block by block, each to be used before the next one is asked for. After that
    the attributes are complete. Blanks and tabs, empty lines, and lines that begin with ``;`` are passed over.

    Parameters
    ----------
    path
        The file.
    letters
        What each of the 256 bytes is packed to, below 16, or :data:`NO_BASE`; shape ``(256,)``.
    chunk_bytes
        How much of the file is parsed at a time.

    Attributes
    ----------
    names
        The first word of each header line; empty where there is none.
    rows
        The line of each header in the file, from 1, shape ``(n,)``.
    lengths
        The length of each sequence in bp, perhaps 0, shape ``(n,)``.
    problems
        The line and what is wrong with it: a letter that can be no base, bases before the first header, a name that is
        no UTF-8, data that break off. Line 0 stands for the whole file.
    """

    def __init__(self, path: str | Path, letters: Bytes, chunk_bytes: int = CHUNK_BYTES) -> None:
        self.path, self.letters, self.chunk_bytes = path, letters, chunk_bytes
        self.names: list[str] = []
        self.rows = self.lengths = np.empty(0, dtype=np.int64)
        self.problems: list[tuple[int, str]] = []
        self._untold, self._whole = 0, False

    def __iter__(self) -> Iterator[Bytes]:
        from motifloom.compiled import BASES, FAULTS, LINE, LINE_END, START_OF_FILE, parse_fasta  # noqa: PLC0415 - slow

        letters = self.letters.copy()
        letters[ord("\n")] = LINE_END
        state = np.array(START_OF_FILE, dtype=np.int64)
        codes, words = np.empty((2, self.chunk_bytes), dtype=np.uint8)
        headers = np.empty((self.chunk_bytes, 2), dtype=np.int64)
        faults = np.empty((MOST_PROBLEMS, 2), dtype=np.int64)
        names, found = bytearray(), [headers[:0]]
        told = time.monotonic()
        try:
            for chunk in self._chunks():
                bases, letters_of_names, number = parse_fasta(chunk, letters, state, codes, words, headers, faults)
                names += words[:letters_of_names].tobytes()
                found.append(headers[:number].copy())
                yield codes[:bases]
                if time.monotonic() - told > QUIET_SECONDS:
                    told = time.monotonic()
                    logger.info("%s: %.0f Mb read", self.path, state[BASES] / 1e6, extra={"progress": True})
            self._whole = True
        except EOFError:
            self._add(state[LINE], "the file is truncated: its gzip data break off here; fetch or copy it again")
        except (OSError, zlib.error) as error:
            self._add(state[LINE], f"the file cannot be read on from here: {error}")
        headers = np.concatenate(found)
        self._add_faults(faults, state[FAULTS], headers[:1, 0])
        self._set_records(names, headers, state[BASES])

    def contigs(self) -> dict[str, int]:
        """Return the length of each sequence by its name, where every one has bases and a name of its own.

        Raises
        ------
        InputError
            With all problems of the file at once.
        """
        if not self._whole:
            self.raise_any()  # the last sequence, and its name, may go on behind the break
        lines: dict[str, int] = {}
        for name, row, length in zip(self.names, self.rows.tolist(), self.lengths.tolist(), strict=True):
            if not name:
                self._add(row, NO_NAME)
            elif name in lines:
                self._add(row, f"a second sequence is called '{name}'; the first stands on line {lines[name]}")
            if not length:
                self._add(row, f"the sequence '{name}' is empty; expected bases below its header")
            lines.setdefault(name, row)
        self.raise_any()
        return dict(zip(self.names, self.lengths.tolist(), strict=True))

    def check_names(self, first: dict[str, str]) -> None:
        """Take records without a name, or with one that `first` knows, for problems; note in it where each stands."""
        whole = len(self.names) - (not self._whole)  # where the file breaks off, the last name may go on
        for name, row in zip(self.names[:whole], self.rows.tolist(), strict=False):
            if not name:
                self._add(row, NO_NAME)
            elif name in first:
                told = f"the name '{name}' stands in {first[name]} already; rename one of them, or leave one out"
                self._add(row, told)
            else:
                first[name] = f"line {row} of {self.path}"

    def raise_any(self) -> None:
        """Raise one :class:`InputError` of all problems, in the order of their lines, if there are any."""
        ordered = sorted(self.problems, key=lambda problem: problem[0])
        told = [f"{self.path}: line {line}: {what}" for line, what in ordered[:MOST_PROBLEMS]]
        more = len(ordered) - len(told) + self._untold
        if more:
            told.append(f"{self.path}: {more} more such rows")
        if told:
            raise InputError(told)

    def _chunks(self) -> Iterator[Bytes]:
        """Yield the file's bytes, unzipped, in a buffer that is filled anew for each chunk."""
        reason = missing(self.path)
        if reason:
            raise InputError(reason)
        buffer = np.empty(self.chunk_bytes, dtype=np.uint8)
        with Path(self.path).open("rb") as raw:
            head = raw.peek(BGZIP_HEADER_BYTES)
            stream = gzip.GzipFile(fileobj=raw) if head.startswith(GZIP) else raw
            length = stream.readinto1(buffer.data)
            first = buffer[:length].tobytes()
            self._check_kind(first)
            yield buffer[len(BYTE_ORDER_MARK) : length] if first.startswith(BYTE_ORDER_MARK) else buffer[:length]
            while length := stream.readinto1(buffer.data):
                yield buffer[:length]
            if BGZIP_HEADER.match(head):
                raw.seek(-len(BGZIP_END), os.SEEK_END)
                if raw.read() != BGZIP_END:
                    raise EOFError

    def _check_kind(self, head: bytes) -> None:
        """Raise where the first bytes say that the file is something else."""
        if not head:
            raise InputError(f"{self.path}: is empty; expected FASTA")
        text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
        for pattern, kind in OTHER_FORMATS.items():
            if re.match(pattern, text):
                line = head[: len(head) - len(text)].count(b"\n") + 1
                start = repr(text[:40].splitlines()[0]).removeprefix("b")
                raise InputError(f"{self.path}: line {line}: is {kind} ({start})")

    def _add_faults(self, faults: npt.NDArray[np.int64], number: int, first: npt.NDArray[np.int64]) -> None:
        """Tell what is wrong with the lines of `faults`; of their `number`, those without room there are counted.

        `first` is the line of the first header, of shape ``(0,)`` where there is none.
        """
        self._untold = max(number - len(faults), 0)
        for line, byte in faults[:number].tolist():
            letter = f"'{chr(byte)}'" if chr(byte).isascii() and chr(byte).isprintable() else f"the byte {byte:#04x}"
            if chr(byte) == ">":
                self._add(line, "'>' stands within a line; expected it to begin a header's line")
            elif not (first < line).any():
                self._add(line, f"{letter} stands before any header; expected FASTA: a line '>name', then bases")
            elif chr(byte).upper() in PROTEIN_LETTERS:
                self._add(line, f"{letter} is no nucleotide; expected DNA or RNA: is this a protein?")
            else:
                self._add(line, f"{letter} is no base; expected A C G T U N, another IUPAC code, or a gap - . *")

    def _set_records(self, names: bytearray, headers: npt.NDArray[np.int64], bases: int) -> None:
        """Keep the records: `names` each closed by a line feed, the line of each header and the bases before it."""
        self.rows = headers[:, 0]
        self.lengths = np.diff(headers[:, 1], append=bases)
        for row, name in zip(self.rows.tolist(), bytes(names).split(b"\n"), strict=False):
            try:
                self.names.append(name.decode())
            except UnicodeDecodeError:
                self.names.append(name.decode(errors="backslashreplace"))
                self._add(row, f"the name '{self.names[-1]}' is no text in UTF-8")
        if not len(self.rows) and not self.problems:
            raise InputError(f"{self.path}: holds no sequence: no line starts with '>'")

    def _add(self, line: int, what: str) -> None:
        self.problems.append((int(line), what))
