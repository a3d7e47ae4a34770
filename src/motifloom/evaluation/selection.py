"""The choice of a model's hyperparameter on validation, and the table that shows what was chosen from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.evaluation.metrics import auroc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt


def aurocs(labels: npt.NDArray[np.floating], scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Compute each task's area under the ROC curve.

    Parameters
    ----------
    labels, scores
        Shape ``(n, tasks)``.

    Returns
    -------
    Shape ``(tasks,)``; NaN where a label does not occur.
    """
    ones = np.ones((1, len(labels)))
    columns = zip(labels.T.astype(np.float64), scores.T.astype(np.float64), strict=True)
    return np.array([auroc(label, score, ones)[0] for label, score in columns])


def choose_neighbours(labels: npt.NDArray[np.floating], scores_by_k: Mapping[int, npt.NDArray[np.floating]]) -> int:
    """Choose the number of neighbours that ranks validation best.

    Parameters
    ----------
    labels
        Of the validation split, 0 or 1, shape ``(n, tasks)``.
    scores_by_k
        For each number of neighbours its scores, shape ``(n, tasks)``.

    Returns
    -------
    The number with the greatest mean `auroc` over the tasks, of equal ones the greatest. Tasks whose `auroc`
    is undefined do not count; where none is defined, the greatest number.

    Raises
    ------
    ValueError
        Where `scores_by_k` is empty.
    """
    means = {}
    for neighbours, scores in scores_by_k.items():
        reached = aurocs(labels, scores)
        defined = reached[~np.isnan(reached)]
        means[neighbours] = float(defined.mean()) if len(defined) else 0.0
    return max(means, key=lambda neighbours: (means[neighbours], neighbours))


def sweep_table(
    tasks: Sequence[str],
    labels: Mapping[str, npt.NDArray[np.floating]],
    scores: Mapping[str, Mapping[int, npt.NDArray[np.floating]]],
) -> pl.DataFrame:
    """Lay out how each number of neighbours does on each split.

    Parameters
    ----------
    tasks
        Their names.
    labels
        For each split, `validation` among them, labels of shape ``(n, tasks)``.
    scores
        For each split and number of neighbours, scores of shape ``(n, tasks)``.

    Returns
    -------
    Table with ``neighbours``, ``split``, ``task``, ``auroc`` (null where undefined) and ``chosen`` (whether
    this number was chosen on validation), sorted by the number, splits and tasks in the order given.
    """
    chosen = choose_neighbours(labels["validation"], scores["validation"])
    rows = [
        (neighbours, split, task, float(reached), neighbours == chosen)
        for neighbours in sorted(scores["validation"])
        for split in labels
        for task, reached in zip(tasks, aurocs(labels[split], scores[split][neighbours]), strict=True)
    ]
    schema = {
        "neighbours": pl.Int64,
        "split": pl.String,
        "task": pl.String,
        "auroc": pl.Float64,
        "chosen": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").fill_nan(None)
