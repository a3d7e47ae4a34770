"""The strength of peaks: from files to windows, against a plain search, and to strata."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motifloom.config import validate
from motifloom.data.regions import read_regions
from motifloom.data.strength import peak_strengths, strongest

PEAK = "chr1\t100\t200\tname\t{score}\t.\t{signal}\t-1\t-1\t50\n"


@pytest.mark.parametrize(
    ("line", "strength"),
    [
        ("chr1\t100\t200\n", None),
        ("chr1\t100\t200\tname\n", None),
        ("chr1\t100\t200\tname\t765\n", 765.0),
        ("chr1\t100\t200\tname\t7.5\t+\n", 7.5),
        ("chr1\t100\t200\tname\t.\t+\n", None),
        ("chr1\t100\t200\tname\tinf\t+\n", None),
        (PEAK.format(score=1000, signal=42.5), 42.5),
        (PEAK.format(score=1000, signal="NA"), None),
        ("chr1\t100\t200\tname\t31\t.\t100\t200\t0\t2\t10,20\t0,80\n", 31.0),  # BED12
        ("chr1\t100\t200\tname\t31\t.\t100\t200\t0\t2\t10,20\t0,80\t6.5\t3\t2\n", 31.0),  # gappedPeak
    ],
)
def test_a_region_has_the_strength_that_its_file_tells(write, line, strength):
    assert read_regions(write("r.bed", line))["strength"].to_list() == [strength]
    with_comment = read_regions(write("r.bed", f"# a comment, so that lines are parsed one by one\n{line}"))
    assert with_comment["strength"].to_list() == [strength]


REGIONS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.none() | st.integers(0, 9)), max_size=25)
WINDOWS = st.lists(st.tuples(st.sampled_from("abd"), st.integers(0, 50), st.integers(1, 12)), min_size=1, max_size=15)


@given(REGIONS, WINDOWS)
def test_a_window_has_the_strength_of_the_strongest_peak_in_it(regions, windows):
    table = pl.DataFrame(
        regions, {"chrom": pl.String, "centre": pl.Int64, "strength": pl.Float64}, orient="row", strict=False
    )
    places = pl.DataFrame(
        [(chrom, start, start + width) for chrom, start, width in windows],
        {"chrom": pl.String, "start": pl.Int64, "end": pl.Int64},
        orient="row",
    )
    expected = [
        max(
            (
                float(strength)
                for other, centre, strength in regions
                if other == chrom and start <= centre < start + width and strength is not None
            ),
            default=np.nan,
        )
        for chrom, start, width in windows
    ]
    assert np.array_equal(strongest(places, table), expected, equal_nan=True)


def test_each_task_has_its_own_file_and_aliases_are_known(write):
    first = write("first.bed", "4\t10\t11\tx\t7\n4\t90\t91\tx\t9\n")
    other = write("other.bed", "4\t12\t13\tx\t3\n")
    dataset = {
        "genome": "g.fa",
        "regions": {"one": str(first), "two": str(other)},
        "aliases": {"4": "chrIV"},
        "split": {"validation": ["chrV"], "test": ["chrIV"]},
    }
    windows = pl.DataFrame({"chrom": ["chrIV", "chrIV", "chrV"], "start": [0, 60, 0], "end": [20, 100, 20]})
    config = validate({"datasets": {"d": dataset}, "models": ["knn"]})
    found = peak_strengths(config, "d", windows)
    assert {task: values.tolist()[:1] for task, values in found.items()} == {"one": [7], "two": [3]}
    assert np.array_equal(found["one"], [7, 9, np.nan], equal_nan=True)
    signal = validate({"datasets": {"d": {**dataset, "signal": {"s": "s.bw"}}}, "models": ["knn"]})
    assert peak_strengths(signal, "d", windows) == {}
