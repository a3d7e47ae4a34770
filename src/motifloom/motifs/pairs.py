"""Pairs of motifs that occur together, and the distance and orientation that they prefer.

The null hypothesis shuffles which site of one motif meets which of the other: each sequence keeps its site of the first
motif and gets that of the second from another sequence. So both motifs keep their places and strands, and whatever lies
near the centre of all sequences makes no pair. The statistic is that of the most crowded window of
distances in either orientation, so its p-value is corrected for the search (Westfall and Young, Resampling-Based
Multiple Testing, 1993).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.stats import false_discovery_control, hypergeom

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.motifs.filters import Scan
    from motifloom.motifs.motif import Motif

    Integers = npt.NDArray[np.int64]

PAIRS_SCHEMA = {
    "motif_a": pl.String,
    "motif_b": pl.String,
    "sequences": pl.Int64,
    "expected_sequences": pl.Float64,
    "together_p": pl.Float64,
    "distance": pl.Int64,
    "orientation": pl.String,
    "pairs": pl.Int64,
    "expected_pairs": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
}

MOST = 12
"""So many motifs of a network are paired."""

SHUFFLES = 2000
"""So often are the second motif's sites shuffled among the sequences."""

WINDOW = 5
"""Distances, in bp, that are counted together."""

LEAST = 10
"""Pairs with fewer sequences in which both have a site are left out."""


@dataclass(frozen=True)
class Placed:
    """Sites of one motif in the sequences that have one, the best of each sequence; arrays of shape ``(sequences,)``.

    Attributes
    ----------
    row
        The sequence, ascending.
    start, end
        In bp, on the forward strand.
    minus
        Whether it is read from the reverse strand.
    """

    row: Integers
    start: Integers
    end: Integers
    minus: npt.NDArray[np.bool_]


def placed(scan: Scan, unit: int) -> Placed:
    """Return the best sites of a filter, cut to its motif's informative columns."""
    sites = scan.sites.of(scan.sites.best & (scan.sites.unit == unit) & scan.chosen[scan.sites.row])
    start, end = scan.extent(sites)
    return Placed(sites.row, start, end, sites.minus)


def pairs(motifs: Sequence[Motif], scan: Scan, random: np.random.Generator) -> pl.DataFrame:
    """Tell which pairs of a network's motifs occur together, and how they prefer to lie.

    Parameters
    ----------
    motifs
        One of each kind, the most important first; the first :data:`MOST` are paired.
    scan
        Of the network that they are filters of.
    random
        Shuffles.

    Returns
    -------
    Table with the columns of :data:`PAIRS_SCHEMA`, least q first.
    """
    number = int(scan.chosen.sum())
    sites = [placed(scan, motif.unit) for motif in motifs[:MOST]]
    rows = []
    for (motif_a, a), (motif_b, b) in combinations(zip(motifs, sites, strict=False), 2):
        both, in_a, in_b = np.intersect1d(a.row, b.row, return_indices=True)
        if len(both) < LEAST:
            continue
        expected = len(a.row) * len(b.row) / number
        together = float(hypergeom.sf(len(both) - 1, number, len(a.row), len(b.row)))
        rows.append((motif_a.name, motif_b.name, len(both), expected, together, *_preferred(a, b, in_a, in_b, random)))
    columns = {name: kind for name, kind in PAIRS_SCHEMA.items() if name != "q_value"}
    table = pl.DataFrame(rows, schema=columns, orient="row")
    q_values = false_discovery_control(table["p_value"].to_numpy()) if len(table) else np.empty(0)
    table = table.with_columns(q_value=pl.Series(q_values, dtype=pl.Float64))
    return table.sort("q_value", "p_value", "motif_a", "motif_b")


def _preferred(
    a: Placed, b: Placed, in_a: Integers, in_b: Integers, random: np.random.Generator
) -> tuple[int, str, int, float, float]:
    """Return the preferred distance and orientation, how many pairs have it, how many by chance, and p."""
    reach = int(max(a.end.max(), b.end.max()) - min(a.start.min(), b.start.min())) + WINDOW
    counts = _counts(a, b, in_a, in_b, reach)
    observed = _crowds(counts)
    null = np.array([_crowds(_counts(a, b, in_a, random.permutation(in_b), reach)) for _ in range(SHUFFLES)])
    expected = null.mean(axis=0)
    spread = np.sqrt(expected + 1)
    excess = (observed - expected) / spread
    greatest = ((null - expected) / spread).max(axis=1)
    window = int(excess.argmax())
    p = (1 + int((greatest >= excess[window] - 1e-9).sum())) / (1 + SHUFFLES)
    opposite, place = divmod(window, 2 * reach + 1)
    first = max(0, place - WINDOW // 2)
    distance = first + int(counts[opposite, first : place + WINDOW // 2 + 1].argmax()) - reach
    return distance, "opposite" if opposite else "same", int(observed[window]), float(expected[window]), p


def _counts(a: Placed, b: Placed, in_a: Integers, in_b: Integers, reach: int) -> Integers:
    """Count pairs by orientation and distance, from −reach to reach, shape ``(2, 2 reach + 1)``.

    The distance is that of the centres, in bp, downstream of the first motif on its own strand. Sites that overlap are
    no pair.
    """
    apart = (b.start[in_b] >= a.end[in_a]) | (a.start[in_a] >= b.end[in_b])
    first, second = in_a[apart], in_b[apart]
    twice = b.start[second] + b.end[second] - a.start[first] - a.end[first]
    distance = np.where(a.minus[first], -twice, twice) // 2
    opposite = a.minus[first] != b.minus[second]
    size = 2 * reach + 1
    return np.bincount(opposite * size + distance + reach, minlength=2 * size).reshape(2, size)


def _crowds(counts: Integers) -> npt.NDArray[np.float64]:
    """Add up neighbouring distances, in windows of :data:`WINDOW`, shape ``(2 × (2 reach + 1),)``."""
    return np.array([np.convolve(one, np.ones(WINDOW), "same") for one in counts]).ravel()
