import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sklearn

from motifloom.evaluation import metrics, regression

PUBLIC = {name: getattr(regression, name) for name in regression.METRICS}


def reference(labels, scores):
    return {
        "pearson": stats.pearsonr(labels, scores).statistic,
        "spearman": stats.spearmanr(labels, scores).statistic,
        "r2": sklearn.r2_score(labels, scores),
        "mse": sklearn.mean_squared_error(labels, scores),
    }


@st.composite
def tables(draw):
    """Labels and scores, with ties or without, and three resamples in which both vary."""
    n = draw(st.integers(4, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale, offset = draw(st.sampled_from([1e-6, 1.0, 1e5])), draw(st.sampled_from([0.0, -3.0, 1e4]))
    labels = rng.normal(size=n)
    scores = 0.5 * labels + rng.normal(size=n)
    decimals = draw(st.sampled_from([None, 1, 0]))
    if decimals is not None:
        labels, scores = labels.round(decimals), scores.round(decimals)
    labels[:2], scores[:2] = (-1, 2), (0, 3)
    weights = rng.integers(0, 4, (3, n)).astype(float)
    weights[:, :2] += 1
    return labels * scale + offset, scores * scale + offset, weights


@given(tables())
@settings(max_examples=200, deadline=None)
def test_every_metric_equals_scipy_and_scikit_learn_on_the_expanded_resample(table):
    labels, scores, weights = table
    found = {name: function(labels, scores, weights) for name, function in PUBLIC.items()}
    for row, of_row in enumerate(weights.astype(int)):
        for name, expected in reference(np.repeat(labels, of_row), np.repeat(scores, of_row)).items():
            assert found[name].shape == (3,)
            assert found[name][row] == pytest.approx(expected, rel=1e-9, abs=1e-9), name


def test_midranks_are_those_of_the_expanded_resample():
    rng = np.random.default_rng(1)
    values, weights = rng.integers(0, 7, 23).astype(float), rng.integers(0, 4, (5, 23)).astype(float)
    doubled = regression.Ties.of(values).ranks(weights)
    for row, of_row in enumerate(weights.astype(int)):
        expanded = stats.rankdata(np.repeat(values, of_row))
        np.testing.assert_array_equal(np.repeat(doubled[row], of_row), 2 * (expanded - expanded.mean()))


def test_spearman_of_a_monotone_score_is_exactly_one():
    labels = np.array([3.0, -1, 0.5, 0.5, 7, 2, 2])
    weights = np.array([[1.0] * 7, [2, 0, 1, 3, 0, 1, 0]])
    assert regression.spearman(labels, labels**3, weights).tolist() == [1, 1]
    assert regression.spearman(labels, -(labels**3), weights).tolist() == [-1, -1]


def test_by_hand():
    labels, scores = np.array([1.0, 2, 3, 6]), np.array([2.0, 2, 4, 4])
    # Means 3 and 3: products 2 + 1 + 0 + 3 = 6 over √(14 · 4); errors 1, 0, 1, 4.
    ones = np.ones((1, 4))
    assert regression.pearson(labels, scores, ones)[0] == pytest.approx(6 / np.sqrt(56), abs=1e-15)
    assert regression.mse(labels, scores, ones)[0] == 1.5
    assert regression.r2(labels, scores, ones)[0] == pytest.approx(1 - 6 / 14, abs=1e-15)
    # Ranks 1 2 3 4 and 1.5 1.5 3.5 3.5: products 1.5 + .5 + .5 + 1.5 = 4 over √(5 · 4).
    assert regression.spearman(labels, scores, ones)[0] == pytest.approx(4 / np.sqrt(20), abs=1e-15)


@pytest.mark.parametrize("constant", [0.1, 1 / 3, 1e9 + 0.1])
def test_what_does_not_vary_has_no_correlation(constant):
    varied, same = np.linspace(-1, 1, 13), np.full(13, constant)
    weights = np.array([[1.0] * 13, [3, 0, 1] + [0] * 10])
    for name in ("pearson", "spearman"):
        assert np.isnan(PUBLIC[name](varied, same, weights)).all()
        assert np.isnan(PUBLIC[name](same, varied, weights)).all()
    assert np.isnan(regression.r2(same, varied, weights)).all()
    assert np.isfinite(regression.r2(varied, same, weights)).all()
    assert np.isfinite(regression.mse(varied, same, weights)).all()


def test_a_resample_in_which_nothing_varies():
    labels, scores = np.array([0.1, 0.1, 0.3]), np.array([0.7, 0.2, 0.9])
    weights = np.array([[1.0, 2, 0], [1, 1, 1], [0, 0, 3], [0, 0, 0]])
    for name in ("pearson", "spearman", "r2"):
        assert np.isfinite(PUBLIC[name](labels, scores, weights)).tolist() == [False, True, False, False], name
    assert np.isfinite(regression.mse(labels, scores, weights)).tolist() == [True, True, True, False]


@pytest.mark.parametrize("name", list(PUBLIC))
def test_no_examples_are_undefined(name):
    assert np.isnan(PUBLIC[name](np.empty(0), np.empty(0), np.ones((3, 0)))).tolist() == [True] * 3


@pytest.mark.parametrize("name", list(PUBLIC))
def test_what_overflows_is_undefined(name):
    labels = np.array([1e300, -1e308, 1e308, 0])
    value = PUBLIC[name](labels, labels[::-1].copy(), np.ones((1, 4)))[0]
    assert np.isnan(value) == (name != "spearman")


def test_an_outlier_hides_no_variation_of_other_resamples():
    rng = np.random.default_rng(8)
    labels, scores = rng.normal(size=50), rng.normal(size=50)
    labels[0] = 1e12
    weights = np.ones((1, 50))
    weights[0, 0] = 0
    expected = stats.pearsonr(labels[1:], scores[1:]).statistic
    assert regression.pearson(labels, scores, weights)[0] == pytest.approx(expected, abs=1e-9)


def test_blocks_do_not_change_values(monkeypatch):
    rng = np.random.default_rng(5)
    labels, scores = rng.normal(size=31).round(1), rng.normal(size=31)
    weights = rng.integers(0, 3, (7, 31)).astype(float)
    whole = {name: function(labels, scores, weights) for name, function in PUBLIC.items()}
    monkeypatch.setattr(metrics, "BLOCK", 62)
    for name, function in PUBLIC.items():
        np.testing.assert_array_equal(function(labels, scores, weights), whole[name])


def test_numbers_of_examples_must_agree():
    with pytest.raises(ValueError, match="3 labels and 2 scores"):
        regression.pearson(np.zeros(3), np.zeros(2), np.ones((1, 3)))
