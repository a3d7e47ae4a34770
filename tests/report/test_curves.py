"""Curves against scikit-learn, and thinning against the line it thins."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from motifloom.report.curves import MOST_POINTS, area, precision_recall, roc, thin


@pytest.fixture(params=[7, 311], ids=["all distinct", "many ties"])
def scored(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(request.param)
    labels = random.integers(0, 2, 937).astype(float)
    scores = labels + random.normal(size=937)
    return labels, np.round(scores, 1) if request.param == 311 else scores


def test_roc_has_the_points_and_the_area_of_scikit_learn(scored: tuple[np.ndarray, np.ndarray]) -> None:
    false, true, _ = roc_curve(*scored, drop_intermediate=False)
    points = roc(*scored)
    np.testing.assert_allclose(points, np.column_stack([false, true]))
    assert area(points) == pytest.approx(roc_auc_score(*scored))


def test_precision_recall_has_the_points_and_the_area_of_scikit_learn(
    scored: tuple[np.ndarray, np.ndarray],
) -> None:
    precision, recall, _ = precision_recall_curve(*scored)
    points = precision_recall(*scored)
    np.testing.assert_allclose(points[1::2], np.column_stack([recall, precision])[:-1][::-1])
    assert area(points) == pytest.approx(average_precision_score(*scored))


def test_a_score_that_says_nothing_gives_the_diagonal() -> None:
    points = roc(np.array([0.0, 1.0, 1.0]), np.full(3, 0.5))
    np.testing.assert_array_equal(points, [[0, 0], [1, 1]])


def test_thinning_keeps_the_ends_and_the_look() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 20_000).astype(float)
    points = roc(labels, labels + random.normal(size=20_000))
    fewer = thin(points)
    assert len(fewer) <= MOST_POINTS
    np.testing.assert_array_equal(fewer[[0, -1]], points[[0, -1]])
    assert np.abs(np.interp(points[:, 0], fewer[:, 0], fewer[:, 1]) - points[:, 1]).max() < 0.01


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([[0, 0], [0.25, 0.25], [1, 1]], [[0, 0], [1, 1]]),
        ([[0, 0], [0, 1], [1, 1]], [[0, 0], [0, 1], [1, 1]]),
        ([[0, 0], [1, 1]], [[0, 0], [1, 1]]),
    ],
    ids=["straight", "corner", "two points"],
)
def test_thinning_drops_what_no_eye_misses(points: list[list[float]], expected: list[list[float]]) -> None:
    np.testing.assert_array_equal(thin(np.array(points, dtype=float)), expected)
