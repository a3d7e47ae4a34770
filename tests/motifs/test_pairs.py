"""Pairs with a known distance, and pairs without any."""

from __future__ import annotations

import numpy as np

from motifloom.motifs import pairs as module
from motifloom.motifs.motif import Motif
from motifloom.motifs.pairs import Placed, pairs


def motif(unit: int) -> Motif:
    return Motif(f"m{unit}", 0, unit, np.full((5 + unit, 4), 0.25), 50, dead=False)


class Made:
    """A scan whose sites are given, `number` sequences having been looked at."""

    def __init__(self, sites: list[Placed], number: int) -> None:
        self.placed, self.chosen = sites, np.ones(number, dtype=bool)


def made(apart: int | None, opposite: bool, random: np.random.Generator, number: int = 300) -> list[Placed]:
    """Return sites of 5 and 8 bp near the middle of 200 bp, in two thirds of the sequences each.

    Of the second, 40 % lie `apart` bp downstream of the first one's centre on its strand.
    """
    rows = [np.flatnonzero(random.random(number) < 2 / 3) for _ in range(2)]
    starts = [random.integers(60, 140, len(row)) for row in rows]
    minus = [random.random(len(row)) < 0.5 for row in rows]
    if apart is not None:
        _, a, b = np.intersect1d(*rows, return_indices=True)
        tied = random.random(len(a)) < 0.4
        a, b = a[tied], b[tied]
        minus[1][b] = minus[0][a] ^ opposite
        starts[1][b] = starts[0][a] + np.where(minus[0][a], -apart - 2, apart - 1)  # half a bp more
    return [Placed(row, s, s + w, m) for row, s, w, m in zip(rows, starts, (5, 8), minus, strict=True)]


def found(monkeypatch, sites: list[Placed], seed: int = 0):
    monkeypatch.setattr(module, "placed", lambda scan, unit: scan.placed[unit])
    monkeypatch.setattr(module, "SHUFFLES", 200)
    return pairs([motif(0), motif(1)], Made(sites, 300), np.random.default_rng(seed))


def test_a_preferred_distance_and_orientation_are_found(monkeypatch):
    for apart, opposite in ((27, False), (-33, True)):
        table = found(monkeypatch, made(apart, opposite, np.random.default_rng(abs(apart))))
        (row,) = table.iter_rows(named=True)
        assert row["distance"] == apart
        assert row["orientation"] == ("opposite" if opposite else "same")
        assert row["pairs"] > 4 * row["expected_pairs"]
        assert row["q_value"] == row["p_value"] == 1 / 201


def test_p_values_of_independent_sites_are_even(monkeypatch):
    p_values = [
        found(monkeypatch, made(None, False, np.random.default_rng(seed)), seed)["p_value"][0] for seed in range(60)
    ]
    assert np.mean(np.array(p_values) <= 0.2) < 0.36
    assert 0.35 < np.mean(p_values) < 0.65


def test_sites_that_overlap_are_no_pair(monkeypatch):
    rows = np.arange(40)
    start = np.full(40, 70)
    sites = [Placed(rows, start, start + 5, rows < 0), Placed(rows, start + 2, start + 10, rows < 0)]
    (row,) = found(monkeypatch, sites).iter_rows(named=True)
    assert row["pairs"] == 0
    assert row["p_value"] == 1


def test_few_sequences_are_left_out(monkeypatch):
    rows = np.arange(module.LEAST - 1)
    start = np.full(len(rows), 70)
    sites = [Placed(rows, start, start + 5, rows < 0), Placed(rows, start + 20, start + 28, rows < 0)]
    assert found(monkeypatch, sites).is_empty()
