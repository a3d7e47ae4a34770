from __future__ import annotations

import gzip
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from motifloom.config import validate
from motifloom.data import delimited
from motifloom.data.dataset import Dataset
from motifloom.data.prepare import prepare
from motifloom.data.tables import table_examples
from motifloom.errors import InputError
from motifloom.genome import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from motifloom.config import Config
    from motifloom.data.examples import Examples

    Write = Callable[[str, str | bytes], Path]

INPUTS = Path(os.environ.get("MOTIFLOOM_REAL_INPUTS", Path(__file__).parents[3] / "shared" / "data"))
real = pytest.mark.skipif(
    not INPUTS.is_dir(), reason=f"no real inputs at {INPUTS}; MOTIFLOOM_REAL_INPUTS names their folder"
)
SHARES = {"validation": 0.2, "test": 0.2}
SAVE_AS = "save the sheet as tab-separated text (.tsv)"
TRUNCATED = "is truncated: its gzip data break off; fetch or copy it again"
OPEN_QUOTE = (
    "quotes that cannot be read (unexpected end of data); expected them around a whole field, which holds no line break"
)
LETTERS = "expected A C G T U N, another IUPAC code, or a gap - . *"
NO_CLASS = "expected printable characters, and none of id, split, chrom, start, end, strand, all"
NOT_BINARY = (
    "expected 0 or 1, or nothing where it is missing; for names of classes set 'kind: multiclass', for other numbers "
    "'kind: regression'"
)
TOO_GREAT = "'; too great for single precision, expected -1e+30 to 1e+30; divide all by one number"
GOOD = "id,sequence,label\na,ACGTACGT,1\nb,TTGACCA,0\nc,GGG,1\nd,CATTAC,0\n"


def config_of(path: Path, **section: Any) -> Config:
    table = {"sequences": str(path), "labels": "label", "split": SHARES} | section
    return validate({"datasets": {"t": table}, "models": ["knn"]})


def read(path: Path, **section: Any) -> Examples:
    config = config_of(path, **section)
    return table_examples(config, "t", config.datasets["t"])


def bases_of(examples: Examples) -> list[str]:
    sequences = examples.sequences(np.empty(0, dtype=np.uint8))
    return [decode(sequences.codes(np.array([row]), int(length))[0]) for row, length in enumerate(sequences.lengths)]


def problems(path: Path, **section: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(path, **section)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


# --------------------------------------------------------------------------------------------------------- what is read


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", GOOD),
        ("t.tsv", GOOD.replace(",", "\t")),
        ("t.txt", GOOD.replace(",", "\t")),
        ("t.txt", GOOD),
        ("t.tsv", GOOD),  # another separator than the name says
        ("t.csv", GOOD.replace(",", ";")),
        ("T.CSV", GOOD.replace("\n", "\r\n")),
        ("t.csv", GOOD.replace("\n", "\r")),
        ("t.csv", "\ufeff" + GOOD),  # as spreadsheets save it
        ("t.csv", GOOD.removesuffix("\n")),
        ("t.csv", GOOD.replace(",", " , ").replace("\n", " \n")),
        ("t.csv", "".join(",".join(f'"{field}"' for field in line.split(",")) + "\n" for line in GOOD.split())),
        ("t.csv", GOOD.replace("sequence", "Seq").replace("id", "ID")),
        ("t.csv", GOOD.replace("ACGTACGT", "acgUACGU").replace("TTGACCA", "uugacca")),
        ("t.csv", GOOD.replace("label", 'label,"a ""note"", too"').replace("1\n", "1,x\n").replace("0\n", '0,"y,"\n')),
    ],
)  # fmt: skip
@pytest.mark.parametrize("zipped", [False, True])
def test_every_dialect_reads_alike(name, text, zipped, write):
    path = write(name + ".gz", gzip.compress(text.encode(), mtime=0)) if zipped else write(name, text)
    examples = read(path)
    assert bases_of(examples) == ["ACGTACGT", "TTGACCA", "GGG", "CATTAC"]
    assert examples.table().to_dict(as_series=False) == {
        "id": ["a", "b", "c", "d"], "split": [None] * 4, "label": [1, 0, 1, 0],
    }  # fmt: skip
    assert examples.labels.schema == {"label": pl.Int8}
    assert examples.dropped.is_empty()
    assert examples.records.select("minus", "own", "parent", "group").unique().rows() == [(False, True, None, None)]


def test_a_row_of_empty_fields_is_counted_and_blank_lines_are_passed_over(write):
    for name, text in (("t.csv", "\n  \n"), ("t.tsv", "\n\t\n \t\n")):
        separator = "," if name.endswith("csv") else "\t"
        path = write(name, GOOD.replace("id,", "name,").replace(",", separator) + text + 2 * separator + "\n")
        assert read(path).dropped.rows() == [(str(path), 6 + text.count("\n"), "the sequence is empty")]


def test_a_long_sequence_may_stand_in_quotes(write):
    sequence = "ACGT" * 50_000
    examples = read(write("t.csv", f'sequence,label\n"{sequence}",1\nACGT,0\n'))
    assert bases_of(examples) == [sequence, "ACGT"]


def test_rows_without_a_group_are_not_one_group(write):
    text = "sequence,label,group\nAC,1,a\nGT,0,\nCC,1,NA\nGG,0,a\n"
    assert read(write("t.csv", text)).records["group"].to_list() == ["a", None, None, "a"]


def test_blanks_before_quotes_are_no_part_of_a_field(write):
    examples = read(write("t.csv", 'sequence, label, group\n"AC", "1", "a, b"\nGT, "0",c\n'))
    assert bases_of(examples) == ["AC", "GT"]
    assert examples.records["group"].to_list() == ["a, b", "c"]


def test_parquet_may_be_gzipped(write):
    path = write("t.parquet.gz", "")
    pl.DataFrame({"seq": ["AC", "GT"], "label": [1, 0]}).write_parquet(plain := write("t.parquet", ""))
    path.write_bytes(whole := gzip.compress(plain.read_bytes()))
    assert bases_of(read(path)) == ["AC", "GT"]
    path.write_bytes(whole[:-40])
    assert problems(path) == ["is truncated: its gzip data break off; fetch or copy it again"]


@pytest.mark.parametrize("name", ["t[1].parquet", "t*.parquet", "t?.parquet"])
def test_the_name_of_a_parquet_file_is_no_pattern(write, name):
    path = write(name, "")
    pl.DataFrame({"seq": ["AC", "GT"], "label": [1, 0]}).write_parquet(path)
    assert bases_of(read(path)) == ["AC", "GT"]


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("sequence", [["A", "C"], ["G"]], "the column 'sequence' holds values of the kind List(String); expected text"),
        ("label", [[1], [0]], "the column 'label' holds values of the kind List(Int64); expected text"),
        ("label", [{"a": 1}, {"a": 0}], "the column 'label' holds values of the kind Struct"),
        ("id", [[1], [2]], "the column 'id' holds values of the kind List(Int64); expected text"),
        ("group", [[1], [2]], "the column 'group' holds values of the kind List(Int64); expected text"),
        ("sequence", [b"\xff\xfe", b"AC"], "cannot be read as Parquet: invalid utf8"),
    ],
)
def test_parquet_columns_of_no_plain_values_are_told(write, column, values, told):
    path = write("t.parquet", "")
    pl.DataFrame({"sequence": ["AC", "GT"], "label": [1, 0]} | {column: values}).write_parquet(path)
    (problem,) = problems(path)
    assert problem.startswith(told)


def test_soft_masked_and_unknown_bases_are_kept_as_such(write):
    examples = read(write("t.csv", "sequence,label\nacGTNn,1\nRYKM-a,0\n"))
    assert bases_of(examples) == ["ACGTNN", "NNNNNA"]
    made_of = examples.sequences(np.empty(0, dtype=np.uint8)).composition(np.arange(2))
    assert made_of.soft_masked.tolist() == [3, 1]
    assert made_of.unknown.tolist() == [2, 5]


def test_without_ids_examples_are_called_by_their_row(write):
    text = "label\tsequence\n\n1\tACGT\n\t\t\n0\tCCC\n"
    assert read(write("t.tsv", text)).records["id"].to_list() == ["row3", "row5"]
    write("t.parquet", "")
    pl.DataFrame({"seq": ["AC", "GT"], "label": [True, False]}).write_parquet(path := write("t.parquet", ""))
    assert read(path).records["id"].to_list() == ["row1", "row2"]


@pytest.mark.parametrize(
    ("column", "kind", "labels"),
    [
        (["1", "0", "NA"], "binary", [1, 0]),
        (["1.0", "0.0", ""], "binary", [1, 0]),
        (["True", "FALSE", "null"], "binary", [1, 0]),
        ([True, False, None], "binary", [1, 0]),
        ([1.0, 0.0, math.nan], "binary", [1, 0]),
        (pl.Series([1, 0, None], dtype=pl.UInt8), "binary", [1, 0]),
        (["0.5", "-1e-3", "nan"], "regression", [0.5, -1e-3]),
        ([0.1, 1 / 3, math.nan], "regression", [0.1, 1 / 3]),
        (pl.Series([0.1, 7, None], dtype=pl.Float32), "regression", [0.1, 7]),
        ([3, 5, None], "regression", [3, 5]),
    ],
)
def test_labels_of_every_type_in_text_and_parquet(column, kind, labels, write):
    table = pl.DataFrame({"label": column, "sequence": ["ACGT", "GGTA", "CC"]})
    path = write("t.parquet", "")
    table.write_parquet(path)
    assert read(path, kind=kind).labels["label"].to_list() == pytest.approx(labels, rel=1e-15)
    assert read(path, kind=kind).dropped.rows() == [(str(path), 3, "there is no label")]
    assert read(write("t.csv", table.write_csv()), kind=kind).labels["label"].to_list() == pytest.approx(labels)


def test_several_tasks_keep_missing_labels_and_lose_rows_without_any(write):
    text = "sequence,one,two,three\nACGT,1,,0\nCCCA,,NA,nan\nGGGA,0,1,\nTTTA,,0,1\n"
    examples = read(write("t.csv", text), labels=["three", "one", "two"])
    assert examples.labels.to_dict(as_series=False) == {"three": [0, None, 1], "one": [1, 0, None], "two": [None, 1, 0]}
    assert examples.dropped["row"].to_list() == [3]
    values = read(write("r.csv", text.replace("1", "0.5")), labels=["one", "three"], kind="regression").labels
    assert values.schema == {"one": pl.Float64, "three": pl.Float64}
    assert values["one"].to_list() == [0.5, 0.0, None]


def test_classes_are_columns_in_the_order_of_their_names(write):
    text = "sequence,label\nACGT,donor site\nCCCA,α\nGGGA,acceptor\nTTTA,donor site\nTCTA,\n"
    examples = read(write("t.csv", text), kind="multiclass")
    assert examples.labels.to_dict(as_series=False) == {
        "acceptor": [0, 0, 1, 0], "donor site": [1, 0, 0, 1], "α": [0, 1, 0, 0],
    }  # fmt: skip
    assert set(examples.labels.dtypes) == {pl.Int8}
    path = write("t.parquet", "")
    pl.DataFrame(
        {"sequence": ["ACGT", "CA", "GA"], "label": pl.Series(["b", "a", "b"], dtype=pl.Categorical)}
    ).write_parquet(path)
    assert read(path, kind="multiclass").labels.to_dict(as_series=False) == {"a": [0, 1, 0], "b": [1, 0, 1]}


def test_columns_of_splits_and_groups(write):
    words = ["train", "Val", "valid", " DEV ", "validation", "TEST", "", "Train"]
    rows = [f"{'ACGT' * (k + 1)},{k % 2},{word},g{k // 3},{k}" for k, word in enumerate(words)]
    path = write("t.csv", "\n".join(["seq,label,part,Group,clone", *rows]) + "\n")
    examples = read(path, split={"column": "part"})
    assert examples.records["split"].to_list() == ["train", *["validation"] * 4, "test", "train"]
    assert examples.records["group"].to_list() == ["g0", "g0", "g0", "g1", "g1", "g1", "g2"]
    assert examples.dropped.rows() == [(str(path), 8, "no split is named")]
    assert read(path, split=SHARES).records["group"].to_list()[:4] == ["g0", "g0", "g0", "g1"]
    grouped = read(path, split={**SHARES, "group": "clone"})
    assert grouped.records["group"].to_list() == [str(k) for k in range(8)]


def test_what_is_left_out_is_counted_with_its_row_and_reason(write):
    text = "sequence,label\nACGT,1\n,1\nNNN--,0\nCCA,\n ,\nGGT,0\nNA,1\nnan,0\n"
    path = write("t.csv", text)
    examples = read(path)
    assert bases_of(examples) == ["ACGT", "GGT"]
    assert examples.dropped.rows() == [
        (str(path), 3, "the sequence is empty"),
        (str(path), 4, "no base of the sequence is known"),
        (str(path), 5, "there is no label"),
        (str(path), 6, "the sequence is empty"),
        (str(path), 8, "the sequence is empty"),
        (str(path), 9, "the sequence is empty"),
    ]


def test_chunks_make_no_difference(write, monkeypatch):
    random = np.random.default_rng(1)
    texts = [decode(random.integers(0, 5, random.integers(4, 40)).astype(np.uint8)) for _ in range(300)]
    rows = [f"{text}\t{k % 2}\n" for k, text in enumerate(texts)]
    path = write("t.tsv", "sequence\tlabel\n" + "".join(rows))
    whole = read(path)
    assert bases_of(whole) == [text for text in texts if text.strip("N")]
    table = pl.DataFrame({"sequence": texts, "label": [k % 2 for k in range(300)]})
    table.write_parquet(columns := write("t.parquet", ""))
    monkeypatch.setattr(delimited, "CHUNK_BYTES", 100)
    monkeypatch.setattr(delimited, "CHUNK_ROWS", 7)
    for part in (read(path), read(columns)):
        assert part.own.tobytes() == whole.own.tobytes()
        assert part.labels.equals(whole.labels)
        assert part.records.drop("id").equals(whole.records.drop("id"))


# -------------------------------------------------------------------------------------------------- what is not a table


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.tsv", "", "is empty; expected a header and rows"),
        ("t.tsv", " \n\n", "is empty; expected a header and rows"),
        ("t.tsv", "sequence\tlabel\n\n", "holds a header, but no row below it"),
        ("t.tsv", "<!DOCTYPE html>\n<html>", "is HTML or XML, no table; was it downloaded from a web page?"),
        ("t.csv", ">a\nACGT\n", "is FASTA, no table; give FASTA files as positives and negatives"),
        ("t.tsv", b"\xef\xbb\xbf<html></html>", "is HTML or XML, no table; was it downloaded from a web page?"),
        ("t.csv", b"PK\x03\x04\0\0", f"is an Excel workbook (xlsx) or a zip archive; {SAVE_AS}"),
        ("t.csv", b"\xd0\xcf\x11\xe0\0", f"is an Excel workbook (xls); {SAVE_AS}"),
        ("t.tsv", "\ufeffsequence\tlabel\n".encode("utf-16-le"), "is text in UTF-16; save it as UTF-8"),
        ("t.tsv", b"seq\tlabel\nAC\t\xe9\n", "row 2: the byte 0xe9 is no text in UTF-8; expected a table in UTF-8"),
        ("t.tsv", b"PAR1\0", "is Parquet; its name should end in .parquet"),
        ("t.tsv.gz", gzip.compress(GOOD.encode() * 99, mtime=0)[:-40], TRUNCATED),
        ("t.tsv.gz", gzip.compress(GOOD.encode(), mtime=0)[:20], TRUNCATED),
        ("t.tsv", gzip.compress(gzip.compress(GOOD.encode(), mtime=0), mtime=0), "is gzip within gzip; unzip it once"),
        ("t.xlsx", b"PK\x03\x04", "expected a name that ends in .tsv, .csv, .txt or .parquet, or in these and .gz"),
        ("t.csv", "sequence,label,label\nA,1,1\n", "row 1: the column 'label' stands twice; expected a name for each"),
        ("t.csv", 'sequence,"label\nA,1\n', f"row 1: {OPEN_QUOTE}"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_told_in_a_line(name, content, told, write):
    assert problems(write(name, content)) == [told]


def test_what_is_no_parquet_is_told_in_a_line(write):
    path = write("t.parquet", GOOD)
    (told,) = problems(path)
    assert told.startswith("cannot be read as Parquet: ")
    table = pl.DataFrame({"sequence": ["ACGT" * 50] * 400, "label": [0, 1] * 200})
    table.write_parquet(path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[20:60] = bytes(40)
    path.write_bytes(content)
    (told,) = problems(path)
    assert told.startswith("cannot be read as Parquet: ")
    table.clear().write_parquet(path)
    assert problems(path) == ["holds no row"]


def test_a_missing_file_is_told_with_the_nearest(write):
    write("splice.tsv", "")
    assert problems(write("x", "").with_name("splise.tsv")) == ["no such file; the nearest there is 'splice.tsv'"]


# ------------------------------------------------------------------------------------------------- what is wrong in one


@pytest.mark.parametrize(
    ("text", "section", "told"),
    [
        ("seqence,label\nA,1\n", {}, [
            "has no column 'sequence' or 'seq'; its columns are seqence, label; the nearest is 'seqence'"
        ]),
        ("sequence,labels\nA,1\n", {}, [
            "has no column 'label'; its columns are sequence, labels; the nearest is 'labels'"
        ]),
        ("dna,y\nA,1\n", {"labels": ["y", "z"]}, [
            "has no column 'sequence' or 'seq'; its columns are dna, y",
            "has no column 'z'; its columns are dna, y",
        ]),
        ("sequence,label\nA,1\n", {"split": {"column": "part"}}, [
            "has no column 'part'; its columns are sequence, label"
        ]),
        ("sequence,label,grp\nA,1,a\n", {"split": {**SHARES, "group": "gru"}}, [
            "has no column 'gru'; its columns are sequence, label, grp; the nearest is 'grp'"
        ]),
        ("sequence,label\nACGT,1\nAC,1,2\n\nA\n", {}, [
            "row 3: 3 fields; expected 2, as the header has",
            "row 5: 1 field; expected 2, as the header has",
        ]),
        ('sequence,label\n"AC"GT,1\nAC,"0\n', {}, [
            f"row 2: quotes that cannot be read (',' expected after '\"'); {OPEN_QUOTE.partition('; ')[2]}",
            f"row 3: {OPEN_QUOTE}",
        ]),
        ("sequence,label\nACGT,1\nACEGT,0\nAC GT,0\nMé,1\n", {}, [
            f"row {row}: '{letter}' is no base, at place {place} of the sequence; {LETTERS}"
            for row, letter, place in ((3, "E", 3), (4, " ", 3), (5, "é", 2))
        ]),
        ("id,sequence,label\na,AC,1\n,AC,0\nb,AC,0\na,AC,0\na,AC,1\n", {}, [
            "row 3: the id is empty; expected a name, or no column 'id'",
            "row 5: the id 'a' stands in row 2 already; expected another for each row",
            "row 6: the id 'a' stands in row 2 already; expected another for each row",
        ]),
        ("sequence,label\nAC,1\nACC,0\nAG,2\nAG,pos\n", {}, [
            f"row 4: 'label' is '2'; {NOT_BINARY}", f"row 5: 'label' is 'pos'; {NOT_BINARY}"
        ]),
        ("sequence,label\nAC,pos\n" + "AC,neg\nAG,pos\n" * 50, {}, [  # a column of another kind: once
            f"row 2: 'label' is 'pos'; {NOT_BINARY}"
        ]),
        ("sequence,a,b\nAC,1,x\nAC,0,1\nAC,y,0\n", {"labels": ["a", "b"]}, [
            f"row 2: 'b' is 'x'; {NOT_BINARY}", f"row 4: 'a' is 'y'; {NOT_BINARY}"
        ]),
        ("sequence,label\nAC,1.5\nAC,inf\nAG,high\nAG,1;5\nAG,1e400\n", {"kind": "regression"}, [
            f"row {row}: 'label' is '{value}'; expected a number such as 0.5 or 1e-3, or nothing where it is missing"
            for row, value in ((3, "inf"), (4, "high"), (5, "1;5"), (6, "1e400"))
        ]),
        ("sequence,label\nAC,1e30\nAC,3.4e38\nAG,-3.4e38\nAG,1e38\nAG,-1e39\nAT,\n", {"kind": "regression"}, [
            f"row {row}: 'label' is '{value}{TOO_GREAT}"
            for row, value in ((3, "3.4e38"), (4, "-3.4e38"), (5, "1e38"), (6, "-1e39"))
        ]),
        ("sequence,label\nAC,1e36\nAC,2e36\n", {"kind": "regression"}, [f"row 2: 'label' is '1e36{TOO_GREAT}"]),
        ("sequence,label\nAC,1\nAC,1\n", {}, ["the column 'label' has the label 1 alone; expected both 0 and 1"]),
        ("sequence,label\nAC,a\n", {"kind": "multiclass"}, [
            "the column 'label' has the label a alone; expected two classes or more"
        ]),
        ("sequence,label\nAC,7\nAG,7\n", {"kind": "regression"}, [
            "the column 'label' has the label 7.0 alone; expected numbers that differ"
        ]),
        ("sequence,label\nAC,1000000\nAG,1000001\n", {"kind": "regression"}, [
            "the column 'label' has values from 1000000 to 1000001, too near to each other; subtract 1000000 from all"
        ]),
        ("id,sequence,label\na\0b,AC,1\na\x1bb,AG,0\na\x7f,AG,0\n", {}, [
            f"row {row}: the id '{shown}' has a character that cannot be printed"
            for row, shown in ((2, r"a\x00b"), (3, r"a\x1bb"), (4, r"a\x7f"))
        ]),
        ("sequence,label,x\nAC,0,\nAG,1,\n", {"labels": ["label", "x"]}, [
            "the column 'x' is empty in every row that can be used; expected labels"
        ]),
        ("sequence,label\nAC,\nAG,NA\n", {}, ["no row can be used; of row 2, there is no label"]),
        ("sequence,label\n" + "".join(f"AC,{k / 7}\n" for k in range(201)), {"kind": "multiclass"}, [
            "the column 'label' has 201 different classes; expected at most 200; for numbers set 'kind: regression'"
        ]),
        ("sequence,label\nAC,all\nAC,b\nAG,split\nAG,split\nAG,a\x07\n", {"kind": "multiclass"}, [
            f"row {row}: '{name}' cannot be the name of a class; {NO_CLASS}"
            for row, name in ((2, "all"), (4, "split"), (6, "a\\x07"))
        ]),
        ("sequence,label,s\nAC,1,train\nAG,0,holdout\nAT,0,3\n", {"split": {"column": "s"}}, [
            f"row {row}: the split is '{word}'; expected train, validation (or val, valid, dev) or test"
            for row, word in ((3, "holdout"), (4, "3"))
        ]),
        ("sequence,label,s\nAC,1,train\nAG,0,test\n", {"split": {"column": "s"}}, [
            "the column 's' has no row of validation; add 'validation: 0.1' beside 'column' to take a tenth of train"
        ]),
        ("sequence,label,s\nAC,1,train\nAG,0,val\n", {"split": {"column": "s"}}, ["the column 's' has no row of test"]),
    ],
)  # fmt: skip
def test_all_problems_of_a_table_are_told(text, section, told, write):
    assert problems(write("t.csv", text), **section) == told


def test_of_many_bad_rows_the_first_are_told_and_the_others_counted(write):
    rows = [f"{'AC!GT' if k % 2 else 'ACGT'},{2 if k % 3 == 0 else 1}\n" for k in range(900)]
    told = problems(write("t.csv", "sequence,label\n" + "".join(rows)))
    assert len(told) == 21
    assert [line.split(":")[0] for line in told[:4]] == ["row 2", "row 3", "row 5", "row 5"]
    assert told[-1] == "730 more such rows"  # 450 sequences and 300 labels in all


# ------------------------------------------------------------------------------------------------------- the whole road


def test_a_table_becomes_a_dataset(write, tmp_path):
    random = np.random.default_rng(9)
    texts = [decode(random.integers(0, 4, random.integers(20, 30)).astype(np.uint8)) for _ in range(120)]
    rows = [f"{text},{k % 2},{0.1 * k if k % 5 else ''}" for k, text in enumerate(texts)]
    path = write("t.csv", "\n".join(["sequence,one,two", *rows]) + "\n")
    section = {
        "sequences": str(path),
        "labels": ["one", "two"],
        "kind": "regression",
        "split": {"validation": 0.25, "test": 0.25},
    }
    config = validate({"datasets": {"t": section}, "models": ["knn"]})
    prepare(config, "t", None).write(tmp_path / "out", None)
    dataset = Dataset.open(tmp_path / "out" / "examples.parquet")
    assert dataset.tasks == ["one", "two"]
    assert dataset.examples.columns == ["id", "split", "one", "two"]
    assert [len(dataset.rows(split)) for split in ("train", "validation", "test")] == [60, 30, 30]
    every = np.arange(120)
    assert [decode(codes).rstrip(" ") for codes in dataset.codes(every)] == texts
    expected = [[k % 2, 0.1 * k if k % 5 else math.nan] for k in range(120)]
    np.testing.assert_allclose(dataset.labels(every), expected, rtol=1e-6)


def test_a_share_of_train_is_taken_for_validation_beside_a_column(write):
    random = np.random.default_rng(9)
    texts = [decode(random.integers(0, 4, 30).astype(np.uint8)) for _ in range(100)]
    rows = [f"{text},{k % 2},{'test' if k < 20 else 'train'}" for k, text in enumerate(texts)]
    path = write("t.csv", "\n".join(["sequence,label,part", *rows]) + "\n")
    config = config_of(path, split={"column": "part", "validation": 0.25})
    splits = prepare(config, "t", None).records["split"]
    assert splits[:20].unique().to_list() == ["test"]
    assert splits[20:].value_counts().sort("split").rows() == [("train", 60), ("validation", 20)]


# ---------------------------------------------------------------------------------------------------------- real inputs


@real
def test_sortseq_keeps_the_split_of_its_column():
    path = INPUTS / "sortseq/sortseq.tsv.gz"
    examples = prepare(config_of(path, labels="activity", kind="regression", split={"column": "split"}), "t", None)
    table = pl.read_csv(path, separator="\t")
    assert examples.table().drop("activity").equals(table.select("id", "split"))
    assert examples.labels["activity"].to_list() == table["activity"].to_list()
    assert set(examples.records["length"]) == {75}
    assert decode(examples.own[: 75 * 3]) == "".join(table["sequence"][:3])


@real
def test_promoters_are_split_by_shares():
    path = INPUTS / "uci_promoters/promoters.tsv.gz"
    examples = prepare(config_of(path), "t", None)
    counts = examples.table().group_by("split", "label").len().sort("split", "label")["len"].to_list()
    np.testing.assert_allclose(counts, [10.6, 10.6, 31.8, 31.8, 10.6, 10.6], atol=1)
    (told,) = problems(path, split={"column": "split"})[:1]
    assert told == "row 2: the split is 'all'; expected train, validation (or val, valid, dev) or test"
