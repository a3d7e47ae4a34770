"""Where a model is good: the main metric on parts of the test split that are alike in GC, length, N or chromosome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.stats import norm

from motifloom.evaluation.intervals import auroc_interval, share_interval
from motifloom.evaluation.metrics import Ranking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.evaluation.panels import Panel

STRATA_SCHEMA = {
    "model": pl.String,
    "replicate": pl.Int64,
    "task": pl.String,
    "property": pl.String,
    "stratum": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n": pl.Int64,
    "n_positive": pl.Int64,
}
PARTS = 4
"""Into so many parts of equal size the test examples are divided by a number; equal numbers stay together."""


@dataclass(frozen=True)
class Stratum:
    """A part of the test split: what its examples have in common, and their ids; of one task where that is named."""

    property: str
    name: str
    ids: pl.Series
    task: str | None = None


def divide(dataset: Dataset, strengths: Mapping[str, npt.NDArray[np.float64]] | None = None) -> list[Stratum]:
    """Divide the test split by each property that varies in it.

    Parameters
    ----------
    strengths
        Of a binary dataset's tasks, how strong the peak of each test example is; NaN where there is none.

    Returns
    -------
    Quarters by ``gc`` (of the known bases, in percent) and by ``length`` (in bp), ``unknown`` bases none or some, each
    ``chromosome`` where examples have one. For each task with strengths, quarters of its positives by the ``strength``
    of their peak, each with all of its negatives.
    """
    rows = dataset.rows("test")
    examples, made_of = dataset.examples[rows], dataset.sequences.composition(rows)
    lengths = dataset.sequences.lengths[rows]
    divided = {
        "gc": _quarters(100 * made_of.gc / np.maximum(lengths - made_of.unknown, 1)),
        "length": _quarters(lengths),
        "unknown": {"none": made_of.unknown == 0, "some": made_of.unknown > 0},
    }
    if "chrom" in examples.columns:
        chromosomes = examples["chrom"].unique(maintain_order=True)
        divided["chromosome"] = {name: (examples["chrom"] == name).to_numpy() for name in chromosomes}
    strata = {name: {part: chosen for part, chosen in parts.items() if chosen.any()} for name, parts in divided.items()}
    found = [
        Stratum(name, part, examples["id"].filter(pl.Series(chosen)))
        for name, parts in strata.items()
        for part, chosen in parts.items()
        if len(parts) > 1
    ]
    return [
        *found,
        *(stratum for task, values in (strengths or {}).items() for stratum in _by_strength(examples, task, values)),
    ]


def _by_strength(examples: pl.DataFrame, task: str, strength: npt.NDArray[np.float64]) -> Iterator[Stratum]:
    """Yield quarters of a task's positives by strength, each with all negatives."""
    label = examples[task].to_numpy()
    rows = np.flatnonzero((label == 1) & np.isfinite(strength))
    parts = _quarters(strength[rows]) if len(rows) else {}
    for name, chosen in parts.items() if len(parts) > 1 else ():
        mine = label == 0
        mine[rows[chosen]] = True
        yield Stratum("strength", name, examples["id"].filter(pl.Series(mine)), task)


def strata_table(panels: Sequence[Panel], strata: Sequence[Stratum], confidence: float) -> pl.DataFrame:
    """Compute every run's main metric in each stratum of the test split.

    Parameters
    ----------
    panels
        The predictions of a dataset; of a multiclass one only all classes together are told of.
    strata
        As :func:`divide` gives them.
    confidence
        The level of the intervals, 0 to 1. They are computed, not drawn: by DeLong's variance of an AUROC,
        Wilson's interval of an accuracy, Fisher's transformation of a correlation.

    Returns
    -------
    Table with the columns of `STRATA_SCHEMA`; undefined values and their intervals are null.
    """
    over_all = any(panel.kind == "multiclass" for panel in panels)
    told = [panel for panel in panels if panel.split == "test" and (panel.kind == "multiclass" or not over_all)]
    rows = [row for panel in told for row in _rows(panel, strata, confidence)]
    return pl.DataFrame(rows, STRATA_SCHEMA, orient="row").fill_nan(None)


def correlation_interval(correlation: float, n: int, z: float) -> tuple[float, float]:
    """Return the interval of Pearson's correlation by Fisher's transformation (1921, Metron 1:3).

    NaN of fewer than four examples, and where the correlation is perfect or not defined.
    """
    if n < 4 or not -1 < correlation < 1:
        return float("nan"), float("nan")
    middle, width = np.arctanh(correlation), z / np.sqrt(n - 3)
    return float(np.tanh(middle - width)), float(np.tanh(middle + width))


def _quarters(values: npt.NDArray[Any]) -> dict[str, npt.NDArray[np.bool_]]:
    """Divide examples by a number into `PARTS` of about equal size, named by the least and the greatest in it."""
    edges = np.unique(np.quantile(values, np.arange(1, PARTS) / PARTS))
    part = np.searchsorted(edges, values, side="right")
    chosen = [part == number for number in range(len(edges) + 1) if (part == number).any()]
    ends = [(float(values[mine].min()), float(values[mine].max())) for mine in chosen]
    return dict(zip(_names(ends), chosen, strict=True))


def _names(ends: Sequence[tuple[float, float]]) -> list[str]:
    """Name parts by their ends, with one decimal, or with as many digits as it takes to tell them apart."""
    numbers = [lambda value: f"{value:.1f}".removesuffix(".0"), *(f"{{:.{digits}g}}".format for digits in range(3, 18))]
    named = ([" to ".join(dict.fromkeys(map(number, pair))) for pair in ends] for number in numbers)
    return next(names for names in named if len(set(names)) == len(names))


def _rows(panel: Panel, strata: Sequence[Stratum], confidence: float) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of one task."""
    metric, z = panel.judged.main, float(norm.ppf((1 + confidence) / 2))
    strata = [stratum for stratum in strata if stratum.task in {None, panel.task}]
    members = [panel.ids.is_in(stratum.ids.implode()).to_numpy() for stratum in strata]
    for run, scores in panel.scores.items():
        for stratum, mine in zip(strata, members, strict=True):
            labels = panel.labels[mine]
            scored = panel.judged.arrange(labels, scores[mine])
            value = float(scored.compute(np.ones((1, len(labels))), [metric])[metric][0])
            if isinstance(scored, Ranking):
                ends = auroc_interval(scored, confidence)
            elif panel.kind == "multiclass":
                ends = share_interval(value, len(labels), confidence)
            else:
                ends = correlation_interval(value, len(labels), z)
            positives = int(labels.sum()) if panel.kind == "binary" else None
            yield (*run, panel.task, stratum.property, stratum.name, metric, value, *ends, len(labels), positives)
