"""What each kind of prediction is judged by: its metrics, the main one among them, and how examples are drawn again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from motifloom.config import ALL_CLASSES
from motifloom.evaluation import metrics, multiclass, regression

if TYPE_CHECKING:
    from collections.abc import Callable

    from motifloom.config import Kind
    from motifloom.evaluation.metrics import Floats, Scored


@dataclass(frozen=True)
class Judged:
    """How a kind of prediction is judged.

    Attributes
    ----------
    metrics
        Their names, in the tables' order; the first is the main one, which ranks models and is told of the train
        split too.
    arrange
        Arranges labels and one model's scores so that the metrics can be computed of them.
    stratified
        Whether the bootstrap draws within each label.
    """

    metrics: tuple[str, ...]
    arrange: Callable[[Floats, Floats], Scored]
    stratified: bool

    @property
    def main(self) -> str:
        """The main metric."""
        return self.metrics[0]


JUDGED: dict[Kind, Judged] = {
    "binary": Judged(tuple(metrics.METRICS), metrics.Ranking.of, stratified=True),
    "multiclass": Judged(tuple(multiclass.METRICS), multiclass.Calls.of, stratified=True),
    "regression": Judged(tuple(regression.METRICS), regression.Values.of, stratified=False),
}
"""By the kind of a panel: a multiclass dataset has a panel of its own kind over all classes, and a binary one each."""


def main_metric(kind: Kind, task: str) -> str:
    """Return the metric that ranks the models of a `task`, or class, of a dataset of this `kind`."""
    if kind == "multiclass" and task != ALL_CLASSES:
        return JUDGED["binary"].main
    return JUDGED[kind].main
