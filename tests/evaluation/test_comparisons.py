import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motifloom.evaluation import comparisons, intervals
from motifloom.evaluation.metrics import Ranking
from motifloom.evaluation.multiclass import Calls
from motifloom.evaluation.regression import Values


def delong(labels, *scores):
    return comparisons.delong(*(comparisons.Placements.of(Ranking.of(labels, model)) for model in scores))


def slow_delong(labels, scores_a, scores_b):
    """DeLong's test as the paper writes it: every positive against every negative."""

    def psi(scores):
        positives, negatives = scores[labels == 1], scores[labels == 0]
        return (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)

    grids = [psi(scores_a), psi(scores_b)]
    m, n = grids[0].shape
    s10 = np.cov([grid.mean(axis=1) for grid in grids])
    s01 = np.cov([grid.mean(axis=0) for grid in grids])
    covariance = s10 / m + s01 / n
    contrast = np.array([1.0, -1.0])
    z = (grids[0].mean() - grids[1].mean()) / math.sqrt(contrast @ covariance @ contrast)
    return 2 * 0.5 * math.erfc(abs(z) / math.sqrt(2))


@given(st.integers(0, 2**32 - 1), st.integers(4, 30), st.integers(3, 25), st.sampled_from([1, 2, 8]))
@settings(max_examples=100, deadline=None)
def test_delong_equals_the_paper(seed, n_positive, n_negative, decimals):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([1.0, 0.0], [n_positive, n_negative]))
    base = rng.random(len(labels))
    one = (base + 0.3 * labels + rng.random(len(labels))).round(decimals)
    other = (base + 0.1 * labels + rng.random(len(labels))).round(decimals)
    found = delong(labels, one, other)
    if 0 < found < 1:
        assert found == pytest.approx(slow_delong(labels, one, other), rel=1e-6, abs=1e-12)
    assert found == delong(labels, other, one)
    assert 0 <= found <= 1


def test_delong_by_hand():
    # Placements of the positives: a 1, 1, 1; b 1, 1/2, 1/2. Of the negatives: a 1, 1; b 1, 1/3. Differences
    # 0, 1/2, 1/2 with variance 1/12, and 0, 2/3 with variance 2/9; their sum over 3 and 2 is 5/36; the areas
    # differ by 1/3, so z² = (1/9) / (5/36) = 4/5.
    labels = np.array([1, 1, 1, 0, 0.0])
    a = np.array([0.9, 0.8, 0.7, 0.2, 0.1])
    b = np.array([0.9, 0.4, 0.3, 0.1, 0.5])
    assert delong(labels, a, b) == pytest.approx(math.erfc(math.sqrt(4 / 5 / 2)), abs=1e-12)


def test_delong_at_its_limits():
    labels = np.array([1, 0, 1, 0, 1.0])
    scores = np.array([0.3, 0.4, 0.9, 0.4, 0.8])
    assert delong(labels, scores, scores) == 1
    assert delong(labels, scores, scores**3) == 1  # the same ranking
    assert delong(labels, labels, 1 - labels) == 0  # all right against all wrong
    assert math.isnan(delong(np.array([1, 0, 0.0]), scores[:3], scores[1:4]))
    assert math.isnan(delong(np.ones(5), scores, scores))


def test_bootstrap_p_value():
    assert comparisons.bootstrap_p_value(np.zeros(199)) == 1
    assert comparisons.bootstrap_p_value(np.full(199, 0.1)) == pytest.approx(2 / 200)
    assert comparisons.bootstrap_p_value(np.full(199, -0.1)) == pytest.approx(2 / 200)
    assert comparisons.bootstrap_p_value(np.repeat([-0.1, 0.0, 0.1], [3, 2, 194])) == pytest.approx(12 / 200)
    assert math.isnan(comparisons.bootstrap_p_value(np.array([0.1, np.nan])))


def calibration_error(labels, scores):
    """The expected calibration error as its definition reads."""
    bins = np.clip(np.ceil(15 * scores), 1, 15)
    return sum(abs((labels - scores)[bins == number].sum()) for number in range(1, 16)) / len(labels)


@pytest.mark.parametrize("replicates", [1, 3])
def test_calibration_errors_are_compared_by_swapping_scores(replicates):
    rng = np.random.default_rng(replicates)
    labels = rng.integers(0, 2, 37).astype(float)
    pairs = [tuple(rng.random((2, 37)).round(2)) for _ in range(replicates)]
    swaps = comparisons.draw_swaps(37, 50, np.random.default_rng(6))
    assert swaps.shape == (51, 5)
    chosen = np.unpackbits(swaps, axis=1, bitorder="little")[:, :37].astype(bool)
    assert not chosen[0].any()
    assert 0.4 < chosen[1:].mean() < 0.6
    differences = [
        sum(
            calibration_error(labels, np.where(swap, b, a)) - calibration_error(labels, np.where(swap, a, b))
            for a, b in pairs
        )
        for swap in chosen
    ]
    expected = np.mean([abs(difference) >= abs(differences[0]) - 1e-9 for difference in differences])
    assert comparisons.calibration_p_value(labels, pairs, swaps) == expected
    assert comparisons.calibration_p_value(labels, [pair[::-1] for pair in pairs], swaps) == expected


def test_a_calibration_error_that_is_really_greater_is_told():
    rng = np.random.default_rng(9)
    scores = rng.random(2000)
    labels = (rng.random(2000) < scores).astype(float)
    overconfident = 1 / (1 + (1 / scores - 1) ** 2)
    swaps = comparisons.draw_swaps(2000, 200, rng)
    assert comparisons.calibration_p_value(labels, [(scores, overconfident)], swaps) == 1 / 201
    assert comparisons.calibration_p_value(labels, [(scores, scores)], swaps) == 1
    assert math.isnan(comparisons.calibration_p_value(labels[:0], [(scores[:0], scores[:0])], swaps))


def test_q_values():
    p_values = np.array([0.01, np.nan, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(comparisons.q_values(p_values), [0.02, np.nan, 0.04, 0.04, 0.02])
    np.testing.assert_array_equal(comparisons.q_values(np.array([np.nan, np.nan])), [np.nan, np.nan])
    assert comparisons.q_values(np.empty(0)).shape == (0,)


def test_equal_models_are_seldom_called_different():
    rng = np.random.default_rng(2)
    simulations = 1200
    labels = np.repeat([0.0, 1.0], [80, 60])
    metrics = ["auprc", "accuracy", "mcc", "brier"]
    rejected = dict.fromkeys(["auroc", "ece", *metrics], 0)
    for _ in range(simulations):
        signal = 1.5 * labels - 0.75 + rng.normal(size=140)
        scores = 1 / (1 + np.exp(-(signal + 0.8 * rng.normal(size=(2, 140)))))
        models = [Ranking.of(labels, model) for model in scores]
        spread = intervals.distributions(models, labels, 300, rng, metrics)
        rejected["auroc"] += delong(labels, *scores) <= 0.05
        swaps = comparisons.draw_swaps(140, 300, rng)
        rejected["ece"] += comparisons.calibration_p_value(labels, [tuple(scores)], swaps) <= 0.05
        for metric in metrics:
            rejected[metric] += comparisons.bootstrap_p_value(spread[metric][0] - spread[metric][1]) <= 0.05
    shares = {metric: count / simulations for metric, count in rejected.items()}
    assert max(shares.values()) <= 0.065, shares  # 5% and 2.4 standard errors of a share of 1200
    assert min(shares["auroc"], shares["ece"]) >= 0.035, shares


def rejected_shares(rng, simulate, metrics):
    """The share of simulations in which two models that are equally good are called different at 5%."""
    simulations = 1200
    rejected = dict.fromkeys(metrics, 0)
    for _ in range(simulations):
        models, strata = simulate()
        spread = intervals.distributions(models, strata, 300, rng, metrics)
        for metric in metrics:
            rejected[metric] += comparisons.bootstrap_p_value(spread[metric][0] - spread[metric][1]) <= 0.05
    return {metric: count / simulations for metric, count in rejected.items()}


def test_equal_predictors_of_values_are_seldom_called_different():
    rng = np.random.default_rng(4)

    def simulate():
        labels = rng.normal(size=140)
        signal = 0.7 * labels + 0.3 * rng.normal(size=140)
        return [Values.of(labels, signal + 0.4 * rng.normal(size=140)) for _ in range(2)], np.zeros(140)

    shares = rejected_shares(rng, simulate, ["pearson", "spearman", "r2", "mse"])
    assert 0.02 <= min(shares.values()) <= max(shares.values()) <= 0.065, shares


def test_equal_predictors_of_classes_are_seldom_called_different():
    rng = np.random.default_rng(5)
    labels = np.repeat(np.arange(3.0), [70, 50, 30])
    right = np.eye(3)[labels.astype(int)]

    def simulate():
        signal = right + 0.4 * rng.normal(size=(150, 3))
        return [Calls.of(labels, signal + 0.4 * rng.normal(size=(150, 3))) for _ in range(2)], labels

    shares = rejected_shares(rng, simulate, ["accuracy", "mcc"])
    assert 0.02 <= min(shares.values()) <= max(shares.values()) <= 0.065, shares
