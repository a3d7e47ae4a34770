"""What stands where: nothing widens the page, and texts keep apart and inside their pictures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from tests.report.test_diagnosis import diagnose
from tests.report.test_page import VOID, Page, made

from motifloom.report.attributions import APART, COLUMN, track
from motifloom.report.attributions import NAME as SMALL
from motifloom.report.charts import NAME, NAMES, TICK, TOP, Axis, Estimate, Frame, Line, forest, line_chart
from motifloom.report.svg import shorten, text_width

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from motifloom.config import Config

    Make = Callable[..., tuple[Config, Path]]


class Tables(Page):
    """Collects the classes of the elements around each table."""

    def __init__(self, text: str) -> None:
        self.around: list[str] = []
        self.tables: list[str] = []
        super().__init__(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "table":
            self.tables.append(" ".join(self.around))
        if tag not in VOID:
            self.around.append(dict(attrs).get("class") or "")

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        self.around.pop()


@pytest.mark.parametrize("kinds", [False, True])
def test_every_table_scrolls_in_itself(make_folder: Make, make_kinds: Make, kinds: bool) -> None:
    case = make_kinds() if kinds else make_folder(2)
    diagnose(*case)
    tables = Tables(made(case)).tables
    assert len(tables) > 10
    assert all("scroll" in around.split() for around in tables)


def texts(drawn: str) -> dict[str, Sequence[ET.Element]]:
    """Return the texts of a picture, each with its elements."""
    found: dict[str, list[ET.Element]] = {}
    for element in ET.fromstring(drawn).iter("text"):  # noqa: S314 - our own
        found.setdefault("".join(element.itertext()), []).append(element)
    return dict(found)


@pytest.mark.parametrize("chosen", [0, 2, 4])
def test_the_words_at_a_mark_stand_above_all_lines(chosen: int) -> None:
    frame = Frame(Axis.over("k", 0, 4), Axis.over("AUROC", 0.5, 1), 330, 230)
    line = Line("train", "on-train", np.array([[0, 1], [4, 1]]), dots=True)
    (words,) = texts(line_chart("sweep", frame, [line], (chosen, "chosen")))["chosen"]
    assert float(words.attrib["y"]) < TOP == frame.to_px([[0, 1]])[0, 1]
    assert "mid" in words.attrib["class"]
    half = text_width("chosen", TICK) / 2
    assert half <= float(words.attrib["x"]) <= frame.width - half + 0.05
    assert float(words.attrib["x"]) == pytest.approx(frame.to_px([[chosen, 1]])[0, 0], abs=half)


@pytest.mark.parametrize(
    "name", ["small_cnn_ensemble", "MMMMMMMMMMMMMMMM", "m" * 300, "a_network_with_quite_a_long_name_ensemble"]
)
def test_names_have_the_room_they_need_or_are_shortened(name: str) -> None:
    rows = [Estimate(one, "model-0", 0.8, "0.800", [(0.8, 0.7, 0.9)]) for one in ("knn", name)]
    drawn = forest("forest", "AUROC", rows, None)
    short = shorten(name, NAME, NAMES)
    assert text_width(short, NAME) <= NAMES
    (words,) = texts(drawn)[name + short if short != name else name]
    assert "end" in words.attrib["class"]
    assert text_width(short, NAME) <= float(words.attrib["x"])
    assert [element.text for element in words] == ([name] if short != name else [])


@pytest.mark.parametrize(
    ("text", "short"), [("cnn", "cnn"), ("a" * 10, "a" * 10), ("abcdefghijklm", "abcd…jklm"), ("", "")]
)
def test_what_is_shortened_keeps_its_ends(text: str, short: str) -> None:
    assert shorten(text, 10, 66) == short


@pytest.mark.parametrize(
    ("stretches", "written"),
    [
        ([(5, 15), (30, 40)], [0, 1]),
        ([(10, 20), (14, 24)], [0, 1]),  # the second one moves to the right
        ([(10, 20), (11, 19), (40, 60)], [0, 2]),
        ([(0, 2), (57, 60)], [0, 1]),
        ([(50, 58), (57, 60)], [0]),
    ],
)
def test_names_of_patterns_keep_apart_and_inside(stretches: list[tuple[int, int]], written: list[int]) -> None:
    marks = [(start, end, f"pattern {number}") for number, (start, end) in enumerate(stretches)]
    drawn = track("ACGT" * 15, np.ones(60), marks, "track")
    names = texts(drawn)
    assert list(names) == [f"pattern {number}" for number in written]
    half, right = text_width("pattern 0", SMALL) / 2, -float(APART)
    for (words,) in names.values():
        middle = float(words.attrib["x"])
        assert middle - half >= right + APART - 0.1
        right = middle + half
    assert right <= 60 * COLUMN + 0.1
    assert [drawn.count(f"<title>{name}</title>") for *_, name in marks] == [1] * len(marks)


def test_two_pictures_of_calibration_share_the_legend_above_them(make_folder: Make) -> None:
    case = make_folder(2)
    diagnose(*case)
    text = made(case)
    pairs = re.findall(r'<figure class="pair">\n<figcaption>(.*?)</figcaption>(.*?)</div>\n</figure>', text, re.DOTALL)
    assert len(pairs) == 1 + 3
    for legend, pictures in pairs:
        assert legend.count('class="key"') == legend.count('class="swatch') == 3
        assert pictures.count('class="swatch') == 0
        assert re.findall(r"<figcaption>(.*?)</figcaption>", pictures) == ["as it is", "with the temperature"]
        assert re.findall(r'<svg[^>]* width="(\d+)"', pictures) == ["264", "264"]
    assert 16 * float(re.findall(r"\.pair { width: ([\d.]+)rem", text)[0]) == 2 * 264 + 28
