"""Exact nearest neighbours among vectors of numbers: what networks make of sequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from motifloom.models.nearest import Neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Vectors = npt.NDArray[np.float32] | Floats

ROUNDING = 1e-12
"""What a sum of products may be off by, as a share of the squares in it."""

COMPARED = 1 << 22
"""So many pairs of vectors are compared at a time."""


@dataclass(frozen=True)
class VectorIndex:
    """Vectors of training sequences to be asked for the nearest.

    Attributes
    ----------
    vectors
        Shape ``(n, width)``; of the metric ``cosine`` of length 1, or 0.
    metric
        ``cosine``: 1 − cosine, that of a vector of zeros 0.5; or ``euclidean``.
    """

    vectors: Floats
    metric: Literal["cosine", "euclidean"]

    @classmethod
    def of(cls, vectors: Vectors, metric: Literal["cosine", "euclidean"]) -> VectorIndex:
        """Keep vectors of shape ``(n, width)``."""
        return cls(_measured(vectors, metric), metric)

    def nearest(self, vectors: Vectors, number: int) -> Iterator[Neighbours]:
        """Give the `number` nearest of each query, of all where there are fewer; of equal ones the first.

        Parameters
        ----------
        vectors
            Shape ``(queries, width)``.

        Yields
        ------
        The neighbours of the next queries.
        """
        kept = min(number, len(self.vectors))
        squares = (self.vectors**2).sum(axis=1)
        size = max(1, COMPARED // len(self.vectors))
        for start in range(0, len(vectors), size):
            asked = _measured(vectors[start : start + size], self.metric)
            near = squares - 2 * asked @ self.vectors.T  # squared distances, but for what the query adds to all
            rows = np.argpartition(near, kept - 1, axis=1)[:, :kept]
            farthest = np.take_along_axis(near, rows[:, -1:], axis=1)
            alike = near <= farthest + ROUNDING * (squares + (asked**2).sum(axis=1, keepdims=True))
            for query in np.flatnonzero(alike.sum(axis=1) > kept):  # rounding must not choose among equal ones
                candidates = np.flatnonzero(alike[query])
                exact = ((self.vectors[candidates] - asked[query]) ** 2).sum(axis=1)
                rows[query] = candidates[np.argsort(exact, kind="stable")[:kept]]
            # The difference itself, so that a copy is at a distance of exactly 0.
            squared = np.stack(
                [((self.vectors[rows[:, place]] - asked) ** 2).sum(axis=1) for place in range(kept)], axis=1
            )
            order = np.lexsort((rows, squared))
            rows, squared = (np.take_along_axis(values, order, axis=1) for values in (rows, squared))
            yield Neighbours(rows, squared / 2 if self.metric == "cosine" else np.sqrt(squared))


def _measured(vectors: Vectors, metric: str) -> Floats:
    """Return vectors whose Euclidean distances rank as the metric does."""
    values = vectors.astype(np.float64)
    if metric == "euclidean":
        return values
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(lengths > 0, lengths, 1)
