"""Experiments on the page: a figure, a table and a sentence for each question that was asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.config import ORACLE
from motifloom.config.experiments import SLACK
from motifloom.config.trials import DISTANCE, FRACTION, PAIR, RANDOM_LABELS, experiments
from motifloom.report.answer import Answer
from motifloom.report.charts import Axis, Frame, Line, line_chart
from motifloom.report.scores import LABELS, Cell, colour
from motifloom.report.stability import resampling
from motifloom.report.wording import fixed, listed, signed, thousands

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from markupsafe import Markup

    from motifloom.report.results import Results

SMALL = 0.01
"""A difference of the main metric by which nothing is decided."""

FITTED = 0.99
"""The main metric on train from which on a set counts as memorised."""

REACHED = 0.5
"""The share of the way from chance to the ceiling that tells that a model sees two motifs together."""

CHANCE = 0.5
"""The AUROC of a model that sees nothing."""


@dataclass(frozen=True)
class Curve:
    """One model's main metric by setting, means over replicates; `x` and every split's values in the same order."""

    model: str
    x: Sequence[float]
    values: dict[str, Sequence[float]]


def answers(results: Results) -> list[Answer]:
    """Return what the run's experiments found, in the order of the configuration."""
    found: list[Answer] = []
    for experiment in experiments(results.config):
        table = results.experiment(experiment)
        for (dataset,), mine in table.partition_by("dataset", as_dict=True, maintain_order=True).items():
            match experiment:
                case "learning_curve":
                    found.append(_learning_curve(results, dataset, mine))
                case "capacity":
                    found += _capacity(results, dataset, mine)
                case "context":
                    found.append(_context(results, mine))
                case _:
                    found.append(resampling(results, dataset, mine))
    return found


# ------------------------------------------------------------------------------------------------- learning curves


def limit(curve: Curve, ceiling: float | None) -> str:
    """Tell what keeps a model from doing better: ``data``, ``model``, ``noise``, or ``model or noise``.

    Parameters
    ----------
    curve
        By number of training examples, rising, with values on test.
    ceiling
        What the oracle reaches on test; None where there is none.

    Returns
    -------
    ``noise`` where less than `SMALL` is missing to the ceiling; else ``data`` where the last step still brought that
    much; else ``model``, or, where nobody knows the ceiling, ``model or noise``.
    """
    test = curve.values["test"]
    if ceiling is not None and ceiling - test[-1] < SMALL:
        return "noise"
    if len(test) > 1 and test[-1] - test[-2] >= SMALL:
        return "data"
    return "model or noise" if ceiling is None else "model"


def learning_sentence(curve: Curve, ceiling: float | None, metric: str) -> str:
    """Say what limits a model, and what would help."""
    test, numbers = curve.values["test"], [thousands(number) for number in curve.x]
    missing = "" if ceiling is None else f"it is {fixed(ceiling - test[-1])} below the ceiling"
    step = "it was trained once alone"
    if len(test) > 1:
        change = signed(test[-1] - test[-2])
        step = f"from {numbers[-2]} to {numbers[-1]} training examples its {metric} on test changes by {change}"
    match limit(curve, ceiling):
        case "noise":
            return (
                f"{curve.model} seems limited by noise in the data: {missing}, and neither more examples nor another "
                "model can bring more than that."
            )
        case "data":
            beside = f", and {missing}" if missing else ""
            return f"{curve.model} seems limited by data: {step}{beside}. More examples would probably help."
        case "model":
            return (
                f"{curve.model} seems limited by itself: {step}, yet {missing}. Another model would probably help more "
                "than more examples."
            )
        case _:
            return (
                f"{curve.model} seems to have learned what it can from such examples: {step}. Whether another model "
                "could do better, only a known ceiling would tell."
            )


def _learning_curve(results: Results, dataset: str, table: pl.DataFrame) -> Answer:
    metric = _metric(table)
    curves = _curves(table.filter(parameter=FRACTION), "n")
    whole = table.filter(model=ORACLE, split="test")["value"].mean()
    ceiling = float(whole) if isinstance(whole, float) else None
    ranked = sorted(
        (curve for curve in curves if curve.model != ORACLE),
        key=lambda curve: np.nan_to_num(curve.values["test"][-1], nan=-np.inf),
        reverse=True,
    )
    numbers = sorted({number for curve in ranked for number in curve.x})
    lines = [
        Line(curve.model, colour(results, curve.model), _points(np.log(curve.x), curve.values["test"]), dots=True)
        for curve in ranked
    ]
    if ceiling is not None:
        ends = np.log([numbers[0], numbers[-1]])
        lines.insert(0, Line("ceiling", "ceiling", np.column_stack([ends, [ceiling, ceiling]])))
    x = Axis(
        "Training examples", math.log(numbers[0] / 1.1), math.log(numbers[-1] * 1.1),
        [math.log(number) for number in numbers], [thousands(number) for number in numbers],
    )  # fmt: skip
    columns = [f"{metric} on test", "Last step", "Train − test", *(["Below ceiling"] if ceiling is not None else [])]
    rows = []
    for curve in ranked:
        test, train = curve.values["test"], curve.values["train"]
        cells = [_cell(test[-1]), _cell(test[-1] - test[-2] if len(test) > 1 else None), _cell(train[-1] - test[-1])]
        cells += [_cell(ceiling - test[-1])] if ceiling is not None else []
        limited = Cell(limit(curve, ceiling))
        rows.append((curve.model, colour(results, curve.model), "", [*cells, limited]))
    return Answer(
        f"{dataset}: would more data help?",
        learning_sentence(ranked[0], ceiling, metric),
        _caption(results),
        "experiments/learning_curve.tsv",
        _chart(f"{metric} on test of {dataset} by training examples", x, metric, lines),
        _legend(results, [curve.model for curve in ranked], ceiling is not None),
        [*columns, "Limited by"],
        rows,
    )


# --------------------------------------------------------------------------------------------------------- capacity


def memorised(curve: Curve) -> int:
    """Return the number of examples with random labels up to which a network learned every set; 0 where it did none.

    A set with one label alone, as a small one may be, tells nothing.
    """
    largest = 0
    for number, value in zip(curve.x, curve.values["train"], strict=True):
        if math.isnan(value):
            continue
        if value < FITTED:
            break
        largest = int(number)
    return largest


def _capacity(results: Results, dataset: str, table: pl.DataFrame) -> Iterator[Answer]:
    random_labels = table.filter(parameter=RANDOM_LABELS)
    if len(random_labels):
        yield _memory(results, dataset, random_labels)
    varied = table.filter(pl.col("parameter") != RANDOM_LABELS)
    if len(varied):
        yield _gaps(results, dataset, varied)


def _memory(results: Results, dataset: str, table: pl.DataFrame) -> Answer:
    metric, curves = _metric(table), _curves(table, "n")
    largest = {curve.model: memorised(curve) for curve in curves}
    ranked = sorted(curves, key=lambda curve: largest[curve.model], reverse=True)
    weights = dict(table.group_by("model").agg(pl.max("weights")).iter_rows())
    numbers = sorted({number for curve in curves for number in curve.x})
    x = Axis(
        "Examples with random labels", math.log(numbers[0] / 1.1), math.log(numbers[-1] * 1.1),
        [math.log(number) for number in numbers], [thousands(number) for number in numbers],
    )  # fmt: skip
    lines = [
        Line(curve.model, colour(results, curve.model), _points(np.log(curve.x), curve.values["train"]), dots=True)
        for curve in curves
    ]
    told = [
        f"{model} {f'up to {thousands(number)} examples' if number else 'not even the smallest set'}"
        for model, number in sorted(largest.items(), key=lambda pair: -pair[1])
    ]
    rows = [
        (
            curve.model,
            colour(results, curve.model),
            "",
            [
                Cell(thousands(weights[curve.model]), sort=weights[curve.model]),
                Cell(thousands(largest[curve.model]), sort=largest[curve.model]),
                _cell(curve.values["train"][-1]),
            ],
        )
        for curve in ranked
    ]
    return Answer(
        f"{dataset}: how much can a network memorise?",
        f"Random labels teach nothing, so a good {metric} on train is memory ({FITTED:g} or more counts as perfect): "
        f"{listed(told)}; {thousands(numbers[-1])} were the most that were tried.",
        _caption(results),
        "experiments/capacity.tsv",
        _chart(f"{metric} on train of {dataset} by examples with random labels", x, metric, lines),
        _legend(results, [curve.model for curve in curves], with_ceiling=False),
        ["Weights", "Largest set learned", f"{metric} on the largest set"],
        rows,
    )


def _gaps(results: Results, dataset: str, table: pl.DataFrame) -> Answer:
    """Lay out the gap between train and test for every value of every hyperparameter."""
    metric = _metric(table)
    rows, gaps = [], {}
    keys = ["model", "parameter", "setting"]
    means = table.group_by(*keys, maintain_order=True).agg(
        pl.max("weights"), *(pl.col("value").filter(split=split).mean().alias(split) for split in ("train", "test"))
    )
    for model, parameter, setting, weights, train, test in means.sort(keys).iter_rows():
        own = getattr(results.config.models[model], parameter) == setting
        gap = None if train is None or test is None else train - test
        if gap is not None:
            gaps[model, parameter, setting] = gap
        cells = [Cell(thousands(weights), sort=weights), _cell(train), _cell(test), _cell(gap)]
        rows.append((model, colour(results, model), f"{parameter} = {setting:g}{' (its own)' if own else ''}", cells))
    sentence = f"How far {metric} on train lies above test."
    if gaps:
        least, greatest = (choose(gaps, key=lambda key: gaps[key]) for choose in (min, max))
        sentence = (
            f"The gap between train and test is least for {_setting(least)} ({signed(gaps[least])} {metric}) and "
            f"greatest for {_setting(greatest)} ({signed(gaps[greatest])})."
        )
    return Answer(
        f"{dataset}: what do size and regularisation do to the gap between train and test?",
        sentence, _caption(results), "experiments/capacity.tsv", None, [], ["Weights", "Train", "Test", "Gap"], rows,
    )  # fmt: skip


def _setting(key: tuple[str, str, float]) -> str:
    model, parameter, setting = key
    return f"{model} with {parameter} = {setting:g}"


# ---------------------------------------------------------------------------------------------------------- context


def seen(curve: Curve, ceiling: Curve) -> list[float]:
    """Return the distances at which a model goes `REACHED` of the way from chance to the ceiling, or farther."""
    return [
        distance
        for distance, value, best in zip(curve.x, curve.values["test"], ceiling.values["test"], strict=True)
        if value - CHANCE >= REACHED * (best - CHANCE)
    ]


def seen_in_words(distances: Sequence[float], everything: Sequence[float]) -> str:
    """Say at which of all distances a model sees two motifs together."""
    if len(distances) == len(everything):
        return "at every distance"
    if not distances:
        return "nowhere"
    return f"at {listed([f'{distance:g}' for distance in distances])} bp"


def _context(results: Results, table: pl.DataFrame) -> Answer:
    metric, curves = _metric(table), _curves(table.filter(parameter=DISTANCE), "setting")
    ceiling = next(curve for curve in curves if curve.model == ORACLE)
    models = [curve for curve in curves if curve.model != ORACLE]
    far = {curve.model: seen(curve, ceiling) for curve in models}
    ranked = sorted(models, key=lambda curve: len(far[curve.model]), reverse=True)
    lines = [
        Line(curve.model, colour(results, curve.model), _points(curve.x, curve.values["test"]), dots=True)
        for curve in [ceiling, *models]
    ]
    axis = Axis.over("Distance in bp", min(ceiling.x), max(ceiling.x))
    told = [f"{curve.model} {seen_in_words(far[curve.model], ceiling.x)}" for curve in ranked]
    gaps = [model for model, distances in far.items() if distances != ceiling.x[: len(distances)]]
    failed = f" Where {listed(gaps)} misses a nearer distance, training failed, not reach." if gaps else ""
    rows = [
        (curve.model, colour(results, curve.model), "", [_cell(value) for value in curve.values["test"]])
        for curve in [*ranked, ceiling]
    ]
    return Answer(
        "How far apart can two motifs be seen together?",
        f"Motifs in an order and at a distance, against the other order or a distance {SLACK + 10} bp greater; a model "
        f"sees both where it goes half of the way from chance to the ceiling: {listed(told)}.{failed}",
        _caption(results),
        "experiments/context.tsv",
        _chart(f"{metric} on test of {PAIR} by distance", axis, metric, lines),
        _legend(results, [curve.model for curve in models], with_ceiling=True),
        [f"{distance:g} bp" for distance in ceiling.x],
        rows,
    )


# ----------------------------------------------------------------------------------------------------------- common


def _curves(table: pl.DataFrame, x: str) -> list[Curve]:
    """Return each model's curve over `x`, a column, of its training split; values that are not there are NaN."""
    of_train = table.filter(split="train").group_by("model", "setting").agg(pl.mean(x).alias("x"))
    means = (
        table.group_by("model", "setting", maintain_order=True)
        .agg(pl.col("value").filter(split=split).mean().alias(split) for split in ("train", "test"))
        .join(of_train, on=["model", "setting"], maintain_order="left")
        .sort("x", maintain_order=True)
        .with_columns(pl.col("train", "test").fill_null(float("nan")))
    )
    return [
        Curve(model, mine["x"].to_list(), {split: mine[split].to_list() for split in ("train", "test")})
        for model in table["model"].unique(maintain_order=True)
        if len(mine := means.filter(model=model))
    ]


def _caption(results: Results) -> str:
    return "Means over the replicates." if results.config.replicates > 1 else ""


def _metric(table: pl.DataFrame) -> str:
    return LABELS.get(table["metric"][0], table["metric"][0])


def _points(x: Iterable[float], y: Iterable[float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    points = np.column_stack([list(x), list(y)])
    return points[np.isfinite(points).all(axis=1)]


def _cell(value: float | None) -> Cell:
    return Cell(fixed(value), sort=value)


def _legend(results: Results, models: Sequence[str], with_ceiling: bool) -> list[tuple[str, str]]:
    shown = [(model, colour(results, model)) for model in models]
    return [*shown, ("ceiling", "ceiling")] if with_ceiling else shown


def _chart(title: str, x: Axis, metric: str, lines: Sequence[Line]) -> Markup:
    drawn = [line for line in lines if len(line.points)]
    values = [value for line in drawn for value in line.points[:, 1]] or [0.5, 1.0]
    y = Axis.over(metric, min(values) - 0.02, max(values) + 0.02)
    return line_chart(title, Frame(x, y, width=420, height=280), drawn)
