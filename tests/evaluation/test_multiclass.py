import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from motifloom.evaluation import metrics, multiclass


@st.composite
def tables(draw):
    """Labels of 2 to 6 classes, probabilities with ties or without, three resamples with at least two classes."""
    n, classes = draw(st.integers(3, 40)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, classes, n).astype(float)
    labels[:2] = 0, 1
    scores = rng.dirichlet(np.ones(classes), n) + 0.3 * np.eye(classes)[labels.astype(int)]
    if draw(st.booleans()):
        scores = scores.round(1)
    weights = rng.integers(0, 4, (3, n)).astype(float)
    weights[:, :2] += 1
    return labels, scores, weights


@given(tables())
@settings(max_examples=150, deadline=None)
def test_both_metrics_equal_scikit_learn_on_the_expanded_resample(table):
    labels, scores, weights = table
    predicted = scores.argmax(axis=1)
    accuracy, mcc = (function(labels, scores, weights) for function in (multiclass.accuracy, multiclass.mcc))
    assert accuracy.shape == mcc.shape == (3,)
    for row, of_row in enumerate(weights.astype(int)):
        truth, calls = np.repeat(labels, of_row), np.repeat(predicted, of_row)
        assert accuracy[row] == pytest.approx(sklearn.accuracy_score(truth, calls), abs=1e-9)
        assert mcc[row] == pytest.approx(sklearn.matthews_corrcoef(truth, calls), abs=1e-9)


def test_two_classes_are_the_binary_case():
    rng = np.random.default_rng(2)
    labels, score = rng.integers(0, 2, 37).astype(float), rng.random(37)
    weights = rng.integers(0, 3, (5, 37)).astype(float)
    scores = np.column_stack([1 - score, score])
    for name in ("accuracy", "mcc"):
        expected = getattr(metrics, name)(labels, score, weights)
        np.testing.assert_allclose(getattr(multiclass, name)(labels, scores, weights), expected, atol=1e-12)


def test_mcc_by_hand():
    # Classes 0 0 1 1 2, calls 0 1 1 1 0: c = 3, s = 5, t = 2 2 1, p = 2 3 0: (15 − 10) / √((25 − 13)(25 − 9)).
    scores = np.eye(3)[[0, 1, 1, 1, 0]]
    value = multiclass.mcc(np.array([0, 0, 1, 1, 2.0]), scores, np.ones((1, 5)))
    assert value == pytest.approx([5 / np.sqrt(12 * 16)], abs=1e-15)


def test_limits():
    labels = np.array([0, 1, 2, 2.0])
    ones = np.ones((1, 4))
    right, alike = np.eye(4)[labels.astype(int)], np.full((4, 4), 0.25)
    assert multiclass.mcc(labels, right, ones) == multiclass.accuracy(labels, right, ones) == 1
    assert multiclass.mcc(labels, alike, ones) == 0
    assert multiclass.accuracy(labels, alike, ones) == 0.25  # of equal probabilities the first
    of_one = np.array([[0.0, 0, 3, 1], [0, 0, 0, 0]])
    np.testing.assert_array_equal(multiclass.mcc(labels, right, of_one), [np.nan, np.nan])
    np.testing.assert_array_equal(multiclass.accuracy(labels, right, of_one), [1, np.nan])
    assert np.isnan(multiclass.mcc(np.empty(0), np.empty((0, 3)), np.ones((2, 0)))).tolist() == [True, True]


def test_blocks_do_not_change_values(monkeypatch):
    rng = np.random.default_rng(5)
    labels, scores = rng.integers(0, 5, 31).astype(float), rng.random((31, 5))
    weights = rng.integers(0, 3, (7, 31)).astype(float)
    whole = multiclass.mcc(labels, scores, weights)
    monkeypatch.setattr(metrics, "BLOCK", 62)
    np.testing.assert_array_equal(multiclass.mcc(labels, scores, weights), whole)
