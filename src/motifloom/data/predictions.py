"""The predictions table: where every model ends, and all that evaluation reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from motifloom.data.dataset import Dataset


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
    Table with ``id``, ``split``, ``task``, ``label`` and ``score``, a row per example and task. An example without a
    label for a task has no row there.
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
