"""Simulations: intervals hold the truth as often as they say, and equal models are seldom called different."""

import numpy as np
import polars as pl
import pytest

from motifloom.evaluation.intervals import estimates
from motifloom.evaluation.kinds import JUDGED
from motifloom.evaluation.panels import Panel, Run
from motifloom.evaluation.tables import evaluate

DRAWS = 1000
"""The standard error of a share of 5% is 0.7%."""


def probabilities(logits):
    return 1 / (1 + np.exp(-logits))


def binary(rng, n, separation=1.5, sure=1.0):
    labels = np.repeat([0.0, 1.0], [round(0.6 * n), n - round(0.6 * n)])
    signal = separation * (labels - 0.5) + 0.7 * rng.normal(size=n)
    return labels, probabilities(sure * separation * (signal + 0.7 * rng.normal(size=(2, n))))


def regression(rng, n):
    labels = rng.normal(size=n)
    return labels, 0.7 * labels + 0.3 * rng.normal(size=n) + 0.4 * rng.normal(size=(2, n))


def multiclass(rng, n):
    labels = np.repeat(np.arange(3.0), [round(0.5 * n), round(0.3 * n), n - round(0.5 * n) - round(0.3 * n)])
    signal = np.eye(3)[labels.astype(int)] + 0.4 * rng.normal(size=(n, 3))
    return labels, signal + 0.4 * rng.normal(size=(2, n, 3))


def simulate(kind, draw, seed, n=150):
    """By metric: how often its interval holds the truth, that of a difference 0, and how often p is at most 0.05."""
    rng = np.random.default_rng(seed)
    labels, scores = draw(rng, 400_000)
    true = estimates([JUDGED[kind].arrange(labels, scores[0])], JUDGED[kind].metrics)
    truth = pl.DataFrame({"metric": list(true), "truth": [values[0] for values in true.values()]})
    ids = pl.Series([f"{row:03d}" for row in range(n)])
    drawn = [draw(rng, n) for _ in range(DRAWS)]
    panels = [
        Panel(kind, "test", f"draw {number}", ids, labels, {Run("a", 0): one, Run("b", 0): other})
        for number, (labels, (one, other)) in enumerate(drawn)
    ]
    metrics, comparisons = evaluate(panels, "simulated", seed=seed, resamples=500, confidence=0.95)
    held = metrics.filter(model="a").join(truth, on="metric").group_by("metric")
    told = held.agg(held=pl.col("truth").is_between("ci_low", "ci_high").mean())
    equal = comparisons.group_by("metric").agg(
        equal=pl.lit(0.0).is_between(pl.col("ci_low"), pl.col("ci_high")).mean(),
        called=(pl.col("p_value") <= 0.05).mean(),
    )
    return {name: shares for name, *shares in told.join(equal, on="metric").iter_rows()}


@pytest.mark.parametrize(
    ("kind", "draw"),
    [
        ("binary", binary),
        ("binary", lambda rng, n: binary(rng, n, sure=3.0)),
        ("binary", lambda rng, n: binary(rng, n, separation=3.5)),
        ("regression", regression),
        ("multiclass", multiclass),
    ],
    ids=["calibrated", "too sure", "AUROC 0.99", "regression", "multiclass"],
)
def test_intervals_and_tests_keep_their_word(kind, draw):
    for metric, (held, equal, called) in simulate(kind, draw, seed=3).items():
        # An interval that may begin with 0, the least that can be, is rather too long than too short.
        assert 0.93 <= held <= (0.98 if metric == "ece" else 0.97), (metric, held)
        assert equal >= 0.935, (metric, equal)
        assert called <= 0.06, (metric, called)
