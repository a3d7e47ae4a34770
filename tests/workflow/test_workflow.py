"""The workflow from the outside: what a user types, and what then lies in the results."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from tests.workflow import tiny_run
from tests.workflow.tiny_run import DIAGNOSIS, OF_OTHER_RUNS, TINY, TINY_RUN, rules, run, times

from motifloom import config

if TYPE_CHECKING:
    from pathlib import Path

METRICS = "dataset model replicate task split metric value ci_low ci_high n n_positive"
COMPARISONS = "dataset task metric model_a model_b difference ci_low ci_high p_value q_value"
EXAMPLES = "id split chrom start end strand tiny"
PREDICTIONS = "id split task label score"
MOTIFS = (
    "motif source replicate consensus width information_content sites importance match match_id match_q "
    "reproducibility dead"
)
OF_A_NETWORK = "history.csv model.ckpt model.safetensors selftests.tsv gradients.tsv attributions.parquet seqlets.tsv"
LEARNED = {"knn": "sweep.tsv", "cnn": OF_A_NETWORK, "bilstm": OF_A_NETWORK, "oracle": ""}
"""What a model leaves beside its predictions."""

OF_MOTIFS = (
    "motifs.tsv", "motifs.meme", "motifs.jaspar", "motifs.transfac", "matches.meme", "behaviour.tsv", "pairs.tsv",
    "hits.bed.gz",
)  # fmt: skip


def test_a_run_has_every_file(finished: Path) -> None:
    results = finished / "results"
    found = {name for name in times(results) if not name.startswith(("logs/", "benchmarks/", "genomes/"))}
    expected = {"report.html", "metrics.tsv", "comparisons.tsv", "config.yaml"}
    expected |= {f"tiny/{name}" for name in ("examples.parquet", "sequences.parquet", "sequences.bin", "dropped.tsv")}
    expected |= {f"tiny/{name}" for name in ("leaks.parquet", "shortcuts.tsv", "audit.json")}
    expected |= {f"tiny/{name}.tsv" for name in ("metrics", "comparisons", *DIAGNOSIS)}
    expected |= {f"tiny/simulation/{name}" for name in ("genome.fa", "regions.bed", "negatives.bed", "sites.tsv")}
    expected |= {f"tiny/{model}/{name}" for model in ("cnn", "bilstm") for name in OF_MOTIFS}
    expected |= {f"tiny/consensus{end}" for end in (".tsv", ".meme", ".svg", "_matches.meme")}
    for model, files in LEARNED.items():
        both = ["predictions.parquet", "train_predictions.parquet"]
        expected |= {f"tiny/{model}/0/{name}" for name in [*both, *files.split()]}
    assert found == expected


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("metrics.tsv", METRICS),
        ("tiny/metrics.tsv", METRICS),
        ("comparisons.tsv", COMPARISONS),
        ("tiny/comparisons.tsv", COMPARISONS),
        ("tiny/dropped.tsv", "file row reason"),
        ("tiny/examples.parquet", EXAMPLES),
        ("tiny/cnn/motifs.tsv", MOTIFS),
        *[(f"tiny/{model}/0/predictions.parquet", PREDICTIONS) for model in LEARNED],
    ],
)
def test_a_table_has_its_columns(finished: Path, name: str, columns: str) -> None:
    path = finished / "results" / name
    table = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, separator="\t")
    expected = columns.split()
    assert table.columns[: len(expected)] == expected
    assert (table.columns == expected) or name == "tiny/cnn/motifs.tsv"


def test_the_tables_speak_of_the_same_examples(finished: Path) -> None:
    folder = finished / "results" / "tiny"
    splits = pl.read_parquet(folder / "examples.parquet").select("id", "split")
    held_out = splits.filter(pl.col("split") != "train")
    for model in LEARNED:
        predictions = pl.read_parquet(folder / model / "0" / "predictions.parquet")
        assert predictions.select("id", "split").sort("id").equals(held_out.sort("id"))
        assert predictions["score"].is_between(0, 1).all()
    metrics = pl.read_csv(finished / "results" / "metrics.tsv", separator="\t")
    assert set(metrics["model"]) == set(LEARNED)
    assert dict(metrics.select("split", "n").unique().iter_rows()) == {"train": 120, "validation": 60, "test": 60}


def test_the_configuration_is_kept_with_its_defaults(finished: Path) -> None:
    assert config.read(finished / "results" / "config.yaml") == config.validate(TINY)


def test_every_job_leaves_a_log_and_its_cost(finished: Path) -> None:
    logs = {str(path.relative_to(finished / "results/logs").with_suffix("")) for path in finished.rglob("*.log")
            if path.is_relative_to(finished / "results")}  # fmt: skip
    benchmarks = finished / "results" / "benchmarks"
    costs = {str(path.relative_to(benchmarks).with_suffix("")) for path in benchmarks.rglob("*.tsv")}
    assert logs == costs
    assert {name.split("/")[0] for name in logs} == set(rules()) - {"all"} - OF_OTHER_RUNS


def test_paths_may_hold_any_character(finished: Path, tmp_path: Path) -> None:
    """A space, a quote, what a shell would run, what it would expand: in every path that a user can choose."""
    odd = """it's "$(touch broken)" `touch broken` & *;"""
    results = f"out {odd.replace('*', '')}"
    folder = tmp_path / f"work {odd}"
    inputs = folder / f"in {odd}"
    inputs.mkdir(parents=True)
    simulation = finished / "results/tiny/simulation"
    shutil.copy(simulation / "genome.fa", inputs / f"genome {odd}.fa")
    shutil.copy(simulation / "regions.bed", inputs / f"regions {odd}.bed")
    shutil.copy(finished / "results/tiny/cnn/motifs.meme", inputs / f"known {odd}.meme")
    (inputs / f"exclude {odd}.bed").write_text("chr1\t0\t10\n")
    tiny_run.write_config(
        folder / f"{odd}.yaml",
        results=results,
        datasets={
            "odd": {
                "genome": f"in {odd}/genome {odd}.fa",
                "regions": f"in {odd}/regions {odd}.bed",
                "exclude": f"in {odd}/exclude {odd}.bed",
                **{key: TINY["datasets"]["tiny"][key] for key in ("window", "negatives", "split")},
            }
        },
        models={name: TINY["models"][name] for name in ("knn", "cnn")},
        training={"max_epochs": 2},
        motifs={"database": f"in {odd}/known {odd}.meme"},
    )
    run(folder, "--cores", "2", "--configfile", f"{odd}.yaml")
    assert (folder / results / "report.html").is_file()
    assert list(tmp_path.rglob("broken")) == []


def test_names_may_look_like_wildcards_and_numbers(tmp_path: Path) -> None:
    """Braces, which Snakemake fills in, and what YAML takes for other numbers."""
    random = np.random.default_rng(0)
    rows = ["".join(random.choice(list("ACGT"), 30)) + f"\t{row % 2}\t{row % 3}\n" for row in range(40)]
    (tmp_path / "t.tsv").write_text("sequence\t{a}\t1.10\n" + "".join(rows))
    table = "{sequences: t.tsv, kind: regression, labels: ['{a}', 1.10], split: {validation: 0.2, test: 0.2}}"
    (tmp_path / "tiny.yaml").write_text(f"datasets: {{010: {table}}}\nmodels: [knn]\n")
    run(tmp_path, "results/config.yaml", "results/010/examples.parquet", *TINY_RUN)
    assert pl.read_parquet(tmp_path / "results/010/examples.parquet").columns == ["id", "split", "{a}", "1.10"]
    assert config.read(tmp_path / "results/config.yaml").datasets["010"].tasks == ["{a}", "1.10"]
