"""Real ChIP data, where the folder of real inputs is at hand."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from motifloom.config import Config, validate
from motifloom.data.dataset import Dataset
from motifloom.data.prepare import prepare
from motifloom.genome import pack
from motifloom.motifs.learn import filter_motifs, importances
from motifloom.motifs.matching import equivalents, match, read_database
from motifloom.training.fit import fit, predict

INPUTS = Path(os.environ.get("MOTIFLOOM_REAL_INPUTS", Path(__file__).parents[2] / "shared" / "data"))

pytestmark = pytest.mark.skipif(
    not INPUTS.is_dir(), reason=f"no real inputs at {INPUTS}; MOTIFLOOM_REAL_INPUTS names their folder"
)


def config_of(results: Path, genome: str | Path, regions: str | Path, **section: object) -> Config:
    dataset = {"genome": str(INPUTS / genome), "regions": str(INPUTS / regions), **section}
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
    examples, dropped = prepare(config, "tf", genome)
    assert (examples["tf"] == 1).sum() + len(dropped) == 1078
    examples.write_parquet(tmp_path / "examples.parquet")
    dataset = Dataset.open(tmp_path / "examples.parquet", config.packed_genome("tf"))
    module, _ = fit(config, "tf", "cnn", 0, dataset, tmp_path / "checkpoints")
    rows = dataset.rows("test")
    assert roc_auc_score(dataset.labels(rows)[:, 0], predict(module, dataset, rows)[:, 0]) > 0.816

    motifs = filter_motifs(module, dataset, 0)
    database = read_database("jaspar-fungi")
    families = equivalents(motifs, database, 0)
    importance = importances(module, dataset, {name: [m.unit for m in alike] for name, alike in families.items()})
    best = max(motifs, key=lambda motif: (importance[motif.name], motif.sites))
    found = match(motifs, database, 0)[best.name]
    assert found.known.name == "REB1"
    assert found.q_value < 0.05


def test_every_row_of_imperfect_files_is_used_or_counted(tmp_path):
    """Most of these peaks lie beyond the end of the piece of a chromosome that is at hand."""
    with gzip.open(INPUTS / "messy/hg38.chr1.first10Mb.fa.gz", "rt") as lines:
        piece = lines.read()
    tail = piece[-40_000:]
    (tmp_path / "g.fa").write_text(f"{piece}>validation\n{tail}>test\n{tail}")
    with gzip.open(INPUTS / "messy/H3K4me3.chr1.narrowPeak.gz", "rt") as lines:
        peaks = lines.read()
    (tmp_path / "r.narrowPeak").write_text(f"{peaks}validation\t500\t700\ntest\t500\t700\n")
    split = {"validation": ["validation"], "test": ["test"]}
    config = config_of(tmp_path, tmp_path / "g.fa", tmp_path / "r.narrowPeak", window=101, split=split)
    examples, dropped = prepare(config, "tf", pack(tmp_path / "g.fa", tmp_path / "packed"))
    assert (examples["tf"] == 1).sum() + len(dropped) == len(peaks.splitlines()) + 2
    assert (examples["tf"] == 0).sum() == (examples["tf"] == 1).sum() > 100
    assert dropped["reason"].unique().to_list() == ["the window reaches past the chromosome's end"]
    assert (dropped["row"] > 0).all()
