"""What the comparisons say, in one plain sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from motifloom.report.wording import LEVEL, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    Pairs = set[tuple[str, str]]


def verdict(ranked: Sequence[str], comparisons: pl.DataFrame) -> str:
    """Say which models can be told apart.

    Parameters
    ----------
    ranked
        The models, the best first.
    comparisons
        A row per pair of models, for one dataset, one task and a metric that is better when greater:
        ``model_a``, ``model_b``, ``difference`` (a − b) and ``q_value``.

    Returns
    -------
    One sentence: the models not distinguishable from the best, then those that are worse.
    """
    if len(ranked) < 2:
        return f"Only {listed(ranked)} was run, so there is nothing to compare."
    if comparisons.is_empty():
        return "The models were not compared."
    untested = len(comparisons) - len(tested(comparisons))
    if untested == len(comparisons):
        return "Whether the models differ could not be tested: there are too few test examples."
    better = _better(comparisons)
    best = next((one for one in ranked if not any((other, one) in better for other in ranked)), ranked[0])
    worse = [model for model in ranked if (best, model) in better]
    equals = [best, *(model for model in ranked if model not in {best, *worse})]
    if len(equals) == 1:
        return f"{best} is better than {listed(worse)}."
    clauses = [_equal(equals, better)]
    beaten_by_all = [model for model in worse if all((one, model) in better for one in equals)]
    if beaten_by_all:
        clauses.append(f"{'both' if len(equals) == 2 else 'all'} are better than {listed(beaten_by_all)}")
    for model in worse:
        if model not in beaten_by_all:
            winners = [one for one in equals if (one, model) in better]
            clauses.append(f"{listed(winners)} {'is' if len(winners) == 1 else 'are'} better than {model}")
    if untested:
        clauses.append(f"{untested} of {len(comparisons)} pairs could not be tested")
    return "; ".join(clauses) + "."


def tested(comparisons: pl.DataFrame) -> pl.DataFrame:
    """Return those comparisons that have a q value; few examples, or alike, may leave a metric undefined."""
    return comparisons.filter(pl.col("q_value").fill_nan(None).is_not_null())


def unbeaten(models: Sequence[str], comparisons: pl.DataFrame) -> set[str]:
    """Return the models that no other is better than; the arguments are those of :func:`verdict`."""
    return set(models) - {worse for _, worse in _better(comparisons)}


def _better(comparisons: pl.DataFrame) -> Pairs:
    """Return the pairs whose first is better than its second."""
    told_apart = comparisons.filter(pl.col("q_value").fill_nan(None) < LEVEL, pl.col("difference").is_not_null())
    rows = told_apart.select("model_a", "model_b", "difference").iter_rows()
    return {(a, b) if difference > 0 else (b, a) for a, b, difference in rows}


def _equal(models: Sequence[str], better: Pairs) -> str:
    """Say that models are not distinguishable: from each other if every pair is so, else from the best."""
    if any((one, other) in better for one in models for other in models):
        others = f"{listed(models[1:])} {'is' if len(models) == 2 else 'are'}"
        return f"{others} not distinguishable from the best, {models[0]}"
    return f"{listed(models)} are not distinguishable"
