"""The table of comparisons: every pair of models, metric by metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from motifloom.report.scores import IN_UNITS, LABELS, LOWER_IS_BETTER, Cell, ordered, show
from motifloom.report.wording import LEVEL, interval, probability, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motifloom.report.results import Results


@dataclass(frozen=True)
class ComparisonRow:
    """A pair of models."""

    metric: str
    pair: str
    difference: Cell
    p: Cell
    q: Cell
    conclusion: str


def comparison_rows(results: Results, dataset: str, task: str, ranked: Sequence[str]) -> list[ComparisonRow]:
    """Return the comparisons of one task, the main metric first; a pair begins with its better-ranked model.

    Parameters
    ----------
    ranked
        The models, the best first.
    """
    table = results.compared(dataset, task)
    order = {model: index for index, model in enumerate(ranked)}
    rows = []
    for metric in ordered(table["metric"].unique()):
        pairs = [_upright(row, order) for row in table.filter(pl.col("metric") == metric).iter_rows(named=True)]
        pairs.sort(key=lambda row: (_rank(order, row["model_a"]), _rank(order, row["model_b"])))
        rows += [_comparison_row(metric, row) for row in pairs]
    return rows


def _rank(order: dict[str, int], model: str) -> int:
    return order.get(model, len(order))


def _upright(row: dict[str, Any], order: dict[str, int]) -> dict[str, Any]:
    """Turn a comparison round where its second model ranks before its first."""
    if _rank(order, row["model_a"]) <= _rank(order, row["model_b"]):
        return row
    ends = {"ci_low": _negative(row["ci_high"]), "ci_high": _negative(row["ci_low"])}
    names = {"model_a": row["model_b"], "model_b": row["model_a"]}
    return {**row, **names, **ends, "difference": _negative(row["difference"])}


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _comparison_row(metric: str, row: dict[str, Any]) -> ComparisonRow:
    value, a, b, q = row["difference"], row["model_a"], row["model_b"], row["q_value"]
    told_apart = value is not None and q is not None and q < LEVEL
    a_is_better = told_apart and (value > 0) != (metric in LOWER_IS_BETTER)
    return ComparisonRow(
        LABELS.get(metric, metric),
        f"{a} − {b}",
        Cell(
            signed(value, None if metric in IN_UNITS else 3),
            interval(row["ci_low"], row["ci_high"], show(metric)),
            value,
        ),
        Cell(probability(row["p_value"]), sort=row["p_value"]),
        Cell(probability(q), sort=q),
        f"{a if a_is_better else b} is better" if told_apart else "not tested" if q is None else "not distinguishable",
    )
