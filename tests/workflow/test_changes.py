"""A second run: nothing where nothing changed, else what the change concerns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl
import pytest
from tests.workflow import tiny_run
from tests.workflow.tiny_jobs import (
    AFTER_EVALUATION,
    AFTER_TRAINING,
    AUDIT,
    BILSTM,
    CNN,
    CONSENSUS,
    ENSEMBLES,
    KNN,
    MOTIFS_OF_BOTH,
    ORACLE,
    PREPARE,
    SIMULATE,
    motifs_of,
    trained,
)
from tests.workflow.tiny_run import DIAGNOSIS, TINY, TINY_RUN, run, times

if TYPE_CHECKING:
    from pathlib import Path


def again(job: str) -> str:
    """Return the second replicate's job."""
    return job.replace("replicate=0", "replicate=1")


def test_running_again_runs_nothing(copied: Path) -> None:
    before = times(copied / "results")
    assert "Nothing to be done" in run(copied, *TINY_RUN)
    assert times(copied / "results") == before


def test_a_changed_model_is_trained_alone(finished: Path, copied: Path) -> None:
    results, before = copied / "results", times(copied / "results")
    models = {**TINY["models"], "cnn": {**TINY["models"]["cnn"], "dropout": 0.1}}
    tiny_run.write_config(copied / "tiny.yaml", models=models)
    said = run(copied, *TINY_RUN)
    assert tiny_run.jobs(said) == sorted([*AFTER_TRAINING, "config", *motifs_of("cnn"), trained("cnn")])

    rewritten = (
        "config",
        "report",
        "metrics",
        "comparisons",
        "collect/",
        "evaluate/",
        "diagnose/",
        "consensus/",
        "tiny/consensus",
        *(f"tiny/{name}.tsv" for name in DIAGNOSIS),
        "tiny/metrics",
        "tiny/comparisons",
        "tiny/audit.json",
    )
    changed = {name for name, time in times(results).items() if time != before[name]}
    assert changed >= {"config.yaml", "report.html", "metrics.tsv", "tiny/cnn/0/model.ckpt", "tiny/cnn/motifs.tsv"}
    inside = [name.removeprefix("logs/").removeprefix("benchmarks/") for name in changed]
    assert [name for name in inside if "cnn" not in name and not name.startswith(rewritten)] == []

    first, second = (pl.read_csv(f / "results/metrics.tsv", separator="\t") for f in (finished, copied))
    assert first.filter(model="cnn")["value"].to_list() != second.filter(model="cnn")["value"].to_list()
    others = pl.col("model") != "cnn"
    assert first.filter(others).equals(second.filter(others))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"evaluation": {"resamples": 200}}, [*MOTIFS_OF_BOTH, *AFTER_EVALUATION]),
        ({"evaluation": {"resamples": 100, "confidence": 0.9}}, [*MOTIFS_OF_BOTH, *AFTER_TRAINING]),
        ({"motifs": {"attributions": 30}}, [*motifs_of("cnn", "bilstm"), "all", "report"]),
        ({"motifs": {"attributions": 0}}, [MOTIFS_OF_BOTH[0], CONSENSUS, "all", "report"]),
        ({"motifs": {"database": "jaspar-fungi"}}, [*MOTIFS_OF_BOTH, "all", "report"]),
        ({"models": {**TINY["models"], "knn": {"kmer": 5}}}, [KNN, *AFTER_TRAINING]),
        ({"models": {**TINY["models"], "cnn": {"filters": 9}}}, [CNN, *motifs_of("cnn"), *AFTER_TRAINING]),
        ({"models": {name: TINY["models"][name] for name in ("knn", "cnn")}}, [CONSENSUS, *AFTER_TRAINING]),
        (
            {"models": {**TINY["models"], "lstm": {"architecture": "bilstm"}}},
            [trained("lstm"), *motifs_of("lstm"), *AFTER_TRAINING],
        ),
        ({"training": {"max_epochs": 3}}, [CNN, BILSTM, *motifs_of("cnn", "bilstm"), *AFTER_TRAINING]),
        (
            {"datasets": {"tiny": {**TINY["datasets"]["tiny"], "negatives_per_positive": 2}}},
            [PREPARE, AUDIT, KNN, CNN, BILSTM, ORACLE, *motifs_of("cnn", "bilstm"), *AFTER_TRAINING],
        ),
        (
            {"replicates": 2},
            [
                *(again(job) for job in (KNN, CNN, BILSTM, *motifs_of("cnn", "bilstm")[3:])),
                *(*ENSEMBLES, *MOTIFS_OF_BOTH, *AFTER_TRAINING),
            ],
        ),
        (
            {"seed": 1},
            [SIMULATE, "pack", PREPARE, AUDIT, KNN, CNN, BILSTM, ORACLE, *motifs_of("cnn", "bilstm"), *AFTER_TRAINING],
        ),
    ],
    ids=[
        "resamples",
        "confidence",
        "attributions",
        "filters alone",
        "database",
        "knn",
        "cnn",
        "fewer",
        "more",
        "training",
        "data",
        "replicates",
        "seed",
    ],
)
def test_a_change_runs_what_it_concerns(copied: Path, changes: dict[str, object], expected: list[str]) -> None:
    tiny_run.write_config(copied / "tiny.yaml", **changes)
    started = tiny_run.jobs(run(copied, *TINY_RUN, "--dry-run"))
    assert [re.sub("^pack .*", "pack", job) for job in started] == sorted([*expected, "config"])
