"""Metrics of binary predictions under many weightings of the examples at once, and what all kinds of metric share.

Every metric takes labels and scores of ``n`` examples, and weights of shape ``(resamples, n)``, and returns one value
per resample, shape ``(resamples,)``. So a row of ones gives the estimate, and the rows of a bootstrap give its
distribution in one call. Weights are non-negative counts: an example of weight 2 counts as if it stood there twice.
Here labels are 0 or 1, and scores are probabilities of the label 1.

The examples are arranged once per model. The resamples are worked through in blocks of about `BLOCK` weights, for
each of which some sixty bytes are held: 2 MB beside the arguments, more only where one resample alone has more
examples than a block. No BLAS is used, so the values do not depend on the number of threads.

A value that is not defined is NaN: every metric without examples, and `auroc`, `auprc` and `mcc` where one of the two
labels does not occur.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Floats = npt.NDArray[np.float64]

BLOCK = 2**15
"""Weights (resamples × examples) that are worked on at a time."""

THRESHOLD = 0.5
"""A score of this or more predicts the label 1."""

BINS = 15
"""Equal-width bins of the expected calibration error."""


@dataclass(frozen=True)
class Scored(ABC):
    """Examples with the scores of one model, arranged so that weighing them is quick.

    Attributes
    ----------
    order
        The examples' original places, shape ``(n,)``.
    """

    order: npt.NDArray[np.intp]

    def compute(self, weights: Floats, metrics: Sequence[str]) -> dict[str, Floats]:
        """Compute several metrics.

        Parameters
        ----------
        weights
            Non-negative counts, in the examples' original order, shape ``(resamples, n)``.
        metrics
            Names of metrics.

        Returns
        -------
        For each name its values, shape ``(resamples,)``; NaN where undefined.

        Raises
        ------
        ValueError
            Where the numbers of examples differ.
        """
        n = len(self.order)
        if weights.shape[1] != n:
            raise ValueError(f"weights of {weights.shape[1]} examples, there are {n}")
        found = {name: np.full(len(weights), np.nan) for name in metrics}
        rows = block_rows(n)
        for first in range(0, len(weights) if n else 0, rows):
            block = slice(first, first + rows)
            arranged = np.take(weights[block], self.order, axis=1).astype(np.float64, copy=False)
            for name, values in self.compute_block(arranged, metrics).items():
                found[name][block] = values
        return found

    @abstractmethod
    def compute_block(self, weights: Floats, metrics: Sequence[str]) -> dict[str, Floats]:
        """Compute several metrics of at least one example with weights in the arranged order."""


@dataclass(frozen=True)
class Ranking(Scored):
    """The examples as one model ranks them, the greatest score first.

    Attributes
    ----------
    labels
        0 or 1, shape ``(n,)``.
    scores
        0 to 1, descending, shape ``(n,)``.
    ends
        The last example of every run of equal scores, shape ``(distinct scores,)``.
    """

    labels: Floats
    scores: Floats
    ends: npt.NDArray[np.intp]

    @classmethod
    def of(cls, labels: Floats, scores: Floats) -> Ranking:
        """Rank labels, 0 or 1, by scores, 0 to 1, both of shape ``(n,)``.

        Raises
        ------
        ValueError
            Where the numbers of labels and scores differ.
        """
        check_lengths(labels, scores)
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order].astype(np.float64)
        ends = group_ends(ranked)
        return cls(order, labels[order].astype(np.float64), ranked, ends)

    def compute_block(self, weights: Floats, metrics: Sequence[str]) -> dict[str, Floats]:
        """Compute metrics out of `METRICS`."""
        weighted = Weighted(self, weights)
        return {name: METRICS[name](weighted) for name in metrics}


@dataclass(frozen=True)
class Weighted:
    """A block of resamples of a ranking, with the sums that several metrics share.

    Attributes
    ----------
    ranking
        Of ``n`` examples, at least one.
    weights
        In the ranking's order, shape ``(resamples, n)``.
    """

    ranking: Ranking
    weights: Floats

    @cached_property
    def above(self) -> tuple[Floats, Floats]:
        """Weights of the labels 1 and 0 at every distinct score or above, each ``(resamples, scores)``."""
        ends = self.ranking.ends
        everything = np.take(np.cumsum(self.weights, axis=1), ends, axis=1)
        positive = np.take(np.cumsum(self.weights * self.ranking.labels, axis=1), ends, axis=1)
        return positive, everything - positive

    @cached_property
    def total(self) -> Floats:
        """The weight of all examples, shape ``(resamples,)``."""
        total: Floats = self.weights.sum(axis=1)
        return total

    @cached_property
    def positive(self) -> Floats:
        """The weight of the label 1, shape ``(resamples,)``."""
        return self.sum(self.ranking.labels)

    @property
    def negative(self) -> Floats:
        """The weight of the label 0, shape ``(resamples,)``."""
        return self.total - self.positive

    def sum(self, values: Floats | npt.NDArray[np.bool_]) -> Floats:
        """Return the weighted sums of `values` of shape ``(n,)``, shape ``(resamples,)``."""
        sums: Floats = np.einsum("rn,n->r", self.weights, values.astype(np.float64))
        return sums


def block_rows(n: int) -> int:
    """Return how many resamples of `n` examples make a block, at least 1."""
    return max(1, BLOCK // max(n, 1))


def check_lengths(labels: Floats, scores: Floats) -> None:
    """Raise ValueError where the numbers of labels and scores differ."""
    if len(labels) != len(scores):
        raise ValueError(f"{len(labels)} labels and {len(scores)} scores")


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; NaN where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.full_like(denominator, np.nan), where=denominator != 0)


def group_ends(ordered: Floats) -> npt.NDArray[np.intp]:
    """Return the last place of every run of equal values, shape ``(runs,)``."""
    last = np.ones(len(ordered), dtype=np.bool_)
    last[:-1] = ordered[1:] != ordered[:-1]
    return np.flatnonzero(last)


def shifted(cumulative: Floats) -> Floats:
    """Return the column before each column, 0 before the first."""
    before = np.zeros_like(cumulative)
    before[:, 1:] = cumulative[:, :-1]
    return before


def auroc(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute the area under the receiver operating characteristic.

    It is the chance that a random positive scores above a random negative, an equal score counting half
    (Hanley & McNeil 1982, Radiology 143:29). Arguments and result as told above; NaN where a label
    does not occur.
    """
    return Ranking.of(labels, scores).compute(weights, ["auroc"])["auroc"]


def auprc(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute the area under the precision-recall curve as average precision.

    Σ (recall at a distinct score − recall at the next greater one) × precision at the score, without
    interpolation, as scikit-learn's ``average_precision_score``. A random ranking has about the share of
    positives. Arguments and result as told above; NaN where a label does not occur.
    """
    return Ranking.of(labels, scores).compute(weights, ["auprc"])["auprc"]


def accuracy(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute the share of examples whose label is predicted at `THRESHOLD`.

    Arguments and result as told above.
    """
    return Ranking.of(labels, scores).compute(weights, ["accuracy"])["accuracy"]


def mcc(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute Matthews' correlation between labels and predictions at `THRESHOLD`, −1 to 1.

    (TP·TN − FP·FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN)) (Matthews 1975, Biochim Biophys Acta 405:442); 0 where
    all predictions are alike. Arguments and result as told above; NaN where a label does not occur.
    """
    return Ranking.of(labels, scores).compute(weights, ["mcc"])["mcc"]


def brier(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute the mean squared difference between score and label, 0 is best.

    From Brier (1950, Mon Weather Rev 78:1). Arguments and result as told above.
    """
    return Ranking.of(labels, scores).compute(weights, ["brier"])["brier"]


def ece(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Compute the expected calibration error, 0 is best.

    Σ over bins of (bin's share of the examples) × |share of positives in the bin − mean score in the bin|,
    with `BINS` bins ((b − 1)/15, b/15], 0 in the first (Naeini et al. 2015, AAAI; bins as in Guo et al. 2017,
    ICML, eq. 3). The score is the probability of the label 1, so both ends of the scale are told apart. The
    estimate grows as examples get fewer, even for perfect probabilities. Arguments and result as
    told above.
    """
    return Ranking.of(labels, scores).compute(weights, ["ece"])["ece"]


def _auroc(weighted: Weighted) -> Floats:
    positive, negative = weighted.above
    half_sum = positive + shifted(positive)
    twice_area = np.einsum("rs,rs->r", negative - shifted(negative), half_sum)
    return ratio(twice_area, 2 * weighted.positive * weighted.negative)


def _auprc(weighted: Weighted) -> Floats:
    positive, negative = weighted.above
    everything = positive + negative
    precision = np.divide(positive, everything, out=np.zeros_like(positive), where=everything > 0)
    area = np.einsum("rs,rs->r", positive - shifted(positive), precision)
    return np.where(weighted.negative > 0, ratio(area, weighted.positive), np.nan)


def _accuracy(weighted: Weighted) -> Floats:
    return ratio(weighted.sum((weighted.ranking.scores >= THRESHOLD) == (weighted.ranking.labels == 1)), weighted.total)


def _mcc(weighted: Weighted) -> Floats:
    predicted = weighted.ranking.scores >= THRESHOLD
    true_positive = weighted.sum(predicted * weighted.ranking.labels)
    predicted_positive = weighted.sum(predicted)
    predicted_negative = weighted.total - predicted_positive
    # TP·TN − FP·FN = TP·total − (predicted positives)·(positives)
    covariance = true_positive * weighted.total - predicted_positive * weighted.positive
    spread = np.sqrt((predicted_positive * predicted_negative) * (weighted.positive * weighted.negative))
    alike = (predicted_positive == 0) | (predicted_negative == 0)
    value = np.where(alike, 0.0, np.clip(ratio(covariance, spread), -1, 1))
    return np.where((weighted.positive > 0) & (weighted.negative > 0), value, np.nan)


def _brier(weighted: Weighted) -> Floats:
    return ratio(weighted.sum((weighted.ranking.scores - weighted.ranking.labels) ** 2), weighted.total)


def _ece(weighted: Weighted) -> Floats:
    bins = np.clip(np.ceil(weighted.ranking.scores * BINS), 1, BINS)
    starts = np.flatnonzero(np.diff(bins, prepend=0))  # sorted by score, so a bin's examples stand together
    gaps = np.add.reduceat(weighted.weights * (weighted.ranking.labels - weighted.ranking.scores), starts, axis=1)
    return ratio(np.abs(gaps).sum(axis=1), weighted.total)


METRICS: dict[str, Callable[[Weighted], Floats]] = {
    "auroc": _auroc,
    "auprc": _auprc,
    "accuracy": _accuracy,
    "mcc": _mcc,
    "brier": _brier,
    "ece": _ece,
}
"""Every metric of a binary task by its name in the tables, in the tables' order."""
