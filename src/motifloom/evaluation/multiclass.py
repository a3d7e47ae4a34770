"""Metrics over all classes of a multiclass dataset, under many weightings of the examples at once.

As in :mod:`motifloom.evaluation.metrics`; labels are numbers of classes, shape ``(n,)``, and scores are the classes'
probabilities, shape ``(n, classes)``. The greatest probability is the prediction, of equal ones the first.

A value that is not defined is NaN: every metric without examples, and `mcc` where all labels are of one class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from motifloom.evaluation.metrics import Scored, check_lengths, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from motifloom.evaluation.metrics import Floats, Weights

    Classes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Calls(Scored):
    """Examples with the classes that they have and that one model predicts.

    Attributes
    ----------
    labels, predicted
        Numbers of classes, shape ``(n,)``.
    classes
        How many classes there are.
    """

    labels: Classes
    predicted: Classes
    classes: int

    @classmethod
    def of(cls, labels: Floats, scores: Floats) -> Calls:
        """Arrange labels, classes' numbers of shape ``(n,)``, and probabilities of shape ``(n, classes)``.

        Raises
        ------
        ValueError
            Where the numbers of labels and scores differ.
        """
        check_lengths(labels, scores)
        return cls(labels.astype(np.intp), scores.argmax(axis=1), scores.shape[1])

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.labels)

    def per_example(self, metric: str) -> Floats | None:
        """Return 1 where the class is predicted, for `accuracy`."""
        return self.right if metric == "accuracy" else None

    @property
    def right(self) -> Floats:
        """1 where the class is predicted and else 0, shape ``(n,)``."""
        return (self.labels == self.predicted).astype(np.float64)

    def compute_block(self, weights: Weights, metrics: Sequence[str]) -> dict[str, Floats]:
        """Compute metrics out of `METRICS`."""
        weighted = WeightedCalls(self, np.ascontiguousarray(weights, dtype=np.float64))
        return {name: METRICS[name](weighted) for name in metrics}


@dataclass(frozen=True)
class WeightedCalls:
    """A block of resamples of calls, with the sums that metrics share.

    Attributes
    ----------
    calls
        Of ``n`` examples, at least one.
    weights
        Shape ``(resamples, n)``.
    """

    calls: Calls
    weights: Floats

    @cached_property
    def total(self) -> Floats:
        """The weight of all examples, shape ``(resamples,)``."""
        total: Floats = self.weights.sum(axis=1)
        return total

    @cached_property
    def right(self) -> Floats:
        """The weight of the examples whose class is predicted, shape ``(resamples,)``."""
        return np.einsum("rn,n->r", self.weights, self.calls.right)

    def by_class(self, of: Classes) -> Floats:
        """Sum the weights of each class, given the examples' classes; shape ``(resamples, classes)``."""
        order = np.argsort(of, kind="stable")
        present, starts = np.unique(of[order], return_index=True)
        sums = np.zeros((len(self.weights), self.calls.classes))
        sums[:, present] = np.add.reduceat(np.take(self.weights, order, axis=1), starts, axis=1)
        return sums


def accuracy(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute the share of examples whose class is predicted.

    Arguments and result as told above.
    """
    return Calls.of(labels, scores).compute(weights, ["accuracy"])["accuracy"]


def mcc(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute Matthews' correlation of several classes, R_K, at most 1; 0 is chance.

    (c·s − Σ p·t) / √((s² − Σ p²)(s² − Σ t²)) with s examples, of which c are predicted rightly, and of each class t
    examples and p predictions (Gorodkin 2004, Comput Biol Chem 28:367); with two classes it is that of
    :func:`motifloom.evaluation.metrics.mcc`. 0 where all predictions are alike. Arguments and result as told above; NaN
    where all labels are of one class.
    """
    return Calls.of(labels, scores).compute(weights, ["mcc"])["mcc"]


def _accuracy(weighted: WeightedCalls) -> Floats:
    return ratio(weighted.right, weighted.total)


def _mcc(weighted: WeightedCalls) -> Floats:
    labels, predicted = weighted.by_class(weighted.calls.labels), weighted.by_class(weighted.calls.predicted)
    covariance = weighted.right * weighted.total - (labels * predicted).sum(axis=1)
    of_labels, of_predicted = (weighted.total**2 - (sums**2).sum(axis=1) for sums in (labels, predicted))
    value = np.clip(ratio(covariance, np.sqrt(of_labels * of_predicted)), -1, 1)
    return np.where(of_labels > 0, np.where(of_predicted > 0, value, 0.0), np.nan)


METRICS: dict[str, Callable[[WeightedCalls], Floats]] = {"accuracy": _accuracy, "mcc": _mcc}
"""Every metric over all classes by its name in the tables, in the tables' order."""
