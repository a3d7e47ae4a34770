import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from motifloom.evaluation import comparisons
from motifloom.evaluation.metrics import Ranking


def delong(labels, *scores):
    return comparisons.delong(*(comparisons.Placements.of(Ranking.of(labels, model)) for model in scores)).p_value()


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


def test_a_difference_by_hand():
    # t of 3 degrees of freedom: 3.1824 leaves 5% outside, 2 leaves 13.93%.
    found = comparisons.Difference(0.4, 0.2, 3)
    assert found.interval(0.95) == pytest.approx((0.4 - 3.18245 * 0.2, 0.4 + 3.18245 * 0.2), abs=1e-5)
    assert found.p_value() == comparisons.Difference(-0.4, 0.2, 3).p_value() == pytest.approx(0.13932, abs=1e-5)
    assert comparisons.Difference(1.96, 1.0, math.inf).p_value() == pytest.approx(math.erfc(1.96 / math.sqrt(2)))
    assert comparisons.Difference(1e-16, 1e-16, 3).p_value() == 1  # but for rounding
    for undefined in (comparisons.Difference(math.nan, math.nan, 3), comparisons.Difference(0.1, math.nan, math.inf)):
        assert np.isnan([undefined.p_value(), *undefined.interval(0.9)]).all()


def test_an_interval_and_a_p_value_of_a_difference_agree():
    for error in (0.1, 0.2, 0.5):
        found = comparisons.Difference(0.4, error, 11)
        assert pytest.approx(found.interval(1 - found.p_value())[0], abs=1e-9) == 0


def test_bootstrap_errors_of_few_examples_are_widened():
    values = np.array([0.1, 0.3, 0.2, 0.4])
    assert comparisons.bootstrap_difference(0.2, values, 5) == (0.2, pytest.approx(values.std() * np.sqrt(5 / 4)), 4)
    assert comparisons.bootstrap_difference(0.2, values, 1).freedom == 1
    assert math.isnan(comparisons.bootstrap_difference(0.2, np.array([0.1, np.nan]), 5).p_value())


def test_mean_difference_is_a_paired_t_test():
    one, other = np.random.default_rng(1).random((2, 23))
    found, expected = comparisons.mean_difference(one, other, np.zeros(23)), stats.ttest_rel(one, other)
    assert found.p_value() == pytest.approx(expected.pvalue)
    assert found.interval(0.9) == pytest.approx(tuple(expected.confidence_interval(0.9)))


def test_mean_difference_of_strata_is_welchs():
    """With as many examples in both strata, the mean of their means has half of the error of their difference."""
    first, second = np.random.default_rng(2).normal(size=(2, 12)) * [[1], [3]]
    found = comparisons.mean_difference(np.concatenate([first, second]), np.zeros(24), np.repeat([0, 1], 12))
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert found.freedom == pytest.approx(expected.df)
    assert found.error == pytest.approx((first.mean() - second.mean()) / expected.statistic / 2)


@pytest.mark.parametrize("n", [3, 8, 13])
def test_means_are_compared_by_swapping_scores(n):
    """As many random swaps as here are near all possible swaps, and those of the drawn bits are exactly these."""
    rng = np.random.default_rng(n)
    one, other = rng.random((2, n)).round(1)
    swaps = comparisons.draw_swaps(n, 20_000, rng)
    assert swaps.shape == (-(-n // 8), 20_001)
    chosen = np.unpackbits(swaps, axis=0, bitorder="little")[:n].T
    assert not chosen[0].any()
    sums = np.abs(((1 - 2.0 * chosen) * (one - other)).sum(axis=1))
    found = comparisons.mean_p_value(one, other, swaps)
    assert found == np.mean(sums >= sums[0] - 1e-9) == comparisons.mean_p_value(other, one, swaps)
    signs = np.array(list(itertools.product([1, -1], repeat=n)))
    every = np.abs(signs @ (one - other))
    assert found == pytest.approx(np.mean(every >= every[0] - 1e-9), abs=0.02)
    assert comparisons.mean_p_value(one, one, swaps) == 1


def test_a_mean_that_overflows_has_no_p_value():
    swaps = comparisons.draw_swaps(3, 10, np.random.default_rng(0))
    for great in (np.inf, 1.5e308):
        assert math.isnan(comparisons.mean_p_value(np.array([great, great, 2]), np.array([great, 0, 1]), swaps))


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
    assert swaps.shape == (5, 51)
    chosen = np.unpackbits(swaps, axis=0, bitorder="little")[:37].T.astype(bool)
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
