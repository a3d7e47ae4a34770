"""The predictions table: where every model ends, and all that evaluation reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from motifloom.errors import InputError
from motifloom.files import read_parquet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from motifloom.data.dataset import Dataset

FILES = ("predictions.parquet", "train_predictions.parquet")
"""What every model writes: predictions of validation and test, and of train."""

KEYS = ("id", "split", "task", "label")

PREDICTIONS_SCHEMA = {
    "id": pl.String,
    "split": pl.String,
    "task": pl.String,
    "label": pl.Float64,
    "score": pl.Float64,
}


def predictions_table(dataset: Dataset, rows: npt.NDArray[np.int64], scores: npt.NDArray[np.floating]) -> pl.DataFrame:
    """Lay out predictions.

    Parameters
    ----------
    rows
        The examples that were predicted, shape ``(n,)``.
    scores
        Probabilities of the label 1 or, of a regression, predicted values; shape ``(n, tasks)``.

    Returns
    -------
    Table with the columns of :data:`PREDICTIONS_SCHEMA`, a row per example and task. An example without a label for a
    task has no row there.
    """
    examples = dataset.examples[rows]
    return pl.concat(
        examples.select(
            "id",
            "split",
            pl.lit(task).alias("task"),
            pl.col(task).cast(pl.Float64).alias("label"),
            pl.Series("score", scores[:, column]).cast(pl.Float64),
        ).drop_nulls("label")
        for column, task in enumerate(dataset.tasks)
    )


def read_predictions(path: Path) -> pl.DataFrame:
    """Read a table as :func:`predictions_table` gives it.

    Raises
    ------
    InputError
        Where the file cannot be read, or is no such table.
    """
    return read_parquet(path, PREDICTIONS_SCHEMA).select(*PREDICTIONS_SCHEMA)


def mean_predictions(tables: Mapping[Path, pl.DataFrame]) -> pl.DataFrame:
    """Average the predictions of several trainings: of probabilities, a linear opinion pool.

    Parameters
    ----------
    tables
        By the file it was read from each table, as :func:`predictions_table` gives them; at least one.

    Returns
    -------
    The rows of the first table, each with the mean score of all tables.

    Raises
    ------
    InputError
        For every file that has other examples, tasks or labels than the first one.
    """
    rows = {path: table.select(KEYS) for path, table in tables.items()}
    first, expected = next(iter(rows.items()))
    differing = [path for path, found in rows.items() if not found.equals(expected)]
    if differing:
        raise InputError(f"{path}: other examples, tasks or labels than {first} has" for path in differing)
    scores = [table["score"].rename(str(number)) for number, table in enumerate(tables.values())]
    return expected.with_columns(pl.DataFrame(scores).mean_horizontal().alias("score"))
