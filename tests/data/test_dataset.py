"""A prepared dataset: what is written is what is read, and a training window may be shifted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motifloom.config import Training, validate
from motifloom.data.dataset import Dataset, Sequences
from motifloom.data.jitter import keeping_centres, with_room
from motifloom.data.prepare import prepare
from motifloom.data.territory import Intervals
from motifloom.errors import InputError
from motifloom.genome import PADDING, decode, encode, pack, reverse_complement
from motifloom.training.batches import SequenceDataModule

if TYPE_CHECKING:
    from motifloom.data.examples import Examples

WINDOW, JITTER = 20, 7
LENGTHS = {"a": 900, "b": 700, "c": 650}
SPLIT = {"validation": ["b"], "test": ["c"]}
REGIONS = """a\t10\t11
a\t14\t15\t.\t0\t-
a\t100\t101
a\t400\t401\t.\t0\t-
a\t888\t890
b\t300\t301
c\t400\t401
"""
"""The first windows overlap, 0 bp and 4 bp from a chromosome's start; the last one on it ends 1 bp from its end."""


class Prepared:
    """A genome of three chromosomes, and what becomes of regions on it."""

    def __init__(self, folder: Path) -> None:
        random = np.random.default_rng(0)
        self.folder = folder
        self.text = {name: "".join(random.choice(list("ACGTacgt"), length)) for name, length in LENGTHS.items()}
        (folder / "g.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in self.text.items()))
        self.genome = pack(folder / "g.fa", folder / "packed")

    def examples(self, regions: str | dict[str, str] = REGIONS, **section: Any) -> Examples:
        if isinstance(regions, str):
            (self.folder / "r.bed").write_text(regions)
            regions = str(self.folder / "r.bed")
        files = {"genome": str(self.folder / "g.fa"), "regions": regions}
        section = {**files, "window": WINDOW, "split": SPLIT, **section}
        return prepare(validate({"datasets": {"tf": section}, "models": ["knn"]}), "tf", self.genome)

    def written(self, examples: Examples) -> Dataset:
        examples.write(self.folder / "out", self.genome)
        return Dataset.open(self.folder / "out" / "examples.parquet")


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return Prepared(tmp_path)


@pytest.mark.parametrize("negatives", ["gc-matched", "dinucleotide-shuffle"])
@pytest.mark.parametrize("jitter", [0, JITTER])
def test_what_is_written_is_what_was_prepared(prepared: Prepared, negatives: str, jitter: int) -> None:
    examples = prepared.examples(negatives=negatives, jitter=jitter)
    before, after = Dataset(examples.table(), examples.sequences(prepared.genome.packed)), prepared.written(examples)
    everything = np.arange(len(before.examples))
    assert after.examples.equals(before.examples)
    assert np.array_equal(before.codes(everything), after.codes(everything))
    for one, other in zip(before.sequences.room, after.sequences.room, strict=True):
        assert one.tolist() == other.tolist()
    masked = [d.sequences.composition(everything).soft_masked.tolist() for d in (before, after)]
    assert masked[0] == masked[1]
    assert min(masked[0]) >= 0 < max(masked[0])
    for row, (chrom, start, end, strand) in enumerate(after.examples.select("chrom", "start", "end", "strand").rows()):
        if not examples.records["own"][row]:
            text = prepared.text[chrom][start:end].upper()
            codes = encode(text)
            assert decode(after.codes(np.array([row]))[0]) == (
                decode(reverse_complement(codes)) if strand == "-" else text
            )


def test_bases_that_windows_share_are_kept_once(prepared: Prepared) -> None:
    examples = prepared.examples("a\t100\t101\na\t105\t106\nb\t300\t301\nc\t400\t401\n")
    assert len(prepared.written(examples).sequences.packed) == 8 * WINDOW - (WINDOW - 5) == examples.bases


def test_a_window_is_shifted_to_every_place_that_it_may_have(prepared: Prepared) -> None:
    """One base of each window is told from all others by its neighbours: it is seen at every shift."""
    dataset = prepared.written(prepared.examples(jitter=JITTER))
    rows = np.flatnonzero((dataset.examples["tf"] == 1).to_numpy())
    before, after = (room[rows].tolist() for room in dataset.sequences.room)
    chroms = dataset.examples["chrom"][rows].to_list()
    starts = dataset.examples["start"][rows].to_list()
    assert (starts[:2], chroms[-2:]) == ([0, 4], ["b", "c"])
    assert before == [0, 4, JITTER, JITTER, JITTER, 0, 0]
    assert after == [JITTER, JITTER, JITTER, JITTER, 1, 0, 0]
    for row, chrom, start, back, on in zip(rows, chroms, starts, before, after, strict=True):
        for shift in range(-back, on + 1):
            text = prepared.text[chrom][start + shift : start + shift + WINDOW].upper()
            minus = dataset.examples["strand"][int(row)] == "-"
            for flipped in (False, True):
                codes = dataset.codes(np.array([row]), flipped=np.array([flipped]), shifts=np.array([shift]))[0]
                assert decode(reverse_complement(codes) if minus != flipped else codes) == text


def epoch(dataset: Dataset, number: int, both_strands: bool, seed: int = 3) -> list[str]:
    """Return the sequences of an epoch."""

    class Trainer:
        current_epoch, global_rank, world_size = number, 0, 1

    module = SequenceDataModule(dataset, Training(batch_size=3), seed, both_strands)
    module.trainer = Trainer()  # type: ignore[assignment]
    return [decode(row) for stretch in module.train_dataloader() for _, (codes, _) in stretch for row in codes.numpy()]


def test_each_epoch_draws_every_shift_as_often(prepared: Prepared) -> None:
    regions = "a\t400\t401\na\t600\t601\na\t200\t201\nb\t300\t301\nc\t400\t401\n"
    dataset = prepared.written(prepared.examples(regions, jitter=JITTER))
    text = prepared.text["a"].upper()
    epochs = [epoch(dataset, number, both_strands=False) for number in range(400)]
    assert epochs[5] == epoch(dataset, 5, both_strands=False)
    assert epochs[5] != epoch(dataset, 5, both_strands=False, seed=4)
    places = [text.index(row) for rows in epochs for row in rows]
    assert len(places) == 400 * len(dataset.rows("train"))
    starts = dataset.examples.filter(split="train", tf=1)["start"].to_list()
    counts = np.array([[places.count(start + shift) for shift in range(-JITTER, JITTER + 1)] for start in starts])
    assert counts.sum(axis=1).tolist() == [400] * 3
    assert counts.min() > 5
    assert abs(counts.sum(axis=0) - 80).max() < 4 * np.sqrt(80)


def test_validation_and_predictions_are_not_shifted(prepared: Prepared) -> None:
    shifted, still = (prepared.examples(jitter=jitter) for jitter in (JITTER, 0))
    assert shifted.table().equals(still.table())
    datasets = [Dataset(e.table(), e.sequences(prepared.genome.packed)) for e in (shifted, still)]
    everything = np.arange(len(shifted.records))
    assert np.array_equal(*(dataset.codes(everything) for dataset in datasets))
    module = SequenceDataModule(datasets[0], Training(batch_size=4), 0, both_strands=True)
    rows = datasets[0].rows("validation")
    assert np.array_equal(
        np.concatenate([codes.numpy() for stretch in module.val_dataloader() for _, (codes, _) in stretch]),
        datasets[1].codes(rows),
    )


def test_a_shift_never_reaches_excluded_places_or_held_out_windows(prepared: Prepared) -> None:
    (prepared.folder / "x.bed").write_text("a\t113\t114\n")
    random = np.random.default_rng(1)
    places = [(chrom, p) for chrom in LENGTHS for p in random.integers(15, LENGTHS[chrom] - 15, 12)]
    regions = "".join(f"{chrom}\t{p}\t{p + 1}\n" for chrom, p in [("a", 100), *places])
    excluded = Intervals(np.array([113]), np.array([114]))
    split = {"validation": 0.2, "test": 0.3}
    records = prepared.examples(regions, exclude=str(prepared.folder / "x.bed"), split=split, jitter=JITTER).records
    start, end = pl.col("offset") - pl.col("before"), pl.col("offset") + WINDOW + pl.col("after")
    reach = records.with_columns(start=start, end=end)
    held_out, train = reach.filter(pl.col("split") != "train"), reach.filter(split="train")
    assert held_out.select("before", "after").sum().row(0) == (0, 0)
    taken = Intervals.of(held_out["start"].to_numpy(), held_out["end"].to_numpy())
    for forbidden in (taken, excluded):
        assert not forbidden.overlap(train["start"].to_numpy(), train["end"].to_numpy()).any()
    assert train.filter(pl.col("before") == JITTER).height > 5
    assert train.filter(pl.col("after").is_between(0, JITTER, closed="none")).height > 0


@pytest.mark.parametrize("negatives", ["random", "beside.bed"])
def test_a_shift_brings_no_positive_into_a_negative(prepared: Prepared, negatives: str) -> None:
    """Nor the centre of a positive out of its window."""
    jitter = (WINDOW - 1) // 2
    places = [(chrom, place) for chrom, length in LENGTHS.items() for place in range(40, length - 60, 90)]
    regions = "".join(f"{chrom}\t{place}\t{place + 1}\n" for chrom, place in places)
    beside = prepared.folder / "beside.bed"
    beside.write_text("".join(f"{chrom}\t{place + 23}\t{place + 24}\n" for chrom, place in places))
    negatives = str(beside) if negatives == beside.name else negatives
    records = prepared.examples(regions, negatives=negatives, jitter=jitter)
    reach = records.table().with_columns(records.records.select("offset", "before", "after"))
    positive, negative = reach.filter(tf=1), reach.filter(tf=0)
    taken = Intervals.of(positive["offset"].to_numpy(), positive["offset"].to_numpy() + WINDOW)
    first, end = negative["offset"] - negative["before"], negative["offset"] + WINDOW + negative["after"]
    assert not taken.overlap(first.to_numpy(), end.to_numpy()).any()
    room = negative.filter(split="train").select(pl.col("before").min(), most=pl.col("after").max()).row(0)
    assert room[0] < jitter == room[1]
    train = positive.filter(split="train")
    assert train.select("before", "after").unique().rows() == [(jitter, jitter)]
    assert jitter < WINDOW // 2


@given(
    centres=st.lists(st.integers(0, 120), max_size=8).map(sorted),
    offset=st.integers(20, 80),
    length=st.integers(1, 25),
    room=st.tuples(st.integers(0, 20), st.integers(0, 20)),
)
def test_at_every_shift_a_window_holds_the_same_centres(
    centres: list[int], offset: int, length: int, room: tuple[int, int]
) -> None:
    def held(shift: int) -> list[int]:
        return [centre for centre in centres if offset + shift <= centre < offset + shift + length]

    windows = pl.DataFrame({"offset": [offset], "length": [length], "before": [room[0]], "after": [room[1]]})
    found = keeping_centres(windows, np.array(centres, dtype=np.int64)).select("before", "after").row(0)
    expected = [
        next((step for step in range(most) if held(sign * (step + 1)) != held(0)), most)
        for sign, most in zip((-1, 1), room, strict=True)
    ]
    assert list(found) == expected


def test_windows_of_several_files_keep_their_labels_at_every_shift(prepared: Prepared) -> None:
    centres = {"x": [100, 107, 300, 330], "y": [104, 119, 315]}
    for task, places in centres.items():
        rows = [f"a\t{place}\t{place + 1}\n" for place in places] + ["b\t300\t301\n", "c\t400\t401\n"]
        (prepared.folder / f"{task}.bed").write_text("".join(rows))
    files = {task: str(prepared.folder / f"{task}.bed") for task in centres}
    examples = prepared.examples(regions=files, jitter=JITTER)
    room = 0
    for record, labels in zip(examples.records.iter_rows(named=True), examples.labels.rows(), strict=True):
        for shift in range(-record["before"], record["after"] + 1):
            first = record["offset"] + shift
            if record["split"] == "train":
                held = [any(first <= c < first + WINDOW for c in places) for places in centres.values()]
                assert held == [bool(label) for label in labels]
                room += 1
    assert room > 30


def test_room_ends_where_a_stretch_does() -> None:
    windows = pl.DataFrame({"offset": [10, 12, 30, 55], "length": [5, 5, 10, 3]})
    room = with_room(windows, 4, Intervals(np.array([9, 25]), np.array([18, 40])))
    assert room["before"].to_list() == [1, 3, 4, 0]
    assert room["after"].to_list() == [3, 1, 0, 0]


def test_shorter_sequences_are_flipped_within_their_length(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    texts = ["".join(random.choice(list("ACGTN"), length, p=[0.24] * 4 + [0.04])) for length in range(31, 91)]
    for name, part in (("p", texts[::2]), ("n", texts[1::2])):
        (tmp_path / f"{name}.fa").write_text("".join(f">{name}{i}\n{text}\n" for i, text in enumerate(part)))
    files = {"positives": str(tmp_path / "p.fa"), "negatives": str(tmp_path / "n.fa")}
    config = validate({"datasets": {"tf": {**files, "split": {"validation": 0.2, "test": 0.2}}}, "models": ["knn"]})
    prepare(config, "tf", None).write(tmp_path, None)
    dataset = Dataset.open(tmp_path / "examples.parquet")
    texts = [text for text in [*texts[::2], *texts[1::2]] if text.count("N") <= 0.1 * len(text)]
    flipped = np.arange(len(texts)) % 3 == 0
    codes = dataset.codes(np.arange(len(texts)), flipped=flipped)
    assert codes.shape == (len(texts), 90)
    for row, text, flip in zip(codes, texts, flipped, strict=True):
        own, behind = row[: len(text)], row[len(text) :]
        assert decode(reverse_complement(own) if flip else own) == text
        assert (behind == PADDING).all()


HTML = b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n"
Damage = Callable[[Path], object]


def content(text: bytes) -> Damage:
    return lambda path: path.write_bytes(text)


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def table(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Damage:
    return lambda path: change(pl.read_parquet(path)).write_parquet(path)


NO_PARQUET = "is no Parquet table: "
DAMAGES: list[tuple[str, Damage, str]] = [
    *(
        (name, damage, told)
        for name in ("examples.parquet", "sequences.parquet")
        for damage, told in (
            (content(b""), NO_PARQUET),
            (half, NO_PARQUET),
            (content(HTML), NO_PARQUET),
            (folder, "is a folder; expected a file"),
            (Path.unlink, "no such file"),
            (table(lambda t: t.select(pl.lit(1).alias("x"))), "expected the columns "),
        )
    ),
    (
        "examples.parquet",
        table(lambda t: t.cast({"start": pl.String})),
        "the column 'start' holds String, expected Int64",
    ),
    ("examples.parquet", table(lambda t: t.cast({"tf": pl.String})), "the column 'tf' holds String, expected labels"),
    ("examples.parquet", table(lambda t: t.clear()), "holds no example"),
    ("examples.parquet", table(lambda t: t.drop("tf")), "holds no labels"),
    ("examples.parquet", table(lambda t: t.with_columns(split=pl.lit(None, pl.String))), "an example has no id or no"),
    ("examples.parquet", table(lambda t: t[1:]), "holds 13 examples; expected 14, as "),
    (
        "sequences.parquet",
        table(lambda t: t.cast({"minus": pl.Int8})),
        "the column 'minus' holds Int8, expected Boolean",
    ),
    ("sequences.parquet", table(lambda t: t.with_columns(length=pl.lit(None, pl.Int64))), "a sequence has no place"),
    ("sequences.bin", content(b""), "lacks bases that "),
    ("sequences.bin", half, "lacks bases that "),
    ("sequences.bin", content(100 * HTML), "holds something else than packed bases"),
    ("sequences.bin", folder, "is a folder; expected a file"),
    ("sequences.bin", Path.unlink, "no such file"),
]


@pytest.mark.parametrize(("name", "damage", "told"), DAMAGES)
def test_a_damaged_file_of_a_dataset_is_named(prepared: Prepared, name: str, damage: Damage, told: str) -> None:
    prepared.written(prepared.examples(jitter=JITTER))
    path = prepared.folder / "out" / name
    damage(path)
    with pytest.raises(InputError) as caught:
        Dataset.open(prepared.folder / "out" / "examples.parquet")
    (line,) = caught.value.problems
    assert line.startswith(f"{path}: {told}")


def test_every_file_that_a_dataset_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Dataset.open(tmp_path / "examples.parquet")
    names = ("examples.parquet", "sequences.parquet", "sequences.bin")
    assert caught.value.problems == [f"{tmp_path / name}: no such file" for name in names]


def test_labels_lie_row_by_row_in_memory_however_the_table_does(prepared: Prepared) -> None:
    """Sums, and so trained weights, depend on the order."""
    sequences = prepared.written(prepared.examples()).sequences
    for number in range(1, 40):
        values = np.arange(2.0 * number).reshape(number, 2)
        tables = [pl.DataFrame({"b": values[:, 0], "a": values[:, 1]}), pl.DataFrame(values, schema=["b", "a"])]
        for table in [*tables, pl.concat([tables[0], tables[1]])]:
            labels = Dataset(table, sequences).labels(np.arange(number))
            assert labels.flags.c_contiguous
            assert labels.tolist() == values.tolist()


def test_a_fingerprint_is_of_all_that_training_may_see(prepared: Prepared) -> None:
    """Another reach of shifts is other data, and so is a base that only they reach."""
    found = [prepared.written(prepared.examples(jitter=jitter)).fingerprint for jitter in (0, JITTER, JITTER, 5)]
    assert found[1] == found[2]
    assert len(set(found)) == 3
    dataset = prepared.written(prepared.examples(jitter=JITTER))
    own, reached = np.zeros((2, len(dataset.sequences.packed)), dtype=bool)
    for first, length, before, after in dataset.sequences.table.select("offset", "length", "before", "after").rows():
        own[first : first + length] = True
        reached[first - before : first + length + after] = True
    packed = np.array(dataset.sequences.packed)
    packed[np.flatnonzero(reached & ~own)[0]] ^= 1
    other = Dataset(dataset.examples, Sequences(packed, dataset.sequences.table))
    everything = np.arange(len(other.examples))
    assert np.array_equal(other.codes(everything), dataset.codes(everything))
    assert other.fingerprint not in found
