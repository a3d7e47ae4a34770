"""The search beside dense float64 arithmetic and scikit-learn."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.neighbors import NearestNeighbors

from motifloom.genome import encode
from motifloom.models import nearest as module
from motifloom.models.features import kmer_counts, positions
from motifloom.models.nearest import Index

SPECTRUM = partial(kmer_counts, kmers=[3], canonical=True)
METRICS = ("cosine", "hamming")
TRAIN, QUERIES, LENGTH = 211, 37, 60


def search(index: Index, codes: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    parts = list(index.nearest(codes, number))
    return np.concatenate([part.rows for part in parts]), np.concatenate([part.distance for part in parts])


def reference(train: np.ndarray, queries: np.ndarray, metric: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Compare everything with everything, and sort by closeness, then row; features of shape ``(n, columns)``."""
    train, queries = train.astype(np.float64), queries.astype(np.float64)
    dots, squares, asked = queries @ train.T, (train**2).sum(axis=1), (queries**2).sum(axis=1)[:, None]
    if metric == "cosine":
        closeness = dots * dots / np.maximum(squares, 1)
        distance = 1 - np.sqrt(closeness / np.maximum(asked, 1))
    else:
        closeness = 2 * dots - squares
        distance = np.abs(queries[:, None] - train).sum(axis=2)
    order = np.argsort(-closeness, axis=1, kind="stable")[:, :number]
    return order, np.take_along_axis(distance, order, axis=1)


def described(metric: str):
    return SPECTRUM if metric == "cosine" else positions


@pytest.fixture(params=METRICS)
def drawn(request):
    """A metric, training sequences and queries: some of them copies, some empty, some of one base."""
    random = np.random.default_rng(0)
    train, queries = (random.integers(0, 5, (n, LENGTH)).astype(np.uint8) for n in (TRAIN, QUERIES))
    train[100:120] = train[:20]
    queries[:10] = train[5:15]
    train[60], train[61], queries[30], queries[31] = 4, 0, 4, 0
    return request.param, train, queries


@pytest.mark.parametrize("number", [1, 29, TRAIN, TRAIN + 1])
def test_neighbours_and_distances_are_those_of_dense_arithmetic(drawn, number):
    metric, train, queries = drawn
    describe = described(metric)
    rows, distance = search(Index.of(train, describe, metric), queries, number)
    expected, expected_distance = reference(describe(train).toarray(), describe(queries).toarray(), metric, number)
    assert rows.tolist() == expected.tolist()
    assert distance == pytest.approx(expected_distance, abs=1e-12)
    assert (distance >= 0).all()
    assert (distance[:10, 0] == 0).all()


def test_neighbours_agree_with_scikit_learn(drawn):
    """Its ties fall as they may, so the distances are compared, and the rows where the distances differ."""
    metric, train, queries = drawn
    describe = described(metric)
    name = "cosine" if metric == "cosine" else "manhattan"
    peer = NearestNeighbors(n_neighbors=9, metric=name, algorithm="brute").fit(describe(train).toarray())
    expected, expected_rows = peer.kneighbors(describe(queries).toarray())
    rows, distance = search(Index.of(train, describe, metric), queries, 9)
    assert distance == pytest.approx(expected, abs=1e-9)
    gaps = np.diff(np.sort(peer.kneighbors(describe(queries).toarray(), TRAIN)[0], axis=1), axis=1)[:, :9] > 1e-9
    alone = gaps.copy()
    alone[:, 1:] &= gaps[:, :-1]
    assert alone.sum() > 5
    assert (rows[alone] == expected_rows[alone]).all()


def test_blocks_do_not_show(drawn, monkeypatch):
    metric, train, queries = drawn
    whole = search(Index.of(train, described(metric), metric), queries, 29)
    for train_block, queries_block in ((64, 10), (70, QUERIES), (1, 5)):
        monkeypatch.setattr(module, "BLOCK", train_block)
        monkeypatch.setattr(module, "QUERIES", queries_block)
        parts = search(Index.of(train, described(metric), metric), queries, 29)
        assert all((part == one).all() for part, one in zip(parts, whole, strict=True))


def test_of_equally_near_sequences_the_earlier_one_is_nearer():
    codes = np.stack([encode(s) for s in ("TTTTT", "ACACA", "ACACA", "ACACA")])
    for metric in METRICS:
        rows, _ = search(Index.of(codes, described(metric), metric), encode("ACACA")[None], 3)
        assert rows.tolist() == [[1, 2, 3]]


@settings(deadline=None)  # the first call compiles
@given(
    counts=st.lists(st.lists(st.integers(0, 70_000), min_size=4, max_size=4), min_size=1, max_size=90),
    asked=st.lists(st.integers(0, 70_000), min_size=4, max_size=4),
    number=st.integers(1, 7),
)
def test_large_counts_are_as_exact_as_small_ones(counts, asked, number):
    rows = [np.array(counts, dtype=np.int32), np.array([asked], dtype=np.int32)]
    found = iter(rows)
    index = Index.of(np.empty((len(counts), 1), dtype=np.uint8), lambda _: csr_array(next(found)), "cosine")
    nearest, distance = search(index, np.empty((1, 1), dtype=np.uint8), number)
    expected, expected_distance = reference(*rows, "cosine", number)
    assert nearest.tolist() == expected.tolist()
    assert distance == pytest.approx(expected_distance, abs=1e-12)


def test_one_hot_distance_counts_differing_entries():
    codes = np.stack([encode(s) for s in ("ACGTA", "ACGTC", "NNGTC", "NNNNN")])
    rows, distance = search(Index.of(codes, positions, "hamming"), encode("ACGTN")[None], 4)
    assert rows.tolist() == [[0, 1, 2, 3]]
    assert distance.tolist() == [[1, 1, 3, 4]]
