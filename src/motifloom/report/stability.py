"""How much models move, on the page: from one training to the next, and over resampled training examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from motifloom.config import ALL_CLASSES
from motifloom.report.answer import Answer
from motifloom.report.scores import LABELS, Cell, colour, show
from motifloom.report.wording import NOTHING, fixed, listed, span

if TYPE_CHECKING:
    from collections.abc import Mapping

    from motifloom.report.results import Results

    Row = Mapping[str, Any]

DIGITS = 4
"""Decimals of a standard deviation."""

MOST = 4
"""Of more tasks than this, these alone have rows; the file has the rest."""


def stability_cells(row: Row) -> list[Cell]:
    """Lay out how much one model moves: its main metric, spread, correlation, share of other decisions and ranks."""
    written = show(row["metric"])
    ends = "" if row["least"] is None else span(row["least"], row["greatest"], written)
    ranks = [row["best_rank"], row["worst_rank"]]
    ranked = NOTHING if None in ranks else " – ".join(str(rank) for rank in dict.fromkeys(ranks))
    flipped = NOTHING if row["flipped"] is None else f"{100 * row['flipped']:.1f} %"
    return [
        Cell(written(row["mean"]), ends, row["mean"]),
        _spread(row["spread"]),
        Cell(fixed(row["correlation"]), sort=row["correlation"]),
        Cell(flipped, sort=row["flipped"]),
        Cell(ranked, sort=ranks[0]),
    ]


def resampling(results: Results, dataset: str, table: pl.DataFrame) -> Answer:
    """Tell how much a dataset's models move over resamples of their training examples, and over seeds beside it.

    Parameters
    ----------
    table
        The dataset's rows of the experiment's table.
    """
    if results.config.kind(dataset) == "multiclass":
        table = table.filter(task=ALL_CLASSES)
    tasks = table["task"].unique(maintain_order=True).to_list()
    seeds = results.stability(dataset) if results.config.replicates > 1 else None
    spreads: dict[tuple[str, str], float | None] = {}
    if seeds is not None:
        spreads = {(task, model): spread for task, model, spread in seeds["task", "model", "spread"].iter_rows()}
    rows = []
    for task in tasks[:MOST]:
        mine = table.filter(task=task).sort("mean", descending=True, nulls_last=True, maintain_order=True)
        for row in mine.iter_rows(named=True):
            cells = stability_cells(row)
            cells[2:2] = [_spread(spreads.get((task, row["model"])))] if spreads else []
            rows.append((row["model"], colour(results, row["model"]), task if len(tasks) > 1 else "", cells))
    metric = LABELS.get(table["metric"][0], table["metric"][0])
    over_seeds = ["Spread over seeds"] if spreads else []
    rest = f" The file has all {len(tasks)} tasks." if len(tasks) > MOST else ""
    return Answer(
        f"{dataset}: would other training examples have led to the same model?",
        resampling_sentence(table, metric, spreads),
        "Every model was trained on resamples of the training examples, with the same seed. Spearman's correlation "
        "between the scores of two of its trainings on test, the share of examples that two decide differently, and "
        f"the range of the rank among all models.{rest}",
        "experiments/resampling.tsv",
        None,
        [],
        [metric, "Spread", *over_seeds, "Correlation", "Flipped", "Rank"],
        rows,
    )


def resampling_sentence(
    table: pl.DataFrame, metric: str, spreads: Mapping[tuple[str, str], float | None] | None = None
) -> str:
    """Say whether the same model is the best with every resample, and how much the best one on average moves.

    Parameters
    ----------
    table
        A row per task and model.
    metric
        The main metric, as it is written.
    spreads
        By task and model the metric's standard deviation over seeds; None or empty where there is one replicate.
    """
    means = table.group_by("model", maintain_order=True).agg(pl.mean("mean", "spread", "flipped"))
    best = means.sort("mean", descending=True, nulls_last=True, maintain_order=True).row(0, named=True)
    first = _who_is_best(table, best["model"])
    if best["spread"] is None:
        return f"{first}."
    seeds = [spread for (_, model), spread in (spreads or {}).items() if model == best["model"] and spread is not None]
    beside = f" ({fixed(sum(seeds) / len(seeds), DIGITS)} over seeds)" if seeds else ""
    flips = ""
    if best["flipped"] is not None:
        flips = f", and two trainings decide {100 * best['flipped']:.1f} % of the test examples differently"
    over = "on average over the tasks " if table["task"].n_unique() > 1 else ""
    return (
        f"{first}. The {metric} of {best['model']} {over}has a standard deviation of "
        f"{fixed(best['spread'], DIGITS)} over them{beside}{flips}."
    )


def _who_is_best(table: pl.DataFrame, best: str) -> str:
    """Say which models lead; of several tasks, in how many the same one always does."""
    tasks, resamples = table["task"].n_unique(), f"{table['draws'][0]} resamples of the training examples"
    always, leading = (table.filter(pl.col(rank) == 1) for rank in ("worst_rank", "best_rank"))
    if len(table) == tasks:
        return f"{best} was trained on {resamples}"
    if tasks > 1:
        return f"In {always['task'].n_unique()} of {tasks} tasks the same model is the best with each of {resamples}"
    if len(always):
        verb = "is" if len(always) == 1 else "are"
        return f"{listed(always['model'].to_list())} {verb} the best with each of {resamples}"
    if len(leading):
        models = listed(leading["model"].to_list())
        return f"Which model is the best depends on the draw: {models} each lead with one or more of {resamples}"
    return f"Models were trained on {resamples}"


def _spread(value: float | None) -> Cell:
    return Cell(fixed(value, DIGITS), sort=value)
