"""The most confident errors on test, and the training sequences that are most like them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from motifloom.config import ORACLE
from motifloom.models.knn import spectra

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

BLOCK = 4096
"""Training sequences that are compared at a time."""


def chosen_model(validation: Panel) -> str | None:
    """Return the model with the best mean of the main metric on validation, the oracle aside; None where none has."""
    metric = validation.judged.main
    scored = validation.arrange(list(validation.scores.values()))
    values = np.array([one.compute(np.ones((1, len(one))), [metric])[metric][0] for one in scored])
    means = {model: values[places].mean() for model, places in validation.replicates.items() if model != ORACLE}
    defined = {model: mean for model, mean in means.items() if not np.isnan(mean)}
    return max(defined, key=lambda model: defined[model], default=None)


def errors_table(panels: Sequence[Panel], dataset: Dataset) -> pl.DataFrame:
    """Tell where the model that validation chooses is wrong on test though it is sure, and what it may remember.

    Parameters
    ----------
    panels
        The predictions of a dataset. Of a multiclass one each class is a task, and all classes together none.
    dataset
        Its sequences.

    Returns
    -------
    Table with the columns of `ERRORS_SCHEMA`: for each task up to `WORST` test examples whose score is farthest from
    their label, more than one half where labels are 0 and 1; a row for each of the `NEAREST` training sequences by
    the cosine between counts of canonical k-mers. A model with several replicates is taken by the mean of their scores.
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
    near, similarity = nearest(dataset, train, np.array([place[name] for name in ids], dtype=np.int64))
    names, labels = dataset.examples["id"][train], dict(zip(dataset.tasks, dataset.labels(train).T, strict=True))
    of_id = {name: number for number, name in enumerate(ids)}
    rows = [
        (*error, rank + 1, names[int(row)], float(alike), float(labels[error[0]][row]))
        for error in found
        for rank, (row, alike) in enumerate(zip(near[of_id[error[2]]], similarity[of_id[error[2]]], strict=True))
    ]
    return pl.DataFrame(rows, ERRORS_SCHEMA, orient="row").fill_nan(None)


def nearest(dataset: Dataset, train: Rows, queries: Rows) -> tuple[Rows, Floats]:
    """Find the training sequences that share most k-mers with each query.

    Parameters
    ----------
    train, queries
        Rows of the dataset.

    Returns
    -------
    Places in `train`, the nearest first, of equally near ones the earlier one, and the cosines, 0 to 1, between counts
    of canonical k-mers; shape ``(queries, up to NEAREST)``.
    """
    asked = spectra(dataset.codes(queries), KMER)
    places = np.empty((len(queries), 0), dtype=np.int64)
    cosines = np.empty((len(queries), 0))
    for first in range(0, len(train), BLOCK):
        block = spectra(dataset.codes(train[first : first + BLOCK]), KMER)
        shared = (asked @ block.T).astype(np.float64)  # of whole numbers, so without rounding
        cosines = np.hstack([cosines, shared / (_lengths(asked)[:, None] * _lengths(block))])
        places = np.hstack([places, np.tile(np.arange(first, first + len(block)), (len(queries), 1))])
        best = np.argsort(-cosines, axis=1, kind="stable")[:, :NEAREST]
        cosines, places = np.take_along_axis(cosines, best, axis=1), np.take_along_axis(places, best, axis=1)
    return places, cosines


def _lengths(counts: npt.NDArray[np.float32]) -> Floats:
    """Return the Euclidean lengths of rows of counts; 1 of a row of zeros."""
    squares = np.einsum("ij,ij->i", counts, counts, dtype=np.float64)
    return np.sqrt(np.where(squares > 0, squares, 1.0))


def _worst(panel: Panel, model: str | None) -> Iterator[tuple[Any, ...]]:
    """Yield task, model, id, label and score of the greatest errors, the greatest first."""
    if model is None:
        return
    scores = np.mean([list(panel.scores.values())[place] for place in panel.replicates[model]], axis=0)
    errors = np.abs(scores - panel.labels)
    for place in np.argsort(-errors, kind="stable")[:WORST]:
        if panel.kind == "regression" or errors[place] > 0.5:
            yield panel.task, model, panel.ids[int(place)], float(panel.labels[place]), float(scores[place])
