"""Inputs as they should not be: each is told in one line that names the file and the row, and leaves nothing behind."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import yaml
from Bio.bgzf import BgzfWriter

from motifloom.cli import main

if TYPE_CHECKING:
    from pathlib import Path

LETTERS = np.random.default_rng(5)
CHROMOSOME = 4000
SPLIT = {"validation": ["chr2"], "test": ["chr3"]}
SHARES = {"validation": 0.2, "test": 0.2}
HTML = "<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n"


def bases(length: int) -> str:
    return "".join(LETTERS.choice(list("ACGT"), length))


GENOME = "".join(f">chr{n}\n{bases(CHROMOSOME)}\n" for n in (1, 2, 3))
REGIONS = "".join(f"chr{n}\t{place}\t{place + 20}\n" for n in (1, 2, 3) for place in range(300, 3700, 400))
POSITIVES, NEGATIVES = ("".join(f">{label}{n}\n{bases(60)}\n" for n in range(40)) for label in "pn")
ROWS = [f"s{n}\t{bases(50)}\t{n % 2}" for n in range(40)]
TABLE = "\n".join(["id\tsequence\tlabel", *ROWS]) + "\n"

Content = str | bytes


@dataclass
class Case:
    """Files, what a dataset's section says of them, and the parts of one error line, each of which must stand in it."""

    section: dict[str, Any]
    files: dict[str, Content]
    expected: list[list[str]]
    title: str = field(default="", repr=False)


def genome(
    expected: list[str], *more: list[str], fasta: Content = GENOME, regions: Content = REGIONS, **keys: Any
) -> Case:
    section = {"genome": "g.fa", "regions": "r.bed", "window": 50, "split": SPLIT, **keys}
    return Case(section, {"g.fa": fasta, "r.bed": regions}, [expected, *more])


def exclude(expected: list[str], content: Content) -> Case:
    case = genome(expected, exclude="x.bed")
    case.files["x.bed"] = content
    return case


def pair(
    expected: list[str],
    *more: list[str],
    positives: Content = POSITIVES,
    negatives: Content = NEGATIVES,
    **keys: Any,
) -> Case:
    section = {"positives": "p.fa", "negatives": "n.fa", "split": SHARES, **keys}
    return Case(section, {"p.fa": positives, "n.fa": negatives}, [expected, *more])


def table(expected: list[str], content: Content, *more: list[str], name: str = "t.tsv", **keys: Any) -> Case:
    return Case({"sequences": name, "labels": "label", "split": SHARES, **keys}, {name: content}, [expected, *more])


def with_row(row: str, place: int = 7, text: str = TABLE) -> str:
    """Put a row into the table; the header is row 1."""
    lines = text.splitlines()
    return "\n".join([*lines[: place - 1], row, *lines[place - 1 :]]) + "\n"


def with_line(line: str, place: int = 5, text: str = REGIONS) -> str:
    return with_row(line, place, text)


def zipped(text: str, keep: float = 1.0) -> bytes:
    whole = gzip.compress(text.encode(), mtime=0)
    return whole[: int(len(whole) * keep)]


def bgzip_without_end(text: str) -> bytes:
    """Return whole blocks as bgzip writes them, without the empty one that closes the file."""
    out = io.BytesIO()
    writer = BgzfWriter(fileobj=out)
    writer.write(text)
    writer.flush()
    return out.getvalue()


def broken_checksum(text: str) -> bytes:
    whole = bytearray(gzip.compress(text.encode(), mtime=0))
    whole[-6] ^= 0xFF
    return bytes(whole)


def parquet(**columns: list[Any]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(columns).write_parquet(out)
    return out.getvalue()


CASES = {
    "a genome that is HTML": genome(["g.fa", "HTML"], fasta=HTML),
    "a genome that is HTML behind a byte order mark": genome(["g.fa", "HTML"], fasta="\ufeff" + HTML),
    "a genome that is empty": genome(["g.fa", "empty"], fasta=""),
    "a genome without a header": genome(["g.fa", "line 1"], fasta="ACGTACGT\n"),
    "a genome that is FASTQ": genome(["g.fa", "line 1"], fasta="@read\nACGT\n+\nIIII\n"),
    "a genome that is a truncated gzip": genome(["g.fa", "truncated"], fasta=zipped(GENOME, 0.6)),
    "a genome that is a corrupt gzip": genome(["g.fa"], fasta=broken_checksum(GENOME)),
    "a genome with digits in it": genome(["g.fa", "line 2", "1"], fasta=GENOME.replace("A", "1", 1)),
    "a genome with an unnamed contig": genome(["g.fa", "line 1", "name"], fasta=GENOME.replace(">chr1", ">", 1)),
    "a genome with a name twice": genome(["g.fa", "chr1", "line 3"], fasta=GENOME.replace(">chr2", ">chr1")),
    "a genome with an empty contig": genome(["g.fa", "chr0", "empty"], fasta=f">chr0\n{GENOME}"),
    "a genome of proteins": genome(["g.fa", "line 2"], fasta=">p\nMEFILPQ\n"),
    "regions with two columns": genome(["r.bed", "row 5", "chr1"], regions=with_line("chr1\t77")),
    "regions with words for places": genome(["r.bed", "row 5", "far"], regions=with_line("chr1\t77\tfar")),
    "regions with fractions for places": genome(["r.bed", "row 5", "7.5"], regions=with_line("chr1\t7.5\t90")),
    "regions under a header": genome(["r.bed", "row 1", "start"], regions=with_line("chrom\tstart\tend", 1)),
    "regions that are HTML": genome(["r.bed", "HTML"], regions=HTML),
    "regions that are empty": genome(["r.bed", "no region"], regions="# nothing\n"),
    "regions that are FASTA": genome(["r.bed", "row 1"], regions=GENOME),
    "regions that are a truncated gzip": genome(["r.bed", "truncated"], regions=zipped(REGIONS, 0.5)),
    "regions that are bgzip without its end": genome(["r.bed", "truncated"], regions=bgzip_without_end(REGIONS)),
    "regions that are VCF": genome(
        ["r.bed", "row 1", "VCF"], regions="##fileformat=VCFv4.2\nchr1\t500\t3600\tA\tG\n" + REGIONS
    ),
    "regions that are no text": genome(["r.bed", "text"], regions=bytes(range(128, 256))),
    "regions of another naming": genome(
        ["r.bed", "aliases", "chr1"], fasta=GENOME.replace(">chr", ">"), split={"validation": ["2"], "test": ["3"]}
    ),
    "regions that all end before they start": genome(["r.bed", "start"], regions="chr1\t90\t80\nchr2\t90\t80\n"),
    "regions that all lie past the end": genome(["r.bed", "past"], regions="chr1\t9000\t9100\nchr3\t9000\t9100\n"),
    "regions of which a row has a byte of 0": genome(["r.bed", "row 5", "text"], regions=with_line("ch\0r\t1\t2")),
    "regions of which a row is no UTF-8": genome(
        ["r.bed", "row 5", "text"], regions=with_line("chr1\t1\t2\té").encode("latin-1")
    ),
    "regions with commas": genome(["r.bed", "row 1", "tabs"], regions=REGIONS.replace("\t", ",")),
    "regions that leave a split without any": genome(
        ["r.bed", "test", "chr3"], regions="".join(r for r in REGIONS.splitlines(True) if "chr3" not in r)
    ),
    "several bad rows, all told": genome(
        ["r.bed", "row 2", "x"],
        ["r.bed", "row 4", "1 column"],
        regions=with_line("chr1\tx\t5", 2, with_line("chr1", 3)),
    ),
    "a genome and regions both bad": genome(
        ["g.fa", "HTML"], ["r.bed", "row 5"], fasta=HTML, regions=with_line("chr1")
    ),
    "regions with a bad row beside an unknown key and a missing file": genome(
        ["windw", "window"],
        ["r.bed", "row 5", "chr1"],
        ["lost.bed", "no such file"],
        regions=with_line("chr1"),
        windw=60,
        exclude="lost.bed",
    ),
    "a split of unknown chromosomes": genome(["split", "chr22"], split={"validation": ["chr22"], "test": ["chr3"]}),
    "a split that leaves nothing": genome(["split", "train"], split={"validation": ["chr1", "chr2"], "test": ["chr3"]}),
    "an alias to nowhere": genome(["aliases", "chrX"], aliases={"1": "chrX"}),
    "windows wider than the genome": genome(["r.bed", "window"], window=5000),
    "negatives of a kind that is nearly named": genome(["gc_matched", "gc-matched"], negatives="gc_matched"),
    "negatives beyond all memory": genome(
        ["memory"], negatives="dinucleotide-shuffle", negatives_per_positive=10**9, window=100
    ),
    "too many negatives": genome(["negatives", "windows"], negatives_per_positive=90),
    "excluded places with a bad row": exclude(["x.bed", "row 2", "ten"], "chr1\t1\t2\nchr1\tten\t20\n"),
    "excluded places that are everything": exclude(
        ["r.bed", "excluded"], "".join(f"chr{n}\t0\t{CHROMOSOME}\n" for n in (1, 2, 3))
    ),
    "a missing exclude file": genome(["lost.bed", "no such file"], exclude="lost.bed"),
    "a file that is nearly named": genome(["r.bde", "r.bed"], regions=REGIONS, exclude="r.bde"),
    "a bigWig that is none": genome(["r.bed", "bigWig"], signal={"depth": "r.bed"}),
    "FASTA records that are positives and negatives": Case(
        {"positives": "p.fa", "negatives": "./p.fa", "split": SHARES},
        {"p.fa": POSITIVES},
        [["p.fa", "same file", "./p.fa"]],
    ),
    "FASTA records of one class alone": pair(["n.fa", "empty"], negatives=""),
    "FASTA records with a name twice": pair(["p.fa", "p3"], positives=POSITIVES.replace(">p4\n", ">p3\n")),
    "FASTA records with a bad letter and a name twice": pair(
        ["n.fa", "line 2", "!"], ["n.fa", "line 3", "'n'"], negatives=">n\nAC!GT\n>n\nACGT\n"
    ),
    "FASTA records without a name": pair(["p.fa", "line 1", "name"], positives=POSITIVES.replace(">p0\n", ">\n")),
    "FASTA records with a character that is no base": pair(["n.fa", "line 2", "!"], negatives=">n\nACGT!\n"),
    "FASTA records all of N": pair(["p.fa", "N"], positives=">a\nNNNNNNNNNN\n>b\nNNNNNNNN\n"),
    "chromosomes of FASTA records without places": pair(["split", "p.fa"], split=SPLIT),
    "too few FASTA records": pair(["split"], positives=">a\nACGTACGTAA\n", negatives=">b\nTTTTACGTGG\n"),
    "a table without the label column": table(["t.tsv", "labl", "label"], TABLE, labels="labl"),
    "a table without a header": table(["t.tsv", "sequence", "…"], "\n".join(ROWS)),
    "a table without a sequence column": table(["t.tsv", "sequence"], TABLE.replace("sequence", "dna")),
    "a table with an id twice": table(["t.tsv", "row 7", "s1"], with_row("s1\tACGTACGTACGT\t1")),
    "a table with a label of words": table(["t.tsv", "row 7", "maybe"], with_row("x\tACGTACGTACGT\tmaybe")),
    "a table with a label of 2": table(["t.tsv", "row 7", "2"], with_row("x\tACGTACGTACGT\t2")),
    "a table with a value that is no number": table(
        ["t.tsv", "row 7", "high"], with_row("x\tACGTACGT\thigh"), kind="regression"
    ),
    "a table with an infinite value": table(["t.tsv", "row 7", "inf"], with_row("x\tACGTACGT\tinf"), kind="regression"),
    "a table with a letter that is no base": table(["t.tsv", "row 7", "Z"], with_row("x\tACGTZZACGT\t1")),
    "a table with a row in Latin-1": table(["t.tsv", "row 7", "0xe9"], with_row("é\tACGTACGT\t1").encode("latin-1")),
    "a table with a line break in a field": table(
        ["t.csv", "row 7", "line break"], with_row('x,"ACGT\nACGT",1', text=TABLE.replace("\t", ",")), name="t.csv"
    ),
    "a Parquet table of lists": table(
        ["t.parquet", "sequence", "List"], parquet(sequence=[["A"], ["C"]], label=[0, 1]), name="t.parquet"
    ),
    "a table with a row too short": table(["t.tsv", "row 7"], with_row("x\tACGTACGT")),
    "a table with a row too long": table(["t.tsv", "row 7"], with_row("x\tACGTACGT\t1\t1\t1")),
    "a table of one class": table(["t.tsv", "label"], TABLE.replace("\t0\n", "\t1\n")),
    "a table that is its header": table(["t.tsv", "row"], "id\tsequence\tlabel\n"),
    "a table that is empty": table(["t.tsv", "empty"], ""),
    "a table that is HTML": table(["t.tsv", "HTML"], HTML),
    "a table that is a spreadsheet": table(["t.tsv", "xlsx"], b"PK\x03\x04" + bytes(200)),
    "a table that is a truncated gzip": table(["t.tsv.gz", "truncated"], zipped(TABLE, 0.5), name="t.tsv.gz"),
    "a table with a bad row that is truncated further on": table(
        ["t.tsv", "row 7", "1 field"], zipped(with_row("x") + "\n".join(ROWS * 20), 0.9), ["t.tsv", "truncated"]
    ),
    "a table that is bgzip without its end": table(
        ["t.tsv.gz", "truncated"], bgzip_without_end(TABLE), name="t.tsv.gz"
    ),
    "a table in UTF-16 without a byte order mark": table(["t.tsv", "UTF-16"], TABLE.encode("utf-16-le")),
    "labels in braces": table(
        ["t.tsv", "row 7", "'{row}' is 'maybe'"],
        with_row("x\tACGTACGT\tmaybe").replace("label", "{row}"),
        labels="{row}",
    ),
    "a column of labels that is called like another one": table(["labels: the name 'id' is taken"], TABLE, labels="id"),
    "values too small for single precision": table(
        ["t.tsv", "label", "too small"],
        "sequence\tlabel\n" + "".join(f"{bases(30)}\t{n + 1}e-310\n" for n in range(40)),
        kind="regression",
    ),
    "a table that is no Parquet": table(["t.parquet"], b"PAR1" + bytes(100), name="t.parquet"),
    "a Parquet table without labels": table(
        ["t.parquet", "label"], parquet(sequence=["ACGT"], y=[1]), name="t.parquet"
    ),
    "a split column with another word": table(
        ["t.tsv", "row 2", "holdout"],
        "sequence\tlabel\tpart\nACGTACGTAA\t1\tholdout\nACGTTTTTAA\t0\ttrain\n",
        split={"column": "part"},
    ),
    "a split column that leaves test without a class": table(
        ["t.tsv", "test", "negative", "label"],
        "sequence\tlabel\tpart\n"
        + "".join(f"{bases(40)}\t{int(n < 9 or n % 2)}\t{('test', 'val', 'train')[n // 9]}\n" for n in range(27)),
        split={"column": "part"},
    ),
    "sequences that are all alike": table(
        ["t.tsv", "split", "tied"], "sequence\tlabel\n" + "".join(f"ACGTTGCATC\t{n % 2}\n" for n in range(40))
    ),
    "a split column that is not there": table(["t.tsv", "part"], TABLE, split={"column": "part"}),
    "a split column without validation": table(
        ["t.tsv", "validation"],
        "sequence\tlabel\tpart\n" + "".join(f"{bases(40)}\t{n % 2}\t{('train', 'test')[n < 9]}\n" for n in range(30)),
        split={"column": "part"},
    ),
    "classes that are numbers by the hundred": table(
        ["t.tsv", "classes"],
        "sequence\tlabel\n" + "".join(f"{bases(30)}\t{n / 7}\n" for n in range(400)),
        kind="multiclass",
    ),
    "a class that is called like a column": table(
        ["t.tsv", "split"],
        "sequence\tlabel\n" + "".join(f"{bases(30)}\t{'split' if n % 2 else 'b'}\n" for n in range(40)),
        kind="multiclass",
    ),
}


@pytest.mark.parametrize("title", CASES)
def test_bad_input_is_told_in_a_line_and_leaves_nothing(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = CASES[title]
    for name, content in case.files.items():
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (tmp_path / "my.yaml").write_text(yaml.safe_dump({"datasets": {"toy": case.section}, "models": ["knn"]}))
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    status = main(["check", "my.yaml"])
    told = capsys.readouterr().err
    errors = [line for line in told.splitlines() if line.startswith("error: ")]
    assert status == 2, told
    assert "Traceback" not in told
    for parts in case.expected:
        assert any(all(part in line for part in parts) for line in errors), f"{parts} in none of {errors}"
    assert sorted(tmp_path.rglob("*")) == before
