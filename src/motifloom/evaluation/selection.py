"""The choice of a model's hyperparameter on validation, and the table that shows what was chosen from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.evaluation.kinds import JUDGED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from motifloom.config import Kind
    from motifloom.evaluation.kinds import Judged


def main_scores(
    labels: npt.NDArray[np.floating], scores: npt.NDArray[np.floating], kind: Kind
) -> npt.NDArray[np.float64]:
    """Compute each task's main metric: `auroc`, or `pearson` for regression.

    Parameters
    ----------
    labels
        Shape ``(n, tasks)``; a missing label is NaN.
    scores
        Shape ``(n, tasks)``.

    Returns
    -------
    Shape ``(tasks,)``; NaN where the labels of a task are all alike, or, for regression, its scores.
    """
    return np.array([_main_score(*column, _judged(kind)) for column in zip(labels.T, scores.T, strict=True)])


def mean_main_score(labels: npt.NDArray[np.floating], scores: npt.NDArray[np.floating], kind: Kind) -> float:
    """Return the mean of :func:`main_scores` over the tasks for which it is defined; NaN where there is none."""
    reached = main_scores(labels, scores, kind)
    defined = reached[~np.isnan(reached)]
    return float(defined.mean()) if len(defined) else float("nan")


def choose_neighbours(
    labels: npt.NDArray[np.floating], scores_by_k: Mapping[int, npt.NDArray[np.floating]], kind: Kind
) -> int:
    """Choose the number of neighbours that does best on validation.

    Parameters
    ----------
    labels
        Of the validation split, shape ``(n, tasks)``; a missing label is NaN.
    scores_by_k
        For each number of neighbours its scores, shape ``(n, tasks)``.

    Returns
    -------
    The number with the greatest :func:`mean_main_score`, of equal ones the greatest number. One whose score is
    undefined is worse than any other.

    Raises
    ------
    ValueError
        Where `scores_by_k` is empty.
    """
    means = {neighbours: mean_main_score(labels, scores, kind) for neighbours, scores in scores_by_k.items()}
    return max(means, key=lambda neighbours: (np.nan_to_num(means[neighbours], nan=-np.inf), neighbours))


def sweep_table(
    tasks: Sequence[str],
    labels: Mapping[str, npt.NDArray[np.floating]],
    scores: Mapping[str, Mapping[int, npt.NDArray[np.floating]]],
    kind: Kind,
) -> pl.DataFrame:
    """Lay out how each number of neighbours does on each split.

    Parameters
    ----------
    tasks
        Their names.
    labels
        For each split, `validation` among them, labels of shape ``(n, tasks)``; a missing label is NaN.
    scores
        For each split and number of neighbours, scores of shape ``(n, tasks)``.

    Returns
    -------
    Table with ``neighbours``, ``split``, ``task``, ``metric`` (``auroc`` or ``pearson``), ``value`` (null where
    undefined) and ``chosen`` (whether this number was chosen on validation), sorted by the number, splits and tasks in
    the order given.
    """
    chosen = choose_neighbours(labels["validation"], scores["validation"], kind)
    rows = [
        (neighbours, split, task, _judged(kind).main, float(reached), neighbours == chosen)
        for neighbours in sorted(scores["validation"])
        for split in labels
        for task, reached in zip(tasks, main_scores(labels[split], scores[split][neighbours], kind), strict=True)
    ]
    schema = {
        "neighbours": pl.Int64,
        "split": pl.String,
        "task": pl.String,
        "metric": pl.String,
        "value": pl.Float64,
        "chosen": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)


def _judged(kind: Kind) -> Judged:
    """Return how each task, or each class, is judged by itself."""
    return JUDGED["regression" if kind == "regression" else "binary"]


def _main_score(labels: npt.NDArray[np.floating], scores: npt.NDArray[np.floating], judged: Judged) -> float:
    """Compute the main metric of one task; labels and scores of shape ``(n,)``."""
    known = ~np.isnan(labels)
    arranged = judged.arrange(labels[known].astype(np.float64), scores[known].astype(np.float64))
    return float(arranged.compute(np.ones((1, int(known.sum()))), [judged.main])[judged.main][0])
