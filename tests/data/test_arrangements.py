"""Draws against every way there is, counted one by one."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motifloom.data.arrangements import Paired, Scattered, draw_ascending

DRAWS = 60_000


def frequencies(sites) -> Counter:
    """Count each way that regions' sites stand: a tuple of (motif, start, minus) from left to right."""
    order = np.argsort(sites.start, axis=1)
    columns = (np.take_along_axis(column, order, axis=1).tolist() for column in (sites.motif, sites.start, sites.minus))
    return Counter(tuple(zip(*row, strict=True)) for row in zip(*columns, strict=True))


def agree(counted: Counter, expected: dict) -> None:
    """Every way occurs, nothing else does, and each as often as its probability says: within 5 standard errors."""
    assert sum(expected.values()) == pytest.approx(1)
    assert set(counted) == set(expected)
    for way, probability in expected.items():
        error = np.sqrt(probability * (1 - probability) / DRAWS)
        assert counted[way] / DRAWS == pytest.approx(probability, abs=5 * error)


def scattered_ways(widths, number, jitter) -> dict:
    """Motifs and strands evenly; then every place where intervals do not overlap, as likely as any other."""
    expected = {}
    for motifs in product(range(len(widths)), repeat=number):
        fitting = []
        for centres in product(range(-jitter, jitter + 1), repeat=number):
            starts = [centre - widths[m] // 2 for centre, m in zip(centres, motifs, strict=True)]
            ends = [start + widths[m] for start, m in zip(starts, motifs, strict=True)]
            if all(ends[i] <= starts[i + 1] for i in range(number - 1)):
                fitting.append(starts)
        for starts in fitting:
            for strands in product((False, True), repeat=number):
                way = tuple(zip(motifs, starts, strands, strict=True))
                expected[way] = 1 / len(widths) ** number / 2**number / len(fitting)
    return expected


@pytest.mark.parametrize(
    ("widths", "number", "jitter"), [((2, 5), 1, 3), ((2, 3, 4), 2, 3), ((3, 2), 3, 4), ((1,), 4, 2)]
)
def test_scattered_sites_stand_every_way_that_fits_evenly(widths, number, jitter):
    sites = Scattered(number).draw(np.array(widths), jitter, DRAWS, np.random.default_rng(0))
    agree(frequencies(sites), scattered_ways(widths, number, jitter))


def test_no_site_is_an_arrangement():
    sites = Scattered(0).draw(np.array([4]), 3, 5, np.random.default_rng(0))
    assert sites.motif.shape == sites.start.shape == sites.minus.shape == (5, 0)


@pytest.mark.parametrize(("widths", "order"), [((2, 5), (0, 1)), ((2, 5), (1, 0)), ((4, 3), (0, 1))])
def test_pairs_stand_every_way_evenly(widths, order):
    """A pair is spelled out as a string of letters, whose reverse is what the other strand reads."""
    jitter, spacing = 2, (4, 6)
    expected: Counter = Counter()
    first, second = order
    for distance in range(spacing[0], spacing[1] + 1):
        text = ["."] * 40
        text[10 : 10 + widths[first]] = "a" * widths[first]
        begin = 10 + widths[first] // 2 + distance - widths[second] // 2
        text[begin : begin + widths[second]] = "b" * widths[second]
        pair = "".join(text).strip(".")
        for minus, shift in product((False, True), range(-jitter, jitter + 1)):
            read = pair[::-1] if minus else pair
            starts = {letter: read.index(letter) + shift - len(read) // 2 for letter in "ab"}
            way = sorted([(starts["a"], first), (starts["b"], second)])
            expected[tuple((motif, start, minus) for start, motif in way)] += 1 / 3 / 2 / (2 * jitter + 1)
    sites = Paired(order, spacing).draw(np.array(widths), jitter, DRAWS, np.random.default_rng(0))
    agree(frequencies(sites), expected)


def test_the_spacing_is_between_the_central_columns_on_the_pair_s_own_strand():
    widths = np.array([15, 10])
    sites = Paired((0, 1), (20, 30)).draw(widths, 40, 500, np.random.default_rng(0))
    central = np.where(sites.minus, sites.start + widths - 1 - widths // 2, sites.start + widths // 2)
    distance = np.where(sites.minus[:, 0], -1, 1) * (central[:, 1] - central[:, 0])
    assert set(distance.tolist()) == set(range(20, 31))


@given(st.integers(0, 5), st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_ascending_rows_never_fall_and_stay_in_their_range(most, number, seed):
    rows = draw_ascending(np.array([most, most + 3]), number, np.random.default_rng(seed))
    assert rows.shape == (2, number)
    assert (np.diff(rows, axis=1) >= 0).all()
    assert (rows >= 0).all()
    assert (rows <= [[most], [most + 3]]).all()
