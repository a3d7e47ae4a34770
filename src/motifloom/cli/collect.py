"""Put tables with the same columns under one another, in the order given."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    import polars as pl

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    parser.add_argument(
        "--inputs",
        type=Path,
        required=True,
        nargs="+",
        metavar="FILE",
        help="tab-separated tables with one header",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the table to write")


def run(args: argparse.Namespace) -> None:
    """Collect tables.

    Raises
    ------
    InputError
        Where a file is missing or is no table, and where headers differ.
    """
    import polars as pl

    from motifloom.errors import InputError, Problems
    from motifloom.files import write_tsv

    problems, tables = Problems(), []
    for path in args.inputs:
        with problems.gathered():
            tables.append(_read(path))
    problems.raise_any()
    header = tables[0].columns
    differing = [path for path, table in zip(args.inputs, tables, strict=True) if table.columns != header]
    if differing:
        expected = f"expected the header of {args.inputs[0]}: {' '.join(header)}"
        raise InputError(f"{path}: another header; {expected}" for path in differing)
    collected = pl.concat(tables)
    write_tsv(args.output, collected)
    logger.info("%s: %d rows of %d tables", args.output, len(collected), len(tables))


def _read(path: Path) -> pl.DataFrame:
    """Read a tab-separated table, every field as the text it is.

    Raises
    ------
    InputError
        Where the file is missing or is no table.
    """
    import polars as pl

    from motifloom.errors import InputError

    try:
        return pl.read_csv(path, separator="\t", infer_schema=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: is no tab-separated table: {str(error).splitlines()[0]}") from None
