from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motifloom.config import FractionSplit
from motifloom.data.examples import DROPPED_SCHEMA, RECORD_SCHEMA, Examples
from motifloom.data.splits import SPLITS, draw_splits, draw_validation
from motifloom.errors import InputError
from motifloom.genome import decode, encode, reverse_complement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOTHING = np.empty(0, dtype=np.uint8)
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


def examples_of(
    labels: Mapping[str, Sequence[float | None]], texts: Sequence[str] | None = None, **records: Sequence[Any]
) -> Examples:
    """Examples of unrelated sequences, unless they are given."""
    frame = pl.DataFrame(labels)
    frame = frame.with_columns(pl.col(pl.Int64).cast(pl.Int8))
    if texts is None:
        random = np.random.default_rng(11)
        texts = [decode(random.integers(0, 4, 40).astype(np.uint8)) for _ in range(len(frame))]
    lengths = np.array([len(text) for text in texts])
    given = {
        "id": [f"s{number}" for number in range(len(frame))],
        "offset": np.cumsum(lengths) - lengths,
        "length": lengths,
        "minus": False,
        "own": True,
        **records,
    }
    table = pl.DataFrame({column: given.get(column) for column in RECORD_SCHEMA}, schema=RECORD_SCHEMA)
    return Examples(table, frame, encode("".join(texts)), pl.DataFrame(schema=DROPPED_SCHEMA))


def drawn(examples: Examples, seed: int = 0, **split: Any) -> list[str]:
    section = FractionSplit(**{"validation": 0.1, "test": 0.2, **split})
    series = draw_splits(
        examples, examples.sequences(NOTHING), section, np.random.default_rng(seed), "datasets.x.split"
    )
    assert (series.name, series.dtype) == ("split", pl.String)
    return series.to_list()


def validation_of(examples: Examples, share: float, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return draw_validation(examples, examples.sequences(NOTHING), share, random, "datasets.x.split").to_list()


def bases(length: int, seed: int) -> str:
    return decode(np.random.default_rng(seed).integers(0, 4, length).astype(np.uint8))


# -------------------------------------------------------------------------------------------------- shares and strata


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    validation=st.floats(0.02, 0.45),
    test=st.floats(0.02, 0.45),
    seed=st.integers(0, 1000),
)
def test_without_families_each_stratum_has_its_shares_to_within_one_example(sizes, validation, test, seed):
    classes = np.repeat(np.arange(len(sizes)), sizes)
    classes = classes[np.random.default_rng(seed).permutation(len(classes))]
    labels = {f"class {k}": (classes == k).astype(int).tolist() for k in range(len(sizes))}
    splits = drawn(examples_of(labels), seed, validation=validation, test=test)
    shares = {"train": 1 - validation - test, "validation": validation, "test": test}
    for k, size in enumerate(sizes):
        counts = Counter(split for split, label in zip(splits, classes, strict=True) if label == k)
        target = {split: share * size for split, share in shares.items()}
        if size >= 3 and min(target.values()) < 1:  # then each split has one
            assert min(counts[split] for split in SPLITS) >= 1
        else:
            assert all(abs(counts[split] - wanted) < 1 + 1e-6 for split, wanted in target.items())


def test_all_strata_together_have_their_shares():
    classes = np.random.default_rng(3).integers(0, 19, 330)
    labels = {f"class {k}": (classes == k).astype(int).tolist() for k in range(19)}
    counts = Counter(drawn(examples_of(labels)))
    assert {split: counts[split] for split in SPLITS} == {"train": 231, "validation": 33, "test": 66}


def test_combinations_of_labels_are_strata_missing_ones_too():
    random = np.random.default_rng(4)
    one, other = (random.choice([0, 1, None], 240, p=[0.5, 0.3, 0.2]).tolist() for _ in range(2))
    one = [1 if a is None and b is None else a for a, b in zip(one, other, strict=True)]
    splits = drawn(examples_of({"one": one, "other": other}))
    for combination, size in Counter(zip(one, other, strict=True)).items():
        counts = Counter(s for s, *labels in zip(splits, one, other, strict=True) if tuple(labels) == combination)
        assert all(abs(counts[split] - share * size) < 1.001 for split, share in SHARES.items())


@pytest.mark.parametrize("seed", range(5))
def test_of_too_many_combinations_each_label_is_a_stratum(seed):
    random = np.random.default_rng(seed)
    values = np.where(random.random((500, 12)) < 0.1, None, (random.random((500, 12)) < 0.08).astype(int))
    splits = np.array(drawn(examples_of({f"task {k}": column.tolist() for k, column in enumerate(values.T)}), seed))
    assert all(abs((splits == split).sum() - 500 * share) < 5 for split, share in SHARES.items())
    for task in values.T:
        for split, share in SHARES.items():
            assert abs((task[splits == split] == 1).sum() - share * (task == 1).sum()) < 3
            assert abs((task[splits == split] == 0).sum() - share * (task == 0).sum()) < 7


def test_rare_labels_of_many_tasks_are_in_every_split():
    """Each task has five positives, of which three are positives of the next task as well."""
    for seed in range(20):
        random = np.random.default_rng(seed)
        values = np.zeros((300, 8), dtype=int)
        for task in range(8):
            values[2 * task : 2 * task + 5, task] = 1
        values = values[random.permutation(300)]
        splits = np.array(drawn(examples_of({f"task {k}": column.tolist() for k, column in enumerate(values.T)}), seed))
        assert all(values[splits == split].any(axis=0).all() for split in SPLITS)


@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.2), (0.15, 0.15), (0.2, 0.2)])
@pytest.mark.parametrize("number", range(3, 10))
def test_few_families_are_shared_out(number, validation, test):
    group = [f"g{k % number}" for k in range(20 * number)]
    examples = examples_of({"x": [k // number % 2 for k in range(20 * number)]}, group=group)
    splits = drawn(examples, validation=validation, test=test)
    families = {split: len({g for g, home in zip(group, splits, strict=True) if home == split}) for split in SPLITS}
    assert min(families.values()) >= 1
    assert sum(families.values()) == number
    assert abs(families["validation"] - validation * number) < 1
    assert abs(families["test"] - test * number) < 1


def test_a_label_of_few_families_is_in_every_split():
    """Twenty positives in four families, among a thousand negatives."""
    group = [f"g{k % 4}" for k in range(20)] + [None] * 1000
    examples = examples_of({"x": [1] * 20 + [0] * 1000}, group=group)
    for seed in range(10):
        counts = Counter(drawn(examples, seed, validation=0.2, test=0.2)[:20])
        assert sorted(counts.values()) == [5, 5, 10]


def test_quartiles_of_numbers_are_strata_whatever_their_units():
    values = np.random.default_rng(6).standard_normal(200).cumsum()
    splits = np.array(drawn(examples_of({"value": values.tolist()})))
    for quartile in np.argsort(values).reshape(4, 50):
        counts = Counter(splits[quartile])
        assert (counts["train"], counts["validation"], counts["test"]) == (35, 5, 10)
    scaled = {"a": (1e6 * values).tolist(), "b": [None if v > 3 else 1e-3 * v for v in values]}
    assert Counter(drawn(examples_of(scaled))) == {"train": 140, "validation": 20, "test": 40}


def test_a_class_of_three_is_in_every_split():
    labels = {"rare": [1] * 3 + [0] * 300, "usual": [0] * 3 + [1] * 300}
    assert sorted(drawn(examples_of(labels))[:3]) == sorted(SPLITS)


def test_the_generator_alone_decides_and_every_example_has_the_same_chance():
    examples = examples_of({"x": [0, 1] * 20})
    assert drawn(examples, 5) == drawn(examples, 5) != drawn(examples, 6)
    held_out = np.array([[split == "test" for split in drawn(examples, seed)] for seed in range(300)])
    assert (held_out.sum(axis=1) == 8).all()
    assert held_out.mean(axis=0).min() > 0.12  # 0.2 expected; below with a chance of 0.0002 for each of 40
    assert held_out.mean(axis=0).max() < 0.29


# ------------------------------------------------------------------------------------------------------------- families


def tied_examples(kind: str, number: int = 60) -> tuple[Examples, np.ndarray]:
    """Examples of which each pair, row k and row k + number, is tied in one way."""
    texts = [bases(60, seed) for seed in range(2 * number)]
    records: dict[str, Any] = {}
    for k in range(number):
        match kind:
            case "near-duplicates":
                texts[k + number] = texts[k][:30] + "ACGT"[k % 4] + texts[k][31:]
            case "shifted windows":
                texts[k + number] = texts[k][15:] + bases(15, 1000 + k)
            case "other strands":
                texts[k + number] = decode(reverse_complement(encode(texts[k])))
    if kind == "overlapping places":
        starts = [200 * k for k in range(number)] + [200 * k + 59 for k in range(number)]
        records = {
            "chrom": ["c1"] * (2 * number),
            "start": starts,
            "end": [start + 60 for start in starts],
        }
        records["strand"] = ["."] * (2 * number)
    if kind == "shuffles":
        records = {"parent": [None] * number + [f"s{k}" for k in range(number)]}
    if kind == "groups":
        records = {"group": [f"g{k}" for k in range(number)] * 2}
    return examples_of({"x": ([0, 1] * number)[:number] * 2}, texts, **records), np.arange(number)


@pytest.mark.parametrize(
    "kind", ["near-duplicates", "shifted windows", "other strands", "overlapping places", "shuffles", "groups"]
)
def test_what_is_tied_stays_together(kind):
    examples, pairs = tied_examples(kind)
    splits = np.array(drawn(examples))
    assert (splits[pairs] == splits[pairs + len(pairs)]).all()
    assert {split: int((splits == split).sum()) for split in SPLITS} == {"train": 84, "validation": 12, "test": 24}
    untied = examples_of({"x": examples.labels["x"].to_list()}, [bases(60, 5000 + seed) for seed in range(120)])
    free = np.array(drawn(untied))
    assert (free[pairs] != free[pairs + len(pairs)]).sum() > 10


def test_places_that_touch_or_lie_on_other_chromosomes_are_not_tied():
    number = 90
    starts = [60 * (k // 3) for k in range(number)]
    places = {"chrom": ["a", "b", "c"] * 30, "start": starts, "end": [start + 60 for start in starts]}
    examples = examples_of({"x": [0, 1] * 45}, strand=["."] * number, **places)
    untied = examples_of({"x": [0, 1] * 45})
    assert drawn(examples) == drawn(untied)


def test_ties_reach_over_others():
    """A chain: places overlap, the next is a near-duplicate, the last is in one group with it."""
    texts = [bases(60, seed) for seed in range(40)]
    texts[2] = texts[1]
    starts = [0, 30, 1000, 2000] + [3000 + 100 * k for k in range(36)]
    examples = examples_of(
        {"x": [0, 1] * 20}, texts, chrom=["c"] * 40, start=starts, end=[start + 60 for start in starts],
        strand=["."] * 40, group=[None, None, "g", "g"] + [None] * 36,
    )  # fmt: skip
    for seed in range(10):
        assert len(set(drawn(examples, seed, validation=0.2, test=0.3)[:4])) == 1


def test_families_of_all_sizes_leave_the_shares_as_they_are():
    sizes = [90, 40, 25, 12, 12, 9, 7, 5, 4, 3, 3, 2, 2, 2]
    group = [f"g{k}" for k, size in enumerate(sizes) for _ in range(size)]
    group += [None] * (400 - len(group))
    examples = examples_of({"x": np.random.default_rng(2).integers(0, 2, 400).tolist()}, group=group)
    splits = drawn(examples)
    assert Counter(splits) == {"train": 280, "validation": 40, "test": 80}
    homes: dict[str, set[str]] = {}
    for name, split in zip(group, splits, strict=True):
        homes.setdefault(name, set()).add(split)
    assert all(len(found) == 1 for name, found in homes.items() if name)
    assert homes["g0"] == {"train"}


@pytest.mark.parametrize(
    ("x", "tied", "problem"),
    [
        (
            [0, 1] * 20,
            29,
            (
                "29 of 40 sequences are tied together (examples of one group), more than the 28 that are for train; "
                "expected smaller shares held out, or another split"
            ),
        ),
        (
            [1] * 8 + [0] * 32,
            8,
            (
                "no positive example of 'x' is left for validation and test: 8 of 8 are tied together with others, the "
                "largest family (examples of one group) of 8; expected other shares, or another split"
            ),
        ),
    ],
)
def test_families_that_leave_no_way_to_split_are_told(x, tied, problem):
    with pytest.raises(InputError) as caught:
        drawn(examples_of({"x": x}, group=["g"] * tied + [None] * (40 - tied)))
    assert caught.value.problems == [f"datasets.x.split: {problem}"]


def test_what_ties_a_family_is_told():
    texts = [bases(60, 1)] * 16 + [bases(60, seed) for seed in range(2, 6)]
    with pytest.raises(InputError, match=r"16 of 20 sequences are tied together \(near-duplicates and examples of one"):
        drawn(examples_of({"x": [0, 1] * 10}, texts, group=["g", "g"] + [None] * 18))


# ----------------------------------------------------------------------------------------- validation beside a column


def test_a_share_of_train_is_drawn_for_validation_and_test_stays():
    split = ["test" if k % 5 == 0 else "train" for k in range(100)]
    examples = examples_of({"x": [0, 1] * 50}, split=split)
    splits = validation_of(examples, 0.25)
    assert [a == "test" for a in splits] == [a == "test" for a in split]
    assert Counter(zip(splits, [0, 1] * 50, strict=True)) == {
        **{("test", label): 10 for label in (0, 1)},
        **{("train", label): 30 for label in (0, 1)},
        **{("validation", label): 10 for label in (0, 1)},
    }
    assert splits == validation_of(examples, 0.25) != validation_of(examples, 0.25, seed=1)


def test_a_family_with_a_member_in_test_stays_in_train():
    split = ["test"] * 10 + ["train"] * 90
    group = [f"g{k}" for k in range(10)] + [f"g{k // 2}" for k in range(20)] + [f"h{k // 7}" for k in range(70)]
    examples = examples_of({"x": [0, 1] * 50}, split=split, group=group)
    for seed in range(5):
        splits = validation_of(examples, 0.3, seed)
        assert splits[:10] == ["test"] * 10
        assert splits[10:30] == ["train"] * 20
        assert 26 <= splits.count("validation") <= 28
        assert all(len(set(splits[30 + 7 * k : 37 + 7 * k])) == 1 for k in range(10))


def test_validation_that_the_column_names_is_left_as_it_is():
    split = ["train", "validation", "test"] * 10
    assert validation_of(examples_of({"x": [0, 1] * 15}, split=split), 0.5) == split


def test_a_family_that_is_most_of_train_is_told():
    split, group = ["test"] * 10 + ["train"] * 30, [None] * 10 + ["g"] * 25 + [None] * 5
    with pytest.raises(InputError, match="25 of 30 sequences are tied together"):
        validation_of(examples_of({"x": [0, 1] * 20}, split=split, group=group), 0.2)
