"""Predicted against measured values: points where there are few, else the density of points in cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from motifloom.evaluation.regression import pearson
from motifloom.report.charts import BOTTOM, LEFT, RIGHT, TOP, Axis, Frame
from motifloom.report.scores import LABELS, colour
from motifloom.report.svg import number, path, picture, tag
from motifloom.report.wording import counted, fixed, thousands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from markupsafe import Markup

    from motifloom.report.results import Results, Scores

    Floats = npt.NDArray[np.float64]

SIDE = 216
"""The side of a picture's square, in px."""

CELL = 4
"""The side of a cell, in px."""

FEW = 400
"""So many examples are drawn one by one."""

LEVELS = 5
"""Shades of cells; each stands for a multiple of the points of the one before."""

USUAL = 0.99
"""The axes reach over all measured values and over this share of what each model predicts."""


@dataclass(frozen=True)
class ScatterFigure:
    """What a model predicts of one task, against what was measured."""

    model: str
    css: str
    picture: Markup
    note: str


def scatter_figures(results: Results, task: str, scores: Mapping[str, Scores]) -> list[ScatterFigure]:
    """Draw predicted against measured on the test split, all models on the same axes.

    Parameters
    ----------
    scores
        What each model says of test, by its name, the first picture's first.
    """
    values = {
        model: (table["label"].to_numpy(), table["score"].to_numpy())
        for model, of_task in scores.items()
        if (table := of_task.get(task)) is not None and len(table)
    }
    if not values:
        return []
    low, high = _range(list(values.values()))
    frame = Frame(
        Axis.over("Measured", low, high, most=5),
        Axis.over("Predicted", low, high, most=5),
        LEFT + SIDE + RIGHT,
        TOP + SIDE + BOTTOM,
    )
    return [_figure(results, task, model, *of_model, frame) for model, of_model in values.items()]


def _range(values: Sequence[tuple[Floats, Floats]]) -> tuple[float, float]:
    """Return the least and the greatest value that the axes hold."""
    measured = values[0][0]
    usual = [np.quantile(predicted, [(1 - USUAL) / 2, (1 + USUAL) / 2]) for _, predicted in values]
    return float(min(measured.min(), np.min(usual))), float(max(measured.max(), np.max(usual)))


def _figure(
    results: Results, task: str, model: str, measured: Floats, predicted: Floats, frame: Frame
) -> ScatterFigure:
    css = colour(results, model)
    inside = np.clip(predicted, frame.y.low, frame.y.high)
    pixels = frame.to_px(np.column_stack([measured, inside]))
    diagonal = path(frame.to_px([[frame.x.low, frame.x.low], [frame.x.high, frame.x.high]]))
    parts = frame.draw()
    correlation = float(pearson(measured, predicted, np.ones((1, len(measured))))[0])
    notes = [f"{LABELS['pearson']} {fixed(correlation)}"]
    if len(measured) <= FEW:
        dots = "".join(f"M{number(x)},{number(y)}h0" for x, y in pixels)
        parts.append(tag("path", class_=f"points {css}", d=dots))
    else:
        cells, most = _cells(pixels)
        parts.extend(tag("path", class_=f"density level-{level} {css}", d=d) for level, d in cells)
        notes.append(f"darkest: {thousands(most)} in a cell")
    parts.append(tag("path", class_="line chance", d=diagonal))
    outside = int((inside != predicted).sum())
    if outside:
        notes.append(f"{counted(outside, 'point')} beyond the frame, drawn at its edge")
    title = f"{task} predicted by {model} against measured, on test"
    return ScatterFigure(
        model, css, picture(frame.width, frame.height, title, *parts, class_="chart"), "; ".join(notes)
    )


def _cells(pixels: Floats) -> tuple[list[tuple[int, str]], int]:
    """Count points in square cells.

    Parameters
    ----------
    pixels
        Shape ``(n, 2)``.

    Returns
    -------
    Each shade, 1 to `LEVELS`, with the ``d`` of its cells, neighbours of a shade as one; and the greatest count.
    """
    side = SIDE // CELL
    places = np.clip(((pixels - [LEFT, TOP]) // CELL).astype(np.int64), 0, side - 1)
    counts = np.bincount(places[:, 1] * side + places[:, 0], minlength=side * side).reshape(side, side)
    most = int(counts.max())
    share = np.log(np.maximum(counts, 1)) / max(np.log(most), 1)
    levels = np.where(counts > 0, 1 + np.rint((LEVELS - 1) * share), 0).astype(np.int64)
    edges = np.diff(levels, axis=1, prepend=0) != 0
    edges[:, 0] = True
    rows, columns = np.nonzero(edges)
    widths = np.diff(np.append(rows * side + columns, side * side))
    drawn: dict[int, list[str]] = {}
    for row, column, width in zip(rows, columns, widths, strict=True):
        x, y, run = LEFT + CELL * column, TOP + CELL * row, CELL * width
        drawn.setdefault(int(levels[row, column]), []).append(f"M{x},{y}h{run}v{CELL}h-{run}z")
    return [(level, "".join(drawn[level])) for level in sorted(drawn) if level], most
