from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from motifloom.cli import main
from motifloom.data.dataset import SEQUENCE_SCHEMA, Dataset, Sequences
from motifloom.data.leaks import KINDS, LEAKS_SCHEMA, count_leaks, find_leaks, leaked, tell_leaks
from motifloom.data.similarity import KMER, NEAR
from motifloom.genome import SOFT_MASKED, encode

if TYPE_CHECKING:
    from pathlib import Path

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def other_strand(sequence: str) -> str:
    return sequence.upper().translate(COMPLEMENT)[::-1]


def drawn(random: np.random.Generator, length: int) -> str:
    return "".join(random.choice(list("ACGT"), length))


def packed(sequence: str) -> np.ndarray:
    lower = np.array([base.islower() for base in sequence])
    return encode(sequence) | np.where(lower, SOFT_MASKED, 0).astype(np.uint8)


def dataset(rows: list[dict[str, Any]], folder: Path | None = None) -> Dataset:
    """Lay out examples: ``sequence``, ``split``, and perhaps ``place``, ``parent`` and labels by the task's name."""
    tasks = dict.fromkeys(name for row in rows for name in row if name not in {"sequence", "split", "place", "parent"})
    tasks = tasks or {"t": None}
    lengths = [len(row["sequence"]) for row in rows]
    sequences = pl.DataFrame(
        {
            "offset": np.cumsum([0, *lengths[:-1]]), "length": lengths, "minus": False,
            "before": None, "after": None, "parent": [row.get("parent") for row in rows], "group": None,
        },
        schema=SEQUENCE_SCHEMA,
    )  # fmt: skip
    examples = pl.DataFrame({"id": [f"e{n}" for n in range(len(rows))], "split": [row["split"] for row in rows]})
    if any("place" in row for row in rows):
        places = [(*row.get("place", (None, None, None)), ".") for row in rows]
        schema = {"chrom": pl.String, "start": pl.Int64, "end": pl.Int64, "strand": pl.String}
        examples = examples.hstack(pl.DataFrame(places, schema, orient="row"))
    examples = examples.with_columns(pl.Series(task, [row.get(task) for row in rows]) for task in tasks)
    own = np.concatenate([packed(row["sequence"]) for row in rows])
    if folder:
        own.tofile(folder / "sequences.bin")
        sequences.write_parquet(folder / "sequences.parquet")
        examples.write_parquet(folder / "examples.parquet")
    return Dataset(examples, Sequences(own, sequences))


def found(data: Dataset, kind: str, labels: str = "binary") -> list[tuple[Any, ...]]:
    rows = find_leaks(data, labels).filter(kind=kind)
    return rows.select("id", "split", "other", "other_split").rows()


@pytest.fixture
def base() -> str:
    return drawn(np.random.default_rng(1), 61)


def test_exact_duplicates_whatever_case_and_outer_unknown_bases(base):
    data = dataset(
        [
            {"sequence": base, "split": "train"},
            {"sequence": base.lower(), "split": "test"},
            {"sequence": f"NN{base}", "split": "validation"},
            {"sequence": base[:-1], "split": "test"},
            {"sequence": base[:30] + "N" + base[31:], "split": "train"},
            {"sequence": base[:30] + "n" + base[31:] + "N" * 7, "split": "test"},
        ]
    )
    assert found(data, "exact_duplicate") == [
        ("e0", "train", "e2", "validation"),
        ("e0", "train", "e1", "test"),
        ("e1", "test", "e0", "train"),
        ("e1", "test", "e2", "validation"),
        ("e2", "validation", "e0", "train"),
        ("e2", "validation", "e1", "test"),
        ("e4", "train", "e5", "test"),
        ("e5", "test", "e4", "train"),
    ]
    assert found(data, "reverse_complement_duplicate") == []


def test_the_other_strand_and_palindromes(base):
    palindrome = base[:20] + other_strand(base[:20])
    data = dataset(
        [
            {"sequence": other_strand(base), "split": "test"},
            {"sequence": base, "split": "train"},
            {"sequence": other_strand(base), "split": "test"},
            {"sequence": palindrome, "split": "train"},
            {"sequence": palindrome, "split": "test"},
        ]
    )
    assert found(data, "reverse_complement_duplicate") == [
        ("e0", "test", "e1", "train"),
        ("e1", "train", "e0", "test"),
        ("e2", "test", "e1", "train"),
    ]
    assert found(data, "exact_duplicate") == [
        ("e0", "test", "e2", "test"),
        ("e2", "test", "e0", "test"),
        ("e3", "train", "e4", "test"),
        ("e4", "test", "e3", "train"),
    ]


def test_what_holds_no_known_base_or_too_few_for_a_kmer_has_no_false_twin():
    data = dataset(
        [
            {"sequence": "N" * 20, "split": "train", "t": 0},
            {"sequence": "N" * 31, "split": "test", "t": 1},
            {"sequence": "ACGGT", "split": "train", "t": 0},
            {"sequence": "ACGGA", "split": "test", "t": 1},
            {"sequence": "ACCGT", "split": "test", "t": 0},
        ]
    )
    table = find_leaks(data, "binary")
    assert table.select("kind", "id", "other").rows() == [
        ("reverse_complement_duplicate", "e2", "e4"),
        ("reverse_complement_duplicate", "e4", "e2"),
    ]


def test_a_near_duplicate_of_one_of_many_equal_sequences_is_a_twin_of_all(base):
    near = base[:40] + ("A" if base[40] != "A" else "C") + base[41:]
    data = dataset(
        [
            {"sequence": base, "split": "test"},
            {"sequence": other_strand(base), "split": "test"},
            {"sequence": base, "split": "validation"},
            {"sequence": near, "split": "train"},
            {"sequence": other_strand(near), "split": "train"},
        ]
    )
    assert found(data, "near_duplicate") == [
        ("e0", "test", "e3", "train"),
        ("e1", "test", "e3", "train"),
        ("e2", "validation", "e3", "train"),
        ("e3", "train", "e2", "validation"),
        ("e3", "train", "e0", "test"),
        ("e4", "train", "e2", "validation"),
        ("e4", "train", "e0", "test"),
    ]
    shared = 61 - KMER + 1 - KMER
    similarity = find_leaks(data, "binary").filter(kind="near_duplicate")["similarity"]
    assert similarity.to_list() == pytest.approx([shared / (61 - KMER + 1)] * 7)


def test_every_member_of_a_large_family_is_held_against_the_few_of_another_split():
    random = np.random.default_rng(4)
    parent = drawn(random, 100)
    rows = [{"sequence": parent, "split": "train"}]
    for _ in range(600):
        variant = list(parent)
        for place in random.integers(100, size=2):
            variant[place] = random.choice(list("ACGT"))
        rows.append({"sequence": "".join(variant), "split": "test"})
    rows += [{"sequence": drawn(random, 100), "split": "test"} for _ in range(7)]
    table = find_leaks(dataset(rows), "binary")
    assert len(leaked(table, "test")) == 600


def test_overlapping_places_give_the_nearest_of_each_split():
    random = np.random.default_rng(2)
    places = {
        ("I", 100, 150): "train", ("I", 120, 170): "test", ("I", 149, 199): "test", ("I", 199, 249): "validation",
        ("II", 100, 150): "test", ("III", 5, 55): "train", ("III", 5, 55, "again"): "test",
    }  # fmt: skip
    rows = [{"sequence": drawn(random, 50), "split": split, "place": p[:3]} for p, split in places.items()]
    rows.append({"sequence": drawn(random, 50), "split": "test"})
    table = find_leaks(dataset(rows), "binary")
    assert set(table["kind"]) == {"overlapping_place"}
    assert table.select("id", "other", "similarity").rows() == [
        ("e0", "e1", 0.6),
        ("e1", "e0", 0.6),
        ("e1", "e2", 0.42),
        ("e2", "e0", 0.02),
        ("e2", "e1", 0.42),
        ("e5", "e6", 1.0),
        ("e6", "e5", 1.0),
    ]


def test_a_shuffle_lies_nowhere_and_belongs_to_its_parents_split():
    random = np.random.default_rng(3)
    here = ("I", 10, 60)
    data = dataset(
        [
            {"sequence": drawn(random, 50), "split": "train", "place": here, "t": 1},
            {"sequence": drawn(random, 50), "split": "train", "place": here, "parent": "e0", "t": 0},
            {"sequence": drawn(random, 50), "split": "test", "place": here, "parent": "e0", "t": 0},
        ]
    )
    table = find_leaks(data, "binary")
    assert table.rows() == [("shuffle_of_other_split", None, "e2", "test", "e0", "train", None)]
    assert leaked(table, "test").to_list() == ["e2"]
    assert leaked(table, "train").to_list() == ["e0"]


def test_positives_among_negatives_of_each_task(base):
    random = np.random.default_rng(4)
    near = base[:10] + ("A" if base[10] != "A" else "C") + base[11:]
    rows = [
        {"sequence": base, "split": "train", "one": 1, "two": 0},
        {"sequence": other_strand(base), "split": "test", "one": 0, "two": None},
        {"sequence": near, "split": "train", "one": 0, "two": 1},
        {"sequence": drawn(random, 61), "split": "test", "one": 1, "two": 1, "place": ("I", 0, 61)},
        {"sequence": drawn(random, 61), "split": "test", "one": 0, "two": None, "place": ("I", 30, 91)},
        {"sequence": drawn(random, 61), "split": "train", "one": 0, "two": 1, "place": ("I", 31, 92)},
    ]
    table = find_leaks(dataset(rows), "binary").filter(kind="positive_among_negatives")
    assert table.select("task", "id", "other").rows() == [
        ("one", "e1", "e0"),
        ("one", "e2", "e0"),
        ("one", "e4", "e3"),
        ("two", "e0", "e2"),
    ]
    assert table["similarity"].to_list() == pytest.approx([1, 39 / 50, 31 / 61, 39 / 50])


def test_contradictory_labels_are_of_equal_sequences_alone(base):
    data = dataset(
        [
            {"sequence": base, "split": "train", "one": 1, "two": 1},
            {"sequence": other_strand(base), "split": "train", "one": 1, "two": 0},
            {"sequence": base.lower(), "split": "test", "one": 0, "two": None},
            {"sequence": base[1:], "split": "test", "one": 0, "two": 0},
        ]
    )
    table = find_leaks(data, "multiclass")
    assert table.filter(kind="contradictory_labels").select("task", "id", "other", "other_split").rows() == [
        ("one", "e0", "e2", "test"),
        ("one", "e1", "e2", "test"),
        ("one", "e2", "e0", "train"),
        ("two", "e0", "e1", "train"),
        ("two", "e1", "e0", "train"),
    ]
    assert "positive_among_negatives" not in set(table["kind"])


def test_values_contradict_each_other_from_a_standard_deviation_on(base):
    values = [0.0, 0.9, 2.5, None, 1.0, -1.0, 0.2]  # standard deviation 1.08
    random = np.random.default_rng(5)
    sequences = [base, other_strand(base), base, base, drawn(random, 61), drawn(random, 61), base]
    splits = ["train", "train", "test", "test", "train", "train", "test"]
    data = dataset([{"sequence": s, "split": p, "v": v} for s, p, v in zip(sequences, splits, values, strict=True)])
    table = find_leaks(data, "regression").filter(kind="contradictory_labels")
    assert table.select("id", "other").rows() == [
        ("e0", "e2"),  # 2.5 apart; no value of train is more than 1.08 away
        ("e1", "e2"),
        ("e2", "e0"),
        ("e2", "e6"),
        ("e6", "e2"),
    ]


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_task_without_labels_contradicts_nothing(base, kind):
    data = dataset([{"sequence": base, "split": split, "t": None} for split in ("train", "test")])
    assert set(find_leaks(data, kind)["kind"]) == {"exact_duplicate"}


def test_random_sequences_and_a_simulated_genome_have_no_finding(toy):
    random = np.random.default_rng(6)
    rows = [
        {"sequence": drawn(random, 8 + n % 80), "split": split, "t": n % 2, "place": ("I", n * 90, n * 90 + 90)}
        for n, split in enumerate(random.choice(["train", "validation", "test"], 700))
    ]  # fmt: skip
    clean = find_leaks(dataset(rows), "binary")
    assert clean.is_empty()
    assert clean.schema == LEAKS_SCHEMA
    assert find_leaks(toy, "binary").is_empty()


# ------------------------------------------------------------------------------------------------- by all pairs


@cache
def kmers(sequence: str) -> Counter[str]:
    windows = (sequence[place : place + KMER] for place in range(len(sequence) - KMER + 1))
    return Counter(min(word, other_strand(word)) for word in windows if "N" not in word)


def relation(kind: str, one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return how similar two examples are if they are partners of a kind, else 0."""
    first, second = one["sequence"].upper().strip("N"), other["sequence"].upper().strip("N")
    if not first or not second:
        return 0.0
    same, flipped = first == second, other_strand(first) == second
    a, b = kmers(first), kmers(second)
    shared = (a & b).total() / max(a.total(), b.total()) if a and b else 0.0
    near = shared if shared >= NEAR and not (same or flipped) else 0.0
    match kind:
        case "exact_duplicate":
            return float(same)
        case "reverse_complement_duplicate":
            return float(flipped and not same)
        case "near_duplicate":
            return near
        case "positive_among_negatives":
            return max(float(same), float(flipped), near) if (one["t"], other["t"]) == (0, 1) else 0.0
        case "contradictory_labels":
            return float((same or flipped) and {one["t"], other["t"]} == {0, 1})
    raise ValueError(kind)


@pytest.mark.parametrize("seed", range(4))
def test_every_example_has_the_partners_that_a_search_of_all_pairs_finds(seed):
    random = np.random.default_rng(seed)
    ancestors = [drawn(random, int(random.integers(70, 140))) for _ in range(12)]
    rows = []
    for _ in range(90):
        bases = list(ancestors[random.integers(len(ancestors))])
        for place in random.integers(len(bases), size=random.integers(3)):
            bases[place] = str(random.choice(list("ACGTNa")))
        sequence = "".join(bases)[int(random.integers(3)) :]
        sequence = other_strand(sequence) if random.random() < 0.5 else sequence
        sequence = "N" * int(random.integers(3)) + sequence
        rows.append(
            {
                "sequence": sequence.lower() if random.random() < 0.3 else sequence,
                "split": str(random.choice(["train", "validation", "test"])),
                "t": [0, 1, None][random.integers(3)],
            }
        )
    table = find_leaks(dataset(rows), "binary")
    kinds = ("exact_duplicate", "reverse_complement_duplicate", "near_duplicate", "positive_among_negatives",
             "contradictory_labels")  # fmt: skip
    assert set(table["kind"]) == set(kinds)
    said = {(row["kind"], row["id"], row["other_split"]): row for row in table.iter_rows(named=True)}
    assert len(said) == len(table)
    for kind in kinds:
        for n, one in enumerate(rows):
            for split in ("train", "validation", "test"):
                similar = {
                    f"e{m}": relation(kind, one, other)
                    for m, other in enumerate(rows)
                    if m != n and other["split"] == split
                }
                best = max(similar.values(), default=0.0)
                row = said.get((kind, f"e{n}", split))
                if row is None:
                    assert best < NEAR + 0.1  # candidates are found by sketches: few pairs at the threshold are missed
                else:
                    assert row["similarity"] == pytest.approx(similar[row["other"]])
                    assert row["similarity"] == pytest.approx(best) or best < NEAR + 0.1


# ------------------------------------------------------------------------------------------- what is made of them


def test_counts_and_sentences(base):
    data = dataset(
        [
            {"sequence": base, "split": "train", "t": 1},
            {"sequence": base, "split": "train", "t": 1},
            {"sequence": base, "split": "test", "t": 0},
            {"sequence": other_strand(base), "split": "validation", "t": 1},
            {"sequence": base[::-1], "split": "test", "t": 1},
        ]
    )
    table = find_leaks(data, "binary")
    counts = {row[0]: row[1:] for row in count_leaks(table).rows()}
    assert list(counts) == list(KINDS)
    assert counts["exact_duplicate"] == (3, 3, 0, 1)
    assert counts["reverse_complement_duplicate"] == (4, 4, 1, 1)
    assert counts["near_duplicate"] == (0, 0, 0, 0)
    assert counts["positive_among_negatives"] == (1, 1, 1, 1)
    assert tell_leaks(table, {"train": 2, "validation": 1, "test": 2}) == [
        "1 of 2 test examples have an exact duplicate in another split",
        "1 of 2 test and 1 of 1 validation examples have an exact duplicate on the other strand in another split",
        "1 of 5 examples are negatives at the place of a positive, or like one",
        "4 of 5 examples have an equal sequence with another label",
    ]
    assert tell_leaks(table.clear(), {"train": 2, "validation": 1, "test": 2}) == []


def test_the_command_writes_both_tables_and_warns(base, tmp_path, capsys):
    random = np.random.default_rng(8)
    rows = [
        {"sequence": drawn(random, 40), "split": split, "t": n % 2} for n, split in enumerate(["train", "test"] * 20)
    ]
    rows += [{"sequence": base, "split": split, "t": 1} for split in ("train", "validation")]
    dataset(rows, tmp_path)
    (tmp_path / "config.yaml").write_text(
        "datasets: {d: {sequences: d.tsv, labels: t, split: {column: split}}}\nmodels: [knn]\n"
    )
    files = [tmp_path / name for name in ("config.yaml", "examples.parquet", "leaks.parquet", "shortcuts.tsv")]
    flags = zip(("--config", "--examples", "--leaks", "--shortcuts"), map(str, files), strict=True)
    assert main(["audit", "--dataset", "d", *(word for pair in flags for word in pair)]) == 0
    assert pl.read_parquet(files[2]).select("kind", "id", "other").rows() == [
        ("exact_duplicate", "e40", "e41"),
        ("exact_duplicate", "e41", "e40"),
    ]
    assert pl.read_csv(files[3], separator="\t").columns == ["task", "feature", "split", "metric", "value", "n"]
    assert (
        "[audit d] warning: 1 of 1 validation examples have an exact duplicate in another split"
        in capsys.readouterr().err
    )
