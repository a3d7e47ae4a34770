"""What attributions are made of: which examples, and which output of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.motifs.filters import choose_sequences

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.config import Kind
    from motifloom.data.dataset import Dataset
    from motifloom.models.predictor import Predictor

SAMPLE, FALSE_POSITIVE = "sample", "false positive"
"""What an example is chosen for: patterns are looked for in the sample; false positives are there to be looked at."""

FALSE_POSITIVES = 2


def choose_examples(
    predictor: Predictor, dataset: Dataset, predictions: pl.DataFrame, number: int, random: np.random.Generator
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Choose examples of the held-out ones, validation and test.

    Parameters
    ----------
    predictions
        Of `predictor`, the columns of ``predictions.parquet``.
    number
        So many at most of those in which :func:`~motifloom.motifs.filters.choose_sequences` looks for filters' sites,
        drawn at random.

    Returns
    -------
    The rows of the sample in the table's order, then where there are negatives those of greatest score,
    :data:`FALSE_POSITIVES` of them; and for each row what it was chosen for.
    """
    held_out = dataset.rows("validation", "test")
    with_sites, negative = choose_sequences(predictor, dataset.labels(held_out))
    sample = np.sort(random.permutation(held_out[with_sites])[:number])
    false = np.empty(0, dtype=np.int64)
    if negative is not None:
        rows = held_out[negative]
        scores = predictions.group_by("id").agg(pl.max("score"))
        known = pl.DataFrame({"id": dataset.examples["id"][rows], "row": rows}).join(scores, on="id")
        false = known.sort("score", "row", descending=[True, False])["row"].head(FALSE_POSITIVES).to_numpy()
    return np.concatenate([sample, false]), [SAMPLE] * len(sample) + [FALSE_POSITIVE] * len(false)


def output_weights(labels: npt.NDArray[np.float32], kind: Kind) -> npt.NDArray[np.float32]:
    """Return how much of each output is attributed, for each sequence; the sum over the tasks is what is meant.

    Binary: the mean logit of the tasks whose label is 1; of all tasks where there is none. Multiclass: the logit of the
    sequence's own class less the mean over all classes, which alone decide. Regression: the mean over the tasks.

    Parameters
    ----------
    labels
        Shape ``(n, tasks)``, NaN where one is missing.

    Returns
    -------
    Shape ``(n, tasks)``.
    """
    even = np.full(labels.shape, 1 / labels.shape[1], dtype=np.float32)
    if kind == "regression":
        return even
    known = np.nan_to_num(labels)
    total = known.sum(axis=1, keepdims=True)
    own = np.divide(known, total, out=even.copy(), where=total > 0)
    return own - even if kind == "multiclass" else own
