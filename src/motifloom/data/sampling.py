"""Draws from a prepared dataset: fewer training examples, with their own labels or random ones, or resamples of them.

What is drawn is a prepared dataset again, which every command takes. Its bases are a link to those of the whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.data.dataset import Sequences
from motifloom.files import link, write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from motifloom.config import Kind
    from motifloom.data.dataset import Dataset

    Integers = npt.NDArray[np.int64]


def nested_order(labels: npt.NDArray[np.float32], random: np.random.Generator) -> Integers:
    """Put examples into a random order of which every beginning is stratified.

    The examples with the same labels in all tasks are spread evenly over the order: of m of them the i-th, in random
    order, gets a random place in the i-th of m equal parts.

    Parameters
    ----------
    labels
        Shape ``(n, tasks)``, NaN where one is missing. Values of a regression are rarely alike, so nothing but chance
        spreads them.

    Returns
    -------
    The rows 0 to n − 1, shape ``(n,)``.
    """
    _, stratum, sizes = np.unique(np.nan_to_num(labels, nan=-1.0), axis=0, return_inverse=True, return_counts=True)
    stratum = stratum.ravel()
    by_stratum = np.lexsort((random.random(len(labels)), stratum))
    rank = np.empty(len(labels))
    rank[by_stratum] = np.arange(len(labels)) - (np.cumsum(sizes) - sizes)[stratum[by_stratum]]
    place = (rank + random.random(len(labels))) / sizes[stratum]
    return np.argsort(place, kind="stable")


def draw_train(dataset: Dataset, number: int, random: np.random.Generator) -> Integers:
    """Draw training examples, stratified by label; of one generator's state the smaller draw is part of the larger.

    Returns
    -------
    `number` rows of the dataset, rising, or all rows of train where there are no more; shape ``(number,)``.
    """
    train = dataset.rows("train")
    return np.sort(train[nested_order(dataset.labels(train), random)[:number]])


def resample_train(dataset: Dataset, kind: Kind, random: np.random.Generator) -> Integers:
    """Draw as many training examples as there are, with replacement: a bootstrap of what a model learns from.

    Those of one class are drawn among each other, so that every class keeps its number. Those of several tasks, of
    which few have the same labels in all, and those with values are drawn from all together (Efron & Tibshirani 1993,
    An Introduction to the Bootstrap).

    Returns
    -------
    Rows of the dataset, rising, one as often as it was drawn; shape ``(train,)``.
    """
    train = dataset.rows("train")
    labels = dataset.labels(train)
    if kind == "multiclass" or (kind == "binary" and len(dataset.tasks) == 1):
        strata = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
    else:
        strata = np.zeros(len(train), dtype=np.int64)
    drawn = np.empty_like(train)
    for stratum in np.unique(strata):
        mine = np.flatnonzero(strata == stratum)
        drawn[mine] = train[random.choice(mine, len(mine))]
    return np.sort(drawn)


def with_train(dataset: Dataset, train: Integers) -> Dataset:
    """Return a dataset with no other training examples than `train`; validation and test stay.

    Of an example that is there several times, the second is called ``{id} (copy 2)``, and so on.
    """
    part = _take(dataset, np.sort(np.concatenate([train, dataset.rows("validation", "test")])))
    number = pl.int_range(1, pl.len() + 1).over("id")
    copy = pl.format("{} (copy {})", "id", number)
    return replace(part, examples=part.examples.with_columns(id=pl.when(number > 1).then(copy).otherwise("id")))


def with_random_labels(dataset: Dataset, train: Integers, random: np.random.Generator) -> Dataset:
    """Return a dataset whose training examples are `train`, their labels in a random order (Zhang et al., ICLR 2017).

    Validation are the same examples with the same labels: what is best there fits best. They are not shifted in
    training. Test stays.
    """
    tasks, shuffled = dataset.tasks, random.permutation(train)
    drawn = _take(dataset, np.concatenate([train, train, dataset.rows("test")]))
    of_train = dataset.examples[shuffled].select(tasks)
    labels = pl.concat([of_train, of_train, drawn.examples[2 * len(train) :].select(tasks)])
    splits = pl.Series("split", ["train", "validation"]).gather(np.repeat([0, 1], len(train)))
    splits = pl.concat([splits, drawn.examples["split"][2 * len(train) :]])
    table = drawn.sequences.table.with_columns(pl.lit(None, pl.Int64).alias(name) for name in ("before", "after"))
    return replace(
        drawn,
        examples=drawn.examples.with_columns(splits, *labels.iter_columns()),
        sequences=replace(drawn.sequences, table=table),
    )


def write_part(folder: Path, part: Dataset, whole: Path) -> None:
    """Write a part of the prepared dataset in the folder `whole` as a prepared dataset, ``examples.parquet`` last."""
    link(folder / "sequences.bin", whole / "sequences.bin")
    write_parquet(folder / "sequences.parquet", part.sequences.table)
    write_parquet(folder / "examples.parquet", part.examples)


def _take(dataset: Dataset, rows: Integers) -> Dataset:
    return replace(
        dataset,
        examples=dataset.examples[rows],
        sequences=Sequences(dataset.sequences.packed, dataset.sequences.table[rows]),
    )
