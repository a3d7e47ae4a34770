"""Tables with a sequence and labels a row: what becomes an example, and everything that is wrong with the others."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.config import ALL_CLASSES, PLACE_COLUMNS, ColumnSplit
from motifloom.data.delimited import BadRows, read_chunks
from motifloom.data.examples import DROPPED_SCHEMA, RECORD_SCHEMA, Examples
from motifloom.errors import InputError
from motifloom.fasta import NO_BASE
from motifloom.genome import PACKED_OF_BYTE, Composition

if TYPE_CHECKING:
    from motifloom.config import Config, Kind, TableDataset
    from motifloom.genome import Codes

SEQUENCE_NAMES = ("sequence", "seq")

MISSING = ("", "na", "nan", "null")
"""What stands for a missing value, in any case."""

TRUTHS = {"true": 1.0, "false": 0.0}

MOST_CLASSES = 200

RESERVED = (*PLACE_COLUMNS, ALL_CLASSES)
"""No class is called so."""

LEAST_RANGE = 1e-5
"""Values must differ by so much of the greatest one: of less, single precision leaves too little."""

LEAST_VALUE = 1e-30
"""And be as great as this: of less, single precision has no squares."""

GREATEST_VALUE = 1e30
"""And no greater than this: single precision ends at 3.4e38, and what is computed of values may be greater."""

SHOWN = 20
"""So many names of columns or classes are spelled out in a message."""

SHOWN_LETTERS = 40
"""So much of each: where a header is missing, the names are sequences."""

SPLIT_OF_WORD = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
}
"""What a column of splits may say, in any case."""


def table_examples(config: Config, name: str, section: TableDataset) -> Examples:
    """Turn a table's rows into examples.

    A row without a sequence, without any known base, without a label for any task, or without a split where a column
    tells it, is left out. Without a column ``id`` the examples are called ``row2`` and so on, by the line in the file.
    A column ``group``, or the one that the split names, says what stays in one split; a row where it is missing has no
    group.

    Returns
    -------
    The examples in the table's order. ``split`` is null where no column tells it. The labels have a column per task, or
    per class.

    Raises
    ------
    InputError
        With every problem of the file at once.
    """
    path, kind = section.sequences, config.kind(name)
    bad = BadRows(path)
    try:
        table, own = _read(section, bad)
    except InputError as error:
        raise InputError([*bad.lines(), *error.problems]) from None
    groups = [_known(pl.col("group"))] if "group" in table.columns else []
    table = table.with_columns(_ids(table, bad), _splits(table, bad), *groups)
    labels = pl.DataFrame(
        [_labels(table.select("row", value=f"label{k}"), task, kind, bad) for k, task in enumerate(section.tasks)]
    )
    if problems := bad.lines():
        raise InputError(problems)

    reason = _reasons(table, labels, own, isinstance(section.split, ColumnSplit))
    dropped = table.select(pl.lit(path).alias("file"), "row", reason).cast(DROPPED_SCHEMA)  # type: ignore[arg-type]  # a Mapping is invariant in its keys
    table, labels = table.filter(reason.is_null()), labels.filter(reason.is_null())
    if table.is_empty():
        raise InputError(f"{path}: no row can be used; of row {dropped['row'][0]}, {reason[0]}")
    problems = [problem for values in labels for problem in _problems_of_labels(path, values, kind)]
    if isinstance(section.split, ColumnSplit):
        problems += _problems_of_splits(path, section.split, table["split"])
    if problems:
        raise InputError(problems)

    records = table.with_columns(minus=pl.lit(False), own=pl.lit(True))
    nothing = [pl.lit(None).alias(column) for column in RECORD_SCHEMA if column not in records.columns]
    records = records.with_columns(nothing).select(*RECORD_SCHEMA).cast(RECORD_SCHEMA)  # type: ignore[arg-type]  # a Mapping is invariant in its keys
    return Examples(
        records,
        _one_column_per_class(labels.to_series()) if kind == "multiclass" else labels,
        own,
        dropped.drop_nulls("reason"),
    )


# ---------------------------------------------------------------------------------------------------- columns and bases


def _find_columns(section: TableDataset, header: list[str]) -> dict[str, str]:
    """Return which columns are the ``sequence``, each ``label``, and, if there, the ``id``, ``group`` and ``split``."""
    path, split = section.sequences, section.split
    any_case = {name.lower(): name for name in reversed(header)} | {name: name for name in header}
    wanted = {f"label{k}": task for k, task in enumerate(section.tasks)}
    found: dict[str, str] = {use: any_case[use] for use in ("id", "group") if use in any_case}
    if isinstance(split, ColumnSplit):
        wanted["split"] = split.column
    elif split.group is not None:
        wanted["group"] = split.group
    problems = [
        f"{path}: has no column '{name}'; {_nearest(name, header)}" for name in wanted.values() if name not in header
    ]
    sequence = next((any_case[name] for name in SEQUENCE_NAMES if name in any_case), None)
    if sequence is None:
        problems.insert(0, f"{path}: has no column 'sequence' or 'seq'; {_nearest('sequence', header)}")
    else:
        found["sequence"] = sequence
    if problems:
        raise InputError(problems)
    return found | wanted


def _nearest(name: str, header: list[str]) -> str:
    """Say which columns there are, and which of them may be meant."""
    nearest = difflib.get_close_matches(name, header, n=1)
    hint = f"; the nearest is '{nearest[0]}'" if nearest else ""
    names = [f"{column[:SHOWN_LETTERS]}{'…' * (len(column) > SHOWN_LETTERS)}" for column in header[:SHOWN]]
    return f"its columns are {', '.join(names)}{', …' * (len(header) > SHOWN)}{hint}"


def _read(section: TableDataset, bad: BadRows) -> tuple[pl.DataFrame, Codes]:
    """Read the wanted columns and pack the bases.

    Returns
    -------
    Table with ``row``, ``offset``, ``length``, and what :func:`_find_columns` found, the sequence aside; and the packed
    bases of all rows. Tell `bad` of letters that are no base.
    """
    own = bytearray()
    parts = []
    for chunk in read_chunks(section.sequences, lambda header: _find_columns(section, header), bad):
        sequences = chunk.select(_known(pl.col("sequence"))).to_series().fill_null("")
        codes = PACKED_OF_BYTE[np.frombuffer("".join(sequences.to_list()).encode(), dtype=np.uint8)]
        lengths = sequences.str.len_bytes().cast(pl.Int64)
        ends = lengths.cum_sum()
        wrong = np.unique(np.searchsorted(ends.to_numpy(), np.flatnonzero(codes == NO_BASE), side="right"))
        bad.add(_no_bases(chunk.select("row", sequences)[wrong]))
        parts.append(chunk.drop("sequence").with_columns(offset=ends - lengths + len(own), length=lengths))
        own += codes.tobytes()
    return pl.concat(parts), np.frombuffer(own, dtype=np.uint8)


def _no_bases(rows: pl.DataFrame) -> pl.DataFrame:
    """Say which letter of each sequence is the first that is no base."""
    bases = "".join(chr(byte) for byte in np.flatnonzero(PACKED_OF_BYTE != NO_BASE))
    rest = pl.col("sequence").str.strip_chars_start(bases)
    place = pl.col("sequence").str.len_chars() - rest.str.len_chars() + 1
    expected = "expected A C G T U N, another IUPAC code, or a gap - . *"
    return rows.select(
        "row",
        problem=pl.format(
            "'{}' is no base, at place {} of the sequence; {}", rest.str.head(1), place, pl.lit(expected)
        ),
    )


def _ids(table: pl.DataFrame, bad: BadRows) -> pl.Series:
    """Return the ids; tell `bad` of those that are missing, stand twice or would break a line."""
    if "id" not in table.columns:
        return table.select(pl.format("row{}", "row").alias("id")).to_series()
    ids = table.select("row", pl.col("id").cast(pl.String).fill_null(""))
    empty = pl.col("id") == ""
    bad.add(ids.filter(empty).with_columns(problem=pl.lit("the id is empty; expected a name, or no column 'id'")))
    odd = ids.with_columns(odd=pl.col("id").str.extract(r"(\pC)")).drop_nulls("odd")
    bad.add(odd.select("row", problem=pl.format("the id '{}' has a character that cannot be printed", "id")))
    first = ids.with_columns(first=pl.col("row").min().over("id")).filter(~empty, pl.col("row") != pl.col("first"))
    told = pl.format("the id '{}' stands in row {} already; expected another for each row", "id", "first")
    bad.add(first.with_columns(problem=told))
    return ids["id"]


def _splits(table: pl.DataFrame, bad: BadRows) -> pl.Series:
    """Return the splits that a column tells, null where it is empty; tell `bad` of other words."""
    if "split" not in table.columns:
        return pl.Series("split", [None] * len(table), dtype=pl.String)
    words = table.select("row", word=_known(pl.col("split")))
    split = words["word"].str.to_lowercase().replace_strict(SPLIT_OF_WORD, default=None, return_dtype=pl.String)
    told = pl.format("the split is '{}'; expected train, validation (or val, valid, dev) or test", "word")
    bad.add(words.filter(split.is_null() & words["word"].is_not_null()).with_columns(problem=told))
    return split.alias("split")


def _known(column: pl.Expr) -> pl.Expr:
    """Return a column as text, null where its value is missing."""
    text = column.cast(pl.String)
    return pl.when(~text.str.to_lowercase().is_in(MISSING)).then(text)


# -------------------------------------------------------------------------------------------------------------- labels


def _labels(table: pl.DataFrame, task: str, kind: Kind, bad: BadRows) -> pl.Series:
    """Return a task's labels, the column ``value``, null where missing; tell `bad` of those that are no such labels.

    Returns
    -------
    Int8 where labels are binary, Float64 for regression, text for multiclass.
    """
    table = table.select("row", text=_known(pl.col("value")))
    text = table["text"]
    if kind == "multiclass":
        taken = ~text.str.contains(r"^\PC+$") | text.is_in(RESERVED)
        told = f"' cannot be the name of a class; expected printable characters, and none of {', '.join(RESERVED)}"
        _tell(table.filter(taken.fill_null(False)).unique("text", maintain_order=True), "'", told, bad)
        return text.alias(task)
    number = text.cast(pl.Float64, strict=False)
    if kind == "regression":
        fits = number.is_finite()
        great = fits & (number.abs() > GREATEST_VALUE)
        room = f"{-GREATEST_VALUE:g} to {GREATEST_VALUE:g}"
        _tell_labels(
            table, great, task, f"'; too great for single precision, expected {room}; divide all by one number", bad
        )
        told = "'; expected a number such as 0.5 or 1e-3, or nothing where it is missing"
    else:
        truth = text.str.to_lowercase().replace_strict(TRUTHS, default=None, return_dtype=pl.Float64)
        number = number.zip_with(truth.is_null(), truth)
        fits = number.is_in([0.0, 1.0])
        told = (
            "'; expected 0 or 1, or nothing where it is missing; for names of classes set 'kind: multiclass', for "
            "other numbers 'kind: regression'"
        )
    _tell_labels(table, text.is_not_null() & ~fits.fill_null(False), task, told, bad)
    return number.cast(pl.Float64 if kind == "regression" else pl.Int8, strict=False).alias(task)


def _tell_labels(table: pl.DataFrame, wrong: pl.Series, task: str, after: str, bad: BadRows) -> None:
    """Tell `bad` of the rows whose label is wrong; of one where all are, for the column is of another kind then."""
    rows = table.filter(wrong)
    if len(rows) == table["text"].count():
        rows = rows.head(1)
    _tell(rows, f"'{task}' is '", after, bad)


def _tell(rows: pl.DataFrame, before: str, after: str, bad: BadRows) -> None:
    """Tell `bad` of rows: what stands before and after their ``text`` says what is wrong with it."""
    bad.add(rows.select("row", problem=pl.lit(before) + pl.col("text") + pl.lit(after)))


def _reasons(table: pl.DataFrame, labels: pl.DataFrame, own: Codes, by_column: bool) -> pl.Series:
    """Return why each row is left out, null where it is used."""
    offset, length = table["offset"].to_numpy(), table["length"].to_numpy()
    no_base = Composition.of(own, offset, length).unknown == length
    reasons = [
        (pl.Series(length == 0), "the sequence is empty"),
        (pl.Series(no_base), "no base of the sequence is known"),
        (labels.select(pl.all_horizontal(pl.all().is_null())).to_series(), "there is no label"),
        (table["split"].is_null() & by_column, "no split is named"),
    ]
    return pl.select(
        pl.coalesce(pl.when(holds).then(pl.lit(reason)) for holds, reason in reasons).alias("reason")
    ).to_series()


def _problems_of_labels(path: str, labels: pl.Series, kind: Kind) -> list[str]:
    """Say why nothing can be learned from a column of labels."""
    different = labels.drop_nulls().unique().sort()
    where = f"{path}: the column '{labels.name}'"
    if different.is_empty():
        return [f"{where} is empty in every row that can be used; expected labels"]
    if kind == "multiclass" and len(different) > MOST_CLASSES:
        most = f"expected at most {MOST_CLASSES}; for numbers set 'kind: regression'"
        return [f"{where} has {len(different)} different classes; {most}"]
    if len(different) < 2:
        expected = {"binary": "both 0 and 1", "multiclass": "two classes or more", "regression": "numbers that differ"}
        return [f"{where} has the label {different[0]} alone; expected {expected[kind]}"]
    if kind == "regression":
        values = different.to_numpy()
        least, most = values[0], values[-1]
        told = f"{where} has values from {least:.10g} to {most:.10g}"
        if np.abs(values).max() < LEAST_VALUE:
            return [f"{told}, too small for single precision; multiply all by one number"]
        if most - least < LEAST_RANGE * np.abs(values).max():
            return [f"{told}, too near to each other; subtract {least:.10g} from all"]
    return []


def _problems_of_splits(path: str, split: ColumnSplit, splits: pl.Series) -> list[str]:
    """Say which split the column does not name, where nothing else makes it."""
    problems = []
    for name in ("train", "validation", "test"):
        if not (splits == name).any() and not (name == "validation" and split.validation):
            mend = "; add 'validation: 0.1' beside 'column' to take a tenth of train" if name == "validation" else ""
            problems.append(f"{path}: the column '{split.column}' has no row of {name}{mend}")
    return problems


def _one_column_per_class(classes: pl.Series) -> pl.DataFrame:
    """Return a column of 0 and 1 for each class, in the order of their names."""
    return pl.DataFrame([(classes == name).cast(pl.Int8).alias(name) for name in sorted(classes.unique())])
