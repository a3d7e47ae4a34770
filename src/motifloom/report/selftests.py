"""What the self-tests of the trained networks found, and how far back recurrent layers look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.report.charts import Axis, Frame, Line, line_chart
from motifloom.report.scores import Cell, colour
from motifloom.report.wording import RAISED, measured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from markupsafe import Markup

    from motifloom.report.results import Results

    Floats = npt.NDArray[np.float64]

FOUND = {
    "not_finite": "Not finite",
    "constant_tasks": "Constant tasks",
    "batch_dependence": "Batch",
    "padding_dependence": "Padding",
    "strand_gap_mean": "Strand gap, mean",
    "strand_gap_max": "Strand gap, greatest",
    "dead_filters": "Dead filters",
}
"""The tests that the table has, with their headings."""

SHARES = frozenset({"constant_tasks", "dead_filters"})

DEFECTS = {
    "not_finite": "weights or outputs are infinite or no number: training diverged",
    "constant_tasks": "it says the same of every sequence",
    "batch_dependence": "a prediction depends on the other sequences of its batch",
    "padding_dependence": "a prediction depends on what stands after a sequence's end",
    "strand_gap_max": "its strands share their weights, and yet they are told apart",
    "dead_filters": "so many filters are active nowhere, or everywhere alike",
}
"""What it means that a test fails."""

LEAST = 1e-6
"""A smaller share of the greatest gradient is as good as none: single precision hardly adds it up."""

LEFT_OVER = 0.01
"""Gradients count as vanished where less than this share of the greatest is left."""

MOST_POINTS = 120


@dataclass(frozen=True)
class Finding(Cell):
    """The worst value of a test over the replicates of a network."""

    failed: bool = False


@dataclass(frozen=True)
class NetworkRow:
    """A network and what its tests found."""

    model: str
    cells: Sequence[Finding]


@dataclass(frozen=True)
class GradientRow:
    """A line of the chart: how far back the layers look, and what is left of the gradient at the far end."""

    model: str
    css: str
    reach: Cell
    ratio: Cell


@dataclass(frozen=True)
class Gradients:
    """The gradients of all recurrent networks by distance."""

    picture: Markup
    rows: Sequence[GradientRow]


@dataclass(frozen=True)
class SelfTests:
    """The self-tests of a dataset's networks.

    Attributes
    ----------
    failures
        A sentence for each test that failed.
    columns
        Of the table: their headings, and the limit where it is the same for all networks.
    """

    verdict: str
    failures: Sequence[str]
    columns: Sequence[tuple[str, str]]
    rows: Sequence[NetworkRow]
    gradients: Gradients | None


def selftests(results: Results, dataset: str) -> SelfTests | None:
    """Sum up the self-tests of a dataset's networks; None where it has no network."""
    networks = {model: results.selftests(dataset, model) for model in results.config.networks()}
    if not networks:
        return None
    failures = [
        f"{dataset}, {model}, replicate {number}: {_failure(**row)}"
        for model, tables in networks.items()
        for number, table in enumerate(tables)
        for row in table.filter(~pl.col("passed")).select("test", "value", "limit").iter_rows(named=True)
    ]
    every = pl.concat(table for tables in networks.values() for table in tables)
    judged = every["passed"].count()
    shown = [test for test in FOUND if test in every["test"]]
    return SelfTests(
        f"{len(failures)} of {judged} self-tests failed." if failures else f"All {judged} self-tests passed.",
        failures,
        [(FOUND[test], _limit(test, every.filter(test=test)["limit"].unique().to_list())) for test in shown],
        [NetworkRow(model, [_cell(pl.concat(tables), test) for test in shown]) for model, tables in networks.items()],
        _gradients(results, dataset),
    )


def _failure(test: str, value: float | None, limit: float) -> str:
    """Say what failed, with what value, and what it means."""
    meaning = f": {DEFECTS[test]}" if test in DEFECTS else ""
    return f"{test} is {_value(test, value)}, expected {_limit(test, [limit])}{meaning}"


def _limit(test: str, limits: Sequence[float | None]) -> str:
    """Return the limit of a test, or nothing where there is none, or several."""
    limit = limits[0] if len(limits) == 1 else None
    if limit is None:
        return ""
    return f"at most {limit:.0%}" if test in SHARES else f"at most {limit:g}"


def _value(test: str, value: float | None) -> str:
    if value is None:
        return "not finite"
    if test in SHARES:
        return f"{value:.0%}"
    return f"{value:g}" if value == int(value) else measured(value)


def _cell(rows: pl.DataFrame, test: str) -> Finding:
    """Return the worst replicate's value of a test: one that is not finite, else the greatest."""
    mine = rows.filter(test=test)
    if mine.is_empty():
        return Finding("")
    worst = None if mine["value"].null_count() else mine["value"].max()
    failed = mine.filter(~pl.col("passed")).height > 0
    return Finding(_value(test, worst), sort=worst, failed=failed)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------------- gradients


def _gradients(results: Results, dataset: str) -> Gradients | None:
    """Draw how much of the gradient is left by distance, a line per recurrent network; None where there is none."""
    profiles = {}
    for model in results.config.networks():
        tables = [table.drop_nulls() for table in results.gradients(dataset, model)]
        found = pl.concat(tables).group_by("distance").agg(pl.mean("gradient")).sort("distance")
        if len(found) and found["gradient"].max():
            profiles[model] = found.to_numpy()
    if not profiles:
        return None
    return Gradients(
        _picture(f"Gradient by distance in the recurrent networks of {dataset}", results, profiles),
        [_gradient_row(model, colour(results, model), points) for model, points in profiles.items()],
    )


def _picture(title: str, results: Results, profiles: Mapping[str, Floats]) -> Markup:
    """Draw profiles, shape ``(distances, 2)``, as shares of their greatest on a logarithmic axis."""
    farthest = max(float(points[-1, 0]) for points in profiles.values())
    exponents = np.arange(np.log10(LEAST), 1, 2)
    texts = ["1" if e == 0 else f"10{str(int(e)).translate(RAISED)}" for e in exponents]
    y = Axis("Gradient, share of its greatest", exponents[0], 0.0, exponents.tolist(), [f"≤ {texts[0]}", *texts[1:]])
    x = Axis.over("Distance in bp", 0.0, max(farthest, 1.0))
    lines = []
    for model, points in profiles.items():
        binned = np.array([part.mean(axis=0) for part in np.array_split(points, min(len(points), MOST_POINTS))])
        share = np.maximum(binned[:, 1] / points[:, 1].max(), LEAST)
        lines.append(Line(model, colour(results, model), np.column_stack([binned[:, 0], np.log10(share)])))
    return line_chart(title, Frame(x, y, width=380, height=250), lines)


def _gradient_row(model: str, css: str, points: Floats) -> GradientRow:
    distances, gradients = points.T
    reach = float(distances[gradients >= LEFT_OVER * gradients.max()].max())
    farthest, tenth = float(distances[-1]), max(1, len(points) // 10)
    ratio = float(gradients[-tenth:].mean() / gradients[:tenth].mean()) if gradients[:tenth].any() else None
    return GradientRow(
        model,
        css,
        Cell(f"{reach:.0f} bp" + (", the farthest" if reach == farthest else ""), sort=reach),
        Cell(measured(ratio), sort=ratio),
    )
