"""What the settings that a baseline was tried with teach."""

from __future__ import annotations

import polars as pl
import pytest

from motifloom.report.sweeps import sweep_lesson


def lesson(parameter: str, reached: dict[float, tuple[float, float]], chosen: float) -> str:
    """Return the sentence for settings that reach so much on train and on test."""
    rows = [
        ("plain", parameter, setting, split, value, setting == chosen)
        for setting, both in reached.items()
        for split, value in zip(("train", "test"), both, strict=True)
    ]
    names = ["variant", "parameter", "setting", "split", "value", "chosen"]
    return sweep_lesson(pl.DataFrame(rows, names, orient="row"), "AUROC")


MEMORISES = (
    "With k = 1 the model memorises: AUROC 1.000 on train, 0.600 on test, because every training sequence is its own "
    "nearest neighbour; k = 9 (plain) was chosen on validation and reaches 0.700 on test."
)
GREATEST = (
    "k = 99 (plain) was chosen on validation and reaches 0.720 on test. It is the greatest that was tried: beyond it "
    "may be better."
)
LEAST = (
    "λ = 0.001 (plain) was chosen on validation and reaches 0.600 on test. It is the least that was tried: beyond it "
    "may be better."
)


@pytest.mark.parametrize(
    ("parameter", "reached", "chosen", "expected"),
    [
        ("neighbours", {1: (1.0, 0.6), 9: (0.8, 0.7), 99: (0.75, 0.72)}, 9, MEMORISES),
        ("neighbours", {9: (0.78, 0.7), 99: (0.75, 0.72)}, 99, GREATEST),
        ("penalty", {0.001: (0.99, 0.6), 0.1: (0.8, 0.58)}, 0.001, LEAST),
    ],
    ids=["memorises", "greatest", "least"],
)
def test_a_sweep_teaches_what_it_shows(
    parameter: str, reached: dict[float, tuple[float, float]], chosen: float, expected: str
) -> None:
    assert lesson(parameter, reached, chosen) == expected
