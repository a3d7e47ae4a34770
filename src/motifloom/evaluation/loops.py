"""Loops over resamples of examples, compiled: what a bootstrap and a permutation test spend their time in.

Nothing here checks what it is given. Sums of counts are exact, and no sum depends on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from motifloom.compiled import compiled

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Counts = npt.NDArray[np.uint16]

LANES = 32
"""So many resamples are worked on at a time, side by side: what the vector units of a processor do best."""


@compiled
def count_draws(random: npt.NDArray[np.uint32], members: Places, starts: Places, counts: Counts) -> None:
    """Count how often each example is drawn, as many from each stratum as it has members.

    Parameters
    ----------
    random
        Evenly distributed over all 32 bits, shape ``(resamples, n)``.
    members
        The examples, stratum by stratum, shape ``(n,)``.
    starts
        The first place of each stratum in `members`, and `n`, shape ``(strata + 1,)``.
    counts
        Zeros, shape ``(n, resamples)``: filled in.
    """
    # A row fits the processor's first cache; unsigned indices spare the question whether one counts from the end.
    drawn = np.zeros((counts.shape[1], len(members)), dtype=np.uint16)
    for row in range(len(random)):
        bits, times = random[row], drawn[row]
        for stratum in range(len(starts) - 1):
            first, end = np.uint64(starts[stratum]), np.uint64(starts[stratum + 1])
            for place in range(first, end):
                times[first + (np.uint64(bits[place]) * (end - first) >> np.uint64(32))] += 1
    for place in range(len(members)):
        example = members[place]
        for row in range(len(random)):
            counts[example, row] = drawn[row, place]


@compiled
def score_rankings(  # noqa: PLR0912 - one walk
    weights: npt.NDArray[Any], order: Places, labels: Floats, scores: Floats, ends: Places, bins: Places, cut: int
) -> Floats:
    """Compute all metrics of a binary task in one walk from the greatest score to the least.

    Parameters
    ----------
    weights
        In the examples' original order, shape ``(n, LANES)``.
    order, labels, scores, ends
        As of :class:`motifloom.evaluation.metrics.Ranking`.
    bins
        Of the calibration error, not rising, shape ``(n,)``.
    cut
        So many examples, the first in the ranking, are predicted to be of label 1.

    Returns
    -------
    Shape ``(6, LANES)``: `auroc`, `auprc`, `accuracy`, `mcc`, `brier`, `ece`; NaN where undefined.
    """
    true, up_to, true_before, up_to_before = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    area, precision = np.zeros(LANES), np.zeros(LANES)
    squares, gap, gaps = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    true_cut, up_to_cut = np.zeros(LANES), np.zeros(LANES)
    first = 0
    for last in ends:
        if last > first:
            for lane in range(LANES):
                up_to_before[lane] = up_to[lane]
        hit = False
        for place in range(first, last + 1):
            example, label, difference = order[place], labels[place], labels[place] - scores[place]
            square = difference * difference
            if label:
                hit = True
                for lane in range(LANES):
                    weight = float(weights[example, lane])
                    true[lane] += weight
                    up_to[lane] += weight
                    squares[lane] += weight * square
                    gap[lane] += weight * difference
            else:
                for lane in range(LANES):
                    weight = float(weights[example, lane])
                    area[lane] += 2 * weight * true_before[lane]
                    up_to[lane] += weight
                    squares[lane] += weight * square
                    gap[lane] += weight * difference
        if hit:
            for lane in range(LANES):
                hits = true[lane] - true_before[lane]
                if last > first:  # of the positives that are tied with a negative, half count as above it
                    area[lane] += (up_to[lane] - up_to_before[lane] - hits) * hits
                precision[lane] += hits * true[lane] / max(up_to[lane], 1.0)
                true_before[lane] = true[lane]
        first = last + 1
        if first == cut:
            for lane in range(LANES):
                true_cut[lane], up_to_cut[lane] = true[lane], up_to[lane]
        if first == len(order) or bins[first] != bins[last]:
            for lane in range(LANES):  # an operation on whole arrays here would slow the loops above
                gaps[lane] += abs(gap[lane])
                gap[lane] = 0.0
    return _metrics_of_sums(true, up_to, area, precision, true_cut, up_to_cut, squares, gaps)


@compiled
def _metrics_of_sums(
    positives: Floats,
    total: Floats,
    area: Floats,
    precision: Floats,
    true: Floats,
    predicted: Floats,
    squares: Floats,
    gaps: Floats,
) -> Floats:
    """Put the metrics together from the sums of a walk.

    Parameters
    ----------
    positives, total
        Weight of the label 1, and of all examples.
    area
        Twice the sum over negatives of the positives above them.
    precision
        The sum over positives of the precision at their score.
    true, predicted
        Weight of the positives predicted to be such, and of all that are.
    squares, gaps
        The sums of squared differences, and of the bins' absolute differences.
    """
    found = np.full((6, LANES), np.nan)
    for lane in range(LANES):
        everything, of_positives = total[lane], positives[lane]
        negatives = everything - of_positives
        if everything == 0:
            continue
        if of_positives > 0 and negatives > 0:
            found[0, lane] = area[lane] / (2 * of_positives * negatives)
            found[1, lane] = precision[lane] / of_positives
            found[3, lane] = 0.0
            named = predicted[lane]
            if 0 < named < everything:
                # TP·TN − FP·FN = TP·total − (predicted positives)·(positives)
                covariance = true[lane] * everything - named * of_positives
                spread = np.sqrt((named * (everything - named)) * (of_positives * negatives))
                found[3, lane] = min(1.0, max(-1.0, covariance / spread))
        found[2, lane] = (negatives - predicted[lane] + 2 * true[lane]) / everything
        found[4, lane] = squares[lane] / everything
        found[5, lane] = gaps[lane] / everything
    return found


@compiled
def sum_swapped(swaps: npt.NDArray[np.uint8], values: Floats, sums: Floats) -> None:
    """Add up the values of the examples that swap: of every eight, all 256 sums at once, which are then looked up.

    Parameters
    ----------
    swaps
        Bits, eight examples a byte, the least first: whether the two models' scores are swapped, shape
        ``(n / 8 rounded up, permutations)``.
    values
        Shape ``(n,)``.
    sums
        Shape ``(permutations,)``: added to.
    """
    table = np.zeros(256)
    for eight in range(len(swaps)):
        first = 8 * eight
        if not values[first : first + 8].any():
            continue
        size = 1
        for place in range(first, first + 8):
            value = values[place] if place < len(values) else 0.0
            for low in range(size):
                table[size + low] = table[low] + value
            size *= 2
        for row in range(len(sums)):
            sums[row] += table[swaps[eight, row]]
