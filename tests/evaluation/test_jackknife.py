"""The jackknife of an average precision, against scikit-learn on all examples but one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from motifloom.evaluation.comparisons import precision_difference
from motifloom.evaluation.jackknife import jackknife_error, precisions_without_each
from motifloom.evaluation.metrics import Ranking


@given(st.integers(0, 2**32 - 1), st.integers(2, 20), st.integers(2, 25), st.sampled_from([0, 1, 8]))
@settings(max_examples=100, deadline=None)
def test_each_example_is_left_out(seed, positives, negatives, decimals):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([1.0, 0.0], [positives, negatives]))
    scores = (0.7 * rng.random(len(labels)) + 0.3 * labels).round(decimals)  # of 0 decimals almost all are tied
    expected = [
        average_precision_score(np.delete(labels, one), np.delete(scores, one)) for one in range(len(labels))
    ]  # fmt: skip
    np.testing.assert_allclose(precisions_without_each(Ranking.of(labels, scores)), expected, rtol=0, atol=1e-12)


def test_the_error_is_that_of_two_samples():
    """Of a difference of means, leaving out gives the standard error of Welch's test."""
    values, labels = np.random.default_rng(0).normal(size=31), np.repeat([0.0, 1.0], [20, 11])
    without_each = [
        np.delete(values, one)[np.delete(labels, one) == 1].mean()
        - np.delete(values, one)[np.delete(labels, one) == 0].mean()
        for one in range(31)
    ]
    parts = values[labels == 0], values[labels == 1]
    error, freedom = jackknife_error(np.array(without_each), labels)
    assert error == pytest.approx(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)))
    assert freedom == 10


def test_a_difference_is_told_by_its_own_jackknife():
    rng = np.random.default_rng(1)
    labels, one, other = rng.permutation(np.repeat([0.0, 1.0], [25, 15])), rng.random(40), rng.random(40)
    left_out = [precisions_without_each(Ranking.of(labels, scores)) for scores in (one, other)]
    found = precision_difference(0.1, *left_out, labels)
    assert found == (0.1, *jackknife_error(left_out[0] - left_out[1], labels))
    assert precision_difference(0.0, left_out[0], left_out[0], labels) == (0, 0, 14)
