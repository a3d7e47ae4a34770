"""Predicted against measured: every point is drawn, the file stays small."""

from __future__ import annotations

import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from motifloom.report.charts import LEFT, TOP
from motifloom.report.scatter import CELL, FEW, LEVELS, SIDE, _cells, scatter_figures

RESULTS = SimpleNamespace(config=SimpleNamespace(models={"knn": None, "cnn": None}, ensembles=dict))


def scored(measured: np.ndarray, predicted: np.ndarray) -> dict[str, pl.DataFrame]:
    ids = [str(index) for index in range(len(measured))]
    return {"<i>task</i>": pl.DataFrame({"id": ids, "label": measured, "score": predicted})}


def drawn_cells(parts: list[tuple[int, str]]) -> dict[tuple[int, int], int]:
    """The level of each cell, read back from the paths."""
    found: dict[tuple[int, int], int] = {}
    for level, d in parts:
        for x, y, width, height, back in re.findall(r"M(\d+),(\d+)h(\d+)v(\d+)h-(\d+)z", d):
            assert (int(height), back) == (CELL, width)
            for column in range(int(width) // CELL):
                cell = ((int(x) - LEFT) // CELL + column, (int(y) - TOP) // CELL)
                assert cell not in found
                found[cell] = level
    return found


@pytest.mark.parametrize("n", [1, 500, 10_000])
def test_cells_hold_every_point_and_darken_with_their_number(n: int) -> None:
    random = np.random.default_rng(n)
    pixels = np.clip(
        random.normal([SIDE / 2 + LEFT, SIDE / 3 + TOP], SIDE / 5, (n, 2)), [LEFT, TOP], [LEFT + SIDE, TOP + SIDE]
    )
    parts, most = _cells(pixels)
    levels = drawn_cells(parts)
    last = SIDE // CELL - 1
    counts: dict[tuple[int, int], int] = {}
    for x, y in pixels:
        cell = (min(int((x - LEFT) // CELL), last), min(int((y - TOP) // CELL), last))
        counts[cell] = counts.get(cell, 0) + 1
    assert levels.keys() == counts.keys()
    assert most == max(counts.values())
    assert set(levels.values()) <= set(range(1, LEVELS + 1))
    by_count = sorted(counts, key=lambda cell: counts[cell])
    assert all(levels[one] <= levels[other] for one, other in pairwise(by_count))


def test_many_points_stay_small_and_few_are_drawn_each() -> None:
    random = np.random.default_rng(1)
    measured = random.gamma(2.0, size=10_000)
    figures = scatter_figures(RESULTS, "<i>task</i>", {"knn": scored(measured, measured + random.normal(size=10_000))})
    assert len(figures[0].picture) < 25_000
    few = scatter_figures(RESULTS, "<i>task</i>", {"knn": scored(measured[:FEW], measured[:FEW] / 2)})
    assert few[0].picture.count("h0") == FEW
    assert "<i>" not in few[0].picture


def test_models_share_their_axes_and_what_lies_outside_is_counted() -> None:
    random = np.random.default_rng(2)
    measured = random.normal(size=1000)
    wild = measured.copy()
    wild[:3] = 1e9
    scores = {"cnn": scored(measured, wild), "knn": scored(measured, np.zeros(1000)), "gone": {}}
    cnn, knn = scatter_figures(RESULTS, "<i>task</i>", scores)
    ticks = [re.findall(r'class="tick[^>]*>([^<]*)<', figure.picture) for figure in (cnn, knn)]
    assert ticks[0] == ticks[1]
    assert "3 points beyond the frame" in cnn.note
    assert knn.note.startswith("Pearson –; darkest: ")


def test_values_that_do_not_vary_are_drawn() -> None:
    figures = scatter_figures(RESULTS, "<i>task</i>", {"knn": scored(np.full(5, 2.0), np.full(5, 2.0))})
    assert figures[0].picture.count("h0") == 5
