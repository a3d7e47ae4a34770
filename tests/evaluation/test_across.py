import numpy as np
import pytest
from scipy.stats import friedmanchisquare, wilcoxon

from motifloom.evaluation.across import across


def test_ranks_by_hand():
    values = np.array([[0.9, 0.8, 0.7], [0.6, 0.6, 0.5], [0.5, 0.7, 0.9]])
    found = across(values, ["a", "b", "c"])
    assert list(found.models) == ["a", "b", "c"]
    np.testing.assert_allclose(found.ranks, [(1 + 1.5 + 3) / 3, (2 + 1.5 + 2) / 3, (3 + 3 + 1) / 3])
    assert found.wins.tolist() == [2, 1, 1]
    assert np.isnan(found.friedman)  # of three rows nothing is tested
    assert found.pairs == {}


def test_tests_are_those_of_scipy():
    rng = np.random.default_rng(4)
    values = rng.random((9, 4)) + np.array([0.0, 0.3, 0.9, 0.3])
    found = across(values, ["a", "b", "c", "d"])
    assert found.models[0] == "c"
    assert found.friedman == pytest.approx(friedmanchisquare(*values.T).pvalue, abs=1e-12)
    assert len(found.pairs) == 6
    for (one, other), (better, median, p, q) in found.pairs.items():
        difference = values[:, "abcd".index(one)] - values[:, "abcd".index(other)]
        assert better == (difference > 0).sum()
        assert median == pytest.approx(np.median(difference))
        assert p == pytest.approx(wilcoxon(difference).pvalue, abs=1e-12)
        assert p <= q


def test_who_wins_by_little_and_loses_by_much_is_not_called_better():
    """The first is better in 55 of 100 rows and has the better mean rank, the signed ranks favour the second."""
    values = np.full((100, 2), 0.7)
    values[:, 0] += np.where(np.arange(100) < 55, 0.001, -0.1) + np.arange(100) / 1e6
    found = across(values, ["often", "much"])
    assert list(found.models) == ["often", "much"]
    ((pair, (better, median, p, _)),) = found.pairs.items()
    assert pair == ("much", "often")
    assert (better, p) == (45, pytest.approx(wilcoxon(values[:, 0] - values[:, 1]).pvalue))
    assert median < 0
    assert p < 0.001


def test_models_that_are_alike_are_no_different():
    values = np.repeat(np.arange(6.0)[:, None], 3, axis=1)
    found = across(values, ["a", "b", "c"])
    assert {numbers[2] for numbers in found.pairs.values()} == {1.0}
    assert np.isnan(found.friedman)


def test_models_that_are_alike_are_seldom_called_different():
    rng = np.random.default_rng(5)
    found = [across(rng.random((12, 3)), ["a", "b", "c"]) for _ in range(1000)]
    assert np.mean([one.friedman <= 0.05 for one in found]) <= 0.065
    assert np.mean([min(numbers[3] for numbers in one.pairs.values()) <= 0.05 for one in found]) <= 0.065
