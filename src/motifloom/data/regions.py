"""Regions of a genome as files tell them: BED and narrowPeak.

Coordinates are 0-based and half-open, in bp. What a genome makes of the regions is told in
:mod:`motifloom.data.windows`.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from motifloom.errors import InputError
from motifloom.files import check_bgzip_end, missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

SCHEMA = {
    "row": pl.Int64,
    "chrom": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "centre": pl.Int64,
    "strand": pl.String,
    "strength": pl.Float64,
}
SCORE_COLUMN, STRAND_COLUMN, SIGNAL_COLUMN, SUMMIT_COLUMN = 4, 5, 6, 9
BED_COLUMNS = 12

NO_SUMMIT = -1
"""What stands in a narrowPeak without a summit."""

FAR = 1 << 60
"""Farther than any chromosome is long: what stands for a place that is no 64-bit number."""

NO_RECORD = r"^\s*(?:$|#|(?:track|browser)(?:\s|$))"
"""Lines that hold no region: empty ones, comments, and what tells a browser how to draw the others."""

MOST_PROBLEMS = 20
"""So many bad rows of one file are named; the rest is counted."""

BLOCK = 1 << 20
"""Bytes of a file that are parsed at a time, so that memory grows with the regions alone."""


def read_regions(path: str | Path) -> pl.DataFrame:
    """Read BED3 or wider, or narrowPeak: UTF-8, plain, gzip or bgzip.

    Empty lines and lines that begin with ``#``, ``track`` or ``browser`` are passed over. Columns may be separated by
    tabs or blanks. A row of ten columns is narrowPeak, and so is one of more than the twelve that BED has, unless it
    begins as BED12 does (gappedPeak). A tenth column without a whole number tells no summit.

    Returns
    -------
    Table with a row per region, in the file's order: ``row`` (the line in the file, from 1), ``chrom``, ``start``,
    ``end``, ``centre`` (the summit of a narrowPeak, else the midpoint; a summit of -1 means the midpoint), ``strand``
    (``+``, ``-`` or ``.``) and ``strength`` (the signalValue of a narrowPeak, else BED's score; null without one). That
    a region ends behind its start, in a genome, around its summit is left to the caller to judge.

    Raises
    ------
    InputError
        Where the file cannot be read, is something else, holds no region, or where lines have too few columns or no
        whole numbers.
    """
    reason = missing(path)
    if reason:
        raise InputError(reason)
    parts: list[pl.DataFrame] = []
    bad = _BadRows()
    problems = []
    try:
        with _open(path) as file:
            for row, text in _blocks(file):
                if row == 1:
                    _check_kind(path, text)
                parts.append(_parse(text, row, bad))
        check_bgzip_end(path)
    except _NoTextError as error:
        problems.append(f"{path}: row {error.row}: is no text in UTF-8; expected BED or narrowPeak, plain or gzip")
    except EOFError:
        problems.append(f"{path}: is truncated: the gzip stream has no end; expected the whole file")
    except (OSError, zlib.error) as error:
        problems.append(f"{path}: cannot be read: {error}")
    problems = [*(f"{path}: {told}" for told in bad.told()), *problems]
    if not problems and not any(len(part) for part in parts):
        problems.append(f"{path}: holds no region")
    if problems:
        raise InputError(problems)
    return pl.concat(parts)


def _open(path: str | Path) -> gzip.GzipFile | BufferedReader:
    """Open a file for reading, gunzipping it where its first bytes say so, whatever its name."""
    with Path(path).open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else Path(path).open("rb")


def _blocks(file: gzip.GzipFile | BufferedReader) -> Iterator[tuple[int, str]]:
    """Yield a file's text in parts of whole lines, with the number of each part's first line."""
    row = 1
    while block := file.read(BLOCK):
        block += file.readline()
        try:
            text = block.decode("utf-8-sig" if row == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _NoTextError(row + block.count(b"\n", 0, error.start)) from None
        if "\0" in text:
            raise _NoTextError(row + text.count("\n", 0, text.index("\0")))
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        yield row, text
        row += text.count("\n")


def _check_kind(path: str | Path, text: str) -> None:
    """Raise where a file's first line says that it is something else than regions."""
    told = text.lstrip()
    row, line = 1 + text.count("\n", 0, len(text) - len(told)), told.split("\n", 1)[0].strip()
    if line.startswith("<"):
        raise InputError(f"{path}: row {row}: is HTML or XML ('{line[:40]}'); expected BED or narrowPeak")
    if line.startswith(">"):
        raise InputError(f"{path}: row {row}: is FASTA ('{line[:40]}'); expected BED or narrowPeak")
    if line.startswith(("##fileformat=VCF", "##gff-version")):
        raise InputError(f"{path}: row {row}: is VCF or GFF ('{line[:40]}'), whose columns are others; expected BED")


class _NoTextError(ValueError):
    """A row of a file is no text."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


class _BadRows:
    """The rows of a file that cannot be read: the first of them told, the others counted."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.number = 0

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows with their ``row``, ``line``, ``width``, and fields as text."""
        for bad in rows.head(MOST_PROBLEMS - len(self.first)).iter_rows(named=True):
            if bad["width"] < 3:
                told = (
                    f"{bad['width']} column{'s' * (bad['width'] != 1)} in '{bad['line'][:60]}'; "
                    "expected at least chrom, start and end, separated by tabs or blanks"
                )
            elif not bad["chrom"]:
                told = f"no chromosome in '{bad['line'][:60]}'; expected chrom, start and end"
            else:
                told = f"start '{bad['start'][:40]}', end '{bad['end'][:40]}'; expected whole numbers"
                if not any(letter.isdigit() for letter in bad["start"] + bad["end"]):
                    told += "; if this is a header, put # before it or remove it"
            self.first.append(f"row {bad['row']}: {told}")
        self.number += len(rows)

    def told(self) -> list[str]:
        more = self.number - len(self.first)
        return [*self.first, f"{more} more such rows"] if more else self.first


def _parse(text: str, first: int, bad: _BadRows) -> pl.DataFrame:
    """Parse whole lines, of which the first is row `first` of the file; tell `bad` of the rows that are no regions."""
    plain = _parse_plain(text, first)
    if plain is not None:
        return plain
    lines = pl.DataFrame({"line": pl.Series([text]).str.split("\n").explode()})
    lines = lines.with_columns(row=pl.int_range(pl.len()) + first).filter(~pl.col("line").str.contains(NO_RECORD))
    if not lines["line"].str.contains("\t", literal=True).all():
        blanks = pl.col("line").str.strip_chars().str.replace_all(r"\s+", "\t")
        lines = lines.with_columns(
            line=pl.when(pl.col("line").str.contains("\t", literal=True)).then("line").otherwise(blanks)
        )
    rows = lines.with_columns(fields=pl.col("line").str.split("\t")).with_columns(
        width=pl.col("fields").list.len(), chrom=_field(0), start=_field(1), end=_field(2)
    )
    numbers = [pl.col(name).cast(pl.Int64, strict=False) for name in ("start", "end")]
    readable = pl.all_horizontal(pl.col("chrom") != "", *(number.is_not_null() for number in numbers)).fill_null(False)
    bad.add(rows.filter(~readable))
    return (
        rows.filter(readable)
        .with_columns(numbers)
        .select("row", "chrom", "start", "end", centre=_centre(), strand=_strand(), strength=_strength())
        .cast(SCHEMA)  # type: ignore[arg-type]  # a Mapping is invariant in its keys
    )


def _parse_plain(text: str, first: int) -> pl.DataFrame | None:
    """Parse what most files are: rows of the same three to ten columns between tabs. None where there is more to it."""
    if " " in text:
        return None
    try:
        table = pl.read_csv(text.encode(), separator="\t", has_header=False, quote_char=None, infer_schema=False)
    except pl.exceptions.PolarsError:
        return None
    if not 3 <= table.width <= SUMMIT_COLUMN + 1 or len(table) != text.count("\n") + (not text.endswith("\n")):
        return None
    table = table.with_columns(pl.nth(1, 2).cast(pl.Int64, strict=False))
    columns = [pl.col(name) for name in table.columns]
    chrom, start, end = columns[:3]
    if (
        table.null_count().sum_horizontal().item()
        or table.select((chrom.str.starts_with("#") | chrom.is_in(("", "track", "browser"))).any()).item()
    ):
        return None
    centre = (start + end) // 2
    if table.width > SUMMIT_COLUMN:
        summit = _whole(columns[SUMMIT_COLUMN])
        centre = pl.when(summit != NO_SUMMIT).then(start + summit).otherwise(centre)
    strand = pl.lit(".")
    if table.width > STRAND_COLUMN:
        given = columns[STRAND_COLUMN]
        strand = pl.when(given.is_in(["+", "-"])).then(given).otherwise(strand)
    strength = pl.lit(None)
    if table.width > SCORE_COLUMN:
        strength = _number(columns[SIGNAL_COLUMN if table.width > SUMMIT_COLUMN else SCORE_COLUMN])
    places = {"row": pl.int_range(pl.len()) + first, "chrom": chrom, "start": start, "end": end}
    return table.select(**places, centre=centre, strand=strand, strength=strength).cast(SCHEMA)  # type: ignore[arg-type]  # a Mapping is invariant in its keys


def _field(column: int) -> pl.Expr:
    """Return the text of a column; null where a row has fewer."""
    return pl.col("fields").list.get(column, null_on_oob=True).str.strip_chars()


def _strand() -> pl.Expr:
    given = _field(STRAND_COLUMN)
    return pl.when(given.is_in(["+", "-"])).then(given).otherwise(pl.lit("."))


def _centre() -> pl.Expr:
    """Return where a window is centred: a peak's summit, else the region's midpoint."""
    summit = _whole(_field(SUMMIT_COLUMN))
    has_summit = _is_narrowpeak() & (summit != NO_SUMMIT)
    return pl.when(has_summit).then(pl.col("start") + summit).otherwise((pl.col("start") + pl.col("end")) // 2)


def _strength() -> pl.Expr:
    """Return how strong a peak is: the signalValue of a narrowPeak, else BED's score."""
    return _number(pl.when(_is_narrowpeak()).then(_field(SIGNAL_COLUMN)).otherwise(_field(SCORE_COLUMN)))


def _number(text: pl.Expr) -> pl.Expr:
    """Return the finite number that a text is, or null."""
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _whole(text: pl.Expr) -> pl.Expr:
    """Return the whole number that a text is, also one written as 50.0, as tables with gaps have it; or null."""
    number = _number(text)
    return pl.when(number == number.floor()).then(number.clip(-FAR, FAR)).cast(pl.Int64)


def _is_narrowpeak() -> pl.Expr:
    wider = (pl.col("width") > BED_COLUMNS) & ~_begins_as_bed12()
    return (pl.col("width") == SUMMIT_COLUMN + 1) | wider


def _begins_as_bed12() -> pl.Expr:
    """Say whether columns 7 to 12 tell blocks: two places, then as many sizes and starts as there are blocks."""
    number = _field(SUMMIT_COLUMN).cast(pl.Int64, strict=False)
    sizes, starts = (_field(column).str.strip_chars_end(",") for column in (10, 11))
    told = [_field(column).cast(pl.Int64, strict=False).is_not_null() for column in (6, 7)]
    told += [items.str.count_matches(",", literal=True) + 1 == number for items in (sizes, starts)]
    return pl.all_horizontal(*told, starts.str.contains("^0(?:,|$)")).fill_null(False)
