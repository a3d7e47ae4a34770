"""ROC and precision-recall curves, and lines thinned out so far that no eye sees it."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MOST_POINTS = 200
UNSEEN = 0.0005
"""A line may leave its true course by so much of the axis: less than a fifth of a pixel."""


def _counts(labels: Floats, scores: Floats) -> tuple[Floats, Floats]:
    """Return the true and the false positives at each distinct score as threshold, the greatest first."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    true = np.cumsum(labels[order])[last]
    return true, last + 1 - true


def roc(labels: Floats, scores: Floats) -> Floats:
    """Return the ROC curve.

    Parameters
    ----------
    labels
        0 or 1, both of them present, shape ``(n,)``.
    scores
        Greater means more likely 1, shape ``(n,)``.

    Returns
    -------
    False and true positive rate from (0, 0) to (1, 1), a point per distinct score; shape
    ``(distinct + 1, 2)``.
    """
    true, false = _counts(labels, scores)
    points = np.column_stack([false / false[-1], true / true[-1]])
    return np.vstack([[0.0, 0.0], points])


def precision_recall(labels: Floats, scores: Floats) -> Floats:
    """Return the precision-recall curve as steps, so that the area below it is the average precision.

    Parameters are those of :func:`roc`.

    Returns
    -------
    Recall and precision, recall rising from 0 to 1, two points per distinct score; shape
    ``(2 * distinct, 2)``.
    """
    true, false = _counts(labels, scores)
    recall, precision = true / true[-1], true / (true + false)
    before = np.concatenate([[0.0], recall[:-1]])
    return np.column_stack([np.ravel([before, recall], order="F"), np.repeat(precision, 2)])


def area(points: Floats) -> float:
    """Return the area below a line of shape ``(n, 2)`` whose x never falls."""
    return float(np.trapezoid(points[:, 1], points[:, 0]))


def thin(points: Floats, most: int = MOST_POINTS, tolerance: float = UNSEEN) -> Floats:
    """Keep the points that carry a line's shape.

    The point farthest from the line drawn so far is added, again and again (Ramer-Douglas-Peucker, worst
    first), until no point is farther than `tolerance` or there are `most` of them.

    Parameters
    ----------
    points
        Shape ``(n, 2)``, both coordinates between 0 and 1.

    Returns
    -------
    Shape ``(m, 2)``, m ≤ `most`; the first and the last point are among them.
    """
    kept = {0, len(points) - 1}
    queue = [_farthest(points, 0, len(points) - 1)]
    while queue and len(kept) < most:
        distance, index, first, last = heapq.heappop(queue)
        if -distance <= tolerance:
            break
        kept.add(index)
        for begin, end in ((first, index), (index, last)):
            if end - begin > 1:
                heapq.heappush(queue, _farthest(points, begin, end))
    return points[sorted(kept)]


def _farthest(points: Floats, first: int, last: int) -> tuple[float, int, int, int]:
    """Return minus the distance, and the index, of the point farthest from the chord between two points."""
    if last - first < 2:
        return 0.0, first, first, last
    start, chord = points[first], points[last] - points[first]
    offsets = points[first + 1 : last] - start
    length = float(np.hypot(*chord))
    if length:
        along = np.clip(offsets @ chord / length**2, 0, 1)
        offsets = offsets - along[:, None] * chord
    distances = np.hypot(offsets[:, 0], offsets[:, 1])
    index = int(distances.argmax())
    return -float(distances[index]), first + 1 + index, first, last
