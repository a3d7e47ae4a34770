"""The most confident errors on test, and the training sequences that are most like them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from motifloom.config import ORACLE
from motifloom.models.features import kmer_counts
from motifloom.models.nearest import Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.evaluation.metrics import Floats
    from motifloom.evaluation.panels import Panel

    Rows = npt.NDArray[np.int64]

ERRORS_SCHEMA = {
    "task": pl.String,
    "model": pl.String,
    "id": pl.String,
    "label": pl.Float64,
    "score": pl.Float64,
    "rank": pl.Int64,
    "neighbour": pl.String,
    "similarity": pl.Float64,
    "neighbour_label": pl.Float64,
}
WORST = 10
"""So many errors are told of each task."""

NEAREST = 3
"""So many training sequences of each error."""

KMER = 6
"""The length of the k-mers that sequences are compared by, in bp."""


def chosen_model(validation: Panel) -> str | None:
    """Return the model with the best mean of the main metric on validation, the oracle aside; None where none has."""
    metric = validation.judged.main
    scored = validation.arrange(list(validation.scores.values()))
    values = np.array([one.compute(np.ones((1, len(one))), [metric])[metric][0] for one in scored])
    means = {model: values[places].mean() for model, places in validation.replicates.items() if model != ORACLE}
    defined = {model: mean for model, mean in means.items() if not np.isnan(mean)}
    return max(defined, key=lambda model: defined[model], default=None)


def errors_table(panels: Sequence[Panel], dataset: Dataset, canonical: bool) -> pl.DataFrame:
    """Tell where the model that validation chooses is wrong on test though it is sure, and what it may remember.

    Parameters
    ----------
    panels
        The predictions of a dataset. Of a multiclass one each class is a task, and all classes together none.
    dataset
        Its sequences.
    canonical
        Whether a k-mer and its reverse complement are counted as one, as sequences on both strands are compared.

    Returns
    -------
    Table with the columns of `ERRORS_SCHEMA`: for each task up to `WORST` test examples whose score is farthest from
    their label, more than one half where labels are 0 and 1; a row for each of the `NEAREST` training sequences by
    the cosine between counts of k-mers. A model with several replicates is taken by the mean of their scores.
    """
    by_place = {(panel.split, panel.task): panel for panel in panels if panel.kind != "multiclass"}
    found = [
        row
        for (split, task), panel in by_place.items()
        if split == "test" and ("validation", task) in by_place
        for row in _worst(panel, chosen_model(by_place["validation", task]))
    ]
    ids = list(dict.fromkeys(name for _, _, name, _, _ in found))
    place = dict(zip(dataset.examples["id"], range(len(dataset.examples)), strict=True))
    train = dataset.rows("train")
    asked = np.array([place[name] for name in ids], dtype=np.int64)
    near, similarity = nearest(dataset, train, asked, canonical)
    names, labels = dataset.examples["id"][train], dict(zip(dataset.tasks, dataset.labels(train).T, strict=True))
    of_id = {name: number for number, name in enumerate(ids)}
    rows = [
        (*error, rank + 1, names[int(row)], float(alike), float(labels[error[0]][row]))
        for error in found
        for rank, (row, alike) in enumerate(zip(near[of_id[error[2]]], similarity[of_id[error[2]]], strict=True))
    ]
    return pl.DataFrame(rows, ERRORS_SCHEMA, orient="row").fill_nan(None)


def nearest(dataset: Dataset, train: Rows, queries: Rows, canonical: bool) -> tuple[Rows, Floats]:
    """Find the training sequences that share most k-mers with each query.

    Parameters
    ----------
    train, queries
        Rows of the dataset.

    Returns
    -------
    Places in `train`, the nearest first, of equally near ones the earlier one, and the cosines, 0 to 1, between counts
    of k-mers; shape ``(queries, up to NEAREST)``.
    """
    describe = partial(kmer_counts, kmers=[KMER], canonical=canonical)
    if not len(queries):
        return np.empty((0, 0), dtype=np.int64), np.empty((0, 0))
    found = list(Index.of(dataset.codes(train), describe, "cosine").nearest(dataset.codes(queries), NEAREST))
    places = np.concatenate([part.rows for part in found])
    return places, 1 - np.concatenate([part.distance for part in found])


def _worst(panel: Panel, model: str | None) -> Iterator[tuple[Any, ...]]:
    """Yield task, model, id, label and score of the greatest errors, the greatest first."""
    if model is None:
        return
    scores = np.mean([list(panel.scores.values())[place] for place in panel.replicates[model]], axis=0)
    errors = np.abs(scores - panel.labels)
    for place in np.argsort(-errors, kind="stable")[:WORST]:
        if panel.kind == "regression" or errors[place] > 0.5:
            yield panel.task, model, panel.ids[int(place)], float(panel.labels[place]), float(scores[place])
