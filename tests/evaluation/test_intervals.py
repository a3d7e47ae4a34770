import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import foldnorm, norm, t

from motifloom.evaluation import intervals, metrics
from motifloom.evaluation.comparisons import bootstrap_difference
from motifloom.evaluation.means import Mean


def draw(rng, n_negative, n_positive, separation):
    """Labels and the probabilities that a logistic score gives them."""
    labels = np.repeat([0.0, 1.0], [n_negative, n_positive])
    return labels, 1 / (1 + np.exp(-(rng.normal(size=len(labels)) + separation * labels - separation / 2)))


def test_weights_keep_the_number_of_each_label():
    labels = np.array([1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1.0])
    blocks = list(intervals.bootstrap_weights(labels, 300, np.random.default_rng(0)))
    weights = np.concatenate(blocks)
    assert weights.shape == (300, 11)
    assert (weights[:, labels == 1].sum(axis=1) == 5).all()
    assert (weights[:, labels == 0].sum(axis=1) == 6).all()
    assert np.abs(weights.mean(axis=0) - 1).max() < 0.25  # every example is drawn once on average
    assert 0.2 < (weights == 0).mean() < 0.45


def test_weights_keep_the_number_of_each_stratum_whatever_it_is_called():
    strata = np.array([7.5, -2, 3, 3, 7.5, 3, -2, 3, 3.0])
    weights = np.concatenate(list(intervals.bootstrap_weights(strata, 50, np.random.default_rng(0))))
    for value, members in ((-2, 2), (3, 5), (7.5, 2)):
        assert (weights[:, strata == value].sum(axis=1) == members).all()


def test_without_strata_the_number_of_a_label_moves():
    weights = np.concatenate(list(intervals.bootstrap_weights(np.zeros(11), 200, np.random.default_rng(0))))
    assert (weights.sum(axis=1) == 11).all()
    assert len(np.unique(weights[:, :5].sum(axis=1))) > 5


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_weights_of_one_label_alone(label):
    (weights,) = intervals.bootstrap_weights(np.full(4, label), 7, np.random.default_rng(0))
    assert weights.shape == (7, 4)
    assert (weights.sum(axis=1) == 4).all()


def test_weights_do_not_depend_on_the_blocks(monkeypatch):
    labels = np.array([1, 0, 0, 1, 0.0])
    (whole,) = intervals.bootstrap_weights(labels, 13, np.random.default_rng(3))
    monkeypatch.setattr(intervals, "LANES", 4)
    parts = list(intervals.bootstrap_weights(labels, 13, np.random.default_rng(3)))
    assert [len(part) for part in parts] == [4, 4, 4, 1]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_models_share_their_resamples():
    labels, scores = draw(np.random.default_rng(1), 30, 20, 1.0)
    rng = intervals.bootstrap_generator(0, "reb1", "test", "bound")
    models = [metrics.Ranking.of(labels, model) for model in (scores, scores**2, scores)]
    spread = intervals.distributions(models, labels, 40, rng, ["auroc", "brier"])
    assert spread["auroc"].shape == (3, 40)
    np.testing.assert_array_equal(spread["brier"][0], spread["brier"][2])
    np.testing.assert_array_equal(spread["auroc"][0], spread["auroc"][1])  # the same ranking
    assert not np.array_equal(spread["brier"][0], spread["brier"][1])


def test_generators_differ_by_split_and_task():
    first = intervals.bootstrap_generator(0, "reb1", "test", "bound").random()
    assert first == intervals.bootstrap_generator(0, "reb1", "test", "bound").random()
    assert first != intervals.bootstrap_generator(0, "reb1", "validation", "bound").random()
    assert first != intervals.bootstrap_generator(0, "reb1", "test", "open").random()


def test_corrected_intervals_move_by_the_bias():
    values, many = np.arange(1000) / 1000, 10**9
    assert intervals.corrected_interval(values, 0.4995, many, 0.9) == pytest.approx((0.05, 0.95), abs=2e-3)
    share = norm.cdf(2 * norm.ppf(0.3) + norm.ppf([0.05, 0.95]))  # three resamples of ten are below
    assert intervals.corrected_interval(values, 0.2995, many, 0.9) == pytest.approx(tuple(share), abs=3e-3)
    assert intervals.corrected_interval(np.full(9, 0.7), 0.7, many, 0.9) == (0.7, 0.7)
    assert np.isnan(intervals.corrected_interval(values, float("nan"), many, 0.9)).all()
    assert np.isnan(intervals.corrected_interval(np.array([0.1, np.nan]), 0.1, many, 0.9)).all()


def test_a_few_resamples_without_a_value_are_passed_over():
    values = np.arange(1000) / 1000
    whole = intervals.corrected_interval(values, 0.4995, 30, 0.9)
    gaps = np.insert(values, 500, np.full(50, np.nan))
    assert intervals.corrected_interval(gaps, 0.4995, 30, 0.9) == whole
    assert np.isnan(intervals.corrected_interval(np.insert(gaps, 7, np.full(5, np.nan)), 0.4995, 30, 0.9)).all()
    assert bootstrap_difference(0.2, gaps, 5) == bootstrap_difference(0.2, values, 5)


def test_intervals_of_few_examples_reach_further():
    assert intervals.reach(10**9, 0.9) == pytest.approx(norm.ppf(0.95))
    assert intervals.reach(11, 0.95) == pytest.approx(np.sqrt(11 / 10) * t.ppf(0.975, 10))
    assert intervals.reach(1, 0.95) == intervals.reach(2, 0.95) == pytest.approx(np.sqrt(2) * t.ppf(0.975, 1))
    values = np.arange(1001) / 1000
    share = norm.cdf(np.sqrt(20 / 19) * t.ppf(0.95, 19))
    assert intervals.corrected_interval(values, 0.5, 20, 0.9) == pytest.approx((1 - share, share), abs=1e-3)


def transformed(statistic, skewness):
    """Hall's transformation as his paper writes it."""
    return statistic + skewness * statistic**2 / 3 + skewness**2 * statistic**3 / 27 + skewness / 6


@pytest.mark.parametrize("groups", [1, 2])
def test_intervals_of_means_are_halls(groups):
    rng = np.random.default_rng(groups)
    values, strata = rng.exponential(size=40), np.arange(40) % 4 // (3 if groups == 2 else 4)
    parts = [values[strata == group] for group in range(groups)]
    variance = sum((len(part) / 40) ** 2 * part.var(ddof=1) / len(part) for part in parts)
    third = sum((len(part) / 40) ** 3 * ((part - part.mean()) ** 3).mean() / len(part) ** 2 for part in parts)
    found = Mean.of(values, strata)
    assert found[:3] == pytest.approx((values.mean(), variance, third))
    low, high = found.interval(0.9)
    for end, side in ((low, 1), (high, -1)):
        statistic = (values.mean() - end) / np.sqrt(variance)
        assert transformed(statistic, third / variance**1.5) == pytest.approx(side * t.ppf(0.95, found.freedom))
    assert high - values.mean() > values.mean() - low  # the long side is that of the great values


def test_intervals_of_means_at_their_limits():
    assert Mean.of(np.full(7, 0.25), np.zeros(7)).interval(0.95) == (0.25, 0.25)
    low, high = Mean.of(np.array([-1, 1, -1, 1, 0.0]) + 1, np.zeros(5)).interval(0.9)  # no skewness, a t interval
    assert (low, high) == pytest.approx((1 - t.ppf(0.95, 4) * np.sqrt(0.2), 1 + t.ppf(0.95, 4) * np.sqrt(0.2)))
    assert Mean.of(np.array([0, 0, 0, 0, 0.9]), np.zeros(5)).interval(0.95)[0] >= 0
    assert np.isnan(Mean.of(np.array([1e200, 0, 1e190]), np.zeros(3)).interval(0.95)).all()


def test_delongs_interval_by_hand():
    # Placements of the positives 1, 1, 1/2 and of the negatives 1, 2/3, three times each: the area is 5/6, its variance
    # (1/16) / 9 + (1/30) / 6 = 1/80; what positives miss has the third moment 1/108: its third cumulant is 9/108 / 9³.
    labels, scores = np.array([1, 1, 1, 0, 0.0]), np.array([0.9, 0.8, 0.3, 0.5, 0.1])
    low, high = intervals.auroc_interval(metrics.Ranking.of(np.tile(labels, 3), np.tile(scores, 3)), 0.8)
    for end, side in ((low, -1), (high, 1)):
        statistic = (end - 5 / 6) / np.sqrt(1 / 80)
        assert transformed(statistic, 80**1.5 / 8748) == pytest.approx(side * t.ppf(0.9, 5))
    low, _ = intervals.auroc_interval(metrics.Ranking.of(labels, scores), 0.99)
    assert low == intervals.share_interval(5 / 6, 2, 0.99)[0]  # the other would be below 0
    perfect = metrics.Ranking.of(np.array([1, 1, 0, 0, 0.0]), np.array([0.9, 0.8, 0.3, 0.2, 0.1]))
    assert intervals.auroc_interval(perfect, 0.9) == pytest.approx((np.sqrt(0.05), 1))
    wrong = metrics.Ranking.of(np.array([0, 0, 1, 1, 1.0]), np.array([0.9, 0.8, 0.3, 0.2, 0.1]))
    assert intervals.auroc_interval(wrong, 0.9) == pytest.approx((0, 1 - np.sqrt(0.05)))
    assert intervals.auroc_interval(metrics.Ranking.of(np.array([1, 0, 1, 0.0]), np.ones(4)), 0.9) == (0.5, 0.5)
    assert np.isnan(intervals.auroc_interval(metrics.Ranking.of(np.array([1, 0, 0.0]), np.ones(3)), 0.9)).all()


def test_an_average_precisions_interval_by_hand():
    values = np.array([0.7, 0.9, 0.8, 0.8])
    width = np.sqrt(8 / 7) * t.ppf(0.95, 7) * np.sqrt(0.005) / (0.8 * 0.2)
    expected = tuple(1 / (1 + np.exp(-(np.log(4) + side * width))) for side in (-1, 1))
    assert intervals.auprc_interval(values, 0.8, 8, 0.9) == pytest.approx(expected)
    assert intervals.auprc_interval(np.ones(4), 1.0, 8, 0.9) == pytest.approx((0.05 ** (1 / 8), 1))


def folded_mean(centre, deviation):
    """The mean of the absolute value of a normal variable."""
    return foldnorm.mean(centre / deviation, scale=deviation)


def test_intervals_of_calibration_errors_by_hand():
    # Gaps of the bin of 0.97: -0.97 + 19 · 0.03; of the bin of 0.5: 30 · 0.5 − 10 · 0.5.
    labels = np.concatenate([[0], np.ones(19), np.ones(30), np.zeros(10)])
    scores = np.repeat([0.97, 0.5], [20, 40])
    deviations = np.sqrt([20, 40] * np.array([np.var(labels[:20], ddof=1), np.var(labels[20:], ddof=1)]))
    sums = np.abs([19 * 0.03 - 0.97, 10.0])
    assert sums[0] < folded_mean(0, deviations[0])  # less than noise alone: nothing is left of it
    centre = brentq(lambda centre: folded_mean(centre, deviations[1]) - sums[1], 0, 20)
    width = norm.ppf(0.975) * np.sqrt((deviations**2).sum())
    low, high = intervals.calibration_interval(metrics.Ranking.of(labels, scores), sums.sum() / 60, 0.95)
    assert (low, high) == pytest.approx(((centre - width) / 60, (centre + width) / 60), abs=1e-4)


def test_intervals_of_calibration_errors_at_their_limits():
    calibrated = metrics.Ranking.of(np.array([0, 1, 0, 1.0]), np.full(4, 0.5))
    low, high = intervals.calibration_interval(calibrated, 0.0, 0.95)
    assert low == 0 < high
    one = metrics.Ranking.of(np.ones(1), np.full(1, 0.2))
    assert intervals.calibration_interval(one, 0.8, 0.95)[1] >= 0.8
    assert intervals.calibration_interval(metrics.Ranking.of(np.ones(9), np.ones(9)), 0.0, 0.95) == (0, 0)
    assert np.isnan(intervals.calibration_interval(calibrated, float("nan"), 0.95)).all()


def test_wilsons_interval_of_no_error_has_a_width():
    assert intervals.share_interval(1.0, 20, 0.95) == pytest.approx((1 / (1 + norm.ppf(0.975) ** 2 / 20), 1))
    assert np.isnan(intervals.share_interval(float("nan"), 0, 0.95)).all()
