"""Numbers and lists as they are shown."""

from __future__ import annotations

import pytest

from motifloom.report.svg import number, tag, ticks
from motifloom.report.wording import (
    about,
    counted,
    fixed,
    interval,
    listed,
    measured,
    percent,
    probability,
    signed,
    thousands,
)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (fixed(0.12345), "0.123"),
        (percent(0.95), "95%"),
        (percent(0.999), "99.9%"),
        (percent(0.1), "10%"),
        (about(0), "0%"),
        (about(3 / 1288), "0.2%"),
        (about(63 / 140), "45%"),
        (about(1), "100%"),
        (fixed(-0.5, 1), "−0.5"),
        (fixed(-0.0001), "0.000"),
        (fixed(None), "–"),
        (fixed(float("nan")), "–"),
        (signed(0.02), "+0.020"),
        (signed(1234.5, None), "+1\N{NARROW NO-BREAK SPACE}234"),
        (signed(-0.00031, None), "−3.10 × 10⁻⁴"),
        (measured(0.0), "0.00"),
        (measured(0.012345), "0.0123"),
        (measured(-98.76), "−98.8"),
        (measured(31_086.2), "31\N{NARROW NO-BREAK SPACE}086"),
        (measured(1.5e7), "1.50 × 10⁷"),
        (measured(-1.5e-7), "−1.50 × 10⁻⁷"),
        (measured(None), "–"),
        (measured(float("inf")), "–"),
        (interval(1500, 2_000_000, measured), "[1\N{NARROW NO-BREAK SPACE}500, 2.00 × 10⁶]"),
        (signed(-0.02), "−0.020"),
        (probability(0.0314), "0.031"),
        (probability(3.14e-12), "3.1 × 10⁻¹²"),
        (probability(0.0), "0"),
        (probability(None), "–"),
        (interval(0.1, 0.25), "[0.100, 0.250]"),
        (interval(None, 0.25), ""),
        (interval(-0.00031, 0.0021), "[−0.0003, 0.002]"),
        (interval(0.0, 0.0000049), "[0.000, 5 × 10⁻⁶]"),
        (signed(0.00021), "+0.0002"),
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
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.83, 0.97, [0.85, 0.9, 0.95]),
        (3, 47, [10, 20, 30, 40]),
        (-3e-20, 3e-20, [-2e-20, 0, 2e-20]),
        (-2.3, 4.1e7, [0, 1e7, 2e7, 3e7, 4e7]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


def test_elements_escape_what_is_no_markup() -> None:
    inner = tag("b", "x < y")
    assert tag("a", inner, "&", title='"') == '<a title="&#34;"><b>x &lt; y</b>&amp;</a>'
