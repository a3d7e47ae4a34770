"""What an experiment found, in the form in which the page tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from motifloom.report.scores import Cell


@dataclass(frozen=True)
class Answer:
    """What one experiment found: a sentence, a figure, a table with a row per model or setting.

    Attributes
    ----------
    caption
        What the table's numbers are, where the columns do not tell; else empty.
    figure
        None where a table says it all.
    columns
        What the cells of a row are.
    rows
        Model, class of its colour, words after it, cells.
    """

    title: str
    sentence: str
    caption: str
    file: str
    figure: Markup | None
    models: Sequence[tuple[str, str]]
    columns: Sequence[str]
    rows: Sequence[tuple[str, str, str, Sequence[Cell]]]
