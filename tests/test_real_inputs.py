"""Real ChIP data, where the folder of real inputs is at hand."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from motifloom.config import Config, KmerLogistic, validate
from motifloom.data.dataset import Dataset
from motifloom.data.prepare import prepare
from motifloom.data.windows import genome_examples
from motifloom.evaluation.selection import choose
from motifloom.genome import pack
from motifloom.models.candidates import Examples
from motifloom.models.kmer_logistic import candidates
from motifloom.models.prediction import predict
from motifloom.motifs.learn import Settings, learn
from motifloom.motifs.matching import read_database
from motifloom.training.fit import fit

INPUTS = Path(os.environ.get("MOTIFLOOM_REAL_INPUTS", Path(__file__).parents[2] / "shared" / "data"))

pytestmark = pytest.mark.skipif(
    not INPUTS.is_dir(), reason=f"no real inputs at {INPUTS}; MOTIFLOOM_REAL_INPUTS names their folder"
)


def config_of(results: Path, genome: str | Path, regions: str | dict[str, str], **section: object) -> Config:
    files = str(INPUTS / regions) if isinstance(regions, str) else regions
    dataset = {"genome": str(INPUTS / genome), "regions": files, **section}
    return validate({"results": str(results), "datasets": {"tf": dataset}, "models": ["cnn"]})


def test_the_cnn_beats_the_known_motif_and_learns_it(tmp_path):
    """Reb1: the best single known motif reaches AUROC .816 on these test chromosomes."""
    split = {"validation": ["chrXV"], "test": ["chrIV", "chrVII", "chrXII"]}
    config = config_of(
        tmp_path,
        "yeast/sacCer3.fa.gz",
        "yeast/Reb1.bed",
        exclude=str(INPUTS / "yeast/exclude.bed"),
        window=101,
        split=split,
    )
    genome = pack(config.fasta("tf"), config.packed_genome("tf"))
    examples = prepare(config, "tf", genome)
    assert (examples.labels["tf"] == 1).sum() + len(examples.dropped) == 1078
    examples.write(tmp_path, genome)
    dataset = Dataset.open(tmp_path / "examples.parquet")
    predictor, _ = fit(config, "tf", "cnn", 0, dataset, tmp_path / "checkpoints")
    rows = dataset.rows("test")
    assert roc_auc_score(dataset.labels(rows)[:, 0], predict(predictor, dataset, rows)[:, 0]) > 0.816

    best = learn(
        [predictor], [], dataset, read_database("jaspar-fungi"), Settings(0, ("tf", "cnn"), 200, 0.95)
    ).table.row(0, named=True)
    assert best["match"] == "REB1"
    assert best["match_q"] < 0.05
    assert best["importance_low"] > 0


REACHED = {"Rap1": 0.955, "Cbf1": 0.880, "Reb1": 0.830, "Abf1": 0.721}
"""AUROC on test of another logistic regression on 3- to 6-mers; its negatives were other ones."""


def test_the_logistic_regression_on_kmers_is_as_good_as_others(tmp_path):
    splits = ("train", "validation", "test")
    split = {"validation": ["chrXV"], "test": ["chrIV", "chrVII", "chrXII"]}
    files = {"exclude": str(INPUTS / "yeast/exclude.bed"), "window": 101, "split": split}
    genome = None
    for factor, expected in REACHED.items():
        config = config_of(tmp_path, "yeast/sacCer3.fa.gz", f"yeast/{factor}.bed", **files)
        genome = genome or pack(config.fasta("tf"), config.packed_genome("tf"))
        prepare(config, "tf", genome).write(tmp_path / factor, genome)
        dataset = Dataset.open(tmp_path / factor / "examples.parquet")
        rows = {name: dataset.rows(name) for name in splits}
        examples = Examples.of(dataset, "binary", True, rows)
        tried = candidates(KmerLogistic(features="spectrum"), examples)
        best = tried[choose(examples.labels["validation"], [one.scores["validation"] for one in tried], "binary")]
        reached = roc_auc_score(examples.labels["test"][:, 0], best.scores["test"][:, 0])
        assert reached > expected - 0.02, factor


MESSY = {
    "a piece of a chromosome": ("messy/hg38.chr1.first10Mb.fa.gz", "messy/H3K4me3.chr1.narrowPeak.gz", None, 411),
    "comments, few on the piece": ("messy/hg38.chr1.first10Mb.fa.gz", "messy/NRF1.bed", None, 4),
    "twenty columns": (
        "human_chr20/hg19.chr20.fa.gz", "messy/HepG2.CTCF.relaxed.narrowPeak.gz", "human_chr20/blacklist.bed.gz", 4156
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fasta", "regions", "exclude", "usable"), MESSY.values(), ids=MESSY.keys())
def test_every_row_of_imperfect_files_is_used_rightly_or_counted(tmp_path, fasta, regions, exclude, usable):
    """Each line is judged here by itself, as a person would."""
    window = 201
    config = config_of(
        tmp_path, fasta, regions, window=window, exclude=str(INPUTS / exclude) if exclude else None,
        split={"validation": 0.2, "test": 0.2},
    )  # fmt: skip
    genome = pack(config.fasta("tf"), tmp_path / "packed")
    examples = genome_examples(config, "tf", genome)
    positives = set(examples.records.filter(examples.labels["tf"] == 1)["id"])
    dropped = dict(examples.dropped.select("row", "reason").rows())
    excluded = [line.split()[:3] for line in lines_of(INPUTS / exclude)] if exclude else []
    seen = set()
    for row, line in enumerate(lines_of(INPUTS / regions), start=1):
        if line.startswith("#"):
            assert row not in dropped
            continue
        chrom, start, end, summit = (line.split("\t")[column] for column in (0, 1, 2, 9))
        first = int(start) + int(summit) - window // 2
        hit = [x for x in excluded if x[0] == chrom and int(x[1]) < first + window and first < int(x[2])]
        if chrom not in genome.lengths:
            assert dropped.pop(row) == "the genome has no such chromosome"
        elif int(end) > genome.lengths[chrom]:
            assert dropped.pop(row) == "the region reaches past the chromosome's end"
        elif hit:
            assert dropped.pop(row) == "the window overlaps an excluded region"
        elif row in dropped:
            assert dropped.pop(row) == "the window of an earlier row"
            assert (chrom, first) in seen
        else:
            assert f"{chrom}:{first}-{first + window}" in positives
            seen.add((chrom, first))
    assert not dropped
    assert len(positives) == len(seen) == usable
    assert len(examples.records) == 2 * usable


def lines_of(path: Path) -> list[str]:
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()


def test_several_tasks_of_one_chromosome_share_windows_and_blocks(tmp_path):
    """CTCF and SPI1 on chr20: labels as comparing every window with every summit gives them."""
    files = {"CTCF": "human_chr20/HepG2.CTCF.narrowPeak.gz", "SPI1": "human_chr20/GM12878.SPI1.narrowPeak.gz"}
    regions = {task: str(INPUTS / path) for task, path in files.items()}
    split = {"validation": 0.15, "test": 0.2, "blocks": 1_000_000}
    config = config_of(tmp_path, "human_chr20/hg19.chr20.fa.gz", regions, window=201, split=split)
    genome = pack(config.fasta("tf"), tmp_path / "packed")
    examples = genome_examples(config, "tf", genome)
    starts = examples.records["start"].to_numpy()
    for task, path in files.items():
        peaks = [line.split("\t") for line in lines_of(INPUTS / path)]
        summits = np.array([int(peak[1]) + int(peak[9]) for peak in peaks])
        inside = (summits >= starts[:, None]) & (summits < starts[:, None] + 201)
        assert examples.labels[task].to_list() == inside.any(axis=1).astype(int).tolist()
        assert inside.any(axis=0).sum() + (examples.dropped["file"] == str(INPUTS / path)).sum() >= len(peaks)
    table = examples.table().with_columns(block=pl.col("start") // 1_000_000, last=(pl.col("end") - 1) // 1_000_000)
    assert (table.group_by("block").agg(pl.col("split").n_unique())["split"] == 1).all()
    positive = table.filter(pl.max_horizontal("CTCF", "SPI1") == 1)
    shares = {split: len(part) / len(positive) for (split,), part in positive.group_by("split")}
    assert shares == pytest.approx({"train": 0.65, "validation": 0.15, "test": 0.2}, abs=0.03)
