"""What pictures are made of: axes, lines in a frame, a forest of intervals. Colours are classes of the style sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from motifloom.report.svg import BOLD, number, path, picture, shorten, tag, text_width, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from markupsafe import Markup

LEFT, RIGHT, TOP, BOTTOM = 46, 10, 14, 40
"""The margins of a frame, in px; at the top there is room for the words at a mark."""

TICK = 11
"""The size of the words at ticks and marks, in px, as the style sheet has it."""

NAME = 12 * BOLD
"""The size of names, which are bold, as if they were not."""

NAMES = 200
"""Names that need more room, in px, are shortened."""


@dataclass(frozen=True)
class Axis:
    """A range of values with its ticks; `texts` says what stands at each tick."""

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    texts: Sequence[str]

    @classmethod
    def over(cls, label: str, low: float, high: float, most: int = 6) -> Axis:
        """Return an axis from `low` to `high` with round ticks; a range of no width is widened."""
        if high <= low:
            low, high = low - 0.5, high + 0.5
        places = ticks(low, high, most)
        return cls(label, low, high, places, [_tick_text(place) for place in places])

    def place(self, values: npt.ArrayLike, start: float, end: float) -> npt.NDArray[np.float64]:
        """Return where `values` lie when the axis runs from `start` to `end` px."""
        share = (np.asarray(values, dtype=float) - self.low) / (self.high - self.low)
        return np.asarray(start + share * (end - start))


def _tick_text(place: float) -> str:
    text = f"{place:.12g}"
    return (text if len(text) < 8 else f"{place:.3g}").replace("-", "−")


@dataclass(frozen=True)
class Line:
    """A line through points of shape ``(n, 2)``; `css` are its classes, `name` is shown when pointed at."""

    name: str
    css: str
    points: npt.NDArray[np.float64]
    dots: bool = False


@dataclass(frozen=True)
class Frame:
    """A picture of `width` × `height` px with an axis at the bottom and one at the left."""

    x: Axis
    y: Axis
    width: int
    height: int

    def to_px(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return points of shape ``(n, 2)`` in px."""
        values = np.asarray(points, dtype=float).reshape(-1, 2)
        across = self.x.place(values[:, 0], LEFT, self.width - RIGHT)
        down = self.y.place(values[:, 1], self.height - BOTTOM, TOP)
        return np.column_stack([across, down])

    def draw(self) -> list[Markup]:
        """Return the grid, the ticks and the labels."""
        bottom, right = self.height - BOTTOM, self.width - RIGHT
        parts = []
        for value, text in zip(self.x.ticks, self.x.texts, strict=True):
            at = float(self.x.place(value, LEFT, right))
            parts.append(tag("path", class_="grid", d=f"M{number(at)},{TOP}V{bottom}"))
            parts.append(tag("text", text, x=at, y=bottom + 15, class_="tick mid"))
        for value, text in zip(self.y.ticks, self.y.texts, strict=True):
            at = float(self.y.place(value, bottom, TOP))
            parts.append(tag("path", class_="grid", d=f"M{LEFT},{number(at)}H{right}"))
            parts.append(tag("text", text, x=LEFT - 6, y=at + 3.5, class_="tick end"))
        middle = (TOP + bottom) / 2
        turned = f"rotate(-90 11 {number(middle)})"
        parts.append(tag("text", self.x.label, x=(LEFT + right) / 2, y=self.height - 6, class_="label mid"))
        parts.append(tag("text", self.y.label, x=11, y=middle, class_="label mid", transform=turned))
        parts.append(tag("path", class_="axis", d=f"M{LEFT},{TOP}V{bottom}H{right}"))
        return parts


def line_chart(
    title: str,
    frame: Frame,
    lines: Sequence[Line],
    mark: tuple[float, str] | None = None,
    dots: Sequence[tuple[float, float, str]] = (),
) -> Markup:
    """Draw lines in a frame.

    Parameters
    ----------
    title
        What the picture shows, for those who do not see it.
    mark
        A place on the x axis that gets a vertical line, and the words above it.
    dots
        Points that are marked: x, y and classes.
    """
    parts = frame.draw()
    if mark is not None:
        parts.extend(_mark(frame, *mark))
    for line in lines:
        points = frame.to_px(line.points)
        parts.append(tag("path", tag("title", line.name), class_=f"line {line.css}", d=path(points)))
        if line.dots:
            parts.extend(tag("circle", cx=x, cy=y, r=2.6, class_=f"dot {line.css}") for x, y in points)
    for x, y, css in dots:
        px = frame.to_px([[x, y]])[0]
        parts.append(tag("circle", cx=float(px[0]), cy=float(px[1]), r=4, class_=f"kept {css}"))
    return picture(frame.width, frame.height, title, *parts, class_="chart")


def _mark(frame: Frame, place: float, words: str) -> list[Markup]:
    """Draw a vertical line with words above the frame, where no line runs through them."""
    at = float(frame.x.place(place, LEFT, frame.width - RIGHT))
    middle = min(at, frame.width - text_width(words, TICK) / 2)
    line = tag("path", class_="mark", d=f"M{number(at)},{TOP}V{frame.height - BOTTOM}")
    return [line, tag("text", words, x=middle, y=TOP - 4, class_="tick mid")]


@dataclass(frozen=True)
class Estimate:
    """A row of a forest: a value, and an interval per replicate."""

    name: str
    css: str
    value: float
    text: str
    replicates: Sequence[tuple[float, float, float]]
    """Value, lower and upper end; the ends may be NaN."""


def forest(title: str, label: str, rows: Sequence[Estimate], ceiling: Estimate | None) -> Markup:
    """Draw one row per estimate, from top to bottom, and the ceiling as a dashed line across all of them."""
    shown = [*rows, ceiling] if ceiling else list(rows)
    ends = np.array([end for row in shown for triple in row.replicates for end in triple if np.isfinite(end)])
    pad = max(0.05 * float(np.ptp(ends)), 0.005)
    axis = Axis.over(label, float(ends.min()) - pad, min(float(ends.max()) + pad, max(1.0, float(ends.max()))), most=7)
    names = 18 + math.ceil(max(text_width(shorten(row.name, NAME, NAMES), NAME) for row in rows))
    gap = 26
    top = 24 if ceiling else 8
    width, height = names + 420, top + gap * len(rows) + 40
    left, right, bottom = names, width - 60, top + gap * len(rows)

    parts = []
    for value, text in zip(axis.ticks, axis.texts, strict=True):
        at = float(axis.place(value, left, right))
        parts.append(tag("path", class_="grid", d=f"M{number(at)},{top}V{bottom}"))
        parts.append(tag("text", text, x=at, y=bottom + 15, class_="tick mid"))
    parts.append(tag("path", class_="axis", d=f"M{left},{bottom}H{right}"))
    parts.append(tag("text", label, x=(left + right) / 2, y=height - 6, class_="label mid"))
    if ceiling:
        parts.extend(_ceiling(ceiling, axis, (left, right, top, bottom)))
    for index, row in enumerate(rows):
        parts.extend(_estimate(row, axis, (left, right, top + gap * (index + 0.5), width)))
    return picture(width, height, title, *parts, class_="chart")


def _ceiling(row: Estimate, axis: Axis, box: tuple[float, float, float, float]) -> list[Markup]:
    left, right, top, bottom = box
    at = float(axis.place(row.value, left, right))
    line = tag(
        "path",
        tag("title", f"{row.name} {row.text}"),
        class_="line ceiling",
        d=f"M{number(at)},{top}V{bottom}",
    )
    return [line, tag("text", f"ceiling {row.text}", x=min(at, right), y=top - 7, class_="tick mid")]


def _name(name: str, right: float, y: float) -> Markup:
    """Write a name that ends at `right`; one that is shortened is told in full when pointed at."""
    short = shorten(name, NAME, NAMES)
    full = [tag("title", name)] if short != name else []
    return tag("text", *full, short, x=right, y=y, class_="name end")


def _estimate(row: Estimate, axis: Axis, box: tuple[float, float, float, float]) -> list[Markup]:
    left, right, middle, width = box
    parts = [
        _name(row.name, left - 10, middle + 4),
        tag("text", row.text, x=width - 4, y=middle + 4, class_="value end"),
    ]
    offsets = np.linspace(-7, 7, len(row.replicates)) if len(row.replicates) > 1 else np.zeros(1)
    thin = " thin" if len(row.replicates) > 1 else ""
    for (value, low, high), offset in zip(row.replicates, offsets, strict=True):
        y = number(middle + float(offset))
        if np.isfinite(low) and np.isfinite(high):
            ends = axis.place([low, high], left, right)
            parts.append(tag("path", class_=f"whisker {row.css}{thin}", d=f"M{number(ends[0])},{y}H{number(ends[1])}"))
        if thin:
            at = float(axis.place(value, left, right))
            parts.append(tag("circle", cx=at, cy=middle + float(offset), r=1.8, class_=f"dot {row.css}"))
    at = float(axis.place(row.value, left, right))
    parts.append(
        tag("circle", tag("title", f"{row.name} {row.text}"), cx=at, cy=middle, r=4.2, class_=f"dot {row.css}")
    )
    return parts
