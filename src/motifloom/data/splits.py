"""Which examples a model is fitted on, chosen on and judged on, where shares of the examples are drawn.

Examples that are alike stay together: whoever knows one of them has an easy game with the others, and a score on them
promises too much. What is tied together, directly or through others, is a family, and no family is divided.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.config import FractionSplit
    from motifloom.data.dataset import Sequences
    from motifloom.data.examples import Examples

    Integers = npt.NDArray[np.int64]
    Strata = npt.NDArray[np.int16]
    Numbers = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

logger = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")

MOST_STRATA = 20
"""Each combination of the labels of several tasks is a stratum while there are at most so many; else each label is."""

QUANTILES = 4
"""The strata of numbers."""


def draw_splits(
    examples: Examples, sequences: Sequences, split: FractionSplit, random: np.random.Generator, where: str
) -> pl.Series:
    """Draw the split of every example: shares of each stratum, families kept together.

    Near-duplicates (on either strand), places that share a base, a shuffle and its parent, and examples of one group
    are tied. Strata are the classes, the combinations of binary labels, each label where there are many, or the
    quartiles of numbers. Large families are dealt first, each to the split that lacks most; examples without a family
    then fill the shares up at random, those of rare strata first (Sechidis et al. 2011, ECML PKDD, LNCS 6913:145). A
    split that has got no example of a label is given the smallest family that has one and can be spared.

    Parameters
    ----------
    sequences
        The bases of `examples`, row by row.
    where
        The key in the configuration, for the messages.

    Returns
    -------
    ``split``, with the values of :data:`SPLITS`. Without families, each split has its share of each class, combination
    or quartile, to within one example.

    Raises
    ------
    InputError
        Where a family is too large for the shares, or families leave a split without a label.
    """
    families = _Families.of(examples, sequences)
    shares = {"train": 1 - split.validation - split.test, "validation": split.validation, "test": split.test}
    every = np.arange(len(examples.records))
    return _drawn(examples, families, every, np.full(len(every), -1), shares, random, where)


def draw_validation(
    examples: Examples, sequences: Sequences, share: float, random: np.random.Generator, where: str
) -> pl.Series:
    """Draw a share of the training examples for validation; nothing where there are examples for validation already.

    The draw is that of :func:`draw_splits` over the training examples. Families with a member in test stay in train.

    Parameters
    ----------
    share
        Of the training examples, between 0 and 1.
    where
        The key in the configuration, for the messages.

    Returns
    -------
    ``split``, with the values of :data:`SPLITS`.

    Raises
    ------
    InputError
        Where a family is too large for the share, or families leave validation without a label.
    """
    split = examples.records["split"]
    if (split == "validation").any():
        return split
    families = _Families.of(examples, sequences)
    held_out = np.isin(families.label, families.label[(split == "test").to_numpy()])
    train = np.flatnonzero((split == "train").to_numpy())
    dealt = np.where(held_out[train], 0, -1)
    return _drawn(examples, families, train, dealt, {"train": 1 - share, "validation": share}, random, where)


# ------------------------------------------------------------------------------------------------------------ families


@dataclass(frozen=True)
class _Families:
    """What is tied together.

    Attributes
    ----------
    label
        The number of each example's family, shape ``(n,)``.
    ties
        By what they have in common, the rows that are tied: two arrays of shape ``(ties,)``.
    """

    label: Integers
    ties: dict[str, tuple[Integers, Integers]]

    @classmethod
    def of(cls, examples: Examples, sequences: Sequences) -> _Families:
        """Find the families of all examples."""
        from motifloom.data.similarity import families, near_duplicates  # noqa: PLC0415 - compiled code, slow to import

        records = examples.records
        near = near_duplicates(sequences, np.arange(len(records)))
        ties = {
            "near-duplicates": (near.first, near.second),
            "overlapping places": _with_equal(_stretches(records)),
            "shuffles and their parents": _with_equal(records.select(pl.coalesce("parent", "id")).to_series()),
            "examples of one group": _with_equal(records["group"]),
        }
        label = families(len(records), *ties.values())
        size = np.bincount(label)
        if size.max(initial=1) > 1:
            logger.info(
                "%d of %d examples are tied together in %d families, the largest of %d",
                size[size > 1].sum(), len(records), (size > 1).sum(), size.max(),
            )  # fmt: skip
        return cls(label, ties)

    def told(self, family: int) -> str:
        """Say what ties the members of a family."""
        kinds = [kind for kind, (first, _) in self.ties.items() if (self.label[first] == family).any()]
        return " and ".join(kinds)


def _with_equal(keys: pl.Series) -> tuple[Integers, Integers]:
    """Tie each row with the first that has the same key; a null is no key."""
    rows = keys.alias("key").to_frame().with_row_index("row").drop_nulls("key")
    rows = rows.with_columns(first=pl.col("row").min().over("key")).filter(pl.col("row") != pl.col("first"))
    return rows["first"].to_numpy().astype(np.int64), rows["row"].to_numpy().astype(np.int64)


def _stretches(records: pl.DataFrame) -> pl.Series:
    """Return the number of the stretch that each place forms with those it shares a base with; null without a place."""
    placed = records.select("chrom", "start", "end").with_row_index("row").drop_nulls("chrom").sort("chrom", "start")
    reach = pl.col("end").cum_max().shift(1).over("chrom")
    stretch = placed.select("row", stretch=(pl.col("start") >= reach).fill_null(True).cum_sum())
    return records.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("row")).join(
        stretch, on="row", how="left", maintain_order="left"
    )["stretch"]


# -------------------------------------------------------------------------------------------------------------- strata


def _each_label(labels: pl.DataFrame) -> Strata:
    """Return of each label its value and twice its task's number, -1 where it is missing; shape ``(n, tasks)``."""
    values = labels.fill_null(-1).to_numpy().astype(np.int16)
    values += np.where(values < 0, 0, 2 * np.arange(labels.width)).astype(np.int16)
    return values


def _strata(labels: pl.DataFrame) -> Strata:
    """Return the numbers of the strata that each row is in, -1 for none, shape ``(n, 1)`` or ``(n, tasks)``.

    The strata are quartiles of numbers; combinations of labels; or, of too many, each label of each task.
    """
    if any(dtype.is_float() for dtype in labels.dtypes):
        deviations = labels.select((pl.all() - pl.all().mean()) / pl.all().std())
        rank = deviations.mean_horizontal().rank("ordinal").to_numpy()
        return ((rank - 1) * QUANTILES // len(labels)).astype(np.int16)[:, None]
    combination = labels.select(pl.concat_str(pl.all().cast(pl.String).fill_null("?"))).to_series()
    if combination.n_unique() > max(MOST_STRATA, labels.width):
        return _each_label(labels)
    return combination.rank("dense").to_numpy().astype(np.int16)[:, None] - 1


def _sizes(strata: Strata, number: int) -> Integers:
    """Count the rows of each of `number` strata, shape ``(number,)``."""
    return np.bincount(strata[strata >= 0], minlength=number)


# ------------------------------------------------------------------------------------------------------------ the draw


def _drawn(
    examples: Examples,
    families: _Families,
    rows: Integers,
    dealt: Integers,
    shares: dict[str, float],
    random: np.random.Generator,
    where: str,
) -> pl.Series:
    """Draw the splits of `rows`; the other rows keep theirs.

    Parameters
    ----------
    dealt
        The places in `shares` of the rows that are not to be drawn, -1 for the others; shape of `rows`.
    """
    family = families.label[rows]
    size = np.bincount(family[dealt < 0], minlength=1)
    limit = shares["train"] * len(rows)
    if size.max() > max(limit, 1):
        raise InputError(
            f"{where}: {size.max()} of {len(rows)} sequences are tied together ({families.told(int(size.argmax()))}), "
            f"more than the {limit:.0f} that are for train; expected smaller shares held out, or another split"
        )
    labels, free = examples.labels[rows], dealt < 0
    dealt = _deal(family, _strata(labels), dealt, np.array(list(shares.values())), random)
    if not labels.dtypes[0].is_float():
        dealt = _with_each_label(family, _each_label(labels), dealt, free, len(shares))
    split = examples.records["split"].fill_null("train").to_numpy().astype(object)
    split[rows] = np.array(list(shares))[dealt]
    drawn = pl.Series("split", split, dtype=pl.String)
    if problems := _problems(examples.labels, drawn, families, list(shares), where):
        raise InputError(problems)
    return drawn


def _problems(labels: pl.DataFrame, split: pl.Series, families: _Families, drawn: list[str], where: str) -> list[str]:
    """Say which labels the drawn splits lack because the examples that have them are tied together."""
    size = np.bincount(families.label)[families.label]
    problems = []
    for task in labels.columns if not labels.dtypes[0].is_float() else []:
        for value, called in ((1, "positive"), (0, "negative")):
            has = (labels[task] == value).fill_null(False)
            tied = has.to_numpy() & (size > 1)
            lacking = [name for name in drawn if not (has & (split == name)).any()]
            if lacking and tied.any():
                largest = int(families.label[np.flatnonzero(tied)[size[tied].argmax()]])
                problems.append(
                    f"{where}: no {called} example of '{task}' is left for {' and '.join(lacking)}: {tied.sum()} of "
                    f"{has.sum()} are tied together with others, the largest family ({families.told(largest)}) of "
                    f"{size[tied].max()}; expected other shares, or another split"
                )
    return problems


def _deal(family: Integers, strata: Strata, dealt: Integers, shares: Numbers, random: np.random.Generator) -> Integers:
    """Deal rows to splits, the first of which is train.

    Parameters
    ----------
    family
        The number of each row's family, shape ``(n,)``.
    strata
        The numbers of the strata that each row is in, -1 for none, shape ``(n, columns)``; a stratum is of one column.
    dealt
        The splits of the rows that are dealt already, which count; -1 for the others; shape ``(n,)``.
    shares
        What each split gets of each stratum, shape ``(splits,)``.

    Returns
    -------
    The number of each row's split, shape ``(n,)``.
    """
    dealt = dealt.copy()
    sizes = _sizes(strata, int(strata.max()) + 1)
    target = _targets(sizes, shares)
    left = target - np.stack([_sizes(strata[dealt == split], len(sizes)) for split in range(len(shares))], axis=1)
    tied = (dealt < 0) & (np.bincount(family)[family] > 1)
    for members in _largest_first(np.flatnonzero(tied), family, random):
        own = strata[members]
        mine, counts = np.unique(own[own >= 0], return_counts=True)
        counts = counts[:, None]
        # What it takes off the squared deviations from the targets, each over its target, if a split gets the family.
        gain = (counts * (left[mine] - counts / 2) / target[mine]).sum(axis=0).round(9)
        most = len(shares) - 1 - int(gain[::-1].argmax())  # the last of the greatest, so that train comes last
        dealt[members] = most
        left[mine, most] -= counts[:, 0]
    single = random.permutation(np.flatnonzero(dealt < 0))
    owed = np.zeros(len(shares))
    column = np.array([_sizes(column, len(sizes)) > 0 for column in strata.T]).argmax(axis=0)
    for stratum in np.argsort(sizes, kind="stable"):
        rows = single[strata[single, column[stratum]] == stratum]
        dealt[rows] = np.repeat(np.arange(len(shares)), _whole(left[stratum], len(rows), owed))
        for split in range(len(shares)):
            left[:, split] -= _sizes(strata[rows[dealt[rows] == split]], len(sizes))
        single = single[dealt[single] < 0]
    dealt[single] = np.repeat(np.arange(len(shares)), _whole(shares, len(single), owed))
    return dealt


def _with_each_label(family: Integers, labels: Strata, dealt: Integers, free: Mask, splits: int) -> Integers:
    """Move families, as few as can be, to splits that lack a label and from such as keep another row of it.

    Parameters
    ----------
    family, dealt
        The number of each row's family and of its split, shape ``(n,)``.
    labels
        As :func:`_each_label` numbers them, shape ``(n, tasks)``.
    free
        The rows that may move, shape ``(n,)``.

    Returns
    -------
    The number of each row's split, shape ``(n,)``. What cannot be mended so stays as it is.
    """
    dealt = dealt.copy()
    while (move := _spared(family, labels, dealt, free, splits)) is not None:
        members, split = move
        dealt[members] = split
    return dealt


def _spared(family: Integers, labels: Strata, dealt: Integers, free: Mask, splits: int) -> tuple[Integers, int] | None:
    """Find the smallest family with a label that a split lacks and that no other split loses; its rows and that split.

    None where no split lacks a label, or none that lacks one can be helped.
    """
    size, number = np.bincount(family), 2 * labels.shape[1]
    have = np.stack([_sizes(labels[dealt == split], number) for split in range(splits)], axis=1)
    lacking = (have == 0) & (have.sum(axis=1) >= splits)[:, None]
    for label, split in np.argwhere(lacking).tolist():
        found = np.unique(family[free & (labels[:, label // 2] == label)])
        for mine in found[np.argsort(size[found], kind="stable")]:
            members = np.flatnonzero(family == mine)
            own, home = _sizes(labels[members], number), have[:, dealt[members[0]]]
            if ((home > own) | (own == 0)).all():
                return members, split
    return None


def _targets(sizes: Integers, shares: Numbers) -> Numbers:
    """Return how many rows of each stratum each split should get, shape ``(strata, splits)``.

    Of a stratum with a row for each split, each should have one.
    """
    enough = (sizes >= len(shares))[:, None]
    target = sizes[:, None] * shares
    least = np.zeros(target.shape, dtype=bool)
    for _ in shares:
        least |= enough & (target < 1)
        others = np.where(least, 0, shares)
        spare = (sizes - least.sum(axis=1)) / np.maximum(others.sum(axis=1), shares.min())
        target = np.where(least, 1, spare[:, None] * others)
    return target


def _largest_first(rows: Integers, family: Integers, random: np.random.Generator) -> list[Integers]:
    """Return the rows of each family, large families first, those of a size in random order."""
    order = rows[np.argsort(family[rows], kind="stable")]
    members = np.split(order, np.flatnonzero(np.diff(family[order])) + 1) if len(order) else []
    shuffled = [members[index] for index in random.permutation(len(members))]
    return sorted(shuffled, key=len, reverse=True)


def _whole(wanted: Numbers, number: int, owed: Numbers) -> Integers:
    """Share `number` rows out as splits want them, in whole rows; shape ``(splits,)``.

    Parameters
    ----------
    wanted
        What each split lacks, shape ``(splits,)``.
    owed
        What rounding has given each split too little so far; it counts, and is brought up to date.
    """
    wanted = np.maximum(wanted, 0)
    wanted = number * (wanted / wanted.sum() if wanted.any() else np.full(len(wanted), 1 / len(wanted)))
    given = np.floor(wanted + 1e-9).astype(np.int64)
    owed += wanted - given
    for split in np.argsort(-owed, kind="stable")[: number - given.sum()]:
        given[split] += 1
        owed[split] -= 1
    return given
