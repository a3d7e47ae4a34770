"""Models over many datasets and tasks: their ranks, and tests of whether one does better than another throughout."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, wilcoxon

from motifloom.evaluation.comparisons import q_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motifloom.evaluation.metrics import Floats

FEWEST = 5
"""Of fewer datasets or tasks nothing is tested: with four, no signed-rank test can come below 0.1."""


@dataclass(frozen=True)
class Across:
    """Models over datasets and tasks (Demšar 2006, J Mach Learn Res 7:1).

    Attributes
    ----------
    models
        The one of least mean rank first.
    ranks
        Their mean ranks, 1 being best, equal values sharing their mean rank, shape ``(models,)``.
    wins
        In how many rows each is best, or equal to the best, shape ``(models,)``.
    friedman
        p-value of Friedman's test that all models rank alike; NaN of fewer than `FEWEST` rows or three models.
    pairs
        By two models: in how many rows the first is better, the median difference, p and q of Wilcoxon's signed-rank
        test; none of fewer than `FEWEST` rows. The first is the one that the test's signed ranks favour, of equal ones
        the better ranked: who wins by a little in most rows may lose by more in the others.
    """

    models: Sequence[str]
    ranks: Floats
    wins: Floats
    friedman: float
    pairs: dict[tuple[str, str], tuple[int, float, float, float]]


def across(values: Floats, models: Sequence[str]) -> Across:
    """Rank models over datasets and tasks and compare them in pairs.

    Parameters
    ----------
    values
        A metric that is better when greater, without gaps, shape ``(rows, models)``.
    models
        Their names.
    """
    ranks = rankdata(-values, axis=1)
    order = np.argsort(ranks.mean(axis=0), kind="stable")
    wins = (values >= values.max(axis=1, keepdims=True)).sum(axis=0)
    tested = len(values) >= FEWEST
    friedman = float("nan")
    if tested and len(models) > 2 and (np.ptp(values, axis=1) > 0).any():
        friedman = float(friedmanchisquare(*values.T).pvalue)
    pairs = list(combinations(order, 2)) if tested else []
    pairs = [(b, a) if _signed_ranks(values[:, a] - values[:, b]) < 0 else (a, b) for a, b in pairs]
    differences = [values[:, a] - values[:, b] for a, b in pairs]
    p_values = np.array([1.0 if not one.any() else float(wilcoxon(one).pvalue) for one in differences])
    found = {
        (models[a], models[b]): (int((one > 0).sum()), float(np.median(one)), float(p), float(q))
        for (a, b), one, p, q in zip(pairs, differences, p_values, q_values(p_values), strict=True)
    }
    return Across([models[place] for place in order], ranks.mean(axis=0)[order], wins[order], friedman, found)


def _signed_ranks(differences: Floats) -> float:
    """Sum the ranks of the differences' sizes but 0, each with its sign: what Wilcoxon's test judges by."""
    told = differences[differences != 0]
    return float((np.sign(told) * rankdata(np.abs(told))).sum())
