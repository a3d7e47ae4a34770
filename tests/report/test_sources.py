"""Known configurations, known sentences."""

from __future__ import annotations

from typing import Any

import pytest

from motifloom.config import validate
from motifloom.report.sources import source

CHROMOSOMES = {"validation": ["chr7"], "test": ["chr8", "chr6"]}
SHARES = {"validation": 0.1, "test": 0.2}
BY_CHROMOSOME = "Held out: chr7 for validation and chr8 and chr6 for test."
BY_SHARE = "Held out: 10% for validation and 20% for test, drawn at random; overlapping or near-duplicate sequences"
PAIR = {"rule": "pair", "motifs": ["MA0139.2", "MA0002.3"]}
COUNT = {"rule": "count", "motifs": ["MA0139.2"], "sites": 4, "noise": 0.05}


def told(section: dict[str, Any]) -> list[str]:
    return source(validate({"datasets": {"some": section}, "models": ["knn"]}), "some")


@pytest.mark.parametrize(
    ("simulate", "negatives", "planted", "against"),
    [
        (
            {"motifs": ["MA0139.2", "MA0002.3"]},
            "decoys",
            "one site of MA0139.2 or MA0002.3",
            "1 decoy per positive, without a site.",
        ),
        (
            PAIR,
            "decoys",
            "a site of MA0139.2 and, 20 to 40 bp downstream on the same strand, one of MA0002.3",
            "1 decoy per positive, with the two sites in the other order, or 50 to 70 bp apart.",
        ),
        (
            COUNT,
            "decoys",
            "at least 4 sites of MA0139.2",
            "1 decoy per positive, with 1 site.",
        ),
        (
            {"motifs": ["MA0139.2"], "gc": 0.5, "jitter": 10},
            "gc-matched",
            "one site of MA0139.2",
            "1 gc-matched negative per positive.",
        ),
    ],
)
def test_simulations(simulate: dict[str, Any], negatives: str, planted: str, against: str) -> None:
    genome = f"a genome of {simulate.get('gc', 0.42):.0%} GC."
    noise = " 5% of all labels are wrong on purpose." if "noise" in simulate else ""
    thousands = "2\N{NARROW NO-BREAK SPACE}000"
    assert told({"simulate": simulate, "negatives": negatives, "split": CHROMOSOMES}) == [
        f"Simulated: {thousands} regions, each with {planted}, planted near its centre, in {genome}{noise}",
        "Windows of 200 bp.",
        against,
        BY_CHROMOSOME,
    ]


@pytest.mark.parametrize(
    ("section", "sentences"),
    [
        (
            {"regions": "Reb1.bed", "negatives_per_positive": 2, "exclude": "black.bed", "split": CHROMOSOMES},
            [
                "Regions of Reb1.bed in sacCer3.fa.",
                "Windows of 200 bp.",
                "2 gc-matched negatives per positive.",
                "What overlaps black.bed is left out.",
                BY_CHROMOSOME,
            ],
        ),
        (
            {"regions": {"Reb1": "a.bed", "<b>": "b.bed"}, "negatives": "n.bed", "split": {**SHARES, "blocks": 50_000}},
            [
                "Regions of a.bed (“Reb1”) and b.bed (“<b>”) in sacCer3.fa, a task for each file.",
                "Windows of 200 bp.",
                "Negatives are the regions of n.bed.",
                "Held out: 10% for validation and 20% for test, as whole blocks of 50\N{NARROW NO-BREAK SPACE}000 bp.",
            ],
        ),
        (
            {
                "regions": "a.bed",
                "signal": {"atac": "a.bw"},
                "coverage": "max",
                "aliases": {"I": "chrI"},
                "split": SHARES,
            },
            [
                "Regions of a.bed in sacCer3.fa.",
                "Windows of 200 bp.",
                "They are labelled by the greatest coverage of a.bw (“atac”).",
                "The files' names of 1 chromosome are turned into the genome's.",
                f"{BY_SHARE} stay together.",
            ],
        ),
        (
            {"regions": "a.bed", "signal": {"atac": "a.bw"}, "negatives_per_positive": 1, "split": CHROMOSOMES},
            [
                "Regions of a.bed in sacCer3.fa.",
                "Windows of 200 bp.",
                "They are labelled by the log(1 + mean coverage) of a.bw (“atac”).",
                "1 gc-matched window elsewhere per positive.",
                BY_CHROMOSOME,
            ],
        ),
        (
            {"regions": "a.bed", "negatives": "dinucleotide-shuffle", "split": CHROMOSOMES},
            [
                "Regions of a.bed in sacCer3.fa.",
                "Windows of 200 bp.",
                "1 dinucleotide shuffle per positive.",
                BY_CHROMOSOME,
            ],
        ),
    ],
)
def test_genomes(section: dict[str, Any], sentences: list[str]) -> None:
    assert told({"genome": "sacCer3.fa", **section}) == sentences


@pytest.mark.parametrize(
    ("section", "sentences"),
    [
        (
            {"positives": ["a.fa", "b.fa"], "negatives": "c.fa", "split": SHARES},
            [
                "Positives are the sequences of a.fa and b.fa.",
                "Negatives are those of c.fa.",
                f"{BY_SHARE} stay together.",
            ],
        ),
        (
            {
                "positives": "a.fa",
                "negatives": "dinucleotide-shuffle",
                "negatives_per_positive": 3,
                "split": CHROMOSOMES,
            },
            ["Positives are the sequences of a.fa.", "3 dinucleotide shuffles per positive.", BY_CHROMOSOME],
        ),
        (
            {"sequences": "x.tsv", "labels": [*"abcdefgh"], "split": {"column": "part", "validation": 0.2}},
            [
                "Sequences of x.tsv, with the labels of “a”, “b”, “c”, “d”, “e”, “f” and 2 more.",
                "Splits are those of the column “part”; 20% of train is held out for validation.",
            ],
        ),
        (
            {"sequences": "x.tsv", "labels": "site", "kind": "multiclass", "split": {**SHARES, "group": "gene"}},
            [
                "Sequences of x.tsv, with the classes of “site”.",
                f"{BY_SHARE} and rows of the same “gene” stay together.",
            ],
        ),
        (
            {"sequences": "x.tsv", "labels": "level", "kind": "regression", "split": {"column": "split"}},
            ["Sequences of x.tsv, with the values of “level”.", "Splits are those of the column “split”."],
        ),
    ],
)
def test_files_of_sequences(section: dict[str, Any], sentences: list[str]) -> None:
    assert told(section) == sentences
