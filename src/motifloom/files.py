"""Files that are complete or absent."""

from __future__ import annotations

import difflib
import os
import re
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from motifloom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import polars as pl

    Schema = Mapping[str, pl.DataType | type[pl.DataType]]


BGZIP_HEADER = re.compile(rb"\x1f\x8b\x08\x04.{6}\x06\x00BC\x02\x00", re.DOTALL)
BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b000300")
"""How the empty block begins that closes a bgzip file (SAM specification, section 4.1.2); zeros follow."""

PADDING_BYTES = 1 << 16
"""So many zeros may stand behind the end of a bgzip file, at least."""

MOST_LETTERS = 100
"""So much is told of the names of a table's columns: of what is no table, they may be anything."""


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a place beside `path` to write to, and move it in when the block ends without an exception.

    Yields
    ------
    Path
        A new file in the same folder. After an exception it is removed, with the folders that were made for it, and
        `path` stays as it was.
    """
    target = Path(path)
    made = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o666 & ~_umask())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        with suppress(OSError):  # another process has put something there
            for folder in made:
                folder.rmdir()
        raise


def existing_parent(path: str | os.PathLike[str]) -> Path:
    """Return the innermost part of `path` that is there, which is `path` itself where it is."""
    wanted = Path(path)
    return next(part for part in (wanted, *wanted.absolute().parents) if part.exists())


def bytes_below(folder: Path) -> int:
    """Return how much the files of a folder hold; 0 where there is none. A run may write and remove some meanwhile."""
    total = 0
    for home, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(home, name).lstat().st_size
    return total


def check_bgzip_end(path: str | os.PathLike[str]) -> None:
    """Raise ``EOFError`` where a file is bgzip and ends between two blocks, which readers of gzip take for its end."""
    with Path(path).open("rb") as raw:
        if BGZIP_HEADER.match(raw.read(len(BGZIP_END))):
            raw.seek(max(0, raw.seek(0, os.SEEK_END) - PADDING_BYTES))
            if not raw.read().rstrip(b"\0").endswith(BGZIP_END.rstrip(b"\0")):
                raise EOFError


def leads_nowhere(path: str | os.PathLike[str]) -> str | None:
    """Say which part of `path` is a link to nothing, or to itself; None where none is."""
    parts = [part for part in (Path(path), *Path(path).parents) if part.is_symlink() and not part.exists()]
    return f"{parts[0]} is a link to '{parts[0].readlink()}', where nothing is" if parts else None


def missing(path: str | os.PathLike[str]) -> str | None:
    """Say why `path` is no file that can be read, and what lies there under a like name; None where it can."""
    wanted = Path(path)
    try:
        mode = wanted.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return f"{path}: no such file{_instead(wanted)}"
    except OSError as error:  # no permission to look for it, too long a name, a link to itself
        return f"{path}: cannot be read: {error.strerror}"
    if stat.S_ISDIR(mode):
        return f"{path}: is a folder; expected a file"
    if not stat.S_ISREG(mode):
        return f"{path}: is a device or a pipe; expected a file, which can be read more than once"
    return None if os.access(wanted, os.R_OK) else f"{path}: no permission to read it"


def _instead(wanted: Path) -> str:
    """Say what lies at or near a path that leads to nothing."""
    if wanted.is_symlink():
        return f"; it is a link to '{wanted.readlink()}', where nothing is"
    if not wanted.parent.is_dir():
        return f"; there is no folder {wanted.parent}"
    nearest = difflib.get_close_matches(wanted.name, [other.name for other in wanted.parent.iterdir()], n=1)
    return f"; the nearest there is '{nearest[0]}'" if nearest else ""


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8 to `path`, wholly or not at all."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_tsv(path: str | os.PathLike[str], table: pl.DataFrame) -> None:
    """Write `table` as tab-separated text to `path`; a null is an empty field."""
    with whole_file(path) as beside:
        table.write_csv(beside, separator="\t")


def write_parquet(path: str | os.PathLike[str], table: pl.DataFrame) -> None:
    """Write `table` as Parquet to `path`."""
    with whole_file(path) as beside:
        table.write_parquet(beside)


def link(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Let `path` be a symbolic link to `target`; relative, so that a folder with both of them can be moved."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".link-", dir=place.parent) as folder:
        beside = Path(folder, place.name)
        beside.symlink_to(os.path.relpath(target, place.parent))
        beside.replace(place)


def read_parquet(path: str | Path, schema: Schema | None = None, optional: Schema | None = None) -> pl.DataFrame:
    """Read a Parquet table.

    Parameters
    ----------
    schema
        Columns that it must have, among others, and their types.
    optional
        The types of columns that it may have.

    Raises
    ------
    InputError
        Where the file cannot be read, is no Parquet table, lacks a column, or has one of another type.
    """
    import polars as pl  # noqa: PLC0415 - the workflow imports this module and needs no tables

    if reason := missing(path):
        raise InputError(reason)
    try:
        table = pl.read_parquet(path, glob=False)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(f"{path}: is no Parquet table: {str(error).splitlines()[0]}") from None
    needed = dict(schema or {})
    if not needed.keys() <= set(table.columns):
        raise InputError(f"{path}: expected the columns {', '.join(needed)}; found {_listed(table.columns)}")
    expected = needed | dict(optional or {})
    other = [name for name, kind in table.schema.items() if kind != expected.get(name, kind)]
    if other:
        told = (f"the column '{name}' holds {table.schema[name]}, expected {expected[name]}" for name in other)
        raise InputError(f"{path}: {'; '.join(told)}")
    return table


def read_tsv(path: str | Path, schema: Schema) -> pl.DataFrame:
    """Read a table that :func:`write_tsv` wrote.

    Parameters
    ----------
    schema
        Its columns, in their order, and their types.

    Raises
    ------
    InputError
        Where the file cannot be read, is no such table, or breaks off within a line.
    """
    import polars as pl  # noqa: PLC0415 - the workflow imports this module and needs no tables

    if reason := missing(path):
        raise InputError(reason)
    text = Path(path).read_bytes()
    if not text:
        raise InputError(f"{path}: is empty; expected the columns {', '.join(schema)}")
    header = text.splitlines()[0].decode(errors="backslashreplace").split("\t")
    if header != list(schema):
        raise InputError(f"{path}: expected the columns {', '.join(schema)}; found {_listed(header)}")
    if not text.endswith(b"\n"):
        raise InputError(f"{path}: breaks off within its last line; is it the whole file?")
    try:
        return pl.read_csv(text, separator="\t", schema_overrides=schema)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise InputError(f"{path}: is no tab-separated table: {str(error).splitlines()[0]}") from None


def _listed(names: Iterable[str]) -> str:
    """Name a table's columns, the first of them where that takes too many letters."""
    told = ", ".join(names)
    return told if len(told) <= MOST_LETTERS else f"{told[:MOST_LETTERS]}…"


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    current = os.umask(0)
    os.umask(current)
    return current
