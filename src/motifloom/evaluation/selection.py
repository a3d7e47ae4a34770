"""The choice of a baseline's settings on validation, and the table that shows what was chosen from."""

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
    from motifloom.models.candidates import Candidate

SWEEP_SCHEMA = {
    "variant": pl.String,
    "parameter": pl.String,
    "setting": pl.Float64,
    "split": pl.String,
    "task": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "chosen": pl.Boolean,
}


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


def choose(labels: npt.NDArray[np.floating], scores: Sequence[npt.NDArray[np.floating]], kind: Kind) -> int:
    """Choose the setting that does best on validation.

    Parameters
    ----------
    labels
        Of the validation split, shape ``(n, tasks)``; a missing label is NaN.
    scores
        For each setting its scores, shape ``(n, tasks)``.

    Returns
    -------
    The number of the setting with the greatest :func:`mean_main_score`, the first of equal ones. One whose score is
    undefined is worse than any other.

    Raises
    ------
    ValueError
        Where `scores` is empty.
    """
    if not scores:
        raise ValueError("scores: empty")
    means = [mean_main_score(labels, one, kind) for one in scores]
    return int(np.argmax(np.nan_to_num(means, nan=-np.inf)))


def sweep_table(
    tasks: Sequence[str],
    labels: Mapping[str, npt.NDArray[np.floating]],
    candidates: Sequence[Candidate],
    kind: Kind,
) -> pl.DataFrame:
    """Lay out how each setting of a baseline does on each split.

    Parameters
    ----------
    tasks
        Their names.
    labels
        For each split, `validation` among them, labels of shape ``(n, tasks)``; a missing label is NaN.
    candidates
        The settings that were tried, with their scores of the same splits.

    Returns
    -------
    Table with the columns of :data:`SWEEP_SCHEMA`, the settings of each variant in rising order; ``value`` is null
    where undefined.
    """
    chosen = choose(labels["validation"], [one.scores["validation"] for one in candidates], kind)
    variants = list(dict.fromkeys(one.variant for one in candidates))
    order = sorted(range(len(candidates)), key=lambda n: (variants.index(candidates[n].variant), candidates[n].setting))
    rows = [
        (one.variant, one.parameter, float(one.setting), split, task, _judged(kind).main, float(reached), n == chosen)
        for n, one in ((n, candidates[n]) for n in order)
        for split in labels
        for task, reached in zip(tasks, main_scores(labels[split], one.scores[split], kind), strict=True)
    ]
    return pl.DataFrame(rows, schema=SWEEP_SCHEMA, orient="row").fill_nan(None)


def _judged(kind: Kind) -> Judged:
    """Return how each task, or each class, is judged by itself."""
    return JUDGED["regression" if kind == "regression" else "binary"]


def _main_score(labels: npt.NDArray[np.floating], scores: npt.NDArray[np.floating], judged: Judged) -> float:
    """Compute the main metric of one task; labels and scores of shape ``(n,)``."""
    known = ~np.isnan(labels)
    arranged = judged.arrange(labels[known].astype(np.float64), scores[known].astype(np.float64))
    return float(arranged.compute(np.ones((1, int(known.sum()))), [judged.main])[judged.main][0])
