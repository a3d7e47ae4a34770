from __future__ import annotations

import gzip
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from motifloom.config import validate
from motifloom.data.dataset import Dataset
from motifloom.data.fasta import fasta_examples
from motifloom.data.prepare import prepare
from motifloom.errors import InputError
from motifloom.genome import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from motifloom.config import Config
    from motifloom.data.examples import Examples

    Write = Callable[[str, str | bytes], Path]

INPUTS = Path(os.environ.get("MOTIFLOOM_REAL_INPUTS", Path(__file__).parents[3] / "shared" / "data"))
SHARES = {"validation": 0.2, "test": 0.2}


def config_of(positives: Any, negatives: Any, **section: Any) -> Config:
    paths = [
        [str(path) for path in given] if isinstance(given, list) else str(given) for given in (positives, negatives)
    ]
    pair = {"positives": paths[0], "negatives": paths[1], "split": SHARES} | section
    return validate({"datasets": {"tf": pair}, "models": ["knn"]})


def read(positives: Any, negatives: Any, **section: Any) -> Examples:
    config = config_of(positives, negatives, **section)
    return fasta_examples(config, "tf", config.datasets["tf"])


def problems(positives: Any, negatives: Any, **section: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(positives, negatives, **section)
    return caught.value.problems


def bases_of(examples: Examples) -> list[str]:
    sequences = examples.sequences(np.empty(0, dtype=np.uint8))
    return [decode(sequences.codes(np.array([row]), int(length))[0]) for row, length in enumerate(sequences.lengths)]


def places_of(examples: Examples) -> list[tuple[Any, ...]]:
    return examples.records.select("chrom", "start", "end", "strand").rows()


def test_records_of_all_files_are_examples_positives_first(write):
    first = write("1.fa", ">a some words\nACGT\nacg\n>b\nTTTu\n")
    second = write("2.fa.gz", gzip.compress(b">c\r\nGGGGGGGGGGN\r\n", mtime=0))
    negatives = write("n.fa", ">d\nCCC\n>a\nGTRA\n" + ">long\n" + "ACGTN" + "A" * 50 + "\n")
    examples = read([first, second], negatives)
    assert examples.table().to_dict(as_series=False) == {
        "id": ["a", "b", "c", "d", "long"], "split": [None] * 5, "tf": [1, 1, 1, 0, 0],
    }  # fmt: skip
    assert bases_of(examples) == ["ACGTACG", "TTTT", "GGGGGGGGGGN", "CCC", "ACGTN" + "A" * 50]
    assert examples.labels.schema == {"tf": pl.Int8}
    assert examples.records.select("minus", "own", "parent", "group").unique().rows() == [(False, True, None, None)]
    soft_masked = examples.sequences(np.empty(0, dtype=np.uint8)).composition(np.arange(5)).soft_masked
    assert soft_masked.tolist() == [3, 1, 0, 0, 0]
    assert examples.dropped.rows() == [(str(negatives), 3, "more than 10% of the sequence is N")]


def test_what_is_left_out_is_counted_with_its_line_and_reason(write):
    positives = write("p.fa", ">a\nACGT\n>b\n>c\nNNNN\n>d\nACGTACGTAN\n>e\nACGTACGTN\n")
    negatives = write("n.fa", ">x\n\n>y\nAC\n")
    examples = read(positives, negatives)
    assert examples.records["id"].to_list() == ["a", "d", "y"]
    assert examples.dropped.rows() == [
        (str(positives), 3, "the sequence is empty"),
        (str(positives), 4, "more than 10% of the sequence is N"),
        (str(positives), 8, "more than 10% of the sequence is N"),
        (str(negatives), 1, "the sequence is empty"),
    ]


def test_a_negative_called_like_a_positive_has_another_id(write):
    examples = read(write("p.fa", ">a\nACGT\n>b\nGGA\n"), write("n.fa", ">b\nCCTT\n>c\nTTTA\n"))
    assert examples.records["id"].to_list() == ["a", "b", "b (negative)", "c"]


# --------------------------------------------------------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("chr1:100-107", ("chr1", 100, 107, ".")),  # 0-based and half-open: 7 bp
        ("chr1:101-107", ("chr1", 100, 107, ".")),  # from 1 and closed: 7 bp
        ("chr1:0-7(-)", ("chr1", 0, 7, "-")),
        ("chr1:1-7(+)", ("chr1", 0, 7, "+")),
        ("chr1:1-7(.)", ("chr1", 0, 7, ".")),
        ("peak_7::2L:100-107", ("2L", 100, 107, ".")),
        ("a::b::2L:100-107(+)", ("2L", 100, 107, "+")),
        ("HLA-A*01:01:20-27", ("HLA-A*01:01", 20, 27, ".")),
    ],
)
def test_names_tell_places(name, place, write):
    examples = read(write("p.fa", f">{name} x\nACGTTGA\n"), write("n.fa", f">chr9:5-8\nACG\n>{name}\nCCCCTTA\n"))
    assert places_of(examples) == [place, ("chr9", 5, 8, "."), place]
    assert examples.records["id"].to_list() == [name, "chr9:5-8", f"{name} (negative)"]
    assert bases_of(examples)[0] == "ACGTTGA"  # on its strand already
    assert examples.table().columns == ["id", "split", "chrom", "start", "end", "strand", "tf"]


@pytest.mark.parametrize(
    "odd", ["chr1:5-8", "chr1:5-11", "chr1:0-4", "chr1", "chr1:5-", "chr1:9-5", "5-10", "chr1:5-10(x)"]
)
def test_where_a_name_tells_no_place_no_example_has_one(odd, write):
    examples = read(write("p.fa", ">chr1:5-10\nACGTT\n"), write("n.fa", f">{odd}\nACTTA\n"))
    assert places_of(examples) == [(None,) * 4] * 2
    assert examples.table().columns == ["id", "split", "tf"]


def test_chromosomes_are_held_out_where_names_tell_them(write):
    names = [f"chr{chrom}:{start}-{start + 4}" for chrom in (1, 2, 3, "X") for start in (10, 90)]
    text = "".join(f">{name}\nACG{'ACGT'[k % 4]}\n" for k, name in enumerate(names))
    positives, negatives = write("p.fa", text), write("n.fa", text.replace("ACG", "TTT"))
    split = {"validation": ["chr2"], "test": ["chrX", "chr3"]}
    examples = read(positives, negatives, split=split)
    home = {"chr1": "train", "chr2": "validation", "chr3": "test", "chrX": "test"}
    assert examples.records["split"].to_list() == [home[chrom] for chrom in examples.records["chrom"]]

    assert problems(positives, negatives, split={"validation": ["2", "chrX1"], "test": ["chr3"]}) == [
        "datasets.tf.split.validation: no record lies on '2'; there are chr1, chr2, chr3, chrX",
        "datasets.tf.split.validation: no record lies on 'chrX1'; the nearest is 'chrX'",
    ]
    assert problems(positives, negatives, split={"validation": ["chr2", "chr1"], "test": ["chr3", "chrX"]}) == [
        "datasets.tf.split: validation and test name every chromosome; none is left to train on"
    ]
    odd = write("odd.fa", f"{text}>chr1:7-90\nACGG\n")
    (told,) = problems(positives, odd, split=split)
    assert told == (
        f"datasets.tf.split: names chromosomes, but {odd}: line 17: the name 'chr1:7-90' is not the place of 4 bp; "
        "expected names such as chr1:100-300 throughout, or shares: {validation: 0.1, test: 0.2}"
    )


# ------------------------------------------------------------------------------------------------------------- shuffles


def test_shuffles_have_a_parent_and_its_dinucleotides(write):
    texts = ["ACGTTGCATCAGGNACCATTG", "GATTACAGATTACCA", "CCGGATATCGATTTACGACG"]
    cases = [text[:5].lower() + text[5:] for text in texts]
    positives = write("p.fa", "".join(f">chr{k}:0-{len(text)}(-)\n{text}\n" for k, text in enumerate(cases)))
    examples = read(positives, "dinucleotide-shuffle", negatives_per_positive=4)
    parents = [f"chr{k}:0-{len(text)}(-)" for k, text in enumerate(texts)]
    records = examples.records
    assert records["id"].to_list() == parents + [f"{parent}:shuffle{k}" for parent in parents for k in (1, 2, 3, 4)]
    assert records["parent"].to_list() == [None] * 3 + [parent for parent in parents for _ in range(4)]
    assert examples.labels["tf"].to_list() == [1] * 3 + [0] * 12
    assert places_of(examples)[3:] == [place for place in places_of(examples)[:3] for _ in range(4)]
    bases = bases_of(examples)
    assert bases[:3] == texts
    for number, shuffle in enumerate(bases[3:]):
        assert Counter(pairwise(shuffle)) == Counter(pairwise(texts[number // 4]))
    assert len(set(bases)) > 12
    again = read(positives, "dinucleotide-shuffle", negatives_per_positive=4)
    assert again.own.tobytes() == examples.own.tobytes()
    sequences = examples.sequences(np.empty(0, dtype=np.uint8))
    assert sequences.composition(np.arange(15)).soft_masked.tolist() == [5] * 15


def test_a_positive_called_like_a_shuffle_is_refused(write):
    path = write("p.fa", ">a\nACGTT\n>a:shuffle2\nACGTA\n>b:shuffle1\nACGAA\n>a:shuffle1\nACGAC\n")
    assert problems(path, "dinucleotide-shuffle", negatives_per_positive=2) == [
        f"{path}: line {row}: the name 'a:shuffle{number}' is that of a shuffle as well; rename the record"
        for row, number in ((3, 2), (7, 1))
    ]


@pytest.mark.parametrize("split", [SHARES, {"validation": ["chr2"], "test": ["chr3"]}])
def test_a_shuffle_is_in_its_parents_split(split, write):
    random = np.random.default_rng(4)
    text = "".join(
        f">chr{1 + k % 3}:{k * 100}-{k * 100 + 40}\n{decode(random.integers(0, 4, 40).astype(np.uint8))}\n"
        for k in range(60)
    )
    records = prepare(config_of(write("p.fa", text), "dinucleotide-shuffle", split=split), "tf", None).records
    of_parent = dict(records.filter(pl.col("parent").is_null()).select("id", "split").iter_rows())
    assert all(
        of_parent[parent] == split for parent, split in records.drop_nulls("parent").select("parent", "split").rows()
    )
    share = 12 if split == SHARES else 20
    assert Counter(of_parent.values()) == {"train": 60 - 2 * share, "validation": share, "test": share}


# ------------------------------------------------------------------------------------------------------------- problems


def test_names_that_are_missing_or_stand_twice_are_told_for_all_files(write):
    first = write("1.fa", ">a\nACGT\n>\nAAC\n>a\nCC\n")
    second = write("2.fa", ">b\nACGT\n>a\nGGG\n")
    negatives = write("n.fa", ">a\nACGT\n> \nTTT\n")
    assert problems([first, second], negatives) == [
        f"{first}: line 3: a sequence without a name; expected a word after '>'",
        f"{first}: line 5: the name 'a' stands in line 1 of {first} already; rename one of them, or leave one out",
        f"{second}: line 3: the name 'a' stands in line 1 of {first} already; rename one of them, or leave one out",
        f"{negatives}: line 3: a sequence without a name; expected a word after '>'",
    ]


def test_files_that_are_no_fasta_are_told_together(write):
    positives, negatives = write("p.fa", "chr1\t5\t10\n"), write("n.fa", "")
    told = problems(positives, negatives)
    assert len(told) == 2
    assert told[0].startswith(f"{positives}: line 1: is BED, not FASTA")
    assert told[1] == f"{negatives}: is empty; expected FASTA"


def test_a_label_without_any_usable_record_is_told(write):
    good, useless = write("g.fa", ">a\nACGT\n"), write("u.fa", ">a\nNNNN\n>b\n")
    reason = "no record can be used; of the first, more than 10% of the sequence is N"
    assert problems(good, useless) == [f"{useless}: {reason}"]
    assert problems([useless], good) == [f"{useless}: {reason}"]
    assert problems(useless, "dinucleotide-shuffle") == [f"{useless}: {reason}"]


# ---------------------------------------------------------------------------------------------------------- real inputs


@pytest.mark.skipif(not INPUTS.is_dir(), reason=f"no real inputs at {INPUTS}; MOTIFLOOM_REAL_INPUTS names their folder")
@pytest.mark.parametrize("split", [SHARES, {"validation": ["chr2", "chr10"], "test": ["chr1"]}])
def test_nfe2_is_prepared_from_its_files(split, tmp_path):
    files = {label: [INPUTS / f"nfe2/nfe2.{label}{part}.fa" for part in ("tr", "test")] for label in ("", "neg.")}
    config = config_of(files[""], files["neg."], split=split)
    prepare(config, "tf", None).write(tmp_path, None)
    dataset = Dataset.open(tmp_path / "examples.parquet")
    assert len(dataset.examples) == 2 * (644 + 69)
    assert dataset.examples["tf"].sum() == 644 + 69
    lines = [line for paths in files.values() for path in paths for line in path.read_text().split()]
    every = np.arange(len(dataset.examples))
    assert [decode(codes).rstrip(" ") for codes in dataset.codes(every)] == [
        text.upper().strip("N") for text in lines[1::2]
    ]
    place = dataset.examples.row(0, named=True)
    assert f">{place['chrom']}:{place['start'] + 1}-{place['end']}" == lines[0]
    assert (dataset.examples["end"] - dataset.examples["start"]).to_list() == [len(text) for text in lines[1::2]]
    if split == SHARES:
        counts = dataset.examples.group_by("split", "tf").len().sort("split", "tf")["len"].to_list()
        np.testing.assert_allclose(counts, [142.6, 142.6, 427.8, 427.8, 142.6, 142.6], atol=1)
    else:
        assert set(dataset.examples.filter(pl.col("split") == "test")["chrom"]) == {"chr1"}
        assert (dataset.examples["split"] == "test").sum() == 2 * 69
