"""SVG elements, safe by construction: whatever is not already markup is escaped."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def number(value: float, digits: int = 1) -> str:
    """Return `value` with at most `digits` decimals and no zeros that say nothing."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """Return the element `name`.

    Parameters
    ----------
    children
        Markup is taken as it is, any other text is escaped.
    attributes
        A trailing underscore is dropped, the others become hyphens, as in ``class_`` and ``aria_hidden``.
        Numbers are rounded to a tenth; ``None`` leaves the attribute out.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is not None:
            text = value if isinstance(value, str) else number(value)
            parts.append(f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"')
    if not children:
        return Markup("".join([*parts, "/>"]))  # noqa: S704 - every part is escaped above
    parts.append(">")
    parts.extend(escape(child) for child in children)
    return Markup("".join([*parts, f"</{name}>"]))  # noqa: S704 - every part is escaped above


def picture(width: float, height: float, title: str, *children: str, class_: str) -> Markup:
    """Return an ``<svg>`` of `width` × `height` px that a screen reader announces as `title`."""
    return tag(
        "svg",
        tag("title", title),
        *children,
        class_=class_,
        role="img",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
    )


WIDE = frozenset("mwMWQ@%")
BOLD = 1.12
"""So much wider is bold text."""


def text_width(text: str, size: float) -> float:
    """Return the room in px that `text` of `size` px needs, about, in the widest of the usual fonts."""
    shares = (1.0 if c in WIDE or not c.isascii() else 0.78 if c.isupper() else 0.64 for c in text)
    return size * sum(shares)


def shorten(text: str, size: float, room: float) -> str:
    """Return `text` if it needs at most `room` px, else its beginning and its end around an ellipsis."""
    kept, short = len(text) - 1, text
    while kept > 1 and text_width(short, size) > room:
        short = f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
        kept -= 1
    return short


def path(points: npt.NDArray[np.float64]) -> str:
    """Return the ``d`` of a line through points of shape ``(n, 2)`` in px."""
    return "M" + " ".join(f"{number(x)},{number(y)}" for x, y in points)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return at most `most` round numbers from `low` to `high`, spaced by 1, 2 or 5 times a power of ten."""
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if _between(low, high, power * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    return [float(f"{step * (first + index):.12g}") for index in range(_between(low, high, step))]


def _between(low: float, high: float, step: float) -> int:
    """Return how many multiples of `step` lie between `low` and `high`."""
    return math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) + 1
