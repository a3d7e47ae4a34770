"""Numbers and lists as a reader expects them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LEVEL = 0.05
"""A q value below it counts as a difference, or as a match."""

NOTHING = "–"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def fixed(value: float | None, digits: int = 3) -> str:
    """Return `value` with `digits` decimals and a true minus sign; a dash where there is no value."""
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


def resolved(value: float | None, digits: int = 3) -> str:
    """Return `value` as :func:`fixed` does; one that would round to 0 keeps its sign and its first digit."""
    text = fixed(value, digits)
    if not value or not math.isfinite(value) or any(digit in text for digit in "123456789"):
        return text
    decimals = -math.floor(math.log10(abs(value)))
    return fixed(value, decimals) if decimals <= 5 else _scientific(value, 0)


def measured(value: float | None) -> str:
    """Return a `value` of any size with three significant digits; a dash where there is no value."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0 or 0.001 <= abs(value) < 1e5:
        digits = 2 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
        return thousands(value) if abs(value) >= 1000 else fixed(value, digits)
    return _scientific(value, 2)


def signed(value: float | None, digits: int | None = 3) -> str:
    """Return `value` as :func:`resolved` does, or :func:`measured` without `digits`; with a plus sign if positive."""
    text = measured(value) if digits is None else resolved(value, digits)
    return f"+{text}" if value is not None and math.isfinite(value) and value > 0 else text


def _scientific(value: float, digits: int) -> str:
    factor, exponent = f"{value:.{digits}e}".replace("-", "−", 1 if value < 0 else 0).split("e")
    return f"{factor} × 10{str(int(exponent)).translate(RAISED)}"


def probability(value: float | None) -> str:
    """Return a p or q value: three decimals, or a power of ten where it is less than 0.001."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    if value >= 0.001:
        return fixed(value)
    return _scientific(value, 1)


def interval(low: float | None, high: float | None, show: Callable[[float], str] = resolved) -> str:
    """Return the two ends of an interval between brackets, or nothing where one of them is missing."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"[{show(low)}, {show(high)}]"


def span(low: float, high: float, show: Callable[[float], str] = fixed) -> str:
    """Return a range between two values that were seen, the least and the greatest."""
    return f"{show(low)} – {show(high)}"


def percent(share: float) -> str:
    """Return a share that was set as per cent, without rounding what was set."""
    return f"{100 * share:g}%"


def about(share: float) -> str:
    """Return a share that was found as per cent: whole, or below 1% with one digit that is not 0."""
    return f"{share:.0%}" if share >= 0.01 or not share else f"{100 * share:.1g}%"


def thousands(value: float | None) -> str:
    """Return a whole number with its digits in groups of three."""
    return NOTHING if value is None else f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", "−")


def listed(words: Sequence[str], most: int | None = None) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``; past `most` words the rest is counted."""
    if most is not None and len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def counted(number: int, word: str) -> str:
    """Return ``1 filter`` or ``2 filters``."""
    return f"{thousands(number)} {word}{'' if number == 1 else 's'}"
