"""Tables as files hold them: text with a separator, or Parquet, read some rows at a time.

A row is known by its number: the line in a text file, whose header is row 1; in Parquet the first row is row 1.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from motifloom.errors import InputError
from motifloom.files import check_bgzip_end, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    Choose = Callable[[list[str]], dict[str, str]]

SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
"""The endings of text tables, and the separator that each is expected to have."""

PARQUET = ".parquet"

BREAKS_OFF = "is truncated: its gzip data break off; fetch or copy it again"

CHUNK_BYTES = 1 << 24
"""So much of a file's text becomes a table at a time."""

CHUNK_ROWS = 1 << 14
"""So many rows of a Parquet file are taken at a time."""

MOST_PROBLEMS = 20
"""So many bad rows of one file are told; the rest is counted."""

HEAD_BYTES = 512

csv.field_size_limit(1 << 30)  # a sequence may be longer than the 128 kB that fields have by default

OTHER_FORMATS = {
    rb"\s*<": "HTML or XML, no table; was it downloaded from a web page?",
    rb"\s*>": "FASTA, no table; give FASTA files as positives and negatives",
    rb"PK\x03\x04": "an Excel workbook (xlsx) or a zip archive; save the sheet as tab-separated text (.tsv)",
    rb"\xd0\xcf\x11\xe0": "an Excel workbook (xls); save the sheet as tab-separated text (.tsv)",
    rb"\xff\xfe|\xfe\xff|(?:[\x01-\x7f]\0){4}|(?:\0[\x01-\x7f]){4}": "text in UTF-16; save it as UTF-8",
    rb"BZh|\xfd7zXZ\x00|\x28\xb5\x2f\xfd": "compressed by another tool than gzip; decompress it",
    rb"\x1f\x8b": "gzip within gzip; unzip it once",
    rb"PAR1": "Parquet; its name should end in .parquet",
}
"""What the first bytes of a text table match, and what the file is then."""


class BadRows:
    """What is wrong with the rows of a file: the first of them told, the others counted.

    Parameters
    ----------
    path
        The file.
    called
        What the messages call a row.
    """

    def __init__(self, path: str | Path, called: str = "row") -> None:
        self.path, self.called = path, called
        self._told: list[pl.DataFrame] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows with a number, ``row``, and what is wrong, ``problem``."""
        if len(rows):
            self._told.append(rows.select(pl.col("row").cast(pl.Int64), pl.col("problem").cast(pl.String)))

    def add_row(self, row: int, problem: str) -> None:
        """Take one row."""
        self.add(pl.DataFrame({"row": [row], "problem": [problem]}))

    def lines(self) -> list[str]:
        """Return a line for each of the first problems, in the order of the rows, and how many more there are."""
        if not self._told:
            return []
        rows = pl.concat(self._told).sort("row", maintain_order=True)
        told = [f"{self.path}: {self.called} {row}: {problem}" for row, problem in rows.head(MOST_PROBLEMS).iter_rows()]
        return [*told, f"{self.path}: {len(rows) - len(told)} more such rows"] if len(rows) > len(told) else told


def read_chunks(path: str | Path, choose: Choose, bad: BadRows) -> Iterator[pl.DataFrame]:
    """Read columns of a table of any size, some rows at a time.

    Text is UTF-8, plain or gzip, with a header and a separator: what the file's name says (a tab in ``.tsv`` and
    ``.txt``, a comma in ``.csv``), or what the header has most of where it lacks that one. Fields may stand in double
    quotes, but hold no line break. Blanks around them are no part of them, empty lines are passed over.

    Parameters
    ----------
    choose
        Given the names of all columns, returns those to read by the names they get, or raises :class:`InputError`.
    bad
        Takes the rows that have too many fields or too few.

    Yields
    ------
    Table with ``row``, the number, and the chosen columns: text, or whatever types they have in Parquet.

    Raises
    ------
    InputError
        Where the file cannot be read, is something else, or has no row.
    """
    reason = missing(path)
    if reason:
        raise InputError(reason)
    name = Path(path).name.lower().removesuffix(".gz")
    if name.endswith(PARQUET):
        yield from _parquet_chunks(path, choose)
    elif name.endswith(tuple(SEPARATORS)):
        yield from _text_chunks(path, SEPARATORS[name[name.rindex(".") :]], choose, bad)
    else:
        raise InputError(f"{path}: expected a name that ends in .tsv, .csv, .txt or {PARQUET}, or in these and .gz")


# ---------------------------------------------------------------------------------------------------------------- text


def _text_chunks(path: str | Path, usual: str, choose: Choose, bad: BadRows) -> Iterator[pl.DataFrame]:
    with _opened(path) as text:
        numbered = enumerate(text, start=1)
        row, header = next(((row, line) for row, line in numbered if not line.isspace()), (0, ""))
        if not row:
            raise InputError(f"{path}: is empty; expected a header and rows")
        separator = usual if usual in header else max("\t,;", key=header.count)
        try:
            _check_text(header)
            names = [name.strip() for name in _fields(header, separator)]
        except ValueError as error:
            raise InputError(f"{path}: row {row}: {error}") from None
        _check_header(path, row, names)
        places = {given: names.index(name) for given, name in choose(names).items()}
        full = len(names) - 1  # separators of a row; a blank line has fewer
        lines = ((row, line) for row, line in numbered if not line.isspace() or 0 < full == line.count(separator))
        some = False
        for rows in _groups(lines):
            chunk: list[tuple[int, list[str]]] = []
            for row, line in rows:
                try:
                    chunk.append((row, _record(line, separator, len(names))))
                except ValueError as error:
                    bad.add_row(row, str(error))
            some = True
            columns = {given: [fields[place] for _, fields in chunk] for given, place in places.items()}
            table = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
            numbers = pl.Series("row", [row for row, _ in chunk], dtype=pl.Int64)
            yield table.select(numbers, pl.col(pl.String).str.strip_chars())
        if not some:
            raise InputError(f"{path}: holds a header, but no row below it")


@contextmanager
def _opened(path: str | Path) -> Iterator[IO[str]]:
    """Open a text file, gunzipping it where its first bytes say so; tell what goes wrong while it is read."""
    try:
        with Path(path).open("rb") as raw:
            zipped = raw.peek(2).startswith(b"\x1f\x8b")
            binary = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if zipped else raw
            head = binary.peek(HEAD_BYTES)[:HEAD_BYTES].removeprefix(codecs.BOM_UTF8)
            for pattern, kind in OTHER_FORMATS.items():
                if re.match(pattern, head):
                    raise InputError(f"{path}: is {kind}")
            yield io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape")
        check_bgzip_end(path)
    except EOFError:
        raise InputError(f"{path}: {BREAKS_OFF}") from None
    except (OSError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def _groups(lines: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Gather lines until they hold :data:`CHUNK_BYTES`, or until the file cannot be read on."""
    group: list[tuple[int, str]] = []
    size = 0
    try:
        for row, line in lines:
            group.append((row, line))
            size += len(line)
            if size >= CHUNK_BYTES:
                yield group
                group, size = [], 0
    except (EOFError, OSError, zlib.error):
        yield group
        raise
    if group:
        yield group


def _record(line: str, separator: str, width: int) -> list[str]:
    """Return the fields of a line, which are as many as the header has."""
    _check_text(line)
    fields = _fields(line, separator)
    if len(fields) != width:
        raise ValueError(f"{len(fields)} field{'s' * (len(fields) != 1)}; expected {width}, as the header has")
    return fields


def _check_text(line: str) -> None:
    """Raise ``ValueError`` where a line has bytes that are no UTF-8, which stand there as lone surrogates."""
    if not line.isascii() and (odd := re.search("[\udc80-\udcff]", line)):
        raise ValueError(f"the byte {ord(odd.group()) - 0xDC00:#04x} is no text in UTF-8; expected a table in UTF-8")


def _fields(line: str, separator: str) -> list[str]:
    """Return the fields of a line; raise ``ValueError`` where quotes are not closed."""
    if '"' not in line:
        return line.rstrip("\n").split(separator)
    try:
        return next(csv.reader([line.rstrip("\n")], delimiter=separator, strict=True, skipinitialspace=True))
    except csv.Error as error:
        expected = "expected them around a whole field, which holds no line break"
        raise ValueError(f"quotes that cannot be read ({error}); {expected}") from None


def _check_header(path: str | Path, row: int, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path}: row {row}: the column '{twice[0]}' stands twice; expected a name for each")


# ------------------------------------------------------------------------------------------------------------- Parquet


def _parquet_chunks(path: str | Path, choose: Choose) -> Iterator[pl.DataFrame]:
    try:
        with Path(path).open("rb") as raw:  # its name would be read as a pattern
            zipped = raw.peek(2).startswith(b"\x1f\x8b")
            file = io.BytesIO(gzip.decompress(raw.read())) if zipped else raw
            schema = pl.read_parquet_schema(file)
            chosen = choose(list(schema))
            _check_kinds(path, {name: schema[name] for name in chosen.values()})
            file.seek(0)
            table = pl.read_parquet(file, columns=list(dict.fromkeys(chosen.values())))
        table = table.with_columns(pl.col(pl.Binary, pl.Categorical, pl.Enum).cast(pl.String))
    except EOFError:
        raise InputError(f"{path}: {BREAKS_OFF}") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    if table.is_empty():
        raise InputError(f"{path}: holds no row")
    table = table.select(pl.col(name).alias(given) for given, name in chosen.items())
    table = table.with_columns(pl.col(pl.String).str.strip_chars()).with_row_index("row", offset=1)
    yield from table.cast({"row": pl.Int64}).iter_slices(CHUNK_ROWS)


def _check_kinds(path: str | Path, columns: dict[str, pl.DataType]) -> None:
    """Raise where a row of a column is more than one value."""
    problems = [
        f"{path}: the column '{name}' holds values of the kind {kind}; expected text, numbers or truth values"
        for name, kind in columns.items()
        if kind.is_nested() or kind in (pl.Object, pl.Duration)
    ]
    if problems:
        raise InputError(problems)
