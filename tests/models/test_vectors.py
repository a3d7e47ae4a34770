"""Exact neighbours among vectors, against scikit-learn."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from motifloom.models import vectors
from motifloom.models.knn import Knn
from motifloom.models.vectors import VectorIndex


@pytest.fixture
def points():
    random = np.random.default_rng(2)
    return random.normal(size=(61, 7)).astype(np.float32), random.normal(size=(23, 7)).astype(np.float32)


def found(index, queries, number):
    parts = list(index.nearest(queries, number))
    return np.concatenate([part.rows for part in parts]), np.concatenate([part.distance for part in parts])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours_are_those_of_scikit_learn(points, metric, monkeypatch):
    train, queries = points
    monkeypatch.setattr(vectors, "COMPARED", 61 * 5)  # blocks of 5 queries
    oracle = NearestNeighbors(metric=metric, algorithm="brute").fit(train.astype(float))
    distance, rows = oracle.kneighbors(queries.astype(float), 9)
    mine, far = found(VectorIndex.of(train, metric), queries, 9)
    assert np.array_equal(mine, rows)
    assert np.allclose(far, distance, atol=1e-9)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_copy_is_at_no_distance_and_of_copies_the_first_comes_first(points, metric):
    train, _ = points
    twice = np.concatenate([train, train])
    rows, distance = found(VectorIndex.of(twice, metric), train, 2)
    assert np.array_equal(rows, np.column_stack([np.arange(61), np.arange(61, 122)]))
    assert (distance == 0).all()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_of_many_copies_the_first_come_first(points, metric):
    """Rounding of sums of products must not choose among them."""
    train, queries = points
    copies = train[np.random.default_rng(3).integers(0, 20, 300)]
    rows, distance = found(VectorIndex.of(copies, metric), queries, 3)
    kept = VectorIndex.of(copies, metric).vectors
    for query, mine, far in zip(VectorIndex.of(queries, metric).vectors, rows, distance, strict=True):
        squared = ((kept - query) ** 2).sum(axis=1)
        expected = np.lexsort((np.arange(300), squared))[:3]
        assert mine.tolist() == expected.tolist()
        assert far == pytest.approx(squared[expected] / 2 if metric == "cosine" else np.sqrt(squared[expected]))


def test_a_vector_of_zeros_is_as_far_from_every_direction(points):
    train, _ = points
    _, distance = found(VectorIndex.of(train, "cosine"), np.zeros((1, 7), dtype=np.float32), 61)
    assert distance == pytest.approx(np.full((1, 61), 0.5))


def test_more_neighbours_than_there_are_means_all(points):
    train, queries = points
    rows, _ = found(VectorIndex.of(train, "euclidean"), queries, 1000)
    assert (np.sort(rows, axis=1) == np.arange(61)).all()


@pytest.mark.parametrize("way", ["uniform", "distance"])
def test_shares_agree_with_scikit_learn(points, way):
    train, queries = points
    labels = np.random.default_rng(5).integers(0, 2, 61)
    oracle = KNeighborsClassifier(11, weights=way).fit(train.astype(float), labels)
    knn = Knn.on_vectors(train, labels[:, None].astype(np.float32), "euclidean")
    scores = knn.predict(queries, [11], [way])[way, 11][:, 0]
    assert np.allclose(scores, oracle.predict_proba(queries.astype(float))[:, 1], atol=1e-9)
