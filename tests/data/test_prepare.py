from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from motifloom.config import validate
from motifloom.data.dataset import Dataset
from motifloom.data.negatives import gc_count
from motifloom.data.prepare import prepare
from motifloom.errors import InputError
from motifloom.genome import decode, encode, pack, reverse_complement

if TYPE_CHECKING:
    from pathlib import Path

CHROMS = {"I": 3000, "II": 2600, "III": 2200, "IV": 900}


@pytest.fixture
def road(tmp_path: Path):
    """A genome of four chromosomes and a function that prepares regions on it."""
    random = np.random.default_rng(3)
    sequence = {name: "".join(random.choice(list("ACGT"), length)) for name, length in CHROMS.items()}
    sequence["I"] = sequence["I"][:500] + "N" * 40 + sequence["I"][540:]
    (tmp_path / "g.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in sequence.items()))
    genome = pack(tmp_path / "g.fa", tmp_path / "packed")

    def prepared(regions: str, exclude: str = "", **section: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
        (tmp_path / "r.bed").write_text(regions)
        (tmp_path / "x.bed").write_text(exclude)
        settings = {
            "genome": str(tmp_path / "g.fa"),
            "regions": str(tmp_path / "r.bed"),
            "exclude": str(tmp_path / "x.bed") if exclude else None,
            "window": 21,
            "split": {"validation": ["II"], "test": ["III"]},
        }
        config = validate({"datasets": {"tf": settings | section}, "models": ["knn"]})
        return prepare(config, "tf", genome)

    prepared.genome = genome
    prepared.sequence = sequence
    prepared.folder = tmp_path
    return prepared


GOOD = "I\t100\t101\nI\t200\t201\nII\t300\t301\nIII\t400\t401\nIII\t600\t601\n"


def test_every_window_is_where_it_says_with_its_split_and_label(road):
    examples, dropped = road(GOOD)
    assert examples.columns == ["id", "split", "chrom", "start", "end", "strand", "tf"]
    assert dropped.is_empty()
    positives = examples.filter(pl.col("tf") == 1)
    assert positives.select("id", "split").rows() == [
        ("I:90-111", "train"),
        ("I:190-211", "train"),
        ("II:290-311", "validation"),
        ("III:390-411", "test"),
        ("III:590-611", "test"),
    ]
    counts = {row[:2]: row[2] for row in examples.group_by("split", "tf").len().rows()}
    assert counts == {(s, label): n for s, n in (("train", 2), ("validation", 1), ("test", 2)) for label in (0, 1)}
    assert set(examples.filter(pl.col("split") == "train")["chrom"]) <= {"I", "IV"}
    assert examples["id"].is_unique().all()


def test_every_record_is_used_or_counted_with_its_row_and_reason(road):
    odd = "I\t700\t700\nI\t2995\t2996\nV\t5\t6\nI\t100\t101\nI\t515\t516\nII\t50\t60\n"
    examples, dropped = road(GOOD + odd, exclude="II\t40\t56\n")
    assert dropped.select("row", "reason").rows() == [
        (6, "the region's start is negative or not before its end"),
        (7, "the window reaches past the chromosome's end"),
        (8, "the genome has no such chromosome"),
        (9, "the window of an earlier row"),
        (10, "more than 10% of the window is N"),
        (11, "the window overlaps an excluded region"),
    ]
    assert (examples["tf"] == 1).sum() + len(dropped) == 11


def test_a_window_of_the_minus_strand_reads_there(road):
    examples, _ = road(GOOD.replace("I\t100\t101\n", "I\t100\t101\tx\t0\t-\n", 1))
    examples.write_parquet(road.folder / "e.parquet")
    dataset = Dataset.open(road.folder / "e.parquet", road.folder / "packed")
    row = examples["id"].to_list().index("I:90-111(-)")
    codes = dataset.codes(np.array([row]))[0]
    assert decode(reverse_complement(codes)) == road.sequence["I"][90:111]


def test_the_dataset_gathers_what_the_table_says(road):
    road(GOOD)[0].write_parquet(road.folder / "e.parquet")
    dataset = Dataset.open(road.folder / "e.parquet", road.folder / "packed")
    rows = dataset.rows("validation", "test")
    for row, codes in zip(rows, dataset.codes(rows), strict=True):
        place = dataset.examples.row(row, named=True)
        assert decode(codes) == road.sequence[place["chrom"]][place["start"] : place["end"]]
    assert dataset.tasks == ["tf"]
    assert dataset.length == 21
    assert dataset.labels(rows).shape == (6, 1)


def test_negatives_avoid_the_whole_region_not_only_its_window(road):
    wide = GOOD.replace("I\t100\t101\n", "I\t0\t2400\n", 1)
    examples, _ = road(wide, negatives="random", negatives_per_positive=5)
    negatives = examples.filter((pl.col("tf") == 0) & (pl.col("chrom") == "I"))
    assert (negatives["start"] >= 2400).all()


def test_random_negatives_need_no_equal_gc(road):
    examples, _ = road(GOOD, negatives="random", negatives_per_positive=3)
    assert (examples["tf"] == 0).sum() == 3 * (examples["tf"] == 1).sum()


@pytest.mark.parametrize(
    ("regions", "section", "problem"),
    [
        (
            "chrI\t1\t2\nchrII\t1\t2\n",
            {},
            r"none of its chromosomes \('chrI', …\) is in the genome \('I', …\); it has 'I' where the regions have",
        ),
        ("I\t100\t101\nII\t300\t301\n", {}, r"no usable region on III, so the test split has no positive; 2 of 2"),
        (GOOD, {"split": {"validation": ["II"], "test": ["chrIII"]}}, r"no chromosome 'chrIII'; the nearest is 'III'"),
        (GOOD, {"split": {"validation": ["I", "II"], "test": ["III", "IV"]}}, "none is left to train on"),
        (GOOD, {"negatives_per_positive": 500}, "too few negatives"),
    ],
)
def test_what_cannot_be_prepared_is_said(road, regions, section, problem):
    with pytest.raises(InputError, match=problem):
        road(regions, **section)


def test_independent_problems_are_told_together(road):
    with pytest.raises(InputError) as caught:
        road("I\tx\t2\n", exclude="I\n", split={"validation": ["A"], "test": ["B"]})
    assert len(caught.value.problems) == 4


def test_gc_is_counted_on_known_bases_alone():
    assert gc_count(np.stack([encode("GCNAT"), encode("GGGCC")])).tolist() == [2, 5]
