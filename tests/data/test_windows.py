from __future__ import annotations

import logging
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from motifloom.config import Config, validate
from motifloom.data import windows as module
from motifloom.data.dataset import Dataset
from motifloom.data.examples import RECORD_SCHEMA, Examples
from motifloom.data.placement import (
    clusters,
    give_splits,
    holds_centre,
    judge_windows,
    locate,
    stretches,
    windows_around,
)
from motifloom.data.territory import Intervals
from motifloom.data.windows import genome_examples
from motifloom.errors import InputError
from motifloom.genome import Genome, decode, encode, pack, reverse_complement

if TYPE_CHECKING:
    from pathlib import Path

CHROMS = {"I": 3000, "II": 2600, "III": 2200, "IV": 900}
GOOD = "I\t100\t101\nI\t200\t201\nII\t300\t301\nIII\t400\t401\nIII\t600\t601\n"
SPLIT = {"validation": ["II"], "test": ["III"]}


class Road:
    """A genome of four chromosomes, and files of regions on it."""

    def __init__(self, folder: Path) -> None:
        random = np.random.default_rng(3)
        self.folder = folder
        self.sequence = {name: "".join(random.choice(list("ACGT"), length)) for name, length in CHROMS.items()}
        self.sequence["I"] = self.sequence["I"][:500] + "N" * 40 + self.sequence["I"][540:]
        fasta = "".join(f">{name}\n{bases[:97].lower()}{bases[97:]}\n" for name, bases in self.sequence.items())
        (folder / "g.fa").write_text(fasta)
        self.genome = pack(folder / "g.fa", folder / "packed")

    def config(self, seed: int = 0, **section: Any) -> Config:
        settings = {"genome": str(self.folder / "g.fa"), "window": 21, "split": SPLIT, **section}
        return validate({"seed": seed, "datasets": {"tf": settings}, "models": ["knn"]})

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def examples(self, regions: str | dict[str, str], exclude: str = "", seed: int = 0, **section: Any) -> Examples:
        if isinstance(regions, str):
            section["regions"] = self.write("r.bed", regions)
        else:
            section["regions"] = {task: self.write(f"{task}.bed", text) for task, text in regions.items()}
        if exclude:
            section["exclude"] = self.write("x.bed", exclude)
        return genome_examples(self.config(seed, **section), "tf", self.genome)

    def dataset(self, examples: Examples) -> Dataset:
        return Dataset(examples.table(), examples.sequences(self.genome.packed))


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    return Road(tmp_path_factory.mktemp("road"))


def positives(examples: Examples) -> pl.DataFrame:
    table = examples.table()
    return table.filter(pl.any_horizontal(pl.col(examples.labels.columns) == 1))


def negatives(examples: Examples) -> pl.DataFrame:
    table = examples.table()
    return table.filter(pl.all_horizontal(pl.col(examples.labels.columns) == 0))


def reasons(examples: Examples) -> list[tuple]:
    return examples.dropped.with_columns(pl.col("file").str.split("/").list.last()).rows()


# --------------------------------------------------------------------------------------------------- one file, windows


def test_every_window_is_where_it_says_with_its_split_and_label(road):
    examples = road.examples(GOOD)
    assert examples.table().columns == ["id", "split", "chrom", "start", "end", "strand", "tf"]
    assert examples.records.schema == pl.Schema(RECORD_SCHEMA)
    assert examples.labels.schema == pl.Schema({"tf": pl.Int8})
    assert examples.dropped.is_empty()
    assert len(examples.own) == 0
    assert positives(examples).select("id", "split").rows() == [
        ("I:90-111", "train"),
        ("I:190-211", "train"),
        ("II:290-311", "validation"),
        ("III:390-411", "test"),
        ("III:590-611", "test"),
    ]
    table = examples.table()
    counts = {row[:2]: row[2] for row in table.group_by("split", "tf").len().rows()}
    assert counts == {(s, label): n for s, n in (("train", 2), ("validation", 1), ("test", 2)) for label in (0, 1)}
    chroms = {"train": {"I", "IV"}, "validation": {"II"}, "test": {"III"}}
    assert all(set(part["chrom"]) <= chroms[split] for (split,), part in table.group_by("split"))
    assert table["id"].is_unique().all()
    order = {chrom: number for number, chrom in enumerate(CHROMS)}
    places = [(order[chrom], start) for chrom, start in table.select("chrom", "start").rows()]
    assert places == sorted(places)


def test_every_record_is_used_or_counted_with_its_row_and_reason(road):
    odd = (
        "I\t700\t700\nI\t2995\t2996\nV\t5\t6\nI\t100\t101\nI\t515\t516\nII\t50\t60\nI\t2990\t3001\nI\t-4\t50\n"
        "I\t900\t950\tp\t0\t.\t0\t0\t0\t51\nI\t4\t6\nI\t800\t790\n"
    )
    examples = road.examples(
        GOOD + odd, exclude="II\t40\t56\nI\t7\t7\nV\t1\t2\nIV\t890\t5000\nII\t7000\t7100\nII\t-9\t3\n"
    )
    assert reasons(examples) == [
        ("r.bed", 6, "the region's start is negative or not before its end"),
        ("r.bed", 7, "the window reaches past the chromosome's end"),
        ("r.bed", 8, "the genome has no such chromosome"),
        ("r.bed", 9, "the window of an earlier row"),
        ("r.bed", 10, "more than 10% of the window is N"),
        ("r.bed", 11, "the window overlaps an excluded region"),
        ("r.bed", 12, "the region reaches past the chromosome's end"),
        ("r.bed", 13, "the region's start is negative or not before its end"),
        ("r.bed", 14, "the summit lies outside the region"),
        ("r.bed", 15, "the window reaches past the chromosome's end"),
        ("r.bed", 16, "the region's start is negative or not before its end"),
        ("x.bed", 2, "the region's start is negative or not before its end"),
        ("x.bed", 3, "the genome has no such chromosome"),
        ("x.bed", 5, "the region reaches past the chromosome's end"),
    ]
    assert examples.dropped["file"].unique().sort().to_list() == [str(road.folder / n) for n in ("r.bed", "x.bed")]
    assert len(positives(examples)) + 11 == 16


def test_a_summit_at_the_very_end_of_its_peak_is_one(road):
    examples = road.examples(GOOD + "I\t900\t950\tp\t0\t.\t0\t0\t0\t50\n")
    assert "I:940-961" in positives(examples)["id"].to_list()


@pytest.mark.parametrize("window", [20, 21])
def test_a_window_is_centred_on_its_region(road, window):
    row = positives(road.examples(GOOD, window=window)).row(0, named=True)
    assert row["end"] - row["start"] == window
    assert row["start"] + window // 2 == 100


def test_a_window_of_each_strand_reads_there(road):
    both = GOOD + "I\t100\t101\tx\t0\t-\nI\t100\t101\tx\t0\t-\n"
    examples = road.examples(both)
    assert reasons(examples) == [("r.bed", 7, "the window of an earlier row")]
    dataset = road.dataset(examples)
    ids = examples.records["id"].to_list()
    for name in ("I:90-111", "I:90-111(-)"):
        codes = dataset.codes(np.array([ids.index(name)]))[0]
        assert decode(reverse_complement(codes) if "-)" in name else codes) == road.sequence["I"][90:111]


def test_the_dataset_gathers_what_the_table_says(road):
    dataset = road.dataset(road.examples(GOOD))
    rows = dataset.rows("validation", "test")
    for row, codes in zip(rows, dataset.codes(rows), strict=True):
        window = dataset.examples.row(row, named=True)
        assert decode(codes) == road.sequence[window["chrom"]][window["start"] : window["end"]]
    assert dataset.length == 21
    assert dataset.labels(rows).shape == (6, 1)


# ------------------------------------------------------------------------------------------------------ several files


def brute_force(
    files: dict[str, list[tuple[str, int, str]]], window: int
) -> dict[tuple[str, int, str], dict[str, int]]:
    """Merge windows as a person would, base by base; centres are (chrom, place, strand)."""
    every = sorted({(chrom, centre) for rows in files.values() for chrom, centre, _ in rows})
    groups: list[list[tuple[str, int]]] = []
    for chrom, centre in every:
        if groups and groups[-1][0][0] == chrom and 2 * (centre - groups[-1][0][1]) < window:
            groups[-1].append((chrom, centre))
        else:
            groups.append([(chrom, centre)])
    found = {}
    for group in groups:
        chrom, first, last = group[0][0], group[0][1], group[-1][1]
        start = (first + last) // 2 - window // 2
        strands = {s for rows in files.values() for c, p, s in rows if c == chrom and first <= p <= last}
        inside = {
            task: int(any(c == chrom and start <= p < start + window for c, p, _ in rows))
            for task, rows in files.items()
        }
        found[chrom, start, strands.pop() if len(strands) == 1 else "."] = inside
    return found


CENTRES = st.lists(
    st.tuples(st.sampled_from(["I", "IV"]), st.integers(40, 140), st.sampled_from(["+", "-", "."])),
    min_size=1,
    max_size=25,
)


@given(files=st.fixed_dictionaries(dict.fromkeys("abc", CENTRES)), window=st.integers(10, 31))
@settings(deadline=None, max_examples=150)
def test_windows_are_merged_and_labelled_by_the_rule(files, window):
    genome = Genome(np.zeros(600, dtype=np.uint8), {"I": 0, "IV": 200}, {"I": 200, "IV": 400})
    rows = [(n, c, p, p + 1, p, s, task) for n, (task, part) in enumerate(files.items()) for c, p, s in part]
    schema = {
        "row": pl.Int64,
        "chrom": pl.String,
        "start": pl.Int64,
        "end": pl.Int64,
        "centre": pl.Int64,
        "strand": pl.String,
        "task": pl.String,
    }
    regions = locate(pl.DataFrame(rows, schema=schema, orient="row"), genome)
    windows, numbered = windows_around(regions, window, merge=True)
    expected = brute_force(files, window)
    assert set(windows.select("chrom", "start", "strand").rows()) == set(expected)
    assert len(windows) == len(expected)
    windows = windows.sort("place")
    for task in files:
        labels = holds_centre(windows, regions.filter(pl.col("task") == task), window)
        wanted = [expected[row][task] for row in windows.select("chrom", "start", "strand").rows()]
        assert labels.tolist() == wanted
    held = numbered.join(windows.select("window", first="start", stop="end", on="chrom"), on="window")
    assert len(held) == len(rows)
    assert held.select(
        (
            (pl.col("centre") >= pl.col("first"))
            & (pl.col("centre") < pl.col("stop"))
            & (pl.col("chrom") == pl.col("on"))
        ).all()
    ).item()


def test_a_cluster_spans_less_than_half_a_window_and_one_chromosome():
    centres, offsets = np.array([100, 109, 110, 119, 129, 130]), np.array([0, 0, 0, 0, 0, 130])
    assert clusters(centres, offsets, 20).tolist() == [0, 0, 1, 1, 2, 3]
    assert clusters(centres[::-1], offsets[::-1], 21).tolist() == [2, 1, 1, 0, 0, 0]


def test_a_summit_at_the_end_of_a_chromosome_is_not_on_the_next():
    genome = Genome(encode("A" * 90), {"I": 0, "II": 40}, {"I": 40, "II": 50})
    table = pl.DataFrame({"row": [1, 2], "chrom": ["I", "II"], "start": [20, 3], "end": [40, 8], "centre": [40, 5],
                          "strand": "."})  # fmt: skip
    regions = locate(table, genome)
    windows, _ = windows_around(regions, 10, merge=True)
    assert windows.select("chrom", "start").rows() == [("I", 35), ("II", 0)]
    assert holds_centre(windows, regions[:1], 10).tolist() == [True, False]
    assert judge_windows(windows, {}, genome, 10)["reason"].is_null().to_list() == [False, True]


def test_tasks_share_windows_and_every_row_is_accounted_for(road):
    files = {
        "a": GOOD + "I\t500\t540\n",
        "b": "I\t105\t106\t.\t0\t-\nII\t340\t341\nII\t319\t320\nIII\t403\t404\nII\t2000\t1999\n",
    }
    examples = road.examples(files)
    assert examples.labels.columns == ["a", "b"]
    assert positives(examples).select("id", "a", "b").rows() == [
        ("I:92-113", 1, 1),
        ("I:190-211", 1, 0),
        ("II:290-311", 1, 0),
        ("II:309-330", 0, 1),
        ("II:330-351", 0, 1),
        ("III:391-412", 1, 1),
        ("III:590-611", 1, 0),
    ]
    assert reasons(examples) == [
        ("a.bed", 6, "more than 10% of the window is N"),
        ("b.bed", 5, "the region's start is negative or not before its end"),
    ]
    assert len(negatives(examples)) == 7


def test_rows_of_a_dropped_window_are_counted_each(road):
    twice = GOOD + "II\t50\t51\nII\t50\t51\nII\t52\t53\n"
    examples = road.examples({"a": twice, "b": GOOD + "II\t54\t55\n"}, exclude="II\t40\t46\n")
    assert [row[:2] for row in reasons(examples)] == [("a.bed", 6), ("a.bed", 7), ("a.bed", 8), ("b.bed", 6)]


def test_one_task_with_a_name_is_not_merged(road):
    near = GOOD + "I\t103\t104\n"
    assert len(positives(road.examples({"a": near}))) == 6
    assert len(positives(road.examples({"a": near, "b": near}))) == 5


# ---------------------------------------------------------------------------------------------------------- negatives


def test_negatives_avoid_the_whole_region_not_only_its_window(road):
    wide = GOOD.replace("I\t100\t101\n", "I\t0\t2400\n", 1) + "IV\t0\t5000\n"
    examples = road.examples(wide, negatives="random", negatives_per_positive=4)
    assert set(negatives(examples).filter(pl.col("split") == "train")["chrom"]) == {"I"}
    assert (negatives(examples).filter(pl.col("chrom") == "I")["start"] >= 2400).all()


@given(
    regions=st.lists(
        st.tuples(st.sampled_from(list(CHROMS)), st.integers(-5, 2990), st.integers(-2, 200)), max_size=12
    ),
    excluded=st.lists(st.tuples(st.sampled_from(list(CHROMS)), st.integers(0, 2990), st.integers(1, 300)), max_size=4),
    kind=st.sampled_from(["gc-matched", "random"]),
    split=st.sampled_from([SPLIT, {"validation": 0.3, "test": 0.3, "blocks": 1000}, {"validation": 0.3, "test": 0.3}]),
    several=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_negatives_never_overlap_anything(road, regions, excluded, kind, split, several):
    bed = GOOD + "".join(f"{chrom}\t{start}\t{start + width}\n" for chrom, start, width in regions)
    exclude = "".join(f"{chrom}\t{start}\t{start + width}\n" for chrom, start, width in excluded)
    files = {"a": bed, "b": GOOD} if several else bed
    try:
        examples = road.examples(files, exclude, negatives=kind, split=split, window=10)
    except InputError:
        assume(False)  # a split lost its positives, or no room is left
    taken = {chrom: np.zeros(length + 3000, dtype=int) for chrom, length in CHROMS.items()}
    for chrom, start, width in regions:
        if width > 0 and start >= 0:
            taken[chrom][start : start + width] += 1
    for chrom, start, width in excluded:
        taken[chrom][start : start + width] += 1
    for chrom, start, end in positives(examples).select("chrom", "start", "end").rows():
        assert not any(c == chrom and s < end and start < s + w for c, s, w in excluded)
        taken[chrom][start:end] += 1
    found = negatives(examples)
    assert len(found) == len(positives(examples))
    for chrom, start, end in found.select("chrom", "start", "end").rows():
        assert 0 <= start < end == start + 10 <= CHROMS[chrom]
        assert not taken[chrom][start:end].any()
        assert road.sequence[chrom][start:end].count("N") <= 1
        taken[chrom][start:end] += 1
    if split == SPLIT:
        assert set(found.filter(pl.col("chrom") == "II")["split"]) <= {"validation"}
    rows = examples.dropped.filter(~pl.col("file").str.ends_with("x.bed"))
    if not several:
        assert len(rows) + len(positives(examples)) == 5 + len(regions)


def test_the_ratio_is_that_of_each_split(road):
    examples = road.examples(GOOD, negatives="random", negatives_per_positive=3)
    table = examples.table()
    for _, part in table.group_by("split"):
        assert (part["tf"] == 0).sum() == 3 * (part["tf"] == 1).sum()


def test_shuffles_have_their_parents_place_split_and_dinucleotides(road):
    minus = GOOD.replace("I\t100\t101\n", "I\t100\t101\tx\t0\t-\n", 1)
    examples = road.examples(minus, negatives="dinucleotide-shuffle", negatives_per_positive=3)
    table = examples.table()
    assert len(table) == 20
    assert table["id"].to_list()[:4] == ["I:90-111(-)", *(f"I:90-111(-):shuffle{k}" for k in (1, 2, 3))]
    assert table["tf"].to_list() == [1, 0, 0, 0] * 5
    assert examples.records["own"].to_list() == [False, True, True, True] * 5
    assert not examples.records.filter("own")["minus"].any()
    assert len(examples.own) == 15 * 21
    dataset = road.dataset(examples)
    codes = dict(zip(table["id"], dataset.codes(np.arange(len(table))), strict=True))
    shuffles = examples.records.filter(pl.col("parent").is_not_null())
    parents = shuffles.select(id="parent").join(table, on="id", maintain_order="left")
    assert parents.select("split", "chrom", "start", "end", "strand").equals(
        shuffles.select("split", "chrom", "start", "end", "strand")
    )
    different = 0
    soft_masked = dict(zip(table["id"], dataset.sequences.composition(np.arange(len(table))).soft_masked, strict=True))
    assert [soft_masked[name] for name in shuffles["id"]] == [soft_masked[name] for name in shuffles["parent"]]
    assert sum(soft_masked.values()) > 0
    for name, parent in shuffles.select("id", "parent").rows():
        one, other = codes[name], codes[parent]
        assert sorted(pairwise(one)) == sorted(pairwise(other))
        different += one.tolist() != other.tolist()
    assert different > 10
    assert decode(reverse_complement(codes["I:90-111(-)"])) == road.sequence["I"][90:111]


def test_shuffles_do_not_depend_on_how_many_are_gathered(road, monkeypatch):
    one = road.examples(GOOD, negatives="dinucleotide-shuffle").own
    monkeypatch.setattr(module, "SHUFFLED", 45)
    assert one.tolist() == road.examples(GOOD, negatives="dinucleotide-shuffle").own.tolist()
    assert one.tolist() != road.examples(GOOD, negatives="dinucleotide-shuffle", seed=1).own.tolist()


def test_given_negatives_are_centred_used_and_counted(road):
    bed = (
        "II\t500\t510\nI\t300\t301\t.\t0\t-\nI\t100\t130\nIII\t700\t702\nI\t299\t302\t.\t0\t-\nI\t516\t517\nII\t45\t46\n"
        "IV\t3\t5\nV\t1\t2\nIII\t9\t8\nI\t215\t216\n"
    )
    path = road.write("n.bed", bed)
    examples = road.examples(GOOD, exclude="II\t40\t56\n", negatives=path)
    assert negatives(examples).select("id", "split").rows() == [
        ("I:290-311(-)", "train"),
        ("II:495-516", "validation"),
        ("III:691-712", "test"),
    ]
    assert reasons(examples) == [
        ("n.bed", 3, "the window overlaps a positive's region or window"),
        ("n.bed", 5, "the window of an earlier row"),
        ("n.bed", 6, "more than 10% of the window is N"),
        ("n.bed", 7, "the window overlaps an excluded region"),
        ("n.bed", 8, "the window reaches past the chromosome's end"),
        ("n.bed", 9, "the genome has no such chromosome"),
        ("n.bed", 10, "the region's start is negative or not before its end"),
        ("n.bed", 11, "the window overlaps a positive's region or window"),
    ]


def test_given_negatives_of_several_tasks_are_negative_for_all(road):
    examples = road.examples({"a": GOOD, "b": GOOD}, negatives=road.write("n.bed", "II\t500\t510\n"))
    assert negatives(examples).select("id", "a", "b").rows() == [("II:495-516", 0, 0)]


# -------------------------------------------------------------------------------------------------- splits, aliases


def test_blocks_hold_their_windows_and_negatives(road):
    bed = "".join(f"{chrom}\t{start}\t{start + 1}\n" for chrom in CHROMS for start in range(15, CHROMS[chrom] - 15, 35))
    examples = road.examples(bed, negatives="random", split={"validation": 0.2, "test": 0.3, "blocks": 1000}, window=12)
    table = examples.table()
    assert (table["tf"] == 1).sum() == (table["tf"] == 0).sum()
    assert dict(zip(*table["split"].value_counts().get_columns(), strict=True)).keys() == {
        "train",
        "validation",
        "test",
    }
    by_block = table.with_columns(block=pl.col("start") // 1000, last=(pl.col("end") - 1) // 1000)
    owners = by_block.group_by("chrom", "block").agg(pl.col("split").unique())
    assert (owners["split"].list.len() == 1).all()
    owner = {row[:2]: row[2][0] for row in owners.rows()}
    for chrom, last, split in by_block.select("chrom", "last", "split").rows():
        assert owner.get((chrom, last), split) == split
    crossing = set(examples.dropped["reason"])
    assert crossing <= {"the window crosses the border between two splits' blocks", "more than 10% of the window is N"}
    assert (table["tf"] == 1).sum() + len(examples.dropped) == len(bed.splitlines())


def test_a_window_on_the_border_of_two_splits_is_left_out():
    genome = Genome(np.zeros(100, dtype=np.uint8), {"I": 0}, {"I": 100})
    regions = pl.DataFrame({"row": [1, 2, 3], "chrom": "I", "start": [35, 43, 62], "end": [36, 44, 63],
                            "centre": [35, 43, 62], "strand": "."})  # fmt: skip
    windows, _ = windows_around(locate(regions, genome), 10, merge=False)
    windows = judge_windows(windows, {}, genome, 10)
    halves = {"train": Intervals(np.array([0]), np.array([40])), "test": Intervals(np.array([40]), np.array([100]))}
    judged = give_splits(windows, halves, 10)
    assert judged["split"].to_list() == ["train", None, "test"]
    assert judged["reason"].to_list() == [None, "the window crosses the border between two splits' blocks", None]


def test_shares_leave_the_split_open_and_draw_negatives_everywhere(road):
    examples = road.examples(
        GOOD, negatives="random", negatives_per_positive=30, split={"validation": 0.2, "test": 0.2}
    )
    assert examples.records["split"].null_count() == len(examples.records) == 155
    assert set(negatives(examples)["chrom"]) == set(CHROMS)


def test_aliases_are_read_in_every_file(road):
    numbered = GOOD.replace("III", "chr3").replace("II", "chr2").replace("I", "chr1")
    aliases = {"chr1": "I", "chr2": "II", "chr3": "III"}
    path = road.write("n.bed", "chr2\t500\t510\n")
    examples = road.examples(
        numbered, exclude="chr2\t290\t292\n", negatives=path, aliases=aliases, split={"validation": 0.2, "test": 0.2}
    )
    assert [row[:2] for row in reasons(examples)] == [("r.bed", 3)]
    assert set(examples.records["chrom"]) == {"I", "II", "III"}
    assert examples.table().filter(pl.col("tf") == 0)["id"].to_list() == ["II:495-516"]


# ------------------------------------------------------------------------------------------------------------- errors


CANNOT = {
    "other names": (
        "chrI\t1\t2\nchrII\t1\t2\n", {},
        r"r.bed: none of its chromosomes \('chrI', 'chrII'\) is in the genome .* datasets.tf: 'aliases: \{chrI: I, ",
    ),
    "no usable row": (
        "I\t2000\t1999\nII\t1\t9999\nI\t2995\t2996\nV\t1\t2\nI\t7\t7\n", {},
        r"r.bed: none of its 5 regions can be used \(2: the region's start .*, 1: .*, 1: .*, 1: the genome has no ",
    ),
    "windows wider than chromosomes": (
        GOOD, {"window": 5000},
        r"r.bed: none of its 5 regions can be used \(5: the window reaches past the chromosome's end\)",
    ),
    "a split without positives": (
        "I\t100\t101\nII\t300\t301\n", {},
        r"r.bed: no usable region on III, so the test split has no positive of 'tf'; 2 of 2 regions are usable",
    ),
    "a task without positives in a split": (
        {"a": GOOD, "b": "I\t100\t101\nIII\t300\t301\n"}, {},
        r"b.bed: no usable region on II, so the validation split has no positive of 'b'; 2 of 2",
    ),
    "blocks without positives": (
        "I\t100\t101\nI\t300\t301\n", {"split": {"validation": 0.1, "test": 0.1, "blocks": 1000}},
        r"no usable region in its blocks of 1000 bp, so the (validation|test) split has no positive of 'tf'; 2 of 2",
    ),
    "an unknown chromosome held out": (
        GOOD, {"split": {"validation": ["II"], "test": ["chrIII"]}},
        r"tf.split.test: the genome has no chromosome 'chrIII'; the nearest is 'III'",
    ),
    "all chromosomes held out": (
        GOOD, {"split": {"validation": ["I", "II"], "test": ["III", "IV"]}}, "none is left to train on"
    ),
    "too few negatives": (
        GOOD, {"negatives_per_positive": 500}, r"datasets.tf: the train split: too few negatives: \d+ windows",
    ),
    "an alias to nowhere": (
        GOOD, {"aliases": {"chr3": "chrIII"}},
        r"datasets.tf.aliases.chr3: the genome has no chromosome 'chrIII'; the nearest is 'III'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("regions", "section", "problem"), CANNOT.values(), ids=CANNOT.keys())
def test_what_cannot_be_prepared_is_said(road, regions, section, problem):
    with pytest.raises(InputError, match=problem):
        road.examples(regions, **section)


def test_independent_problems_are_told_together(road):
    with pytest.raises(InputError) as caught:
        road.examples(
            {"a": "I\tx\t2\n", "b": "chrI\t1\t2\n"}, exclude="I\n", split={"validation": ["A"], "test": ["B"]},
            aliases={"x": "C"}, negatives=str(road.folder / "lost.bed"),
        )  # fmt: skip
    assert [problem.split(": ")[0].split("/")[-1] for problem in caught.value.problems] == [
        "datasets.tf.aliases.x", "datasets.tf.split.validation", "datasets.tf.split.test",
        "a.bed", "b.bed", "lost.bed", "x.bed",
    ]  # fmt: skip


def test_given_negatives_that_are_all_positives_are_an_error(road):
    with pytest.raises(
        InputError, match=r"n.bed: none of its 1 regions can be used \(1: the window overlaps a positive"
    ):
        road.examples(GOOD, negatives=road.write("n.bed", "I\t100\t102\n"))


# ----------------------------------------------------------------------------------------------------------- the rest


def test_the_seed_decides(road):
    bed = "".join(f"{chrom}\t{start}\t{start + 1}\n" for chrom in CHROMS for start in range(100, 800, 100))
    for section in ({}, {"negatives": "random"}, {"split": {"validation": 0.2, "test": 0.2, "blocks": 1000}}):
        one, other, different = (road.examples(bed, seed=seed, **section) for seed in (5, 5, 6))
        assert one.records.equals(other.records)
        assert one.labels.equals(other.labels)
        assert not one.records.equals(different.records)


def test_negatives_whose_gc_content_is_only_near_are_told(road, caplog):
    def gc(chrom: str, centre: int) -> int:
        return sum(base in "GC" for base in road.sequence[chrom][centre - 10 : centre + 10])

    def bed(ranks: slice) -> str:
        """Return regions of each chromosome, by the rank of their GC content."""
        places = {chrom: sorted(range(600, 2100, 30), key=partial(gc, chrom)) for chrom in ("I", "II", "III")}
        return "".join(f"{chrom}\t{place}\t{place + 1}\n" for chrom in places for place in places[chrom][ranks])

    with caplog.at_level(logging.WARNING):
        road.examples(bed(slice(20, 28)), window=20)
        road.examples(bed(slice(-12, -2)), window=20, negatives="random", negatives_per_positive=2)
    assert not caplog.messages
    with caplog.at_level(logging.WARNING):
        road.examples(bed(slice(-12, -2)), window=20, negatives_per_positive=2)
    assert caplog.messages
    assert all("too few windows of the positives' GC content are free" in message for message in caplog.messages)


def test_what_is_drawn_is_told(road, caplog):
    with caplog.at_level(logging.INFO):
        road.examples(GOOD)
    assert [record.message.split(";")[0] for record in caplog.records if record.levelno == logging.INFO] == [
        "train: 2 positives, 2 negatives",
        "validation: 1 positives, 1 negatives",
        "test: 2 positives, 2 negatives",
    ]


def test_stretches_are_cut_at_the_ends_of_chromosomes():
    genome = Genome(encode("A" * 60), {"I": 0, "II": 20}, {"I": 20, "II": 40})
    table = pl.DataFrame({"row": [1, 2, 3, 4, 5], "chrom": ["I", "II", "X", "I", "I"], "start": [15, -9, 1, 8, 30],
                          "end": [30, 4, 9, 8, 35], "centre": 0, "strand": "."})  # fmt: skip
    taken = stretches(locate(table, genome))
    assert list(zip(taken.starts.tolist(), taken.ends.tolist(), strict=True)) == [(15, 20), (20, 24)]


@pytest.mark.parametrize(("kind", "expected"), [("decoys", ["I:290-311", "II:490-511"]), ("random", None)])
def test_a_simulation_takes_the_same_road(road, kind, expected):
    names = {"I": "chr1", "II": "chr2", "III": "chr3", "IV": "chr4"}
    genome = Genome(
        road.genome.packed,
        *({names[n]: v for n, v in part.items()} for part in (road.genome.offsets, road.genome.lengths)),
    )
    section = {"simulate": {"motifs": ["MA0139.2"], "positives": 5, "chromosomes": 4}, "window": 21, "negatives": kind,
               "split": {"validation": ["chr2"], "test": ["chr3"]}}  # fmt: skip
    config = validate({"results": str(road.folder), "datasets": {"toy": section}, "models": ["knn"]})
    for path, bed in (
        (config.regions("toy")["toy"], GOOD),
        (config.negative_regions("toy"), "I\t300\t301\nII\t500\t501\n"),
    ):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                "".join(names[line.split()[0]] + line[len(line.split()[0]) :] + "\n" for line in bed.splitlines())
            )
    examples = genome_examples(config, "toy", genome)
    assert examples.labels.columns == ["toy"]
    found = examples.table().filter(pl.col("toy") == 0)["id"].to_list()
    assert (
        found == [name.replace("II", "chr2").replace("I", "chr1") for name in expected] if expected else len(found) == 5
    )
