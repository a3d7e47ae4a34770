"""Tests of the difference between two models on the same examples, and the correction for many of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import false_discovery_control, rankdata

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.evaluation.metrics import Floats


def delong(labels: Floats, scores_a: Floats, scores_b: Floats) -> float:
    """Test whether two models' areas under the ROC curve differ.

    The variance of the difference is that of the two models' placement values (DeLong et al. 1988, Biometrics
    44:837), which are read from midranks (Sun & Xu 2014, IEEE Signal Process Lett 21:1389); the difference
    over its standard error is held against the normal distribution.

    Parameters
    ----------
    labels
        0 or 1, shape ``(n,)``.
    scores_a, scores_b
        Shape ``(n,)``.

    Returns
    -------
    Two-sided p-value; 1 where both models rank alike, NaN where a label occurs fewer than two times. Where
    the areas differ and no placement varies (one model ranks all positives first, the other last), the
    variance's estimate is 0, and so is p.
    """
    positive = labels == 1
    if min(int(positive.sum()), int((~positive).sum())) < 2:
        return float("nan")
    of_positives, of_negatives = (
        a - b for a, b in zip(_placements(positive, scores_a), _placements(positive, scores_b), strict=True)
    )
    difference = float(of_positives.mean())
    variance = float(of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives))
    if difference == 0:
        return 1.0
    if variance == 0:
        return 0.0
    return math.erfc(abs(difference) / math.sqrt(2 * variance))


def _placements(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Return the share of negatives below each positive, and the share of positives above each negative.

    An equal score counts half. Both are whole numbers of halves over the other label's number, without
    further rounding.
    """
    of_positives, of_negatives = scores[positive], scores[~positive]
    ranks = rankdata(scores)
    negatives_below = ranks[positive] - rankdata(of_positives)
    positives_below = ranks[~positive] - rankdata(of_negatives)
    return negatives_below / len(of_negatives), 1 - positives_below / len(of_positives)


def bootstrap_p_value(differences: Floats) -> float:
    """Test whether a difference is zero, by inverting its percentile interval.

    Parameters
    ----------
    differences
        The difference on paired resamples, shape ``(resamples,)``.

    Returns
    -------
    Two-sided p-value: twice the share of resamples on the rarer side of 0, a 0 counting on both, and one
    resample added to either count so that p is never 0 (Davison & Hinkley 1997, Bootstrap Methods and their
    Application, sec. 4.2; Phipson & Smyth 2010, Stat Appl Genet Mol Biol 9:39); at most 1. NaN where a
    difference is NaN.
    """
    if np.isnan(differences).any():
        return float("nan")
    rarer = min(int((differences <= 0).sum()), int((differences >= 0).sum()))
    return min(1.0, 2 * (rarer + 1) / (len(differences) + 1))


def q_values(p_values: Floats) -> Floats:
    """Adjust p-values of one family (Benjamini & Hochberg 1995, J R Stat Soc B 57:289).

    Parameters
    ----------
    p_values
        0 to 1, or NaN for tests that could not be made, shape ``(tests,)``.

    Returns
    -------
    The least false discovery rates at which each would be called, shape ``(tests,)``; NaN where p is, which
    do not count.
    """
    adjusted = np.full(len(p_values), np.nan)
    made = ~np.isnan(p_values)
    if made.any():
        adjusted[made] = false_discovery_control(p_values[made], method="bh")
    return adjusted
