"""Sequence logos: letters as high as their share of a column's information content, in bits.

The four letters are drawn once per page and used by reference, so a logo costs about sixty bytes a letter.
Within a logo the unit is one column across and one bit down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from motifloom.report.svg import number, picture, tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

BASES = "ACGT"
COLUMN = 11
BIT = 22
"""The size of a column and of a bit, in px."""

INVISIBLE = 0.02
"""Letters lower than this, in bits, would be less than half a pixel high and are left out."""

OUTLINES = {
    "A": "M0,1 .37,0H.63L1,1H.78L.7,.76H.3L.22,1ZM.36,.6H.64L.5,.17Z",
    "C": "M1,.67C.95,.89 .77,1 .53,1 .2,1 0,.8 0,.5 0,.2 .2,0 .53,0 .77,0 .95,.11 .99,.33L.78,.37"
    "C.75,.23 .66,.16 .53,.16 .33,.16 .21,.29 .21,.5 .21,.71 .33,.84 .53,.84 .67,.84 .76,.76 .79,.62Z",
    "G": "M.99,.31C.94,.1 .77,0 .53,0 .2,0 0,.2 0,.5 0,.8 .2,1 .53,1 .74,1 .91,.92 1,.8V.46H.53V.62H.79V.73"
    "C.73,.8 .64,.84 .54,.84 .33,.84 .21,.71 .21,.5 .21,.29 .33,.16 .53,.16 .66,.16 .74,.22 .78,.35Z",
    "T": "M0,0H1V.17H.61V1H.39V.17H0Z",
}


def letters() -> Markup:
    """Return the outlines that every logo of the page refers to; each fills the unit square."""
    paths = [tag("path", id=f"base-{base}", class_=f"base-{base}", d=d) for base, d in OUTLINES.items()]
    return tag("svg", tag("defs", *paths), width="0", height="0", class_="letters", aria_hidden="true")


COLOURS = {"A": "#0a8a52", "C": "#1f5fbf", "G": "#e69500", "T": "#cf2a3a"}
"""Of the letters where no page gives them theirs."""

TITLE = 16
"""The height of a logo's title on a sheet, in px."""


def sheet(matrices: Mapping[str, Floats]) -> Markup:
    """Draw logos below each other, with their titles, as an SVG file of its own.

    Parameters
    ----------
    matrices
        By title, probabilities of shape ``(width, 4)``.
    """
    height = 2 * BIT + TITLE + 8
    width = max([12 * TITLE, *(len(matrix) * COLUMN for matrix in matrices.values())])
    parts = [tag("defs", *(tag("path", id=f"base-{base}", fill=COLOURS[base], d=d) for base, d in OUTLINES.items()))]
    for place, (title, matrix) in enumerate(matrices.items()):
        text = tag("text", title, x=0, y=TITLE - 4, font_family="sans-serif", font_size=12)
        move = f"translate(0 {TITLE}) scale({COLUMN} {BIT})"
        drawn = tag("g", *_letters(matrix), transform=move) if len(matrix) else Markup("")
        parts.append(tag("g", tag("title", title), text, drawn, transform=f"translate(0 {place * height})"))
    high = max(height * len(matrices), 1)
    return tag(
        "svg", *parts, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {high}", width=width, height=high
    )


def information(matrix: Floats) -> Floats:
    """Return each column's information content against a uniform background.

    Parameters
    ----------
    matrix
        Probabilities of A C G T, shape ``(width, 4)``; a row of zeros says nothing about its column.

    Returns
    -------
    Bits from 0 to 2, shape ``(width,)``.
    """
    shares = _shares(matrix)
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    bits: Floats = np.maximum(2 + (shares * logs).sum(axis=1), 0.0)
    return bits


def _shares(matrix: Floats) -> Floats:
    """Return rows that sum to 1, the rounding of a file undone."""
    total = matrix.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(matrix, total, out=np.full_like(matrix, 0.25), where=total > 0))


def heights(matrix: Floats) -> Floats:
    """Return the height of each letter in bits, shape ``(width, 4)``, for probabilities of the same shape."""
    return np.asarray(_shares(matrix) * information(matrix)[:, None])


def logo(matrix: Floats, title: str) -> Markup:
    """Draw a matrix of shape ``(width, 4)``; in each column the highest letter stands on top."""
    parts = _letters(matrix)
    drawn = tag("g", *parts, transform=f"scale({COLUMN} {BIT})") if parts else Markup("")
    return picture(len(matrix) * COLUMN, 2 * BIT, title, drawn, class_="logo")


def _letters(matrix: Floats) -> list[Markup]:
    """Return the letters of a logo, in columns and bits."""
    parts = []
    for column, bits in enumerate(heights(matrix)):
        below = 0.0
        for base in np.argsort(bits, kind="stable"):
            height = float(bits[base])
            if height >= INVISIBLE:
                top = number(2 - below - height, 3)
                move = f"matrix(1 0 0 {number(height, 3)} {column} {top})"
                parts.append(tag("use", href=f"#base-{BASES[base]}", transform=move))
            below += height
    return parts
