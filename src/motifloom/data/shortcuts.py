"""The shortcut audit: how well plain properties of the sequences tell the labels, without any motif.

A network takes whatever tells the classes apart: where the negatives have another GC content, or another length, it
learns that, and its score says little about motifs (Geirhos et al. 2020, Nat Mach Intell 2:665).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

from motifloom.compiled import compiled
from motifloom.data.partners import length_blocks
from motifloom.data.splits import SPLITS
from motifloom.errors import InputError
from motifloom.files import read_tsv
from motifloom.genome import BASES, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from motifloom.config import Kind
    from motifloom.data.dataset import Dataset, Sequences
    from motifloom.genome import Codes

    Fit = Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64]], npt.NDArray[np.float64]]

    Floats = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

SHORTCUTS_SCHEMA = {
    "task": pl.String,
    "feature": pl.String,
    "split": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "n": pl.Int64,
}
"""``value``: the AUROC of the feature's value, or its Pearson correlation with the label, as ``metric`` says; turned so
that it speaks for the feature on train, so it may be worse than chance elsewhere. Null where it is not defined."""

DINUCLEOTIDES = tuple(one + other for one in BASES for other in BASES)

FEATURES = {
    "gc": "GC content",
    "length": "length",
    "unknown": "the share of unknown bases",
    "soft_masked": "the share of soft-masked bases",
    **{pair: f"the frequency of {pair}" for pair in DINUCLEOTIDES},
    "dinucleotides": "a linear model of all dinucleotide frequencies",
}
"""What each feature is. Shares and frequencies are of the sequence's length, GC content is of its known bases, a
dinucleotide's frequency is of those without an unknown base. ``dinucleotides`` is a linear model of all sixteen."""

CHANCE = {"auroc": 0.5, "pearson": 0.0}
"""What a feature reaches that has nothing to do with the labels."""

NOTABLE = 0.1
"""Before there is a model to hold it against, a feature is spoken of where it is so far above chance."""

FITTED = 50_000
"""A linear model is fitted on at most so many examples, spread evenly over train: it has 17 parameters."""

RIDGE = 1.0
"""The penalty on squared weights of standardised frequencies, beside the sum over examples of the loss."""


def find_shortcuts(dataset: Dataset, kind: Kind) -> pl.DataFrame:
    """Judge every feature on every task and split.

    Returns
    -------
    Table with the columns of :data:`SHORTCUTS_SCHEMA`, by task, feature and split.
    """
    features = features_of(dataset.sequences)
    labels = dataset.labels(np.arange(len(dataset.examples))).astype(np.float64)
    in_split = {split: (dataset.examples["split"] == split).to_numpy() for split in SPLITS}
    judge, fit = (pearson, _least_squares) if kind == "regression" else (auroc, _logistic)
    rows = []
    for task, label in zip(dataset.tasks, labels.T, strict=True):
        use = {split: mask & ~np.isnan(label) for split, mask in in_split.items()}
        values = features | {"dinucleotides": _fitted(features, label, use["train"], fit)}
        for feature in FEATURES:
            reached = {split: judge(label[mask], values[feature][mask]) for split, mask in use.items()}
            turned = reached["train"] < (0.0 if kind == "regression" else 0.5)
            for split, value in reached.items():
                shown = (-value if kind == "regression" else 1 - value) if turned else value
                rows.append((task, feature, split, judge.__name__, shown, int(use[split].sum())))
    return pl.DataFrame(rows, SHORTCUTS_SCHEMA, orient="row").fill_nan(None)


def features_of(sequences: Sequences) -> dict[str, Floats]:
    """Compute the features of every sequence but the fitted one, by name; arrays of shape ``(n,)``."""
    everything = np.arange(len(sequences))
    made_of, length = sequences.composition(everything), sequences.lengths.astype(np.float64)
    known = np.maximum(length - made_of.unknown, 1)
    pairs = np.zeros((len(sequences), len(DINUCLEOTIDES)))
    for rows, width in length_blocks(sequences):
        counts = np.zeros((len(rows), len(DINUCLEOTIDES)), dtype=np.int64)
        _count_pairs(sequences.codes(rows, width), counts)
        pairs[rows] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return {
        "gc": made_of.gc / known,
        "length": length,
        "unknown": made_of.unknown / np.maximum(length, 1),
        "soft_masked": made_of.soft_masked / np.maximum(length, 1),
        **dict(zip(DINUCLEOTIDES, pairs.T, strict=True)),
    }


@compiled
def _count_pairs(codes: Codes, counts: npt.NDArray[np.int64]) -> None:
    """Count the dinucleotides of codes of shape ``(n, width)`` into `counts`, shape ``(n, 16)``."""
    for row in range(len(codes)):
        for place in range(1, codes.shape[1]):
            one, other = codes[row, place - 1], codes[row, place]
            if one < UNKNOWN and other < UNKNOWN:
                counts[row, 4 * one + other] += 1


def auroc(labels: Floats, values: Floats) -> float:
    """Return the chance that a value of label 1 is above one of label 0, equal ones counting half; NaN without both."""
    positive = labels == 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    above = rankdata(values)[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def pearson(labels: Floats, values: Floats) -> float:
    """Return the correlation of labels and values, −1 to 1; NaN where either is constant."""
    if len(labels) < 2 or np.ptp(labels) == 0 or np.ptp(values) == 0:
        return float("nan")
    one, other = labels - labels.mean(), values - values.mean()
    one, other = one / np.abs(one).max(), other / np.abs(other).max()
    return float(np.clip(np.sum(one * other) / np.sqrt(np.sum(one**2) * np.sum(other**2)), -1, 1))


# ----------------------------------------------------------------------------------------------- the linear model


def _fitted(features: dict[str, Floats], labels: Floats, train: Mask, fit: Fit) -> Floats:
    """Fit a linear model of the dinucleotides on train and return its value of every example, shape ``(n,)``.

    NaN where train has no two different labels. No BLAS is used, so the values do not depend on the number of threads.
    """
    rows = np.flatnonzero(train)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(FITTED, len(rows))).astype(np.int64))]
    if not len(rows) or np.ptp(labels[rows]) == 0:
        return np.full(len(labels), np.nan)
    frequencies = np.stack([features[pair][rows] for pair in DINUCLEOTIDES])
    centre, spread = frequencies.mean(axis=1), frequencies.std(axis=1)
    spread[spread == 0] = 1
    weights = fit((frequencies - centre[:, None]) / spread[:, None], labels[rows])
    value = np.zeros(len(labels))
    for pair, weight, mean, scale in zip(DINUCLEOTIDES, weights, centre, spread, strict=True):
        value += weight * (features[pair] - mean) / scale
    return value


def _logistic(inputs: Floats, labels: Floats) -> Floats:
    """Fit a logistic regression with :data:`RIDGE` to `inputs`, shape ``(features, n)``; return their weights."""
    sign = 2 * labels - 1

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = sign * (np.einsum("f,fn->n", weights[1:], inputs) + weights[0])
        slope = -sign * expit(-margin)
        penalised = RIDGE * np.concatenate([[0.0], weights[1:]])
        gradient = np.concatenate([[slope.sum()], np.einsum("fn,n->f", inputs, slope)]) + penalised
        return float(np.logaddexp(0, -margin).sum() + penalised @ weights / 2), gradient

    return minimize(loss, np.zeros(len(inputs) + 1), jac=True, method="L-BFGS-B").x[1:]


def _least_squares(inputs: Floats, values: Floats) -> Floats:
    """Fit a linear regression with :data:`RIDGE` to `inputs`, shape ``(features, n)``; return their weights."""
    products = np.einsum("fn,gn->fg", inputs, inputs) + RIDGE * np.eye(len(inputs))
    return np.linalg.solve(products, np.einsum("fn,n->f", inputs, values - values.mean()))


# ----------------------------------------------------------------------------------------------- reading the table


def read_shortcuts(path: str | Path) -> pl.DataFrame:
    """Read a table that :func:`find_shortcuts` gave.

    Raises
    ------
    InputError
        Where the file cannot be read, or is no such table or not the whole of it.
    """
    table = read_tsv(path, SHORTCUTS_SCHEMA)
    tasks = table["task"].unique(maintain_order=True)
    rows = [(task, feature, split) for task in tasks for feature in FEATURES for split in SPLITS]
    if not rows or table.select("task", "feature", "split").rows() != rows:
        expected = f"for every task a row of each of {len(FEATURES)} features and {len(SPLITS)} splits"
        raise InputError(f"{path}: expected {expected}; found {len(table)} rows; is it the whole file?")
    if not table["metric"].is_in(list(CHANCE)).all():
        raise InputError(f"{path}: expected one of the metrics {', '.join(CHANCE)} in every row")
    return table


def best_shortcut(shortcuts: pl.DataFrame, task: str) -> str | None:
    """Return the feature that tells most of `task` on train and on validation; None where nothing is defined.

    What counts is the lesser of the two values: of many features one does well on a small split by chance, and the
    fitted one does so where it was fitted. Test does not choose, so what the feature reaches there is told as it is.
    """
    seen = shortcuts.filter(pl.col("value").is_not_null(), pl.col("split").is_in(["train", "validation"]), task=task)
    lesser = seen.group_by("feature", maintain_order=True).agg(pl.col("value").min())
    return str(lesser["feature"][int(lesser["value"].arg_max() or 0)]) if len(lesser) else None


def tell_shortcuts(shortcuts: pl.DataFrame) -> list[str]:
    """Say in plain sentences which feature tells most of a task, where that is :data:`NOTABLE` on both splits."""
    sentences = []
    for task in shortcuts["task"].unique(maintain_order=True):
        feature = best_shortcut(shortcuts, task) or ""
        found = shortcuts.filter(pl.col("split").is_in(["train", "validation"]), task=task, feature=feature)
        reached = found["value"].drop_nulls().to_list()
        if len(reached) == 2 and min(reached) - CHANCE[found["metric"][0]] >= NOTABLE:
            name, metric = FEATURES[feature], found["metric"][0]
            sentences.append(f"{task}: {name} alone reaches {metric} {reached[1]:.3f} on validation")
    return sentences
