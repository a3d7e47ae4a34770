import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn import metrics as sklearn
from sklearn.calibration import calibration_curve
from tests.conftest import KINDS

from motifloom.evaluation import calibration
from motifloom.evaluation.panels import Run, align


def cross_entropy(labels, scores, temperature):
    return sklearn.log_loss(labels, calibration.scale(scores, temperature)[:, 1], labels=[0, 1])


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 4))
@settings(max_examples=25, deadline=None)
def test_the_temperature_is_the_best_of_a_fine_grid(seed, true):
    rng = np.random.default_rng(seed)
    honest = rng.uniform(0.03, 0.97, 150)
    labels = (rng.random(150) < honest).astype(float)
    said = expit(logit(honest) * true)
    scores = np.stack([1 - said, said], axis=1)
    found = cross_entropy(labels, scores, calibration.fit_temperature(labels, scores))
    assert found <= min(cross_entropy(labels, scores, one) for one in np.geomspace(0.02, 90, 300)) + 1e-9


def test_a_planted_temperature_is_found_and_undone():
    rng = np.random.default_rng(1)
    honest = rng.dirichlet([1.0, 2.0, 0.7], 40_000)
    labels = (rng.random((40_000, 1)) > honest.cumsum(axis=1)).sum(axis=1)
    said = honest**2.5 / (honest**2.5).sum(axis=1, keepdims=True)
    temperature = calibration.fit_temperature(labels.astype(float), said)
    assert temperature == pytest.approx(2.5, rel=0.03)
    np.testing.assert_allclose(calibration.scale(said, 2.5), honest, atol=0.02)
    assert np.isnan(calibration.fit_temperature(np.zeros(5), said[:5]))


def test_scaling_keeps_binary_rankings_and_decisions():
    scores = np.array([0.0, 0.2, 0.49, 0.5, 0.51, 0.999, 1.0])
    for temperature in (0.2, 1.0, 7.0):
        scaled = calibration.scale(np.stack([1 - scores, scores], axis=1), temperature)[:, 1]
        assert (np.diff(scaled) > 0).all()
        np.testing.assert_array_equal(scaled >= 0.5, scores >= 0.5)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 9]))
@settings(max_examples=50, deadline=None)
def test_the_threshold_has_the_greatest_correlation_of_all(seed, decimals):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0.0, 1.0], [17, 9]))
    scores = (rng.random(26) * 0.6 + 0.3 * labels).round(decimals)
    every = {one: sklearn.matthews_corrcoef(labels, scores >= one) for one in np.unique(scores)}
    threshold = calibration.choose_threshold(labels, scores)
    assert every[threshold] == pytest.approx(max(every.values()), abs=1e-12)
    precision, recall, correlation = calibration.decide(labels, scores, threshold)
    assert precision == pytest.approx(sklearn.precision_score(labels, scores >= threshold), abs=1e-12)
    assert recall == pytest.approx(sklearn.recall_score(labels, scores >= threshold), abs=1e-12)
    assert correlation == pytest.approx(every[threshold], abs=1e-12)


def test_what_is_not_defined():
    ones, scores = np.ones(3), np.array([0.2, 0.4, 0.9])
    assert np.isnan(calibration.choose_threshold(ones, scores))
    assert np.isnan(calibration.decide(ones, scores, float("nan"))).all()
    precision, recall, correlation = calibration.decide(np.array([0.0, 1, 1]), scores, 0.95)
    assert np.isnan(precision)
    assert (recall, correlation) == (0, 0)
    assert calibration.decide(np.zeros(3), scores, 0.3)[0] == 0
    assert np.isnan(calibration.decide(np.zeros(3), scores, 0.3)[1:]).all()


def test_the_reliability_curve_equals_scikit_learn():
    rng = np.random.default_rng(3)
    scores = rng.random(400) ** 2
    labels = (rng.random(400) < scores).astype(float)
    lows, highs, numbers, means, shares = zip(*calibration.reliability(labels, scores), strict=True)
    expected_shares, expected_means = calibration_curve(labels, scores, n_bins=15)
    np.testing.assert_allclose(means, expected_means, rtol=0, atol=1e-12)
    np.testing.assert_allclose(shares, expected_shares, rtol=0, atol=1e-12)
    assert sum(numbers) == 400
    assert all(low < mean <= high for low, mean, high in zip(lows, means, highs, strict=True))


def predictions(kind, run, sizes):
    """Labels that depend on the split, scores that depend on the run and are too sure."""
    tables = []
    for split, n in sizes.items():
        labels = np.random.default_rng(n).integers(3, size=n)
        logits = np.random.default_rng([run, n]).normal(size=(n, 3)) + 1.5 * np.eye(3)[labels]
        scores = np.exp(3 * logits) / np.exp(3 * logits).sum(axis=1, keepdims=True)
        columns = range(3) if kind == "multiclass" else range(2)
        for column in columns:
            label = labels.astype(float) if kind == "regression" else (labels == column).astype(float)
            ids = [f"{split}{row}" for row in range(n)]
            tables.append(
                pl.DataFrame(
                    {"id": ids, "split": split, "task": f"t{column}", "label": label, "score": scores[:, column]}
                )
            )
    return pl.concat(tables)


@pytest.mark.parametrize("kind", KINDS)
def test_tables_of_every_kind(kind):
    sizes = {"validation": 310, "test": 290}
    tables = {Run("cnn", run): predictions(kind, run, sizes) for run in (0, 1)}
    table, curve = calibration.calibration_tables(align(tables, kind))
    assert dict(table.schema) == calibration.CALIBRATION_SCHEMA
    assert dict(curve.schema) == calibration.RELIABILITY_SCHEMA
    if kind == "regression":
        assert table.is_empty()
        assert curve.is_empty()
        return
    tasks = 3 if kind == "multiclass" else 2
    assert table.select("replicate", "task").rows() == [(run, f"t{task}") for task in range(tasks) for run in (0, 1)]
    assert (table["temperature"] > 1.5).all()
    assert (table["ece_scaled"] < table["ece"]).all()
    assert (table["brier_scaled"] < table["brier"]).all()
    if kind == "multiclass":
        assert table.group_by("replicate").agg(pl.col("temperature").n_unique())["temperature"].to_list() == [1, 1]
    assert curve.group_by("replicate", "task", "scaled").agg(pl.sum("n"))["n"].to_list() == [290] * (4 * tasks)
    gaps = (
        curve.filter(~pl.col("scaled"))
        .group_by("replicate", "task", maintain_order=True)
        .agg((pl.col("n") * (pl.col("mean_score") - pl.col("positive_share")).abs()).sum() / 290)
    )
    errors = gaps.rename({"n": "error"}).join(table, on=["replicate", "task"])
    np.testing.assert_allclose(errors["error"], errors["ece"], rtol=0, atol=1e-12)
