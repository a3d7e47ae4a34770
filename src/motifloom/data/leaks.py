"""The leak audit: which examples have a twin in another split, and which labels contradict each other.

A model that has seen a test example's twin can answer from memory, so its score on test promises more than it will keep
on new sequences (Whalen et al. 2022, Nat Rev Genet 23:169). What is looked for stands in :data:`KINDS`. Sequences are
compared in upper case and without their outer unknown bases; one without any known base has no twin.

For each example and kind the table holds at most one partner in each split, its own included: the most similar one. So
the rows grow with the examples, not with the pairs of them, and each example can be judged by its own rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.data.partners import NONE, Partners, Places, Search, Strands
from motifloom.data.similarity import KMER, LEAST_KMER, NEAR, near_duplicates, with_pairs_across
from motifloom.data.splits import SPLITS

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.config import Kind
    from motifloom.data.dataset import Dataset
    from motifloom.data.similarity import Pairs

    Rows = npt.NDArray[np.int64]

LEAKS_SCHEMA = {
    "kind": pl.String,
    "task": pl.String,
    "id": pl.String,
    "split": pl.String,
    "other": pl.String,
    "other_split": pl.String,
    "similarity": pl.Float64,
}
"""The example ``id`` has the partner ``other``. ``task`` is null unless labels matter. ``similarity``, 0 to 1, is the
share of k-mers in common or, of places, of the longer one's bases; null of a shuffle."""

KINDS = {
    "exact_duplicate": "have an exact duplicate",
    "reverse_complement_duplicate": "have an exact duplicate on the other strand",
    "near_duplicate": "have a near-duplicate",
    "overlapping_place": "share bases of the genome with another window",
    "shuffle_of_other_split": "are a shuffle of another example, or have one",
    "positive_among_negatives": "are negatives at the place of a positive, or like one",
    "contradictory_labels": "have an equal sequence with another label",
}
"""What examples do that a kind of finding concerns; but for the last two kinds it matters across splits alone."""

OF_LABELS = ("positive_among_negatives", "contradictory_labels")
"""The kinds that are wrong within a split, too."""

SIMILARITY = (
    f"the share of canonical {KMER}-mers (a k-mer and its reverse complement are the same; where the median length is "
    f"below {3 * KMER - 1} bp, k is a third of it, but at least {LEAST_KMER}) that two sequences have in common, each "
    "as often as both have it, of the one that has more"
)
"""How near-duplicates are told."""


def find_leaks(dataset: Dataset, kind: Kind) -> pl.DataFrame:
    """Find every example's partners.

    Parameters
    ----------
    kind
        What the labels are. Where they are binary, negatives are held against the positives of their task: equal, a
        near-duplicate, or at a place of which they share half. Values of a regression contradict each other where they
        differ by more than the standard deviation of the task.

    Returns
    -------
    Table with the columns of :data:`LEAKS_SCHEMA`, ordered by kind, task, example and the partner's split.
    """
    examples, sequences = dataset.examples, dataset.sequences
    split = examples["split"].replace_strict({name: number for number, name in enumerate(SPLITS)}).to_numpy()
    parents = sequences.table["parent"]
    search = Search(split, len(SPLITS))
    everything = np.arange(len(examples))
    strands, places = Strands.of(sequences), Places.of(examples, parents)
    known = np.flatnonzero(strands.canonical != NONE)
    one_strand = known[strands.forward[known] != strands.backward[known]]
    pairs = with_pairs_across(sequences, near_duplicates(sequences, known), split)

    found: list[tuple[str, str | None, Partners]] = [
        ("exact_duplicate", None, search.equal(known, strands.forward, known, strands.forward)),
        ("reverse_complement_duplicate", None, search.equal(one_strand, strands.backward, known, strands.forward)),
        ("near_duplicate", None, search.near(known, known, strands.canonical, pairs)),
        ("overlapping_place", None, search.overlapping(everything, everything, places)),
        ("shuffle_of_other_split", None, _shuffles(examples["id"], parents, split)),
    ]
    labels = dataset.labels(everything).astype(np.float64)
    by_task = dict(zip(dataset.tasks, labels.T, strict=True))
    if kind == "binary":
        for task, values in by_task.items():
            mistaken = _positives_among_negatives(search, values, strands.canonical, pairs, places)
            found.append(("positive_among_negatives", task, mistaken))
    contradictory = _contradictory_values if kind == "regression" else _contradictory_classes
    for task, values in by_task.items():
        found.append(("contradictory_labels", task, contradictory(search, values, strands.canonical)))
    return pl.concat(_table(name, task, partners, examples, split) for name, task, partners in found)


def _positives_among_negatives(
    search: Search, labels: npt.NDArray[np.float64], classes: Rows, pairs: Pairs, places: Places
) -> Partners:
    """Find the positives, 1, that negatives, 0, equal, resemble or overlap by half or more."""
    negatives, positives = (np.flatnonzero(labels == label) for label in (0, 1))
    overlapping = search.overlapping(negatives, positives, places)
    negatives, positives = (rows[classes[rows] != NONE] for rows in (negatives, positives))
    return Partners.together(
        search.equal(negatives, classes, positives, classes),
        search.near(negatives, positives, classes, pairs),
        overlapping.at_least(NEAR),
    ).best(search.split)


def _contradictory_classes(search: Search, labels: npt.NDArray[np.float64], classes: Rows) -> Partners:
    """Find equal sequences of which one has the label 1, another the label 0."""
    one, other = (np.flatnonzero((labels == label) & (classes != NONE)) for label in (0, 1))
    return Partners.together(search.equal(one, classes, other, classes), search.equal(other, classes, one, classes))


def _contradictory_values(search: Search, values: npt.NDArray[np.float64], classes: Rows) -> Partners:
    """Find equal sequences whose values differ by more than a standard deviation: the ones that differ most."""
    spread = np.std(values[~np.isnan(values)]) if not np.isnan(values).all() else 0.0
    rows = np.flatnonzero(~np.isnan(values) & (classes != NONE))
    rising = rows[np.argsort(values[rows], kind="stable")]
    parts = []
    for ranked in (rising, rising[::-1]):  # of equal sequences the one of the least value, then that of the greatest
        partners = search.equal(rows, classes, ranked, classes)
        parts.append(partners.where(np.abs(values[partners.row] - values[partners.other]) > spread))
    both = Partners.together(*parts)
    return both.best(search.split, by=np.abs(values[both.row] - values[both.other]))


def _shuffles(ids: pl.Series, parents: pl.Series, split: Rows) -> Partners:
    """Find the shuffles whose parent lies in another split."""
    numbered = pl.DataFrame({"id": ids}).with_row_index("other")
    shuffles = pl.DataFrame({"id": parents}).with_row_index("row").drop_nulls().join(numbered, on="id").sort("row")
    row, other = (shuffles[name].cast(pl.Int64).to_numpy() for name in ("row", "other"))
    return Partners(row, other, np.full(len(row), np.nan)).where(split[row] != split[other])


def _table(kind: str, task: str | None, partners: Partners, examples: pl.DataFrame, split: Rows) -> pl.DataFrame:
    """Lay out the findings of one kind and task."""
    order = np.lexsort((split[partners.other], partners.row))
    row, other = partners.row[order], partners.other[order]
    return pl.DataFrame(
        {
            "kind": pl.repeat(kind, len(row), eager=True),
            "task": pl.repeat(task, len(row), dtype=pl.String, eager=True),
            "id": examples["id"][row],
            "split": examples["split"][row],
            "other": examples["id"][other],
            "other_split": examples["split"][other],
            "similarity": pl.Series(partners.similarity[order]).fill_nan(None),
        },
        schema=LEAKS_SCHEMA,
    )


# --------------------------------------------------------------------------------------------------- reading the table


def leaked(leaks: pl.DataFrame, split: str) -> pl.Series:
    """Return the ids of the examples of `split` that have, or are, a partner across splits; each once."""
    across = leaks.filter(pl.col("split") != pl.col("other_split"))
    mine = across.filter(pl.col("split") == split)["id"]
    named = across.filter(pl.col("other_split") == split)["other"].alias("id")
    return pl.concat([mine, named]).unique(maintain_order=True)


def count_leaks(leaks: pl.DataFrame) -> pl.DataFrame:
    """Count the examples that each kind of finding concerns.

    Returns
    -------
    A row per kind of :data:`KINDS`: ``kind``; ``examples``, those that have a partner; ``across_splits``, those that
    have one in another split; ``validation`` and ``test``, those of that split that have or are one across splits.
    """
    rows = []
    for kind in KINDS:
        found = leaks.filter(kind=kind)
        across = found.filter(pl.col("split") != pl.col("other_split"))
        counts = [len(leaked(found, split)) for split in ("validation", "test")]
        rows.append((kind, found["id"].n_unique(), across["id"].n_unique(), *counts))
    return pl.DataFrame(rows, ["kind", "examples", "across_splits", "validation", "test"], orient="row")


def tell_leaks(leaks: pl.DataFrame, sizes: dict[str, int]) -> list[str]:
    """Say what was found in plain sentences, none where nothing was.

    Parameters
    ----------
    sizes
        The number of examples of each split.
    """
    sentences = []
    for row in count_leaks(leaks).iter_rows(named=True):
        concerned = [f"{row[split]} of {sizes[split]} {split}" for split in ("test", "validation") if row[split]]
        if row["kind"] in OF_LABELS:
            concerned = [f"{row['examples']} of {sum(sizes.values())}"] if row["examples"] else []
        across = "" if row["kind"] in OF_LABELS else " in another split"
        if concerned:
            sentences.append(f"{' and '.join(concerned)} examples {KINDS[row['kind']]}{across}")
    return sentences
