"""The settings that a baseline was tried with: what more freedom brings on train, and what it brings elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.data.splits import SPLITS
from motifloom.report.charts import Axis, Frame, Line, line_chart
from motifloom.report.scores import LABELS
from motifloom.report.wording import fixed

if TYPE_CHECKING:
    from markupsafe import Markup

    from motifloom.report.results import Results

MEMORISED = 0.1
"""A main metric on train that is greater by so much than on test is called memorising."""


@dataclass(frozen=True)
class Parameter:
    """What is swept: the question it answers, its name and symbol, whether the model is freest where it is least."""

    question: str
    name: str
    symbol: str
    free_where_least: bool


PARAMETERS = {
    "neighbours": Parameter("how many neighbours?", "Neighbours k", "k", free_where_least=True),
    "penalty": Parameter("how strong a penalty?", "Penalty λ", "λ", free_where_least=True),
    "cost": Parameter("how high a cost?", "Cost C", "C", free_where_least=False),
}


@dataclass(frozen=True)
class SweepFigure:
    """The main metric by setting, and what it teaches."""

    model: str
    question: str
    picture: Markup
    lesson: str


def sweep_figures(results: Results, dataset: str) -> list[SweepFigure]:
    """Draw the main metric, its mean over the tasks, by setting for each model that was tried with several."""
    figures = []
    for model in results.config.baselines():
        table = results.sweep(dataset, model)
        if table is None:
            continue
        table = table.filter(pl.col("variant").is_in(table.filter("chosen")["variant"].unique().implode()))
        if table["setting"].n_unique() < 2:
            continue
        means = table.group_by("variant", "parameter", "setting", "split", maintain_order=True).agg(
            pl.mean("value"), pl.any("chosen")
        )
        metric = LABELS.get(table["metric"][0], table["metric"][0])
        tasks = table["task"].n_unique()
        label = f"{metric}, mean of {tasks}" if tasks > 1 else metric
        parameter = PARAMETERS[table["parameter"][0]]
        picture = _picture(model, means, label, parameter)
        figures.append(SweepFigure(model, parameter.question, picture, sweep_lesson(means, metric)))
    return figures


def sweep_lesson(table: pl.DataFrame, metric: str) -> str:
    """Say in one sentence what a sweep teaches.

    Parameters
    ----------
    table
        ``variant``, ``parameter``, ``setting``, ``split``, ``value`` and ``chosen``, of the variant that was chosen.
    metric
        What the values are.
    """
    parameter = PARAMETERS[table["parameter"][0]]
    at = {(setting, split): value for setting, split, value in table.select("setting", "split", "value").iter_rows()}
    settings = table["setting"].to_list()
    freest = min(settings) if parameter.free_where_least else max(settings)
    chosen = table.filter("chosen")["setting"][0]
    choice = f"{parameter.symbol} = {chosen:g} ({table['variant'][0]}) was chosen on validation"
    if at.get((chosen, "test")) is not None:
        choice += f" and reaches {fixed(at[chosen, 'test'])} on test"
    train, test = at.get((freest, "train")), at.get((freest, "test"))
    edge = ""
    if len(settings) > 1 and chosen in {min(settings), max(settings)}:
        tried = "least" if chosen == min(settings) else "greatest"
        edge = f" It is the {tried} that was tried: beyond it may be better."
    itself = parameter.symbol == "k" and train is not None and train > 0.999
    if train is None or test is None or train - test < MEMORISED or (chosen == freest and not itself):
        return f"{choice}.{edge}"
    reason = ", because every training sequence is its own nearest neighbour" if itself else ""
    memory = (
        f"With {parameter.symbol} = {freest:g} the model memorises: {metric} {fixed(train)} on train, "
        f"{fixed(test)} on test{reason}"
    )
    return f"{memory}; {choice}.{edge}"


def _picture(model: str, table: pl.DataFrame, label: str, parameter: Parameter) -> Markup:
    """Draw a line per split, the settings at equal distances."""
    settings = sorted(table["setting"].unique().to_list())
    place = {setting: float(index) for index, setting in enumerate(settings)}
    x = Axis(parameter.name, -0.3, len(settings) - 0.7, list(place.values()), [f"{setting:g}" for setting in settings])
    values = table["value"].drop_nulls().drop_nans()
    y = Axis.over(label, min([0.5, *values.to_list()]) - 0.02, 1.02, most=6)
    lines = []
    for split in SPLITS:
        mine = table.filter(pl.col("split") == split, pl.col("value").is_finite()).sort("setting")
        points = [(place[setting], value) for setting, value in mine.select("setting", "value").iter_rows()]
        if points:
            lines.append(Line(f"{label} on {split}", f"on-{split}", np.array(points), dots=True))
    mark = (place[table.filter("chosen")["setting"][0]], "chosen")
    frame = Frame(x, y, width=330, height=230)
    return line_chart(f"{label} of {model} by {table['parameter'][0]}", frame, lines, mark)
