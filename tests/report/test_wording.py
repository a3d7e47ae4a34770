"""Numbers and lists as they are shown."""

from __future__ import annotations

import pytest

from motifloom.report.svg import number, tag, ticks
from motifloom.report.wording import counted, fixed, interval, listed, probability, signed, thousands


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (fixed(0.12345), "0.123"),
        (fixed(-0.5, 1), "−0.5"),
        (fixed(-0.0001), "0.000"),
        (fixed(None), "–"),
        (fixed(float("nan")), "–"),
        (signed(0.02), "+0.020"),
        (signed(-0.02), "−0.020"),
        (probability(0.0314), "0.031"),
        (probability(3.14e-12), "3.1 × 10⁻¹²"),
        (probability(0.0), "0"),
        (probability(None), "–"),
        (interval(0.1, 0.25), "[0.100, 0.250]"),
        (interval(None, 0.25), ""),
        (thousands(12345.0), "12\N{NARROW NO-BREAK SPACE}345"),
        (listed([]), ""),
        (listed(["a"]), "a"),
        (listed(["a", "b", "c"]), "a, b and c"),
        (listed(["a", "b", "c", "d"], most=2), "a, b and 2 more"),
        (counted(1, "filter"), "1 filter"),
        (counted(0, "filter"), "0 filters"),
        (number(1.0), "1"),
        (number(-0.04), "0"),
        (number(120.0, 0), "120"),
    ],
)
def test_shown(shown: str, expected: str) -> None:
    assert shown == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0.83, 0.97, [0.85, 0.9, 0.95]), (3, 47, [10, 20, 30, 40])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


def test_elements_escape_what_is_no_markup() -> None:
    inner = tag("b", "x < y")
    assert tag("a", inner, "&", title='"') == '<a title="&#34;"><b>x &lt; y</b>&amp;</a>'
