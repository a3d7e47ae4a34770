"""The scan against a slow one that looks at every place by itself."""

from __future__ import annotations

import numpy as np
import pytest

from motifloom.genome import PADDING, UNKNOWN, reverse_complement
from motifloom.motifs import scan
from motifloom.motifs.scan import best_scores, find_sites

LENGTHS = (31, 44, 9, 67, 3)


def slow(matrix: np.ndarray, sequence: np.ndarray) -> dict[int, float]:
    """Return the score of one matrix at every start where it counts, on the strand as it is."""
    width = len(matrix)
    found = {}
    for start in range(-(width // 2), len(sequence) - width // 2):
        inside = [(column, start + column) for column in range(width) if 0 <= start + column < len(sequence)]
        known = [(column, sequence[place]) for column, place in inside if sequence[place] < UNKNOWN]
        if 2 * len(known) >= width:
            found[start] = float(sum(matrix[column, base] for column, base in known))
    return found


def slow_on_both(matrix: np.ndarray, sequence: np.ndarray, both: bool) -> dict[tuple[int, bool], float]:
    """Return the scores by start on the forward strand, and strand."""
    found = {(start, False): score for start, score in slow(matrix, sequence).items()}
    if both:
        last = len(sequence) - len(matrix)
        turned = slow(matrix, reverse_complement(sequence))
        found |= {(last - start, True): score for start, score in turned.items()}
    return found


@pytest.fixture(params=[(3, 5), (5, 17), (70, 19)], ids=["few narrow", "few wide", "many wide"])
def inputs(request):
    number, width = request.param
    random = np.random.default_rng(number)
    matrices = random.normal(size=(number, width, 4)).astype(np.float32)
    sequences = [random.choice(5, length, p=[0.24] * 4 + [0.04]).astype(np.uint8) for length in LENGTHS]
    codes = np.full((len(LENGTHS), max(LENGTHS)), PADDING, dtype=np.uint8)
    for row, sequence in zip(codes, sequences, strict=True):
        row[: len(sequence)] = sequence
    return matrices, sequences, codes


@pytest.mark.parametrize("both", [False, True])
def test_best_scores_are_those_of_a_slow_scan(inputs, both):
    matrices, sequences, codes = inputs
    found = best_scores(matrices, [codes[:2], codes[2:]], both)
    assert found.shape == (len(sequences), len(matrices))
    for row, sequence in enumerate(sequences):
        for unit, matrix in enumerate(matrices):
            expected = max(slow_on_both(matrix, sequence, both).values(), default=-np.inf)
            assert found[row, unit] == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("both", [False, True])
def test_sites_are_the_best_of_those_that_overlap(inputs, both, monkeypatch):
    monkeypatch.setattr(scan, "ROOM", 2)
    matrices, sequences, codes = inputs
    thresholds = np.linspace(0.5, 3, len(matrices)).astype(np.float32)
    found = find_sites(matrices, thresholds, [codes[:2], codes[2:]], both)
    width = matrices.shape[1]
    expected = []
    for row, sequence in enumerate(sequences):
        for unit, matrix in enumerate(matrices):
            taken: list[int] = []
            above = {key: s for key, s in slow_on_both(matrix, sequence, both).items() if s > thresholds[unit]}
            for start, minus in sorted(above, key=lambda key: -above[key]):
                if all(abs(start - other) >= width for other in taken):
                    taken.append(start)
                    expected.append((row, unit, start, minus, pytest.approx(above[start, minus], rel=1e-5, abs=1e-5)))
    got = zip(*(getattr(found, name).tolist() for name in ("row", "unit", "start", "minus", "score")), strict=True)
    assert list(got) == expected
    assert len(expected) > 20


def test_the_best_site_of_a_filter_is_its_first(inputs):
    matrices, _, codes = inputs
    found = find_sites(matrices, np.zeros(len(matrices), np.float32), [codes], both_strands=True)
    best = found.of(found.best)
    assert len(set(zip(best.row.tolist(), best.unit.tolist(), strict=True))) == len(best)
    reached = best_scores(matrices, [codes], both_strands=True)
    assert (best.score == reached[best.row, best.unit]).all()
    assert len(best) == (reached > 0).sum()


def test_both_scans_give_the_same_whatever_the_batches(inputs):
    matrices, _, codes = inputs
    one = find_sites(matrices, np.ones(len(matrices), np.float32), [codes], both_strands=True)
    parts = find_sites(matrices, np.ones(len(matrices), np.float32), [row[None] for row in codes], both_strands=True)
    for name in ("row", "unit", "start", "minus", "score"):
        assert (getattr(one, name) == getattr(parts, name)).all()


def test_nothing_is_found_in_nothing():
    matrices = np.ones((2, 5, 4), np.float32)
    assert len(find_sites(matrices, np.zeros(2, np.float32), [], both_strands=True)) == 0
    assert best_scores(matrices, [], both_strands=True).shape == (0, 2)
    unknown = np.full((3, 14), UNKNOWN, dtype=np.uint8)
    assert (best_scores(matrices, [unknown], both_strands=True) == -np.inf).all()
