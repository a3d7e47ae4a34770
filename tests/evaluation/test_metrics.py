import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from motifloom.evaluation import metrics

PUBLIC = {name: getattr(metrics, name) for name in metrics.METRICS}


def binned_error(labels, scores, weights):
    """The expected calibration error, bin by bin, as its definition reads."""
    error = 0.0
    for number in range(1, 16):
        low, high = (number - 1) / 15, number / 15
        inside = [i for i, s in enumerate(scores) if low < s <= high or (number == 1 and s == 0)]
        mass = sum(weights[i] for i in inside)
        if mass:
            share = sum(weights[i] * labels[i] for i in inside) / mass
            mean = sum(weights[i] * scores[i] for i in inside) / mass
            error += mass / sum(weights) * abs(share - mean)
    return error


def reference(labels, scores, weights):
    predicted = scores >= 0.5
    return {
        "auroc": sklearn.roc_auc_score(labels, scores, sample_weight=weights),
        "auprc": sklearn.average_precision_score(labels, scores, sample_weight=weights),
        "accuracy": sklearn.accuracy_score(labels, predicted, sample_weight=weights),
        "mcc": sklearn.matthews_corrcoef(labels, predicted, sample_weight=weights),
        "brier": sklearn.brier_score_loss(labels, scores, sample_weight=weights),
        "ece": binned_error(labels, scores, weights),
    }


@st.composite
def tables(draw):
    n = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, 2, n).astype(float)
    labels[:2] = 0, 1
    scores = rng.random(n)
    decimals = draw(st.sampled_from([None, 2, 1, 0]))
    if decimals is not None:
        scores = scores.round(decimals)
    weights = rng.integers(0, 4, (3, n)).astype(float)
    weights[:, :2] += 1  # both labels occur in every resample
    return labels, scores, weights


@given(tables())
@settings(max_examples=150, deadline=None)
def test_every_metric_equals_scikit_learn(table):
    labels, scores, weights = table
    found = {name: function(labels, scores, weights) for name, function in PUBLIC.items()}
    for row, of_row in enumerate(weights):
        for name, expected in reference(labels, scores, of_row).items():
            assert found[name].shape == (3,)
            assert found[name][row] == pytest.approx(expected, abs=1e-9), name


@given(tables())
@settings(max_examples=30, deadline=None)
def test_a_weight_counts_as_repetition(table):
    labels, scores, weights = table
    often = weights[0].astype(int)
    ones = np.ones((1, often.sum()))
    for function in PUBLIC.values():
        repeated = function(np.repeat(labels, often), np.repeat(scores, often), ones)
        assert repeated[0] == pytest.approx(function(labels, scores, weights[:1])[0], abs=1e-12)


def test_blocks_do_not_change_values(monkeypatch):
    rng = np.random.default_rng(5)
    labels, scores = rng.integers(0, 2, 31).astype(float), rng.random(31).round(1)
    weights = rng.integers(0, 3, (7, 31)).astype(float)
    whole = {name: function(labels, scores, weights) for name, function in PUBLIC.items()}
    monkeypatch.setattr(metrics, "BLOCK", 62)
    for name, function in PUBLIC.items():
        np.testing.assert_array_equal(function(labels, scores, weights), whole[name])


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_label_alone(label):
    labels, scores = np.full(5, label), np.linspace(0, 1, 5)
    weights = np.ones((2, 5))
    for name in ("auroc", "auprc", "mcc"):
        np.testing.assert_array_equal(PUBLIC[name](labels, scores, weights), [np.nan, np.nan])
    for name in ("accuracy", "brier", "ece"):
        assert np.isfinite(PUBLIC[name](labels, scores, weights)).all()


def test_a_label_absent_from_one_resample():
    labels, scores = np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.7, 0.9])
    weights = np.array([[1.0, 1.0, 1.0], [0.0, 2.0, 1.0]])
    np.testing.assert_array_equal(metrics.auroc(labels, scores, weights), [1.0, np.nan])
    np.testing.assert_array_equal(metrics.auprc(labels, scores, weights), [1.0, np.nan])
    np.testing.assert_array_equal(metrics.mcc(labels, scores, weights), [1.0, np.nan])


@pytest.mark.parametrize("name", list(PUBLIC))
def test_no_examples_and_no_weight_are_undefined(name):
    assert np.isnan(PUBLIC[name](np.empty(0), np.empty(0), np.ones((3, 0)))).tolist() == [True] * 3
    assert np.isnan(PUBLIC[name](np.array([0.0, 1.0]), np.array([0.1, 0.2]), np.zeros((1, 2)))).all()


def test_edges_of_the_threshold_and_of_the_bins():
    ones = np.ones((1, 2))
    assert metrics.accuracy(np.array([1.0, 0.0]), np.array([0.5, np.nextafter(0.5, 0)]), ones) == [1.0]
    assert metrics.mcc(np.array([1.0, 0.0]), np.array([0.6, 0.7]), ones) == [0.0]
    assert metrics.ece(np.array([0.0, 1.0]), np.array([0.0, 1.0]), ones) == [0.0]
    # one bin holds both: its share of positives is its mean score
    assert metrics.ece(np.array([0.0, 1.0]), np.array([0.49, 0.51]), ones) == pytest.approx([0.0], abs=1e-15)


def test_numbers_of_examples_must_agree():
    with pytest.raises(ValueError, match="3 labels and 2 scores"):
        metrics.auroc(np.zeros(3), np.zeros(2), np.ones((1, 3)))
    with pytest.raises(ValueError, match="weights of 4 examples, there are 3"):
        metrics.auroc(np.zeros(3), np.zeros(3), np.ones((1, 4)))
