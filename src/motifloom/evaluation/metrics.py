"""Metrics of binary predictions under many weightings of the examples at once, and what all kinds of metric share.

Every metric takes labels and scores of ``n`` examples, and weights of shape ``(resamples, n)``, and returns one value
per resample, shape ``(resamples,)``. So a row of ones gives the estimate, and the rows of a bootstrap give its
distribution in one call. Weights are non-negative counts: an example of weight 2 counts as if it stood there twice.
Here labels are 0 or 1, and scores are probabilities of the label 1.

The examples are arranged once per model. No BLAS is used, so the values do not depend on the number of threads.

A value that is not defined is NaN: every metric without examples, and `auroc`, `auprc` and `mcc` where one of the two
labels does not occur.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from motifloom.evaluation.loops import LANES, score_rankings

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[Any]
"""Of any type of number."""

BLOCK = 2**15
"""Weights (resamples × examples) that metrics without a compiled loop work on at a time."""

THRESHOLD = 0.5
"""A score of this or more predicts the label 1."""

BINS = 15
"""Equal-width bins of the expected calibration error."""


class Scored(ABC):
    """Examples with the scores of one model, arranged so that weighing them is quick."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of examples, ``n``."""

    @property
    def fewest(self) -> int:
        """So many examples decide how much the metrics move: of two labels those of the rarer, else all."""
        return len(self)

    @abstractmethod
    def per_example(self, metric: str) -> Floats | None:
        """Return what each example adds to a metric that is the mean of that, in the examples' original order.

        Shape ``(n,)``; None of a metric that is no such mean.
        """

    def compute(self, weights: Weights, metrics: Sequence[str]) -> dict[str, Floats]:
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
        n = len(self)
        if weights.shape[1] != n:
            raise ValueError(f"weights of {weights.shape[1]} examples, there are {n}")
        found = {name: np.full(len(weights), np.nan) for name in metrics}
        rows = self.rows_at_a_time()
        for first in range(0, len(weights) if n else 0, rows):
            block = slice(first, first + rows)
            for name, values in self.compute_block(weights[block], metrics).items():
                found[name][block] = values
        return found

    def rows_at_a_time(self) -> int:
        """Return how many resamples are worked on at a time, so that little memory is held."""
        return block_rows(len(self))

    @abstractmethod
    def compute_block(self, weights: Weights, metrics: Sequence[str]) -> dict[str, Floats]:
        """Compute several metrics of at least one example."""


@dataclass(frozen=True)
class Ranking(Scored):
    """The examples as one model ranks them, the greatest score first.

    Attributes
    ----------
    order
        The examples' original places, shape ``(n,)``.
    labels
        0 or 1, shape ``(n,)``.
    scores
        0 to 1, descending, shape ``(n,)``.
    ends
        The last example of every run of equal scores, shape ``(distinct scores,)``.
    """

    order: npt.NDArray[np.intp]
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
        return cls(order, labels[order].astype(np.float64), ranked, group_ends(ranked))

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.order)

    def rows_at_a_time(self) -> int:
        """Return how many resamples the compiled loop takes."""
        return LANES

    def compute_block(self, weights: Weights, metrics: Sequence[str]) -> dict[str, Floats]:
        """Compute metrics out of `METRICS`."""
        lanes = np.ascontiguousarray(weights.T)
        if len(weights) < LANES:
            lanes = np.pad(lanes, [(0, 0), (0, LANES - len(weights))])
        cut = int((self.scores >= THRESHOLD).sum())
        found = score_rankings(lanes, self.order, self.labels, self.scores, self.ends, self.bins, cut)
        return {name: found[METRICS.index(name), : len(weights)] for name in metrics}

    @property
    def fewest(self) -> int:
        """The number of examples of the rarer label."""
        positives = int(self.labels.sum())
        return min(positives, len(self) - positives)

    def per_example(self, metric: str) -> Floats | None:
        """Return 1 where the label is predicted, for `accuracy`, and for `brier` the squared difference."""
        match metric:
            case "accuracy":
                ranked = (self.labels == (self.scores >= THRESHOLD)).astype(np.float64)
            case "brier":
                ranked = (self.labels - self.scores) ** 2
            case _:
                return None
        values = np.empty(len(self))
        values[self.order] = ranked
        return values

    @cached_property
    def bins(self) -> npt.NDArray[np.intp]:
        """The bin of the calibration error of each score, not rising, shape ``(n,)``."""
        return calibration_bins(self.scores)


def calibration_bins(scores: Floats) -> npt.NDArray[np.intp]:
    """Return the bin of the calibration error of each score of 0 to 1, from 0 to `BINS` − 1, shape ``(n,)``."""
    return np.clip(np.ceil(scores * BINS), 1, BINS).astype(np.intp) - 1


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


METRICS = ("auroc", "auprc", "accuracy", "mcc", "brier", "ece")
"""Every metric of a binary task, in the tables' order."""
