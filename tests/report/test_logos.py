"""Logos: letters as high as the information says, and small."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from motifloom.report.logos import heights, information, letters, logo, sheet

MATRIX = np.array(
    [[1, 0, 0, 0], [0, 0.5, 0.5, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.25, 0.125, 0.125], [0, 0, 0, 0]],
    dtype=float,
)


def test_information_of_known_columns() -> None:
    np.testing.assert_allclose(information(MATRIX), [2, 1, 0, 0.25, 0])


def test_heights_are_shares_of_the_information() -> None:
    np.testing.assert_allclose(heights(MATRIX)[3], [0.125, 0.0625, 0.03125, 0.03125])


def test_rows_that_were_rounded_count_as_probabilities() -> None:
    np.testing.assert_allclose(information(MATRIX[:2] * 0.999), [2, 1])


def test_the_letters_of_a_logo_are_as_high_as_the_information() -> None:
    drawn = re.findall(r'#base-(\w)" transform="matrix\(1 0 0 ([\d.]+) (\d+) ([\d.]+)\)', logo(MATRIX, "known"))
    assert [(base, float(height), int(column), float(top)) for base, height, column, top in drawn] == [
        ("A", 2.0, 0, 0.0),
        ("C", 0.5, 1, 1.5),
        ("G", 0.5, 1, 1.0),
        ("G", 0.031, 3, 1.969),
        ("T", 0.031, 3, 1.938),
        ("C", 0.062, 3, 1.875),
        ("A", 0.125, 3, 1.75),
    ]


def test_a_logo_is_well_formed_titled_and_small() -> None:
    random = np.random.default_rng(3)
    drawn = logo(random.dirichlet(np.full(4, 0.3), 25), "<CTCF & friends>")
    root = ET.fromstring(drawn)  # noqa: S314 - made two lines above
    assert root.attrib["viewBox"] == "0 0 275 44"
    assert root[0].text == "<CTCF & friends>"
    assert len(drawn.encode()) < 6000


def test_a_matrix_that_says_nothing_draws_nothing() -> None:
    assert "<use" not in logo(np.full((3, 4), 0.25), "flat")


@pytest.mark.parametrize("base", "ACGT")
def test_every_letter_is_drawn_once(base: str) -> None:
    assert letters().count(f'id="base-{base}"') == 1


def test_a_sheet_stands_alone_and_has_every_logo() -> None:
    hostile = '<script>alert(1)</script> "TF" & co'
    text = sheet({"motif1 CTCF": MATRIX, hostile: MATRIX[:2], "empty": MATRIX[:0]})
    root = ET.fromstring(text)  # noqa: S314 - our own
    space = "{http://www.w3.org/2000/svg}"
    assert [title.text for title in root.iter(f"{space}title")] == ["motif1 CTCF", hostile, "empty"]
    drawn = {path.get("id") for path in root.iter(f"{space}path") if path.get("fill")}
    assert drawn == {f"base-{base}" for base in "ACGT"}
    used = [use.get("href") for use in root.iter(f"{space}use")]
    assert len(used) == len(re.findall("<use", logo(MATRIX, "")) + re.findall("<use", logo(MATRIX[:2], "")))
    assert set(used) <= {f"#{name}" for name in drawn}


def test_a_sheet_of_nothing_is_an_empty_picture() -> None:
    assert "<use" not in sheet({})
    assert "viewBox" in sheet({"motif1": MATRIX})
