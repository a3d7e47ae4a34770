from __future__ import annotations

import gzip
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motifloom.data import regions as module
from motifloom.data.chromosomes import check_names, propose_aliases
from motifloom.data.regions import FAR, read_regions
from motifloom.errors import InputError
from motifloom.genome import Genome, encode

NARROWPEAK = "chr1\t100\t200\tp\t0\t.\t1\t2\t3\t{summit}\n"


def places(path) -> list[tuple]:
    return read_regions(path).select("row", "chrom", "start", "end", "centre", "strand").rows()


def problems_of(path) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_regions(path)
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_comments_blank_lines_and_wider_rows_are_understood(write):
    text = (
        "# made by hand\ntrack name=x\nbrowser position\n\nchr1\t10\t20\nchr2\t5\t6\tname\t0\t-\textra\r\n"
        "chr3 7 9\n  \n\t\nchr4  8   12 x  0 +\ntracked\t1\t2"
    )
    assert places(write("r.bed", text)) == [
        (5, "chr1", 10, 20, 15, "."),
        (6, "chr2", 5, 6, 5, "-"),
        (7, "chr3", 7, 9, 8, "."),
        (10, "chr4", 8, 12, 10, "+"),
        (11, "tracked", 1, 2, 1, "."),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfchr1\t10\t20\nscaffold_\xc3\xa9\t30\t40\n",
        b"chr1\t10\t20\r\nscaffold_\xc3\xa9\t30\t40\r\n",
        b"chr1\t10\t20\rscaffold_\xc3\xa9\t30\t40",
        b"chr1 10 20\nscaffold_\xc3\xa9 30 40",
        gzip.compress(b"chr1\t10\t20\n", mtime=0)
        + gzip.compress(b"scaffold_\xc3\xa9\t30\t40\n", mtime=0),  # bgzip: block after block
    ],
    ids=["byte order mark", "CRLF", "CR", "blanks", "bgzip"],
)
def test_ends_of_lines_marks_and_compression_make_no_difference(write, content):
    assert places(write("r.bed", content)) == [(1, "chr1", 10, 20, 15, "."), (2, "scaffold_é", 30, 40, 35, ".")]


@pytest.mark.parametrize(
    ("summit", "centre"),
    [
        ("0", 100),
        ("37", 137),
        ("-1", 150),
        *[(odd, 150) for odd in ("", ".", "7.5", "-1.0", "inf")],
        ("37.0", 137),
        ("-5", 95),  # outside, which the caller judges
        ("9" * 20, 100 + FAR),
    ],
)
def test_a_narrowpeak_is_centred_on_its_summit(write, summit, centre):
    assert read_regions(write("r.narrowPeak", NARROWPEAK.format(summit=summit)))["centre"].to_list() == [centre]


@pytest.mark.parametrize(
    ("row", "centre"),
    [
        ("p\t0\t.\t1\t2\t3\t37\t1\t2\t3\t4", 137),  # narrowPeak as IDR widens it
        ("p\t0\t.\t25.5\t8.1\t3\t1\t0.9\t0\t120\t190\t30", 101),  # the same with a summit of 1
        ("p\t0\t+\t100\t200\t0\t1\t100\t0", 150),  # BED12
        ("p\t0\t+\t100\t200\t0\t2\t10,20,\t0,80,", 150),
        ("p\t0\t+\t100\t200\t0\t2\t10,20,\t0,80,\t9.1\t4.2\t3.3", 150),  # gappedPeak: BED12 and three columns
        ("p\t0\t+\t1\t2\t3\t7", 107),
        ("p\t0\t+\t100\t200\t0", 150),  # BED9
    ],
)
def test_the_tenth_column_is_a_summit_only_in_peaks(write, row, centre):
    assert read_regions(write("r.bed", f"chr1\t100\t200\t{row}\n"))["centre"].to_list() == [centre]


@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["chr1", "2", "scaffold_17"]), st.integers(0, 10**9), st.integers(1, 10**6),
                  st.sampled_from(["+", "-", "."]), st.integers(3, 12), st.booleans(), st.booleans()),
        min_size=1, max_size=40,
    ),
    block=st.integers(1, 300),
)  # fmt: skip
@settings(deadline=None)
def test_what_is_written_is_read_wherever_blocks_are_cut(tmp_path_factory, rows, block):
    path = tmp_path_factory.mktemp("regions") / "r.bed"
    text, expected = "", []
    for chrom, start, width, strand, columns, tabs, comment in rows:
        text += "# é\n" * comment
        summit = width // 3
        fields = [chrom, start, start + width, "name", 0, strand, 1.5, 2.5, 3.5, summit, "x", "y"][:columns]
        text += ("\t" if tabs else " ").join(map(str, fields)) + "\n"
        centre = start + summit if columns == 10 else (start + start + width) // 2
        expected.append((text.count("\n"), chrom, start, start + width, centre, strand if columns > 5 else "."))
    path.write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        assert places(path) == expected


def test_every_bad_row_is_named_at_once(write):
    rows = ["chr1\t10", "chr1\tten\t20", "chr1\t1\t2", "chr1\t1\t2.5", "chr1\t1e5\t2e5", "chr1\t1,000\t2,000", "\t1\t2"]
    assert problems_of(write("r.bed", "\n".join(rows))) == [
        "row 1: 2 columns in 'chr1\t10'; expected at least chrom, start and end, separated by tabs or blanks",
        "row 2: start 'ten', end '20'; expected whole numbers",
        "row 4: start '1', end '2.5'; expected whole numbers",
        "row 5: start '1e5', end '2e5'; expected whole numbers",
        "row 6: start '1,000', end '2,000'; expected whole numbers",
        "row 7: no chromosome in '\t1\t2'; expected chrom, start and end",
    ]


def test_so_many_bad_rows_are_counted(write, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 30)
    found = problems_of(write("r.bed", "x\n" * 50))
    assert found[0].startswith("row 1: 1 column in 'x'")
    assert found[19].startswith("row 20: ")
    assert found[20:] == ["30 more such rows"]


@pytest.mark.parametrize("header", ["chrom\tstart\tend", "seqnames start end width strand", "#x\nchr\tfrom\tto"])
def test_a_header_is_told_with_its_mend(write, header):
    (problem,) = problems_of(write("r.bed", f"{header}\nchr1\t1\t2\n"))
    assert problem.endswith("; if this is a header, put # before it or remove it")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "holds no region"),
        ("# nothing\n\ntrack name=x\n", "holds no region"),
        (gzip.compress(b"", mtime=0), "holds no region"),
        (
            gzip.compress(b"chr1\t1\t2\n" * 99, mtime=0)[:-12],
            "is truncated: the gzip stream has no end; expected the whole file",
        ),
        (gzip.compress(b"chr1\t1\t2\n" * 99, mtime=0)[:-5] + b"abcde", "cannot be read: CRC check failed"),
        (b"\x1f\x8b\x08\x00abcdefghijk", "cannot be read: "),
        (b"chr1\t1\t2\n\x00\xff\xfe", "row 2: is no text in UTF-8"),
        (b"chr1\t1\t2\nch\x00r1\t1\t2\n", "row 2: is no text in UTF-8"),
        ("chr1\t1\t2\n".encode("utf-16"), "row 1: is no text in UTF-8"),
        ("chr1\t1\t2\n".encode("utf-16-le"), "row 1: is no text in UTF-8"),
        ("\n<!DOCTYPE html>\n<html>chr1\t1\t2\n", "row 2: is HTML or XML ('<!DOCTYPE html>')"),
        (">chr1 description\nACGT\n", "row 1: is FASTA ('>chr1 description')"),
    ],
)
def test_what_holds_no_regions_is_said(write, content, problem):
    (found,) = problems_of(write("r.bed", content))
    assert found.startswith(problem)


def test_a_missing_file_is_told_with_the_nearest(write):
    path = write("peaks.bed", "chr1\t1\t2\n")
    with pytest.raises(InputError, match=re.escape("peak.bed: no such file; the nearest there is 'peaks.bed'")):
        read_regions(path.with_name("peak.bed"))


def test_what_came_before_a_files_broken_end_is_told_too(write):
    content = gzip.compress(b"chr1\tx\t2\n" + b"chr1\t1\t2\n" * 99_999, mtime=0)[:-100]
    found = problems_of(write("r.bed.gz", content))
    assert [problem.split(":")[0] for problem in found] in (["row 1", "is truncated"], ["is truncated"])


def test_nothing_is_judged_that_only_a_genome_can_tell(write):
    text = "a\t5\t5\nb\t-3\t9\nb\t9\t3\n"
    assert read_regions(write("r.bed", text)).schema == pl.Schema(module.SCHEMA)
    assert [row[2:4] for row in places(write("r.bed", text))] == [(5, 5), (-3, 9), (9, 3)]


# -------------------------------------------------------------------------------------------------------------- names


def genome_of(*names: str) -> Genome:
    lengths = dict.fromkeys(names, 10)
    return Genome(encode("A" * 10 * len(names)), {name: 10 * i for i, name in enumerate(names)}, lengths)


@pytest.mark.parametrize(
    ("theirs", "ours", "aliases"),
    [
        (["chr1", "chrX", "chrM"], ["1", "2", "X", "MT"], {"chr1": "1", "chrX": "X", "chrM": "MT"}),
        (["1", "MT"], ["chr1", "chrM"], {"1": "chr1", "MT": "chrM"}),
        (["chr4", "chr10", "chr16", "chrMito"], ["chrIV", "chrX", "chrXVI", "chrM"],
         {"chr4": "chrIV", "chr10": "chrX", "chr16": "chrXVI", "chrMito": "chrM"}),
        (["chrX", "IX"], ["10", "9"], {"chrX": "10", "IX": "9"}),
        (["chr1", "chrX"], ["I", "II", "X"], {"chr1": "I", "chrX": "X"}),  # a worm's X is no ten
        (["chrX", "chr10"], ["9", "10", "X"], {"chrX": "X", "chr10": "10"}),  # nor is ours
        (["chr2L", "chr2l"], ["2L"], {"chr2L": "2L", "chr2l": "2L"}),
        (['"chr1"', "CHR2", "chromosome_3"], ["chr1", "chr2", "chr3"],
         {'"chr1"': "chr1", "CHR2": "chr2", "chromosome_3": "chr3"}),
        (["NC_000001.11", "chr"], ["chr1"], {}),
    ],
)  # fmt: skip
def test_aliases_are_found_where_names_are_alike(theirs, ours, aliases):
    assert propose_aliases(theirs, genome_of(*ours)) == aliases


def test_names_of_another_form_are_an_error_with_its_mend():
    genome = genome_of(*(str(number) for number in range(1, 6)))
    names = [f"chr{number}" for number in range(1, 6)]
    with pytest.raises(InputError) as caught:
        check_names(names, genome, "r.bed", "datasets.tf")
    assert str(caught.value) == (
        "r.bed: none of its chromosomes ('chr1', 'chr2', 'chr3', …) is in the genome ('1', '2', '3', …); "
        "add to datasets.tf: 'aliases: {chr1: '1', chr2: '2', chr3: '3', …}', or rename them"
    )
    with pytest.raises(InputError, match=r"\('x'\) is in the genome \('1', '2', '3', …\); is it the same assembly\?"):
        check_names(["x"], genome, "r.bed", "datasets.tf")


def test_some_known_names_are_enough():
    check_names(["x", "1"], genome_of("1", "2"), "r.bed", "datasets.tf")
