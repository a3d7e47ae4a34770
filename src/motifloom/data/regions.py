"""Regions of a genome: BED and narrowPeak files, and the windows centred on them.

Coordinates are 0-based and half-open, in bp.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.errors import InputError
from motifloom.genome import open_text

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

SCHEMA = {
    "row": pl.Int64,
    "chrom": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "centre": pl.Int64,
    "strand": pl.String,
}
SUMMIT_COLUMN = 9
BED_COLUMNS = 12
MOST_PROBLEMS = 20
"""So many bad rows of one file are named; the rest is counted."""


def read_regions(path: str | Path) -> pl.DataFrame:
    """Read BED3 or wider, or narrowPeak; plain or gzip.

    Empty lines and lines that begin with ``#``, ``track`` or ``browser`` are passed over. Columns may be separated by
    tabs or blanks. A row of ten columns, or of more than the twelve that BED has, is narrowPeak.

    Returns
    -------
    Table with a row per region, in the file's order: ``row`` (the line in the file, from 1), ``chrom``, ``start``,
    ``end``, ``centre`` (the summit of a narrowPeak, else the midpoint; a summit of -1 means the midpoint) and
    ``strand`` (``+``, ``-`` or ``.``).

    Raises
    ------
    InputError
        Where the file cannot be read, holds no region, or where lines have too few columns or no whole numbers.
    """
    rows: list[tuple[int, str, int, int, int, str]] = []
    problems: list[str] = []
    try:
        with open_text(path) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip() or line.startswith(("#", "track", "browser")):
                    continue
                try:
                    rows.append((number, *_parse(line)))
                except ValueError as error:
                    problems.append(f"{path}: row {number}: {error}")
    except (OSError, EOFError, zlib.error) as error:
        problems.append(f"{path}: cannot be read: {error}")
    except UnicodeDecodeError:
        problems.append(f"{path}: is no text file; expected BED or narrowPeak, plain or gzip")
    if len(problems) > MOST_PROBLEMS:
        problems = [*problems[:MOST_PROBLEMS], f"{path}: {len(problems) - MOST_PROBLEMS} more such rows"]
    if not rows and not problems:
        problems.append(f"{path}: holds no region")
    if problems:
        raise InputError(problems)
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _parse(line: str) -> tuple[str, int, int, int, str]:
    """Return chrom, start, end, centre and strand of one line."""
    stripped = line.rstrip("\r\n")
    fields = stripped.split("\t") if "\t" in stripped else stripped.split()
    if len(fields) < 3:
        raise ValueError(f"{len(fields)} column(s) in '{stripped[:60]}'; expected at least chrom, start and end")
    try:
        start, end = int(fields[1]), int(fields[2])
    except ValueError:
        raise ValueError(f"start '{fields[1]}', end '{fields[2]}'; expected whole numbers") from None
    centre = (start + end) // 2
    if len(fields) == SUMMIT_COLUMN + 1 or len(fields) > BED_COLUMNS:
        try:
            summit = int(fields[SUMMIT_COLUMN])
        except ValueError:
            summit = -1
        if summit >= 0:
            centre = start + summit
    strand = fields[5] if len(fields) > 5 and fields[5] in {"+", "-"} else "."
    return fields[0], start, end, centre, strand


def centred_windows(regions: pl.DataFrame, window: int) -> pl.DataFrame:
    """Replace ``start`` and ``end`` by those of the window of `window` bp around each region's ``centre``.

    A window of even length has one base more before its centre than behind it.
    """
    start = pl.col("centre") - window // 2
    return regions.with_columns(start=start, end=start + window)


@dataclass(frozen=True)
class Occupied:
    """Places that may not be used: answers whether windows overlap any of them."""

    intervals: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]

    @classmethod
    def of(cls, *tables: pl.DataFrame) -> Occupied:
        """Collect the intervals of tables with ``chrom``, ``start`` and ``end``."""
        joined = pl.concat([table.select("chrom", "start", "end") for table in tables])
        intervals = {}
        for (chrom,), part in joined.sort("chrom", "start").group_by("chrom", maintain_order=True):
            starts, ends = part["start"].to_numpy(), part["end"].to_numpy()
            # Where every end is the greatest so far, the one interval that starts last before a window's end decides.
            intervals[str(chrom)] = (starts, np.maximum.accumulate(ends))
        return cls(intervals)

    def overlap(self, chrom: str, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return for each window on `chrom`, arrays of shape ``(n,)``, whether it shares a base with any interval."""
        if chrom not in self.intervals:
            return np.zeros(len(starts), dtype=bool)
        taken_starts, reach = self.intervals[chrom]
        before = np.searchsorted(taken_starts, ends, side="left")
        return np.where(before > 0, reach[np.maximum(before - 1, 0)] > starts, False)
