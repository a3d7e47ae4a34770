"""FASTA files as they come, read in one pass of constant memory, and everything that is wrong with one of them.

What a letter is packed to is told by the caller: see :mod:`motifloom.genome`.
"""

from __future__ import annotations

import gzip
import logging
import re
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from motifloom.errors import InputError
from motifloom.files import check_bgzip_end, missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 16
"""So much of a file is parsed at a time: what stays in a core's cache is packed twice as fast as more would be."""

MARK = re.compile(rb"(\n(?:>[\0-\t\x0b-\x20]*([^\0-\x20]*)[^\n]?|;))[^\n]*")
"""A line end and the header or comment behind it: as much of it as tells what it is; a header's first word."""

BLANKS = b"\n\t "
"""What may stand between bases."""

NO_BLANK = re.compile(b"[^\n\t ][^\n]*")

NO_BASE = 255
"""What a table of letters holds for a byte that can stand in no sequence."""

LONGEST_NAME = 1000
"""Letters of a name, at most: a line without an end is no name."""

LONG_NAME = f"a name of more than {LONGEST_NAME} letters; is the line end behind it missing?"

NO_NAME = "a sequence without a name; expected a word after '>'"

MOST_PROBLEMS = 20
"""So many problems of one file are told; the rest is counted."""

QUIET_SECONDS = 5.0
"""Who waits for a large file is told of it at most this often."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
GZIP = b"\x1f\x8b"

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
    rb"\xff\xfe|\xfe\xff|(?:[\x01-\x7f]\0){4}|(?:\0[\x01-\x7f]){4}": "text in UTF-16; save it as UTF-8",
}
"""What the first bytes of a file match, blanks aside, and what it is then."""

PROTEIN_LETTERS = "EFIJLOPQZ"
"""One-letter codes of amino acids that stand for no nucleotide."""


class FastaReader:
    """One pass over a FASTA file: plain, gzip or bgzip, with line ends of any system, of lines of any length.

    Iterate over it for the packed bases, block by block. After that the attributes are complete. Blanks and tabs, empty
    lines, and lines that begin with ``;`` are passed over.

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
        self.path, self.chunk_bytes = path, chunk_bytes
        self.names: list[str] = []
        self.rows = self.lengths = np.empty(0, dtype=np.int64)
        self.problems: list[tuple[int, str]] = []
        self._letters = letters.tobytes()
        known = np.flatnonzero(letters != NO_BASE).astype(np.uint8).tobytes()
        self._fault = re.compile(b"[^" + re.escape(known + BLANKS) + b"][^\n]*")
        self._held = b"\n"  # what is parsed again with the next chunk: how it goes on decides what it is
        self._line = self._bases = self._last_fault = self._untold = 0
        self._headers: list[tuple[int, int, bytes]] = []  # the line, the bases before it, the name
        self._whole = False

    def __iter__(self) -> Iterator[bytes]:
        told = time.monotonic()
        try:
            for chunk in self._chunks():
                yield self._parse(chunk)
                if time.monotonic() - told > QUIET_SECONDS:
                    told = time.monotonic()
                    logger.info("%s: %.0f Mb read", self.path, self._bases / 1e6, extra={"progress": True})
            self._whole = True
        except EOFError:
            self._add_break("the file is truncated: its gzip data break off here; fetch or copy it again")
        except (OSError, zlib.error) as error:
            self._add_break(f"the file cannot be read on from here: {error}")
        yield self._parse(b"", last=True)
        self._set_records()

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

    def _chunks(self) -> Iterator[bytes]:
        """Yield the file's bytes, unzipped, with line feeds alone as line ends."""
        reason = missing(self.path)
        if reason:
            raise InputError(reason)
        with Path(self.path).open("rb") as raw:
            stream = gzip.GzipFile(fileobj=raw) if raw.peek(len(GZIP)).startswith(GZIP) else raw
            chunk = stream.read1(self.chunk_bytes)
            self._check_kind(chunk)
            passed_over = BYTE_ORDER_MARK
            while chunk:
                text = chunk.removeprefix(passed_over)
                passed_over = b"\n" if chunk.endswith(b"\r") else b""
                yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text
                chunk = stream.read1(self.chunk_bytes)
        check_bgzip_end(self.path)

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

    def _parse(self, chunk: bytes, last: bool = False) -> bytes:
        """Return the packed bases of the next chunk, which may break off anywhere, and keep the headers in it."""
        text, place, blocks = self._held + chunk, 0, []
        end = len(text) if last else len(text) - text.endswith(b"\n")
        self._held = text[end:]
        for mark in MARK.finditer(text) if b">" in text or b";" in text else ():  # seldom, and the search is slow
            blocks.append(self._pack(text[place : mark.start()]))
            place, name = mark.end(), mark[2]
            if name is not None and len(name) > LONGEST_NAME:
                self._add(self._line + 1, LONG_NAME)
                name = name[:40] + b"..."
            if place == len(text) and not last:
                self._held, end = mark[1] if name == mark[2] else b"\n>" + name + b" ", place
                break
            self._line += 1
            if name is not None:
                self._headers.append((self._line, self._bases, name))
        blocks.append(self._pack(text[place:end]))
        return b"".join(blocks)

    def _pack(self, text: bytes) -> bytes:
        """Return the packed bases of text between headers and comments, and note what is no base in it."""
        bases = text.translate(self._letters, BLANKS)
        if bases and not self._headers:
            self._note_faults(NO_BLANK, text)
            bases = b""
        elif NO_BASE in bases:
            self._note_faults(self._fault, text)
            bases = bases.replace(bytes([NO_BASE]), b"")
        self._line += text.count(b"\n")
        self._bases += len(bases)
        return bases

    def _note_faults(self, pattern: re.Pattern[bytes], text: bytes) -> None:
        """Add one problem for each line that `pattern` finds; before the first header, for the first of them."""
        line, place = self._line, 0
        for fault in pattern.finditer(text):
            line, place = line + text.count(b"\n", place, fault.start()), fault.start()
            if line == self._last_fault or (self._last_fault and not self._headers):
                continue
            self._last_fault = line
            if len(self.problems) < MOST_PROBLEMS:
                self._add(line, self._describe(text[place]))
            else:
                self._untold += 1

    def _describe(self, byte: int) -> str:
        """Say what is wrong with a byte that stands where a base is expected."""
        letter = f"'{chr(byte)}'" if chr(byte).isascii() and chr(byte).isprintable() else f"the byte {byte:#04x}"
        if chr(byte) == ">":
            return "'>' stands within a line; expected it to begin a header's line"
        if not self._headers:
            return f"{letter} stands before any header; expected FASTA: a line '>name', then bases"
        if chr(byte).upper() in PROTEIN_LETTERS:
            return f"{letter} is no nucleotide; expected DNA or RNA: is this a protein?"
        return f"{letter} is no base; expected A C G T U N, another IUPAC code, or a gap - . *"

    def _set_records(self) -> None:
        """Keep the name, the line and the length of each record."""
        self.rows = np.array([row for row, _, _ in self._headers], dtype=np.int64)
        before = np.array([bases for _, bases, _ in self._headers], dtype=np.int64)
        self.lengths = np.diff(before, append=self._bases)
        for row, _, name in self._headers:
            try:
                self.names.append(name.decode())
            except UnicodeDecodeError:
                self.names.append(name.decode(errors="backslashreplace"))
                self._add(row, f"the name '{self.names[-1]}' is no text in UTF-8")
        if not self._headers and not self.problems:
            raise InputError(f"{self.path}: holds no sequence: no line starts with '>'")

    def _add_break(self, what: str) -> None:
        """Add a problem at the line where the file breaks off."""
        self._add(self._line + self._held.count(b"\n"), what)

    def _add(self, line: int, what: str) -> None:
        self.problems.append((line, what))
