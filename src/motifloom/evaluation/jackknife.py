"""How far an average precision would move with other examples, told by leaving out each in turn.

Differences between two models vary too little over a bootstrap's resamples. The jackknife's variance is never too small
on average (Efron & Stein 1981, Ann Stat 9:586), and the average precision without each example follows from cumulative
sums.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from motifloom.evaluation.metrics import Floats, Ranking


def precisions_without_each(ranking: Ranking) -> Floats:
    """Return the average precision of all examples but one, for each in turn.

    Of a run g of equal scores let h be its positives, T the positives and N the examples down to its end. Of m
    positives the average precision is Σ h T / N / m. Without a negative of a run, N is one less in that run and below;
    without a positive, T and N are, h is in that run alone, and m is.

    Parameters
    ----------
    ranking
        With at least two examples of either label.

    Returns
    -------
    In the examples' original order, shape ``(n,)``.
    """
    true, up_to = np.cumsum(ranking.labels)[ranking.ends], ranking.ends + 1.0
    hits = np.diff(true, prepend=0)
    fewer = np.maximum(up_to - 1, 1)  # of a first run of one example that is left out, or adds nothing
    above = np.cumsum(hits * true / up_to) - hits * true / up_to
    without_negative = above + _from_here(hits * true / fewer)
    below = hits * (true - 1) / fewer
    # In a run without positives there is none to leave out, and `hits - 1` is not used.
    without_positive = above + (hits - 1) * (true - 1) / fewer + _from_here(below) - below
    run = np.repeat(np.arange(len(ranking.ends)), np.diff(ranking.ends, prepend=-1))
    ranked = np.where(ranking.labels == 1, without_positive[run] / (true[-1] - 1), without_negative[run] / true[-1])
    values = np.empty(len(ranking))
    values[ranking.order] = ranked
    return values


def jackknife_error(without_each: Floats, labels: Floats) -> tuple[float, int]:
    """Return the standard error of a metric whose examples are drawn within each label.

    Parameters
    ----------
    without_each
        The metric, or the difference of two, without each example, shape ``(n,)``.
    labels
        0 or 1, shape ``(n,)``, each at least twice.

    Returns
    -------
    The root of Σ over both labels of (k − 1) / k × Σ over the label's k examples of (value − their mean)², and its
    degrees of freedom: the examples of the rarer label less 1.
    """
    parts = [without_each[labels == label] for label in (0, 1)]
    return math.sqrt(sum((len(part) - 1) * float(part.var()) for part in parts)), min(map(len, parts)) - 1


def _from_here(values: Floats) -> Floats:
    """Sum each value and all after it."""
    return np.cumsum(values[::-1])[::-1]
