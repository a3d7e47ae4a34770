from __future__ import annotations

import gzip

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motifloom.data.regions import Occupied, centred_windows, read_regions
from motifloom.errors import InputError

NARROWPEAK = "chr1\t100\t200\tp\t0\t.\t1\t2\t3\t{summit}\n"
INTERVALS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=12)


def test_comments_blank_lines_and_wider_rows_are_understood(write):
    text = "# made by hand\ntrack name=x\nbrowser position\n\nchr1\t10\t20\nchr2\t5\t6\tname\t0\t-\textra\r\nchr3 7 9\n"
    regions = read_regions(write("r.bed", text))
    assert regions.select("row", "chrom", "start", "end", "centre", "strand").rows() == [
        (5, "chr1", 10, 20, 15, "."),
        (6, "chr2", 5, 6, 5, "-"),
        (7, "chr3", 7, 9, 8, "."),
    ]


@pytest.mark.parametrize(("summit", "centre"), [(0, 100), (37, 137), (-1, 150)])
def test_a_narrowpeak_is_centred_on_its_summit(write, summit, centre):
    regions = read_regions(write("r.narrowPeak", NARROWPEAK.format(summit=summit)))
    assert regions["centre"].to_list() == [centre]


def test_a_narrowpeak_of_idr_has_more_columns_and_bed12_has_blocks(write):
    idr = NARROWPEAK.format(summit=37).strip() + "\t1\t2\t3\t4\n"
    bed12 = "chr1\t100\t200\tp\t0\t+\t100\t200\t0\t1\t100\t0\n"
    assert read_regions(write("r.bed", idr + bed12))["centre"].to_list() == [137, 150]


def test_gzip_is_read(write):
    assert len(read_regions(write("r.bed.gz", gzip.compress(b"chr1\t1\t2\n")))) == 1


@pytest.mark.parametrize("window", [5, 6])
def test_a_window_is_centred_on_its_region(write, window):
    row = centred_windows(read_regions(write("r.bed", "chr1\t10\t11\n")), window).row(0, named=True)
    assert row["end"] - row["start"] == window
    assert row["start"] + window // 2 == 10


def test_every_bad_row_is_named_at_once(write):
    path = write("r.bed", "chr1\t10\nchr1\tten\t20\nchr1\t1\t2\nchr1\t1\t2.5\n")
    with pytest.raises(InputError) as caught:
        read_regions(path)
    assert caught.value.problems == [
        f"{path}: row 1: 2 column(s) in 'chr1\t10'; expected at least chrom, start and end",
        f"{path}: row 2: start 'ten', end '20'; expected whole numbers",
        f"{path}: row 4: start '1', end '2.5'; expected whole numbers",
    ]


def test_so_many_bad_rows_are_counted(write):
    with pytest.raises(InputError) as caught:
        read_regions(write("r.bed", "x\n" * 50))
    assert len(caught.value.problems) == 21
    assert "30 more such rows" in caught.value.problems[-1]


@pytest.mark.parametrize("content", ["", "# nothing\n", gzip.compress(b"chr1\t1\t2\n" * 99)[:-5], b"\x00\xff\xfe"])
def test_a_file_without_regions_is_an_error(write, content):
    with pytest.raises(InputError):
        read_regions(write("r.bed", content))


@given(taken=INTERVALS, asked=INTERVALS)
def test_overlap_agrees_with_comparing_every_pair(taken, asked):
    table = pl.DataFrame(
        {"chrom": ["a"] * len(taken), "start": [s for s, _ in taken], "end": [s + w for s, w in taken]},
        schema={"chrom": pl.String, "start": pl.Int64, "end": pl.Int64},
    )
    starts = np.array([s for s, _ in asked], dtype=np.int64)
    ends = np.array([s + w for s, w in asked], dtype=np.int64)
    expected = [
        any(s < e2 and s2 < e for s2, e2 in zip(table["start"], table["end"], strict=True))
        for s, e in zip(starts, ends, strict=True)
    ]
    assert Occupied.of(table).overlap("a", starts, ends).tolist() == expected
    assert not Occupied.of(table).overlap("b", starts, ends).any()
