"""The border between predictions tables and arrays: what every model said of the same examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from motifloom.config import ALL_CLASSES
from motifloom.errors import InputError
from motifloom.evaluation.kinds import JUDGED, Judged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from motifloom.config import Kind
    from motifloom.evaluation.metrics import Floats, Scored

    Parts = dict[tuple[str, str], pl.DataFrame]

SPLITS = ("train", "validation", "test")
COLUMNS = ("id", "split", "task", "label", "score")
ROUNDING = 1e-3
"""By so much the probabilities of an example's classes may miss the sum of 1."""


class Run(NamedTuple):
    """One training of one model."""

    model: str
    replicate: int


@dataclass(frozen=True)
class Panel:
    """One split and task, seen by every model.

    Attributes
    ----------
    kind
        What labels and scores are. Binary, also a class of a multiclass dataset: labels are 0 or 1, scores the
        label's 1 probability. Multiclass: labels are numbers of classes, scores their probabilities. Regression: both
        are values.
    ids
        The examples' ids in rising order, shape ``(n,)``.
    labels
        Shape ``(n,)``.
    scores
        Shape ``(n,)`` each, of the multiclass kind ``(n, classes)``, of every run.
    """

    kind: Kind
    split: str
    task: str
    ids: pl.Series
    labels: Floats
    scores: dict[Run, Floats]

    @property
    def judged(self) -> Judged:
        """How the panel is judged."""
        return JUDGED[self.kind]

    @property
    def strata(self) -> Floats:
        """The group of examples that each is drawn again from, shape ``(n,)``."""
        return self.labels if self.judged.stratified else np.zeros(len(self.labels))

    @property
    def positives(self) -> int | None:
        """How many labels are 1; None where that is no question."""
        return int(self.labels.sum()) if self.kind == "binary" else None

    @property
    def replicates(self) -> dict[str, list[int]]:
        """The places in `scores` of each model's runs, in the order of their replicates."""
        runs = list(self.scores)
        places = sorted(range(len(runs)), key=lambda place: runs[place].replicate)
        return {model: [place for place in places if runs[place].model == model] for model, _ in runs}

    def arrange(self, scores: Sequence[Floats]) -> list[Scored]:
        """Arrange the labels with each of several models' scores."""
        return [self.judged.arrange(self.labels, model) for model in scores]


def align(predictions: Mapping[Run, pl.DataFrame], kind: Kind) -> list[Panel]:
    """Check predictions and bring every run's rows into one order.

    Parameters
    ----------
    predictions
        Tables with at least ``id``, ``split``, ``task``, ``label`` and ``score``, in any order of rows. An example
        without a label for a task has no row there.
    kind
        Of the dataset.

    Returns
    -------
    A panel per task and split: tasks in the order of the first table, splits from train to test, those without rows
    left out. Of a multiclass dataset a binary panel per class and split, then a multiclass one per split with the
    task :data:`motifloom.config.ALL_CLASSES`.

    Raises
    ------
    InputError
        With every problem at once: a missing column, an unknown split, a label or score that `kind` does not have, an
        example that is there twice, classes of an example of which not exactly one is right or whose probabilities do
        not sum to 1, runs that do not have the same examples and labels.
    """
    problems = [problem for run, table in predictions.items() for problem in _problems(run, table, kind)]
    if problems:
        raise InputError(problems)
    parts = {run: _parts(table) for run, table in predictions.items()}
    first = next(iter(parts), None)
    if first is None:
        return []
    problems = [problem for run in parts for problem in _differences(run, parts[run], first, parts[first])]
    if problems:
        raise InputError(problems)
    panels = [
        Panel(
            "binary" if kind == "multiclass" else kind,
            split,
            task,
            table["id"],
            table["label"].to_numpy(),
            {run: parts[run][task, split]["score"].to_numpy() for run in predictions},
        )
        for (task, split), table in parts[first].items()
    ]
    return [*panels, *_over_all_classes(panels)] if kind == "multiclass" else panels


def _over_all_classes(panels: Sequence[Panel]) -> Iterator[Panel]:
    """Put the panels of the classes, which have the same examples, side by side."""
    for split in SPLITS:
        classes = [panel for panel in panels if panel.split == split]
        if classes:
            labels = np.stack([panel.labels for panel in classes], axis=1).argmax(axis=1).astype(np.float64)
            scores = {run: np.stack([panel.scores[run] for panel in classes], axis=1) for run in classes[0].scores}
            yield Panel("multiclass", split, ALL_CLASSES, classes[0].ids, labels, scores)


def _title(run: Run) -> str:
    return f"predictions of {run.model}, replicate {run.replicate}"


def _problems(run: Run, table: pl.DataFrame, kind: Kind) -> Iterator[str]:
    """Tell what is wrong with one table, each kind of problem once, with the first row that has it."""
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        yield f"{_title(run)}: no column {', '.join(missing)}; found {', '.join(table.columns)}"
        return
    table = _typed(table)
    values = pl.col("label").is_finite(), pl.col("score").is_finite()
    classes = pl.col("label").is_in([0.0, 1.0]), pl.col("score").is_between(0, 1)
    label, score = values if kind == "regression" else classes
    checks = {
        "split": (pl.col("split").is_in(SPLITS), f"expected one of {', '.join(SPLITS)}"),
        "label": (label, "expected a finite number" if kind == "regression" else "expected 0 or 1"),
        "score": (score, "expected a finite number" if kind == "regression" else "expected a probability, 0 to 1"),
        "id": (pl.struct("id", "split", "task").is_first_distinct(), "expected once for each task and split"),
    }
    good = True
    for column, (is_good, expected) in checks.items():
        bad = table.filter(~is_good.fill_null(value=False))
        if len(bad):
            good = False
            row = bad.row(0, named=True)
            value = "" if column == "id" else f"{column} {row[column]!r}, "
            yield f"{_title(run)}: id {row['id']}, task {row['task']}: {value}{expected}{_more(bad)}"
    if good and kind == "multiclass":
        yield from _class_problems(run, table)


def _class_problems(run: Run, table: pl.DataFrame) -> Iterator[str]:
    """Tell where an example's classes do not go together, as :func:`_problems` does."""
    classes = table["task"].n_unique()
    if ALL_CLASSES in table["task"]:
        yield f"{_title(run)}: a class is called {ALL_CLASSES}, which stands for all classes; expected another name"
    together = table.group_by("id", "split", maintain_order=True).agg(
        pl.len().alias("classes"), pl.sum("label"), pl.sum("score")
    )
    checks = {
        "classes": (pl.col("classes") == classes, f"a row for {{}} classes, expected one for each of {classes}"),
        "label": (pl.col("label") == 1, "label 1 in {:g} classes, expected it in exactly one"),
        "score": ((pl.col("score") - 1).abs() <= ROUNDING, "probabilities that sum to {:g}, expected 1"),
    }
    for column, (is_good, message) in checks.items():
        bad = together.filter(~is_good)
        if len(bad):
            row = bad.row(0, named=True)
            yield f"{_title(run)}: id {row['id']}: {message.format(row[column])}{_more(bad)}"
            return


def _more(bad: pl.DataFrame) -> str:
    """Count the rows after the first."""
    return f" (and {len(bad) - 1} more such rows)" if len(bad) > 1 else ""


def _differences(run: Run, found: Parts, first: Run, expected: Parts) -> Iterator[str]:
    """Tell the tasks and splits in which a run does not have the first one's examples and labels."""
    for task, split in dict.fromkeys([*expected, *found]):
        key = task, split
        if key not in found or key not in expected or not _same_examples(found[key], expected[key]):
            yield f"{_title(run)}: task {task}, split {split}: other examples or labels than {_title(first)} has"


def _parts(table: pl.DataFrame) -> Parts:
    """Return each task's and split's rows, sorted by id."""
    table = _typed(table)
    tasks = table["task"].unique(maintain_order=True).to_list()
    found = table.partition_by("task", "split", as_dict=True)
    return {
        (task, split): found[task, split].sort("id") for task in tasks for split in SPLITS if (task, split) in found
    }


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with labels and scores as float64, null where they are no numbers."""
    return table.with_columns(pl.col("label", "score").cast(pl.Float64, strict=False))


def _same_examples(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    return one.select("id", "label").equals(other.select("id", "label"))
