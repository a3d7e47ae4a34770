from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors

from motifloom.config import Knn as Spec
from motifloom.errors import InputError
from motifloom.genome import encode
from motifloom.models import knn as module
from motifloom.models.candidates import Examples
from motifloom.models.features import kmer_counts, positions
from motifloom.models.knn import Knn, candidates

SPECTRUM = partial(kmer_counts, kmers=[3], canonical=True)
TRAIN, QUERIES, TASKS, K, LENGTH = 211, 37, 3, 9, 60
WAYS = ("uniform", "distance")


@pytest.fixture(scope="module")
def codes() -> tuple[np.ndarray, np.ndarray]:
    """Training sequences and queries; those whose K nearest are not told from the next one are left out."""
    random = np.random.default_rng(0)
    train, queries = (random.integers(0, 5, (n, LENGTH)).astype(np.uint8) for n in (TRAIN, QUERIES * 3))
    nearest = NearestNeighbors(n_neighbors=K + 1, metric="cosine", algorithm="brute").fit(SPECTRUM(train))
    distance = nearest.kneighbors(SPECTRUM(queries))[0]
    queries = queries[distance[:, K] - distance[:, K - 1] > 1e-6]
    assert len(queries) > QUERIES
    return train, queries[:QUERIES]


def predict(train: np.ndarray, labels: np.ndarray, queries: np.ndarray, k: int, way: str) -> np.ndarray:
    return Knn.on_spectra(train, labels, 3, True).predict(queries, [1, k], [way])[way, k]


@pytest.mark.parametrize("way", WAYS)
def test_shares_of_classes_agree_with_scikit_learn(codes, way):
    train, queries = codes
    classes = np.random.default_rng(1).integers(0, TASKS, TRAIN)
    reference = KNeighborsClassifier(K, metric="cosine", algorithm="brute", weights=way).fit(SPECTRUM(train), classes)
    found = predict(train, np.eye(TASKS, dtype=np.float32)[classes], queries, K, way)
    assert found == pytest.approx(reference.predict_proba(SPECTRUM(queries)))
    assert found.sum(axis=1) == pytest.approx(np.ones(QUERIES))


@pytest.mark.parametrize("way", WAYS)
def test_values_agree_with_scikit_learn(codes, way):
    train, queries = codes
    values = np.random.default_rng(1).normal([5000, -0.02, 0], [300, 0.003, 1], (TRAIN, TASKS)).astype(np.float32)
    reference = KNeighborsRegressor(K, metric="cosine", algorithm="brute", weights=way).fit(SPECTRUM(train), values)
    found = predict(train, values, queries, K, way)
    assert found == pytest.approx(reference.predict(SPECTRUM(queries)), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_positions_agree_with_scikit_learn(way):
    """With all neighbours there are no ties to fall here or there."""
    random = np.random.default_rng(2)
    train, queries = (random.integers(0, 5, (n, LENGTH)).astype(np.uint8) for n in (TRAIN, QUERIES))
    queries[:5] = train[7:12]
    values = random.normal(size=(TRAIN, TASKS)).astype(np.float32)
    reference = KNeighborsRegressor(TRAIN, metric="manhattan", algorithm="brute", weights=way)
    reference.fit(positions(train).toarray(), values)
    found = Knn.on_positions(train, values).predict(queries, [TRAIN], [way])[way, TRAIN]
    assert found == pytest.approx(reference.predict(positions(queries).toarray()), rel=1e-5, abs=1e-6)


def test_a_score_is_the_share_of_positives_among_the_nearest():
    codes = np.stack([encode(s) for s in ("AAAAAA", "AAAAAC", "AAACCC", "GCGCGC")])
    labels = np.array([[1, 0], [0, 0], [1, 1], [0, 1]], dtype=np.float32)
    scores = Knn.on_spectra(codes, labels, 2, True).predict(encode("AAAAAA")[None], [1, 3, 29], ["uniform"])
    assert scores["uniform", 1].tolist() == [[1, 0]]
    assert scores["uniform", 3].tolist() == [[pytest.approx(2 / 3), pytest.approx(1 / 3)]]
    assert scores["uniform", 29].tolist() == [[0.5, 0.5]]


def test_copies_alone_count_where_distance_weighs():
    codes = np.stack([encode(s) for s in ("AAAAAA", "AAAAAC", "TTTTTT", "GCGCGC")])
    labels = np.array([[1, np.nan], [0, 1], [0, np.nan], [0, 0]], dtype=np.float32)
    scores = Knn.on_spectra(codes, labels, 2, True).predict(encode("AAAAAA")[None], [4], ["distance"])["distance", 4]
    far = 1 - np.array([4 / 17**0.5, 0])  # AA four times and AC once; nothing in common
    assert scores.tolist() == [[0.5, pytest.approx((1 / far[0]) / (1 / far).sum())]]


@pytest.mark.parametrize("way", WAYS)
def test_neighbours_without_a_label_have_no_say(codes, way):
    train, queries = codes
    random = np.random.default_rng(1)
    labels = np.where(random.random((TRAIN, TASKS)) < 0.4, np.nan, random.normal(size=(TRAIN, TASKS)))
    labels = labels.astype(np.float32)
    (near,) = Knn.on_spectra(train, labels, 3, True).index.nearest(queries, K)
    weight = np.ones((QUERIES, K, 1)) if way == "uniform" else 1 / near.distance[:, :, None]
    known = ~np.isnan(labels[near.rows])
    expected = (weight * np.nan_to_num(labels[near.rows])).sum(axis=1) / (weight * known).sum(axis=1)
    assert predict(train, labels, queries, K, way) == pytest.approx(expected)


@pytest.mark.parametrize("way", WAYS)
def test_without_any_labelled_neighbour_the_mean_of_all_is_the_score(way):
    codes = np.stack([encode(s) for s in ("AAAAAA", "AAAAAC", "AAACCC", "GCGCGC")])
    labels = np.array([[np.nan, 1], [np.nan, np.nan], [0, 0], [1, 0]], dtype=np.float32)
    scores = Knn.on_spectra(codes, labels, 2, True).predict(encode("AAAAAA")[None], [1, 2, 3], [way])
    assert scores[way, 1].tolist() == [[0.5, 1]]
    assert scores[way, 2].tolist() == [[0.5, 1]]
    assert scores[way, 3].tolist() == [[0, 0.5 if way == "uniform" else 1]]


def test_a_task_without_any_label_scores_one_half():
    codes = np.stack([encode(s) for s in ("AAAAAA", "AAAAAC")])
    labels = np.array([[np.nan, 1], [np.nan, 0]], dtype=np.float32)
    scores = Knn.on_spectra(codes, labels, 2, True).predict(codes[:1], [2], ["uniform"])
    assert scores["uniform", 2].tolist() == [[0.5, 0.5]]


def test_blocks_do_not_show(codes, monkeypatch):
    train, queries = codes
    knn = Knn.on_spectra(train, np.random.default_rng(1).normal(size=(TRAIN, TASKS)).astype(np.float32), 3, True)
    whole = knn.predict(queries, [2, K], WAYS)
    monkeypatch.setattr(module, "VALUES", 4 * K * TASKS)
    parts = knn.predict(queries, [2, K], WAYS)
    assert whole.keys() == parts.keys()
    assert all((whole[setting] == parts[setting]).all() for setting in whole)


@pytest.mark.parametrize("way", WAYS)
def test_the_nearest_neighbour_of_a_training_sequence_is_itself(way):
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, (50, 80)).astype(np.uint8)
    labels = random.integers(0, 2, (50, 1)).astype(np.float32)
    for knn in (Knn.on_spectra(codes, labels, 4, True), Knn.on_positions(codes, labels)):
        assert (knn.predict(codes, [1], [way])[way, 1] == labels).all()


def test_a_sequence_without_a_known_kmer_is_scored_all_the_same():
    codes = np.stack([encode("NNNN"), encode("ACGT")])
    labels = np.array([[1], [0]], dtype=np.float32)
    scores = Knn.on_spectra(codes, labels, 2, True).predict(codes, [1], WAYS)
    assert all(np.isfinite(values).all() for values in scores.values())


# ------------------------------------------------------------------------------------------------------------ settings


def examples(aligned: bool = True, canonical: bool = True) -> Examples:
    random = np.random.default_rng(3)
    splits = {"train": 53, "validation": 19, "test": 11}
    codes = {split: random.integers(0, 4, (n, 40)).astype(np.uint8) for split, n in splits.items()}
    labels = {split: random.integers(0, 2, (n, 2)).astype(np.float32) for split, n in splits.items()}
    return Examples(codes, labels, "binary", aligned, canonical)


def test_every_setting_is_tried_on_every_split():
    drawn = examples()
    found = candidates(Spec(neighbours=[5, 1], kmer=3), drawn)
    assert [(one.variant, one.setting) for one in found] == [
        (f"{features}, {way} weights", k) for features in ("spectrum", "positions") for way in WAYS for k in (5, 1)
    ]
    assert {one.parameter for one in found} == {"neighbours"}
    knn = Knn.on_positions(drawn.codes["train"], drawn.labels["train"])
    for split, scores in found[-1].scores.items():
        assert (scores == knn.predict(drawn.codes[split], [1], ["distance"])["distance", 1]).all()


def test_positions_need_sequences_of_one_length():
    assert {one.variant for one in candidates(Spec(weights="uniform"), examples(aligned=False))} == {
        "spectrum, uniform weights"
    }
    with pytest.raises(InputError, match="positions: expected sequences of one length"):
        candidates(Spec(features="positions"), examples(aligned=False))


def test_strands_may_differ():
    spec = Spec(features="spectrum", weights="uniform", neighbours=[3], kmer=3)
    (both,), (one,) = candidates(spec, examples()), candidates(spec, examples(canonical=False))
    drawn = examples()
    train = kmer_counts(drawn.codes["train"], [3], False).toarray()
    reference = KNeighborsRegressor(3, metric="cosine", algorithm="brute").fit(train, drawn.labels["train"])
    expected = reference.predict(kmer_counts(drawn.codes["test"], [3], False).toarray())
    assert one.scores["test"] == pytest.approx(expected, abs=1e-6)
    assert (both.scores["test"] != one.scores["test"]).any()
