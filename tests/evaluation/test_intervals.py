import numpy as np
import pytest
from scipy.stats import norm

from motifloom.evaluation import intervals, metrics, regression


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


def test_intervals_are_percentiles_and_hold_the_estimates():
    values = np.stack([np.arange(101.0), np.arange(101.0)[::-1], np.arange(101.0)])
    low, high = intervals.intervals(values, np.array([50.0, 2.0, 99.0]), 0.9)
    np.testing.assert_allclose(low, [5, 2, 5])
    np.testing.assert_allclose(high, [95, 95, 99])
    values[0, 3] = np.nan
    for ends in intervals.intervals(values, np.array([50.0, np.nan, 99.0]), 0.9):
        assert np.isnan(ends).tolist() == [True, True, False]


def test_corrected_intervals_move_by_the_bias():
    values = np.arange(1000) / 1000
    assert intervals.corrected_interval(values, 0.4995, 0.9) == pytest.approx((0.05, 0.95), abs=2e-3)
    share = norm.cdf(2 * norm.ppf(0.3) + norm.ppf([0.05, 0.95]))  # three resamples of ten are below
    assert intervals.corrected_interval(values, 0.2995, 0.9) == pytest.approx(tuple(share), abs=3e-3)
    assert intervals.corrected_interval(np.full(9, 0.7), 0.7, 0.9) == (0.7, 0.7)
    assert intervals.corrected_interval(values, 3.0, 0.9)[1] == 3
    assert np.isnan(intervals.corrected_interval(values, float("nan"), 0.9)).all()
    assert np.isnan(intervals.corrected_interval(np.array([0.1, np.nan]), 0.1, 0.9)).all()


def test_delongs_interval_by_hand():
    # Placements of the positives 1, 1, 1/2 and of the negatives 1, 2/3: the area is 5/6, its variance
    # (1/12) / 3 + (1/18) / 2 = 1/18.
    ranking = metrics.Ranking.of(np.array([1, 1, 1, 0, 0.0]), np.array([0.9, 0.8, 0.3, 0.5, 0.1]))
    width = norm.ppf(0.95) * np.sqrt(1 / 18) / (5 / 36)
    expected = [1 / (1 + np.exp(-(np.log(5) + side * width))) for side in (-1, 1)]
    assert intervals.auroc_interval(ranking, 0.9) == pytest.approx(tuple(expected), abs=1e-9)
    perfect = metrics.Ranking.of(np.array([1, 1, 0, 0, 0.0]), np.array([0.9, 0.8, 0.3, 0.2, 0.1]))
    assert intervals.auroc_interval(perfect, 0.9) == pytest.approx((np.sqrt(0.05), 1))
    wrong = metrics.Ranking.of(np.array([0, 0, 1, 1, 1.0]), np.array([0.9, 0.8, 0.3, 0.2, 0.1]))
    assert intervals.auroc_interval(wrong, 0.9) == pytest.approx((0, 1 - np.sqrt(0.05)))
    assert intervals.auroc_interval(metrics.Ranking.of(np.array([1, 0, 1, 0.0]), np.ones(4)), 0.9) == (0.5, 0.5)
    assert np.isnan(intervals.auroc_interval(metrics.Ranking.of(np.array([1, 0, 0.0]), np.ones(3)), 0.9)).all()


@pytest.mark.parametrize(("separation", "least", "most"), [(1.2, 0.93, 0.97), (4.0, 0.92, 0.98)])
def test_intervals_cover_the_truth_as_often_as_they_say(separation, least, most):
    """An AUROC of 0.998 is held by too long intervals rather than by too short ones."""
    rng = np.random.default_rng(11)
    simulations = 1000
    truth = {"auroc": norm.cdf(separation / np.sqrt(2)), "accuracy": norm.cdf(separation / 2)}
    covered = dict.fromkeys(truth, 0)
    for _ in range(simulations):
        labels, scores = draw(rng, 90, 70, separation)
        model = metrics.Ranking.of(labels, scores)
        spread = intervals.distributions([model], labels, 500, rng, ["accuracy"])
        (reached,) = intervals.estimates([model], ["accuracy"])["accuracy"]
        ends = {
            "auroc": intervals.auroc_interval(model, 0.95),
            "accuracy": intervals.corrected_interval(spread["accuracy"][0], reached, 0.95),
        }
        for metric, true in truth.items():
            low, high = ends[metric]
            covered[metric] += low <= true <= high
    for metric, count in covered.items():
        assert least <= count / simulations <= most, (metric, count / simulations)


def test_intervals_of_correlations_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(3)
    correlation, simulations = 0.6, 1000
    truth = {"pearson": correlation, "spearman": 6 / np.pi * np.arcsin(correlation / 2)}
    covered = dict.fromkeys(truth, 0)
    for _ in range(simulations):
        labels = rng.normal(size=160)
        scores = correlation * labels + np.sqrt(1 - correlation**2) * rng.normal(size=160)
        model = [regression.Values.of(labels, scores)]
        spread = intervals.distributions(model, np.zeros(160), 500, rng, list(truth))
        reached = intervals.estimates(model, list(truth))
        for metric, true in truth.items():
            low, high = intervals.corrected_interval(spread[metric][0], reached[metric][0], 0.95)
            covered[metric] += low <= true <= high
    for metric, count in covered.items():
        assert 0.93 <= count / simulations <= 0.97, (metric, count / simulations)


@pytest.mark.parametrize("sure", [1.0, 3.0])
def test_intervals_of_calibration_errors_cover_the_truth(sure):
    """Of true probabilities, whose error is 0 though no estimate is, and of scores that are much too sure."""
    rng = np.random.default_rng(13)

    def drawn(n):
        logits = 1.5 * rng.normal(size=n)
        labels = (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(float)
        return metrics.Ranking.of(labels, 1 / (1 + np.exp(-sure * logits))), labels

    (truth,) = intervals.estimates([drawn(400_000)[0]], ["ece"])["ece"]
    covered, simulations = 0, 300
    for _ in range(simulations):
        model, labels = drawn(600)
        spread = intervals.distributions([model], labels, 200, rng, ["ece"])["ece"][0]
        (estimate,) = intervals.estimates([model], ["ece"])["ece"]
        low, high = intervals.calibration_interval(model, spread, estimate, 0.95)
        assert 0 <= low <= estimate <= high
        covered += low <= truth <= high
    assert covered / simulations >= 0.92
