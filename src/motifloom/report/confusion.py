"""What the examples of each class are taken for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from motifloom.report.scores import colour
from motifloom.report.wording import thousands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from motifloom.report.results import Results, Scores

MOST_CLASSES = 20
"""Of more classes than this no table is laid out."""


@dataclass(frozen=True)
class ConfusionCell:
    """How many of a row's examples are predicted as the column's class, and which share of the row they are."""

    count: str
    share: float


@dataclass(frozen=True)
class Confusion:
    """A row for each class that examples have, a column for each that one model predicts."""

    model: str
    css: str
    classes: Sequence[str]
    rows: Sequence[Sequence[ConfusionCell]]


def confusions(results: Results, classes: Sequence[str], scores: Mapping[str, Scores]) -> list[Confusion]:
    """Count test examples by class and predicted class, the one of the greatest probability.

    Parameters
    ----------
    scores
        What each model says of test, by its name.

    Returns
    -------
    A table a model; none of more than `MOST_CLASSES` classes.
    """
    if len(classes) > MOST_CLASSES:
        return []
    scored = {model: of_model for model, of_model in scores.items() if all(name in of_model for name in classes)}
    return [_confusion(results, model, classes, of_model) for model, of_model in scored.items()]


def _confusion(results: Results, model: str, classes: Sequence[str], scores: Scores) -> Confusion:
    tables = [scores[name].sort("id") for name in classes]
    labels, predicted = (
        np.stack([table[column].to_numpy() for table in tables], axis=1).argmax(axis=1) for column in ("label", "score")
    )
    number = len(classes)
    counts = np.bincount(labels * number + predicted, minlength=number**2).reshape(number, number)
    rows = [[ConfusionCell(thousands(count), count / max(row.sum(), 1)) for count in row] for row in counts]
    return Confusion(model, colour(results, model), classes, rows)
