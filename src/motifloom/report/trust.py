"""Whether a dataset can be trusted: its leaks, what they do to the scores, and its shortcuts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motifloom.config import ALL_CLASSES
from motifloom.data.leaks import KINDS
from motifloom.data.shortcuts import CHANCE, DINUCLEOTIDES
from motifloom.errors import InputError
from motifloom.evaluation.audit import best_model
from motifloom.report.charts import Axis
from motifloom.report.scores import LABELS, Cell, colour
from motifloom.report.svg import number, picture, tag
from motifloom.report.wording import NOTHING, about, counted, fixed, signed, span, thousands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from markupsafe import Markup

    from motifloom.report.results import Results

    Audit = Mapping[str, Any]

KEYS = ("examples", "leaked_test_rows", "leaks", "shortcuts", "similarity", "warnings", "without_leaks")

CHARTS = 4
"""Pictures of shortcuts are drawn of so many tasks; the table has all."""


@dataclass(frozen=True)
class LeakRow:
    """A kind of finding: whom it concerns, how many of test, of validation, of all splits, and anywhere."""

    meaning: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class PairRow:
    """Two examples with their splits, and how similar they are."""

    meaning: str
    first: str
    second: str
    similarity: Cell


@dataclass(frozen=True)
class WithoutRow:
    """A model's main metric on all test examples, on those that are not leaked, and the change."""

    task: str
    model: str
    css: str
    metric: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class ShortcutRow:
    """The feature that tells most of a task against the best model."""

    task: str
    feature: str
    model: str
    metric: str
    cells: Sequence[Cell]
    chart: Markup | None


@dataclass(frozen=True)
class Trust:
    """What the audit of a dataset comes down to."""

    verdict: str
    warnings: Sequence[str]
    similarity: str
    leaks: Sequence[LeakRow]
    pairs: Sequence[PairRow]
    models: Sequence[WithoutRow]
    kept: int
    shortcuts: Sequence[ShortcutRow]


def trust(results: Results, dataset: str) -> Trust | None:
    """Sum up ``audit.json``; None where a dataset has none.

    Raises
    ------
    InputError
        Where the file is no audit.
    """
    path = results.folder / dataset / "audit.json"
    if not path.is_file():
        return None
    audit = _read(path)
    similarity = audit["similarity"]
    lost, size = audit["leaked_test_rows"], audit["examples"]["test"]
    return Trust(
        _verdict(audit),
        audit["warnings"],
        f"A near-duplicate has a similarity of at least {similarity['threshold']:g}: {similarity['definition']}.",
        [row for kind in KINDS if (row := _leaks(audit["leaks"][kind])) is not None],
        [pair for kind in KINDS for pair in _pairs(audit["leaks"][kind])],
        list(_models(results, dataset, audit)) if lost else [],
        size - lost,
        [_shortcut(results, audit, index) for index in range(len(audit["shortcuts"]))],
    )


def _read(path: Path) -> Audit:
    try:
        audit = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    missing = [key for key in KEYS if not isinstance(audit, dict) or key not in audit]
    if missing:
        raise InputError(f"{path}: has no {', '.join(missing)}; expected what motifloom evaluate writes")
    return audit


# -------------------------------------------------------------------------------------------------------- the verdict


def _verdict(audit: Audit) -> str:
    """Say in a sentence or two whether test is independent of training, and whether a shortcut does."""
    lost, size = audit["leaked_test_rows"], audit["examples"]["test"]
    sentences = ["No test example has a twin in training or validation."]
    if lost:
        share = f"{thousands(lost)} of {counted(size, 'test example')} ({about(lost / size)})"
        have = f"{'has' if lost == 1 else 'have'} a twin in training or validation"
        sentences = [f"{share} {have}; {_fall(audit, lost == size)}."]
    worst = max((row for row in audit["shortcuts"] if row["warning"]), key=lambda row: row["explained"], default=None)
    if worst:
        share = f"{worst['explained']:.0%} of what {worst['model']} is above chance"
        told = f" ({worst['task']})" if len(audit["shortcuts"]) > 1 else ""
        sentences.append(f"A shortcut tells most: {worst['meaning']} alone reaches {share}{told}.")
    elif any(row["explained"] is not None for row in audit["shortcuts"]):
        sentences.append("No shortcut tells most of what the models know.")
    return " ".join(sentences)


def _fall(audit: Audit, nothing_left: bool) -> str:
    """Say what the leaks do to the best model, in the task where they do most."""
    if nothing_left:
        return "without them nothing is left to be judged on"
    best = {task: best_model(audit["without_leaks"], task) for task in _main_tasks(audit)}
    changes = {task: (row[1] - row[2], *row) for task, row in best.items() if row and row[2] is not None}
    if not changes:
        return "without them the models cannot be scored"
    task = max(changes, key=lambda name: changes[name][0])
    change, model, value, without = changes[task]
    metric = next(LABELS.get(row["metric"], row["metric"]) for row in audit["without_leaks"] if row["task"] == task)
    of_task = f", {task}" if len(best) > 1 else ""
    way = f"{'falls' if change > 0 else 'goes'} from {fixed(value)} to {fixed(without)}"
    if fixed(value) == fixed(without):
        way = f"stays at {fixed(value)}"
    return f"without them {model} {way} ({metric}{of_task})"


def _main_tasks(audit: Audit) -> list[str]:
    """Return the tasks that models are told apart by: of classes only that over all of them."""
    tasks = list(dict.fromkeys(row["task"] for row in audit["without_leaks"]))
    return [ALL_CLASSES] if ALL_CLASSES in tasks else tasks


# ------------------------------------------------------------------------------------------------------------- tables


def _leaks(found: Mapping[str, Any]) -> LeakRow | None:
    counts = [found[key] for key in ("test", "validation", "across_splits", "examples")]
    return LeakRow(found["meaning"], [Cell(thousands(n), sort=n) for n in counts]) if any(counts) else None


def _pairs(found: Mapping[str, Any]) -> Iterator[PairRow]:
    for pair in found["pairs"]:
        yield PairRow(
            found["meaning"] + (f" ({pair['task']})" if pair["task"] is not None else ""),
            f"{pair['id']} ({pair['split']})",
            f"{pair['other']} ({pair['other_split']})",
            Cell(fixed(pair["similarity"], 2), sort=pair["similarity"]),
        )


def _models(results: Results, dataset: str, audit: Audit) -> Iterator[WithoutRow]:
    """Compare each model's main metric with and without the leaked test examples."""
    tasks = _main_tasks(audit)
    for task in tasks:
        for model in results.models(dataset):
            mine = [row for row in audit["without_leaks"] if row["model"] == model and row["task"] == task]
            if mine:
                both = [[row[key] for row in mine if row[key] is not None] for key in ("value", "value_without")]
                means = [sum(values) / len(values) if values else None for values in both]
                change = None if means[0] is None or means[1] is None else means[1] - means[0]
                yield WithoutRow(
                    task if len(tasks) > 1 else "",
                    model,
                    colour(results, model),
                    LABELS.get(mine[0]["metric"], mine[0]["metric"]),
                    [*(_score(values) for values in both), _change(change)],
                )


def _change(change: float | None) -> Cell:
    """Show a difference with its sign, unless it is less than what the scores beside it show."""
    small = change is None or abs(change) < 0.0005
    return Cell(fixed(change) if small else signed(change), sort=change)


def _score(values: Sequence[float]) -> Cell:
    """Return the mean over replicates, with their range where there are several."""
    if not values:
        return Cell(NOTHING)
    mean = sum(values) / len(values)
    return Cell(fixed(mean), span(min(values), max(values)) if len(values) > 1 else "", mean)


# ---------------------------------------------------------------------------------------------------------- shortcuts


def _shortcut(results: Results, audit: Audit, index: int) -> ShortcutRow:
    found = audit["shortcuts"][index]
    explained = found["explained"]
    return ShortcutRow(
        found["task"],
        found["meaning"] or NOTHING,
        found["model"] or NOTHING,
        LABELS.get(found["metric"], found["metric"]),
        [
            Cell(fixed(found["value"]), sort=found["value"]),
            Cell(fixed(found["model_value"]), sort=found["model_value"]),
            Cell(NOTHING if explained is None else f"{explained:.0%}", sort=explained),
        ],
        _chart(results, found) if index < CHARTS else None,
    )


def _chart(results: Results, found: Mapping[str, Any]) -> Markup | None:
    """Draw what plain features reach on test, and the best model, as bars from chance on; None without a value."""
    features, chance = found["features"], CHANCE[found["metric"]]
    single = {name: features[name] for name in DINUCLEOTIDES if features[name] is not None}
    strongest = max(single, key=lambda name: single[name], default=None)
    names = {"gc": "GC content", "length": "length", "unknown": "unknown bases", "soft_masked": "soft-masked bases"}
    bars = [(shown, features[name], "") for name, shown in names.items()]
    if strongest:
        bars.append((f"strongest pair on test: {strongest}", single[strongest], ""))
    bars.append(("all dinucleotides", features["dinucleotides"], ""))
    if found["model"] is not None:
        bars.append((found["model"], found["model_value"], colour(results, found["model"])))
    known = [(name, value, css) for name, value, css in bars if value is not None]
    if not known:
        return None
    label = LABELS.get(found["metric"], found["metric"])
    return _bars(f"What shortcuts to {found['task']} reach on test", f"{label} on test", known, chance)


def _bars(title: str, label: str, bars: Sequence[tuple[str, float, str]], chance: float) -> Markup:
    """Draw named bars from chance to a value, a row each, the best possible value 1 at the right end."""
    axis = Axis.over(label, min(chance, *(value for _, value, _ in bars)), 1.0)
    gap, names = 20, 12 + 7.2 * max(len(name) for name, _, _ in bars)
    width, bottom = names + 300, gap * len(bars) + 6
    left, right = names, width - 52
    parts = []
    for value, text in zip(axis.ticks, axis.texts, strict=True):
        at = float(axis.place(value, left, right))
        parts.append(tag("path", class_="grid", d=f"M{number(at)},2V{bottom}"))
        parts.append(tag("text", text, x=at, y=bottom + 15, class_="tick mid"))
    parts.append(tag("text", label, x=(left + right) / 2, y=bottom + 33, class_="label mid"))
    start = float(axis.place(chance, left, right))
    for index, (name, value, css) in enumerate(bars):
        middle = gap * (index + 0.5) + 3
        end = float(axis.place(value, left, right))
        parts.append(tag("text", name, x=left - 8, y=middle + 4, class_="label end"))
        low, high = min(start, end), max(start, end)
        parts.append(tag("rect", x=low, y=middle - 5, width=max(high - low, 1), height=10, class_=f"bar {css}".strip()))
        parts.append(tag("text", fixed(value), x=width - 2, y=middle + 4, class_="value end"))
    parts.append(tag("path", class_="axis", d=f"M{number(start)},2V{bottom}"))
    return picture(width, bottom + 40, title, *parts, class_="chart")
