"""How much a model's predictions and its rank move from one training to the next."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.stats import rankdata

from motifloom.config import ORACLE
from motifloom.evaluation.metrics import THRESHOLD
from motifloom.evaluation.regression import spearman

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from motifloom.config import Kind
    from motifloom.evaluation.metrics import Floats
    from motifloom.evaluation.panels import Panel

STABILITY_SCHEMA = {
    "model": pl.String,
    "task": pl.String,
    "replicates": pl.Int64,
    "metric": pl.String,
    "mean": pl.Float64,
    "spread": pl.Float64,
    "least": pl.Float64,
    "greatest": pl.Float64,
    "correlation": pl.Float64,
    "least_correlation": pl.Float64,
    "flipped": pl.Float64,
    "best_rank": pl.Int64,
    "worst_rank": pl.Int64,
}


def stability_table(panels: Sequence[Panel]) -> pl.DataFrame:
    """Hold the replicates of every model against each other, on test.

    Parameters
    ----------
    panels
        The predictions of a dataset.

    Returns
    -------
    Table with the columns of `STABILITY_SCHEMA`, a row for each task and model with several replicates: ``mean``,
    ``spread`` (standard deviation), ``least`` and ``greatest`` of the main metric; Spearman's ``correlation`` between
    the scores of two replicates, its mean and least over all pairs; ``flipped``, the mean share of examples that two
    replicates decide differently (null for values); the ranks among all models (the oracle aside) by replicate, where
    one with fewer replicates enters with its first again.
    """
    rows = [row for panel in panels if panel.split == "test" for row in _rows(panel)]
    return pl.DataFrame(rows, STABILITY_SCHEMA, orient="row").fill_nan(None)


def _rows(panel: Panel) -> Iterator[tuple[Any, ...]]:
    metric, replicates = panel.judged.main, panel.replicates
    scores = list(panel.scores.values())
    once = np.ones((1, len(panel.labels)))
    values = np.array([scored.compute(once, [metric])[metric][0] for scored in panel.arrange(scores)])
    ranks = _ranks({model: values[places] for model, places in replicates.items() if model != ORACLE})
    for model, places in replicates.items():
        if len(places) > 1:
            mine = values[places]
            found = [_agreement(scores[one], scores[other], panel.kind) for one, other in combinations(places, 2)]
            correlations, flips = np.array(found).T
            yield (
                model, panel.task, len(places), metric, float(mine.mean()), float(mine.std(ddof=1)),
                float(mine.min()), float(mine.max()), float(correlations.mean()), float(correlations.min()),
                float(flips.mean()), *ranks[model],
            )  # fmt: skip


def _ranks(values: dict[str, Floats]) -> dict[str, tuple[int | None, int | None]]:
    """Return each model's best and worst rank over the replicates, equal values sharing the better rank."""
    number = max(map(len, values.values()))
    table = np.array([np.resize(of_model, number) for of_model in values.values()])
    if np.isnan(table).any():
        return dict.fromkeys(values, (None, None))
    ranks = rankdata(-table, method="min", axis=0).astype(int)
    return {model: (int(row.min()), int(row.max())) for model, row in zip(values, ranks, strict=True)}


def _agreement(one: Floats, other: Floats, kind: Kind) -> tuple[float, float]:
    """Return Spearman's correlation of two replicates' scores, and the share of examples they decide differently."""
    correlation = float(spearman(one.ravel(), other.ravel(), np.ones((1, one.size)))[0])
    match kind:
        case "regression":
            return correlation, float("nan")
        case "multiclass":
            return correlation, float((one.argmax(axis=1) != other.argmax(axis=1)).mean())
        case _:
            return correlation, float(((one >= THRESHOLD) != (other >= THRESHOLD)).mean())
