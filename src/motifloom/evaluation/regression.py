"""Metrics of predicted values under many weightings of the examples at once.

As in :mod:`motifloom.evaluation.metrics`; labels and scores are any finite numbers, in the same unit.

A value that is not defined is NaN: every metric without examples, `pearson` and `spearman` where all labels or all
scores are equal, `r2` where all labels are equal, and what overflows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from motifloom.evaluation.metrics import Scored, check_lengths, group_ends, ratio, shifted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from motifloom.evaluation.metrics import Floats, Weights


@dataclass(frozen=True)
class Ties:
    """Values sorted, and which of them are equal.

    Attributes
    ----------
    order
        The places of the values, the least first, shape ``(n,)``.
    ends
        The last of every run of equal values in that order, shape ``(distinct values,)``.
    run
        The run of each value, in the values' own order, shape ``(n,)``.
    """

    order: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]
    run: npt.NDArray[np.intp]

    @classmethod
    def of(cls, values: Floats) -> Ties:
        """Sort `values` of shape ``(n,)``."""
        order = np.argsort(values, kind="stable")
        ends = group_ends(values[order])
        run = np.empty(len(values), dtype=np.intp)
        run[order] = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=-1))
        return cls(order, ends, run)

    def ranks(self, weights: Floats) -> Floats:
        """Return twice each value's midrank less the mean rank, for values that occur `weights` times.

        Both are whole numbers, so there is no rounding. Weights and ranks have the shape ``(resamples, n)``.
        """
        up_to = np.take(np.cumsum(np.take(weights, self.order, axis=1), axis=1), self.ends, axis=1)
        # A run that holds the places a + 1 to b has the midrank (a + b + 1) / 2; the mean of all is (total + 1) / 2.
        return np.take(shifted(up_to) + up_to - up_to[:, -1:], self.run, axis=1)


@dataclass(frozen=True)
class Values(Scored):
    """Examples with values and the values that one model predicts.

    Attributes
    ----------
    labels, scores
        Measured and predicted, shape ``(n,)``.
    label_ties, score_ties
        Their order.
    """

    labels: Floats
    scores: Floats
    label_ties: Ties
    score_ties: Ties

    @classmethod
    def of(cls, labels: Floats, scores: Floats) -> Values:
        """Arrange finite labels and scores, both of shape ``(n,)``.

        Raises
        ------
        ValueError
            Where the numbers of labels and scores differ.
        """
        check_lengths(labels, scores)
        labels, scores = labels.astype(np.float64), scores.astype(np.float64)
        return cls(labels, scores, Ties.of(labels), Ties.of(scores))

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.labels)

    def per_example(self, metric: str) -> Floats | None:
        """Return the squared difference, for `mse`."""
        return self.squared_errors if metric == "mse" else None

    @property
    def squared_errors(self) -> Floats:
        """The squared difference between label and score, shape ``(n,)``."""
        with np.errstate(over="ignore"):
            squares: Floats = (self.labels - self.scores) ** 2
        return squares

    def compute_block(self, weights: Weights, metrics: Sequence[str]) -> dict[str, Floats]:
        """Compute metrics out of `METRICS`."""
        weighted = WeightedValues(self, np.ascontiguousarray(weights, dtype=np.float64))
        with np.errstate(over="ignore", invalid="ignore"):
            found = {name: METRICS[name](weighted) for name in metrics}
        return {name: np.where(np.isfinite(values), values, np.nan) for name, values in found.items()}


@dataclass(frozen=True)
class WeightedValues:
    """A block of resamples of values, with what several metrics share.

    Attributes
    ----------
    values
        Of ``n`` examples, at least one.
    weights
        Shape ``(resamples, n)``.
    """

    values: Values
    weights: Floats

    @cached_property
    def total(self) -> Floats:
        """The weight of all examples, shape ``(resamples,)``."""
        total: Floats = self.weights.sum(axis=1)
        return total

    @cached_property
    def labels(self) -> Floats:
        """The labels less their mean in each resample, shape ``(resamples, n)``."""
        return self._centred(self.values.labels)

    @property
    def scores(self) -> Floats:
        """The scores less their mean in each resample, shape ``(resamples, n)``."""
        return self._centred(self.values.scores)

    @property
    def squared_error(self) -> Floats:
        """The sum of the squared differences between label and score, shape ``(resamples,)``."""
        return np.einsum("rn,n->r", self.weights, self.values.squared_errors)

    def correlation(self, one: Floats, other: Floats) -> Floats:
        """Correlate two sets of centred values of shape ``(resamples, n)``; NaN where one does not vary."""
        weighted = self.weights * one
        together = np.einsum("rn,rn->r", weighted, other)
        spread = np.sqrt(np.einsum("rn,rn->r", weighted, one) * self.squares(other))
        return np.clip(ratio(together, spread), -1, 1)

    def squares(self, values: Floats) -> Floats:
        """Sum the squares of `values` of shape ``(resamples, n)``, shape ``(resamples,)``."""
        sums: Floats = np.einsum("rn,rn->r", self.weights * values, values)
        return sums

    def _centred(self, values: Floats) -> Floats:
        """Return `values` of shape ``(n,)`` less their mean in each resample, shape ``(resamples, n)``.

        They are first measured from one that is in the resample, so that equal values give exactly 0.
        """
        drawn = values[(self.weights > 0).argmax(axis=1)]
        differences = values - drawn[:, None]
        mean = ratio(np.einsum("rn,rn->r", self.weights, differences), self.total)
        return differences - mean[:, None]


def pearson(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute Pearson's correlation between labels and scores, −1 to 1.

    Arguments and result as told above; NaN where all labels or all scores are equal.
    """
    return Values.of(labels, scores).compute(weights, ["pearson"])["pearson"]


def spearman(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute Spearman's rank correlation, −1 to 1: Pearson's between the ranks, equal values sharing their mean rank.

    Ranks are those within each resample. Arguments and result as told above; NaN where all labels or all scores are
    equal.
    """
    return Values.of(labels, scores).compute(weights, ["spearman"])["spearman"]


def r2(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute the coefficient of determination, at most 1.

    1 − Σ (label − score)² / Σ (label − mean label)²: 0 is what the mean label alone reaches, less is worse than that.
    It is no square of `pearson`: a score that is right but for a factor loses here. Arguments and result as told
    above; NaN where all labels are equal.
    """
    return Values.of(labels, scores).compute(weights, ["r2"])["r2"]


def mse(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute the mean squared difference between label and score, 0 is best.

    Arguments and result as told above; the unit is the square of the labels'.
    """
    return Values.of(labels, scores).compute(weights, ["mse"])["mse"]


def _pearson(weighted: WeightedValues) -> Floats:
    return weighted.correlation(weighted.labels, weighted.scores)


def _spearman(weighted: WeightedValues) -> Floats:
    values = weighted.values
    return weighted.correlation(values.label_ties.ranks(weighted.weights), values.score_ties.ranks(weighted.weights))


def _r2(weighted: WeightedValues) -> Floats:
    return 1 - ratio(weighted.squared_error, weighted.squares(weighted.labels))


def _mse(weighted: WeightedValues) -> Floats:
    return ratio(weighted.squared_error, weighted.total)


METRICS: dict[str, Callable[[WeightedValues], Floats]] = {
    "pearson": _pearson,
    "spearman": _spearman,
    "r2": _r2,
    "mse": _mse,
}
"""Every metric of predicted values by its name in the tables, in the tables' order."""
