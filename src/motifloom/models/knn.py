"""k nearest neighbours: the plainest model that a network must beat.

A sequence is its spectrum, the counts of its k-mers, compared by the cosine; or, where all have one length, its bases
position by position, compared by the number of entries of the one-hot form that differ (Hamming's distance). A query's
score is the mean label of its nearest training sequences: the share of positives among them, the share of a class, or
their mean value. With the weights ``distance`` a neighbour counts by the inverse of its distance (Dudani, IEEE
Transactions on Systems, Man, and Cybernetics 6:325, 1976), and where there are copies of the query, they alone.

Instead of sequences, what a network makes of them can be compared: its embedding, by the cosine or by Euclid's
distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from motifloom.models.candidates import SPECTRUM, Candidate
from motifloom.models.features import kmer_counts, positions
from motifloom.models.nearest import Index, Neighbours
from motifloom.models.vectors import VectorIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from motifloom import config
    from motifloom.genome import Codes
    from motifloom.models.candidates import Examples
    from motifloom.models.vectors import Vectors

    Floats = npt.NDArray[np.float64]

METRICS: dict[Literal["cosine", "euclidean"], str] = {"cosine": "cosine", "euclidean": "Euclidean distance"}
"""How embeddings are compared, in the code and in words."""

UNIFORM, DISTANCE = "uniform", "distance"
"""How neighbours are weighted."""

VALUES = 1 << 22
"""Labels of neighbours that are averaged at a time."""


class Nearest(Protocol):
    """What finds the nearest of training sequences, or of vectors."""

    def nearest(self, queries: Any, number: int, /) -> Iterator[Neighbours]:
        """Give the neighbours of queries of the same kind, in parts."""


@dataclass(frozen=True)
class Knn:
    """Training sequences to be asked for the labels of their nearest.

    Attributes
    ----------
    index
        Finds them.
    labels
        0 or 1, or values; NaN where one is missing; shape ``(n, tasks)``.
    """

    index: Nearest
    labels: npt.NDArray[np.float32]

    @classmethod
    def on_spectra(cls, codes: Codes, labels: npt.NDArray[np.float32], kmer: int, canonical: bool) -> Knn:
        """Compare the counts of k-mers of training sequences of shape ``(n, length)``."""
        return cls(Index.of(codes, partial(kmer_counts, kmers=[kmer], canonical=canonical), "cosine"), labels)

    @classmethod
    def on_positions(cls, codes: Codes, labels: npt.NDArray[np.float32]) -> Knn:
        """Compare training sequences of shape ``(n, length)`` position by position."""
        return cls(Index.of(codes, positions, "hamming"), labels)

    @classmethod
    def on_vectors(
        cls, vectors: Vectors, labels: npt.NDArray[np.float32], metric: Literal["cosine", "euclidean"]
    ) -> Knn:
        """Compare vectors of training sequences, shape ``(n, width)``."""
        return cls(VectorIndex.of(vectors, metric), labels)

    def predict(
        self, codes: Codes | Vectors, neighbours: Sequence[int], weights: Sequence[str]
    ) -> dict[tuple[str, int], npt.NDArray[np.float64]]:
        """Score queries, sequences of shape ``(n, length)`` or vectors, with several weights and numbers of neighbours.

        Returns
        -------
        For each of `weights` and each number of neighbours the mean label of those among them that have one, shape
        ``(n, tasks)``; where none has, the mean label of all training sequences, or 0.5 where none of those has one. A
        number greater than that of the training sequences means all of them.
        """
        known = ~np.isnan(self.labels)
        values = np.where(known, self.labels, 0).astype(np.float64)
        number = known.sum(axis=0)
        everywhere = np.where(number > 0, values.sum(axis=0) / number.clip(min=1), 0.5)
        scores = {(way, k): np.empty((len(codes), values.shape[1])) for way in weights for k in neighbours}
        start = 0
        for part in self._parts(codes, max(neighbours)):
            stop = start + len(part.rows)
            has_label, label = known[part.rows], values[part.rows]  # (queries, neighbours, tasks)
            for (way, k), filled in scores.items():
                weight = _weights(part.distance[:, :k], has_label[:, :k], way)
                total = weight.sum(axis=1)
                mean = (weight * label[:, :k]).sum(axis=1) / np.where(total > 0, total, 1)
                filled[start:stop] = np.where(total > 0, mean, everywhere)
            start = stop
        return scores

    def _parts(self, codes: Codes | Vectors, number: int) -> Iterator[Neighbours]:
        """Give the neighbours of as many queries at a time as there is room for their labels."""
        size = max(1, VALUES // (number * self.labels.shape[1]))
        for near in self.index.nearest(codes, number):
            for start in range(0, len(near.rows), size):
                part = slice(start, start + size)
                yield Neighbours(near.rows[part], near.distance[part])


def candidates(spec: config.Knn, examples: Examples) -> list[Candidate]:
    """Fit and predict with every way to compare, to weigh and every number of neighbours, the greatest first.

    On train a sequence is among its own neighbours.
    """
    codes, labels = examples.codes["train"], examples.labels["train"]
    found: list[Candidate] = []
    for features in examples.features(spec.features):
        on_spectra = features == SPECTRUM
        knn = (
            Knn.on_spectra(codes, labels, spec.kmer, examples.canonical)
            if on_spectra
            else Knn.on_positions(codes, labels)
        )
        found += _tried(spec, knn, features, examples.codes)
    return found


def embedding_candidates(
    spec: config.Knn, vectors: Mapping[str, Vectors], labels: npt.NDArray[np.float32]
) -> list[Candidate]:
    """Do the same by a network's embedding, with either metric.

    Parameters
    ----------
    vectors
        For each split shape ``(n, width)``.
    labels
        Of train, as :class:`Knn` has them.
    """
    found: list[Candidate] = []
    for metric, name in METRICS.items():
        knn = Knn.on_vectors(vectors["train"], labels, metric)
        found += _tried(spec, knn, f"{name} of the embedding of {spec.embedding}", vectors)
    return found


def _tried(
    spec: config.Knn, knn: Knn, variant: str, queries: Mapping[str, Codes] | Mapping[str, Vectors]
) -> Iterator[Candidate]:
    """Yield a candidate for every weighting and number of neighbours, the greatest first."""
    numbers = sorted(set(spec.neighbours), reverse=True)
    weights = [UNIFORM, DISTANCE] if spec.weights == "auto" else [spec.weights]
    by_split = {split: knn.predict(mine, numbers, weights) for split, mine in queries.items()}
    for way in weights:
        for k in numbers:
            scores = {split: predicted[way, k] for split, predicted in by_split.items()}
            yield Candidate(f"{variant}, {way} weights", "neighbours", k, scores)


def _weights(distance: Floats, has_label: npt.NDArray[np.bool_], way: str) -> Floats:
    """Weigh neighbours: `distance` of shape ``(queries, k)``, `has_label` of shape ``(queries, k, tasks)``."""
    if way == UNIFORM:
        return has_label.astype(np.float64)
    copies = (distance == 0)[:, :, None] & has_label
    inverse = has_label / np.where(distance == 0, 1, distance)[:, :, None]
    return np.where(copies.any(axis=1, keepdims=True), copies, inverse)
