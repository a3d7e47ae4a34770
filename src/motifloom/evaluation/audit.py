"""What leaks and shortcuts mean for the scores: ``audit.json``.

Its keys are sorted, its values plain; what is not defined is null.

``dataset``
    The name.
``examples``
    By split the number of examples.
``similarity``
    ``definition`` and ``threshold`` of near-duplicates.
``leaks``
    By kind of finding: ``meaning``, what is said of the examples that it concerns; ``examples``, how many have a
    partner; ``across_splits``, how many have one in another split; ``validation`` and ``test``, how many of that split
    have or are one across splits; ``pairs``, up to :data:`PAIRS` rows of ``leaks.parquet``, those about test first.
``leaked_test_rows``
    The number of test examples that any finding across splits concerns.
``without_leaks``
    For every model, replicate and task (and over all classes) the main ``metric`` on test: its ``value`` on all ``n``
    examples, and ``value_without`` on the ``n_without`` that are not leaked.
``shortcuts``
    For every task the ``feature`` that tells most of it on train and validation, its ``meaning`` in words, its
    ``value`` of ``metric`` on test; the best ``model`` and its ``model_value``, a mean over replicates;
    ``explained``, the share of the model's distance from chance that the feature reaches; ``warning``, a sentence
    where that is most of it; ``features``, what every feature reaches on test.
``warnings``
    Plain sentences.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from motifloom.config import ALL_CLASSES, ORACLE
from motifloom.data.leaks import KINDS, SIMILARITY, count_leaks, leaked, tell_leaks
from motifloom.data.shortcuts import CHANCE, FEATURES, best_shortcut
from motifloom.data.similarity import NEAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from motifloom.evaluation.panels import Panel

PAIRS = 10
"""So many pairs are shown of each kind."""

DROP = 0.01
"""A model is warned of that loses at least this much of its main metric without the leaked test examples."""

MOST = 0.5
"""A shortcut is warned of that explains at least this share of the best model's distance from chance."""

LEAST = 0.05
"""It also has to be this far above chance: few examples put something there by luck."""


def audit(
    panels: Sequence[Panel], leaks: pl.DataFrame, shortcuts: pl.DataFrame, dataset: str, sizes: dict[str, int]
) -> dict[str, Any]:
    """Tell how far a dataset's scores can be trusted.

    Parameters
    ----------
    panels
        The predictions of the dataset; those of other splits than test are passed over.
    leaks, shortcuts
        As :func:`motifloom.data.leaks.find_leaks` and :func:`motifloom.data.shortcuts.find_shortcuts` give them.
    dataset
        Its name.
    sizes
        The number of examples of each split.

    Returns
    -------
    What the module's head describes, without NaN.
    """
    test = [panel for panel in panels if panel.split == "test"]
    lost = leaked(leaks, "test")
    rows = [row for panel in test for row in _without(panel, lost)]
    cheapest = [_shortcut(shortcuts, task, rows) for task in shortcuts["task"].unique(maintain_order=True)]
    drops = _drops(rows, len(lost))
    return {
        "dataset": dataset,
        "examples": sizes,
        "similarity": {"definition": SIMILARITY, "threshold": NEAR},
        "leaks": {row["kind"]: _kind(leaks, row) for row in count_leaks(leaks).iter_rows(named=True)},
        "leaked_test_rows": len(lost),
        "without_leaks": rows,
        "shortcuts": cheapest,
        "warnings": [*tell_leaks(leaks, sizes), *drops, *(row["warning"] for row in cheapest if row["warning"])],
    }


def best_model(rows: Sequence[dict[str, Any]], task: str) -> tuple[str, float, float | None] | None:
    """Return the model with the best mean over replicates on test, the oracle aside.

    Parameters
    ----------
    rows
        ``without_leaks`` of an audit.

    Returns
    -------
    Its name, its mean with and without the leaked examples; None where no model has a value.
    """
    best: tuple[str, float, float | None] | None = None
    for model in dict.fromkeys(row["model"] for row in rows if row["model"] != ORACLE):
        mine = [row for row in rows if row["model"] == model and row["task"] == task]
        mean, without = (_mean([row[key] for row in mine]) for key in ("value", "value_without"))
        if mean is not None and (best is None or mean > best[1]):
            best = model, mean, without
    return best


def _kind(leaks: pl.DataFrame, counts: dict[str, Any]) -> dict[str, Any]:
    """Sum up one kind of finding."""
    across = pl.col("split") != pl.col("other_split")
    of_test = across & ((pl.col("split") == "test") | (pl.col("other_split") == "test"))
    pair = pl.concat_list("id", "other").list.sort()
    found = leaks.filter(kind=counts["kind"]).unique(["task", pair], keep="first", maintain_order=True)
    pairs = found.sort(of_test, across, "similarity", descending=True, nulls_last=True, maintain_order=True)
    return {
        **{key: counts[key] for key in ("examples", "across_splits", "validation", "test")},
        "meaning": KINDS[counts["kind"]],
        "pairs": pairs.head(PAIRS).drop("kind").to_dicts(),
    }


def _without(panel: Panel, lost: pl.Series) -> Iterator[dict[str, Any]]:
    """Score every run on test with and without the leaked examples."""
    kept = ~panel.ids.is_in(lost.implode()).to_numpy()
    weights = np.stack([np.ones(len(kept)), kept.astype(np.float64)])
    metric = panel.judged.main
    for run, scored in zip(panel.scores, panel.arrange(list(panel.scores.values())), strict=True):
        value, without = scored.compute(weights, [metric])[metric]
        yield {
            "model": run.model, "replicate": run.replicate, "task": panel.task, "metric": metric,
            "value": _defined(value), "value_without": _defined(without),
            "n": len(kept), "n_without": int(kept.sum()),
        }  # fmt: skip


def _shortcut(shortcuts: pl.DataFrame, task: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Hold the feature that tells most of a task against the best model."""
    on_test = shortcuts.filter(task=task, split="test")
    reached = dict(on_test.select("feature", "value").iter_rows())
    metric, feature = on_test["metric"][0], best_shortcut(shortcuts, task)
    value = reached[feature] if feature else None
    model, model_value, _ = best_model(rows, task) or (None, None, None)
    explained = warning = None
    if feature and value is not None and model_value is not None and model_value > CHANCE[metric]:
        explained = max(0.0, (value - CHANCE[metric]) / (model_value - CHANCE[metric]))
        if explained >= MOST and value - CHANCE[metric] >= LEAST:
            warning = (
                f"{task}: {FEATURES[feature]} alone reaches {metric} {value:.3f} on test, {explained:.0%} of what "
                f"{model} ({model_value:.3f}) is above chance"
            )
    return {
        "task": task, "feature": feature, "meaning": FEATURES[feature] if feature else None, "metric": metric,
        "value": value, "model": model, "model_value": model_value, "explained": explained, "warning": warning,
        "features": reached,
    }  # fmt: skip


def _drops(rows: Sequence[dict[str, Any]], lost: int) -> Iterator[str]:
    """Say which models lose without the leaked test examples; of classes only over all of them."""
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    for task in [ALL_CLASSES] if ALL_CLASSES in tasks else tasks:
        mine = [row for row in rows if row["task"] == task]
        falls = []
        for model in dict.fromkeys(row["model"] for row in mine if row["model"] != ORACLE):
            found = best_model([row for row in mine if row["model"] == model], task)
            if found and found[2] is not None and found[1] - found[2] >= DROP:
                falls.append(f"{model} from {found[1]:.3f} to {found[2]:.3f}")
        if falls:
            yield f"{task}: without the {lost} leaked test examples {mine[0]['metric']} falls: {', '.join(falls)}"


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of what is defined; None where nothing is."""
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None


def _defined(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
