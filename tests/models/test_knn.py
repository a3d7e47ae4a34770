from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors

from motifloom.genome import PADDING, encode, reverse_complement
from motifloom.models import knn as module
from motifloom.models.knn import Knn, canonical_index, spectra


def reference_spectrum(sequence: str, kmer: int) -> dict[str, int]:
    """Count canonical k-mers with strings."""
    counts: dict[str, int] = {}
    for place in range(len(sequence) - kmer + 1):
        word = sequence[place : place + kmer]
        if "N" not in word:
            other = word[::-1].translate(str.maketrans("ACGT", "TGCA"))
            counts[min(word, other)] = counts.get(min(word, other), 0) + 1
    return counts


@given(sequence=st.text("ACGTN", min_size=1, max_size=40), kmer=st.integers(1, 4))
def test_spectra_count_what_strings_count(sequence, kmer):
    names = sorted(
        {min(w, w[::-1].translate(str.maketrans("ACGT", "TGCA"))) for w in map("".join, product("ACGT", repeat=kmer))}
    )
    counted = spectra(encode(sequence)[None], kmer, True)[0]
    assert len(counted) == len(names)
    expected = reference_spectrum(sequence, kmer)
    assert dict(zip(names, counted.astype(int).tolist(), strict=True)) == {
        name: expected.get(name, 0) for name in names
    }


@given(sequence=st.text("ACGTN", min_size=1, max_size=40), kmer=st.integers(1, 4))
def test_spectra_of_one_strand_count_plain_kmers(sequence, kmer):
    padded = np.pad(encode(sequence), (0, 5), constant_values=PADDING)
    counted = dict(zip(map("".join, product("ACGT", repeat=kmer)), spectra(padded[None], kmer, False)[0], strict=True))
    places = range(len(sequence) - kmer + 1)
    assert counted == {word: sum(sequence[p : p + kmer] == word for p in places) for word in counted}


def test_neighbours_of_one_strand_read_that_strand_alone():
    codes = np.stack([encode("AAACCCAAAC"), encode("GTTTGGGTTT")])  # each the other strand of the other
    labels = np.array([[1.0], [0.0]], dtype=np.float32)
    assert Knn.fit(codes, labels, 3, False).predict(codes, [1])[1].tolist() == [[1.0], [0.0]]
    assert Knn.fit(codes, labels, 3, True).predict(codes, [1])[1].tolist() == [[1.0], [1.0]]


@given(sequence=st.text("ACGTN", min_size=1, max_size=40))
def test_a_sequence_and_its_reverse_complement_have_one_spectrum(sequence):
    codes = encode(sequence)
    assert (spectra(codes[None], 3, True) == spectra(reverse_complement(codes)[None], 3, True)).all()


@pytest.mark.parametrize(("kmer", "columns"), [(1, 2), (2, 10), (3, 32), (6, 2080)])
def test_the_number_of_canonical_kmers(kmer, columns):
    assert canonical_index(kmer).max() + 1 == columns


def test_neighbours_agree_with_scikit_learn():
    random = np.random.default_rng(0)
    train, queries = (random.integers(0, 5, (n, 60)).astype(np.uint8) for n in (211, 37))
    knn = Knn.fit(train, np.zeros((211, 1), dtype=np.float32), 3, True)
    reference = NearestNeighbors(n_neighbors=9, metric="cosine", algorithm="brute").fit(spectra(train, 3, True))
    distance, _ = reference.kneighbors(spectra(queries, 3, True))
    ours = spectra(train, 3, True)[knn.nearest(queries, 9)].astype(float)
    asked = spectra(queries, 3, True).astype(float)
    cosine = (
        np.einsum("qnk,qk->qn", ours, asked) / np.linalg.norm(ours, axis=2) / np.linalg.norm(asked, axis=1)[:, None]
    )
    assert 1 - cosine == pytest.approx(distance, abs=1e-6)


def test_of_equally_near_sequences_the_earlier_one_is_nearer():
    codes = np.stack([encode(s) for s in ("TTTTT", "ACACA", "ACACA", "ACACA")])
    knn = Knn.fit(codes, np.zeros((4, 1), dtype=np.float32), 2, True)
    assert knn.nearest(encode("ACACA")[None], 3).tolist() == [[1, 2, 3]]


def test_a_score_is_the_share_of_positives_among_the_nearest():
    codes = np.stack([encode(s) for s in ("AAAAAA", "AAAAAC", "AAACCC", "GCGCGC")])
    labels = np.array([[1, 0], [0, 0], [1, 1], [0, 1]], dtype=np.float32)
    scores = Knn.fit(codes, labels, 2, True).predict(encode("AAAAAA")[None], [1, 3, 29])
    assert scores[1].tolist() == [[1, 0]]
    assert scores[3].tolist() == [[pytest.approx(2 / 3), pytest.approx(1 / 3)]]
    assert scores[29].tolist() == [[0.5, 0.5]]


TRAIN, QUERIES, TASKS, K = 211, 37, 3, 9


@pytest.fixture
def codes() -> tuple[np.ndarray, np.ndarray]:
    """Training sequences and queries; those whose K nearest are not told from the next one are left out."""
    random = np.random.default_rng(0)
    train, queries = (random.integers(0, 5, (n, 60)).astype(np.uint8) for n in (TRAIN, QUERIES * 3))
    nearest = NearestNeighbors(n_neighbors=K + 1, metric="cosine", algorithm="brute").fit(spectra(train, 3, True))
    distance = nearest.kneighbors(spectra(queries, 3, True))[0]
    queries = queries[distance[:, K] - distance[:, K - 1] > 1e-6]
    assert len(queries) > QUERIES
    return train, queries[:QUERIES]


def test_shares_of_classes_agree_with_scikit_learn(codes):
    train, queries = codes
    classes = np.random.default_rng(1).integers(0, TASKS, TRAIN)
    reference = KNeighborsClassifier(K, metric="cosine", algorithm="brute").fit(spectra(train, 3, True), classes)
    found = Knn.fit(train, np.eye(TASKS, dtype=np.float32)[classes], 3, True).predict(queries, [K])[K]
    assert found == pytest.approx(reference.predict_proba(spectra(queries, 3, True)))
    assert found.sum(axis=1) == pytest.approx(np.ones(QUERIES))


def test_values_agree_with_scikit_learn(codes):
    train, queries = codes
    values = np.random.default_rng(1).normal([5000, -0.02, 0], [300, 0.003, 1], (TRAIN, TASKS)).astype(np.float32)
    reference = KNeighborsRegressor(K, metric="cosine", algorithm="brute").fit(spectra(train, 3, True), values)
    found = Knn.fit(train, values, 3, True).predict(queries, [K])[K]
    assert found == pytest.approx(reference.predict(spectra(queries, 3, True)), rel=1e-5, abs=1e-6)


def test_neighbours_without_a_label_have_no_say(codes):
    train, queries = codes
    random = np.random.default_rng(1)
    labels = np.where(random.random((TRAIN, TASKS)) < 0.4, np.nan, random.normal(size=(TRAIN, TASKS)))
    labels = labels.astype(np.float32)
    knn = Knn.fit(train, labels, 3, True)
    near = labels[knn.nearest(queries, K)].astype(float)
    assert knn.predict(queries, [K])[K] == pytest.approx(np.nanmean(near, axis=1))


def test_without_any_labelled_neighbour_the_mean_of_all_is_the_score():
    codes = np.stack([encode(s) for s in ("AAAAAA", "AAAAAC", "AAACCC", "GCGCGC")])
    labels = np.array([[np.nan, 1], [np.nan, np.nan], [0, 0], [1, 0]], dtype=np.float32)
    scores = Knn.fit(codes, labels, 2, True).predict(encode("AAAAAA")[None], [1, 2, 3])
    assert scores[1].tolist() == [[0.5, 1]]
    assert scores[2].tolist() == [[0.5, 1]]
    assert scores[3].tolist() == [[0, 0.5]]


def test_blocks_do_not_show(codes, monkeypatch):
    train, queries = codes
    knn = Knn.fit(train, np.random.default_rng(1).normal(size=(TRAIN, TASKS)).astype(np.float32), 3, True)
    whole = knn.predict(queries, [2, K])
    monkeypatch.setattr(module, "BLOCK", 10)
    parts = knn.predict(queries, [2, K])
    assert whole.keys() == parts.keys()
    assert all((whole[k] == parts[k]).all() for k in whole)


def test_padding_does_not_change_a_spectrum():
    assert (spectra(encode("NNNACGTTNN")[None], 3, True) == spectra(encode("ACGTT")[None], 3, True)).all()


def test_the_nearest_neighbour_of_a_training_sequence_is_itself():
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, (50, 80)).astype(np.uint8)
    labels = random.integers(0, 2, (50, 1)).astype(np.float32)
    assert (Knn.fit(codes, labels, 4, True).predict(codes, [1])[1] == labels).all()


def test_a_sequence_without_a_known_kmer_is_scored_all_the_same():
    codes = np.stack([encode("NNNN"), encode("ACGT")])
    labels = np.array([[1], [0]], dtype=np.float32)
    assert np.isfinite(Knn.fit(codes, labels, 2, True).predict(codes, [1])[1]).all()
