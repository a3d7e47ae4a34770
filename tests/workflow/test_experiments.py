"""A tiny run with every experiment: which jobs there are, what they leave, and what a change runs again."""

from __future__ import annotations

import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from tests.workflow import tiny_run
from tests.workflow.tiny_run import TINY, TINY_RUN, jobs, run, times

if TYPE_CHECKING:
    from pathlib import Path

EXPERIMENTS: dict[str, Any] = {
    "learning_curve": {"fractions": [0.5]},
    "capacity": {"sizes": [30], "max_epochs": 2, "variations": {"filters": [4], "dropout": [0.0]}},
    "context": {"distances": [20, 30], "positives": 40, "window": 160, "models": ["knn"]},
    "resampling": {"draws": 2, "models": ["knn", "cnn"]},
}
SETTINGS: dict[str, Any] = {
    "models": {
        **{name: TINY["models"][name] for name in ("knn", "cnn")},
        "near": {"architecture": "knn", "embedding": "cnn"},
    },
    "training": {"max_epochs": 2},
    "experiments": EXPERIMENTS,
}
OF_TRIALS = {
    "sample": 6,
    "fit_trial": 6,
    "train_trial": 6,
    "simulate_trial": 2,
    "pack_trial": 2,
    "prepare_trial": 2,
    "oracle_trial": 2,
    "experiment": 4,
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run with experiments; only to be read."""
    folder = tmp_path_factory.mktemp("experiments")
    tiny_run.write_config(folder / "tiny.yaml", **SETTINGS)
    run(folder, *TINY_RUN)
    return folder


def test_every_trial_is_run(done: Path) -> None:
    counts = Counter(job.split()[0] for job in jobs((done / "said.txt").read_text()))
    assert {name: counts[name] for name in OF_TRIALS} == OF_TRIALS
    assert (counts["train"], counts["fit"], counts["oracle"]) == (1, 2, 1)


def test_every_table_has_its_rows(done: Path) -> None:
    tables = {name: pl.read_csv(done / f"results/experiments/{name}.tsv", separator="\t") for name in EXPERIMENTS}
    resampled = tables.pop("resampling").select("dataset", "model", "task", "draws").rows()
    assert resampled == [("tiny", model, "tiny", 2) for model in ("knn", "cnn")]
    found = {
        name: sorted(table.filter(split="train").select("model", "parameter", "setting", "n").rows())
        for name, table in tables.items()
    }
    assert found == {
        "learning_curve": [
            ("cnn", "fraction", 0.5, 60),
            ("cnn", "fraction", 1.0, 120),
            ("knn", "fraction", 0.5, 60),
            ("knn", "fraction", 1.0, 120),
            ("near", "fraction", 0.5, 60),
            ("near", "fraction", 1.0, 120),
            ("oracle", "fraction", 1.0, 120),
        ],
        "capacity": [
            ("cnn", "dropout", 0.0, 120),
            ("cnn", "dropout", 0.5, 120),
            ("cnn", "filters", 4.0, 120),
            ("cnn", "filters", 8.0, 120),
            ("cnn", "random_labels", 30.0, 30),
        ],
        "context": [
            (model, "distance", distance, 60) for model in ("knn", "oracle") for distance in (20.0, 30.0)
        ],
    }  # fmt: skip
    assert 'id="experiments"' in (done / "results/report.html").read_text()


def test_a_resample_has_as_many_examples_of_each_label(done: Path) -> None:
    whole, *draws = (
        pl.read_parquet(done / "results" / folder / "tiny/examples.parquet").filter(split="train")
        for folder in ("", "experiments/resampling/draw-0/0", "experiments/resampling/draw-1/0")
    )
    assert [draw["tiny"].sum() for draw in draws] == [whole["tiny"].sum()] * 2
    assert len({*map(len, [whole, *draws])}) == 1
    assert not draws[0]["id"].equals(draws[1]["id"])


def test_running_again_runs_nothing(done: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(done, tmp_path / "copied", symlinks=True)
    before = times(folder / "results")
    assert "Nothing to be done" in run(folder, *TINY_RUN)
    assert times(folder / "results") == before


def test_a_changed_experiment_runs_its_own_trials_alone(done: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(done, tmp_path / "copied", symlinks=True)
    more = {**EXPERIMENTS, "learning_curve": {"fractions": [0.25, 0.5], "models": ["knn"]}}
    tiny_run.write_config(folder / "tiny.yaml", **{**SETTINGS, "experiments": more})
    said = run(folder, *TINY_RUN, "--dry-run")
    trial = "trial=learning_curve/fraction-0.25/0, dataset=tiny"
    assert jobs(said) == sorted(
        [
            *("all", "config", "report", "experiment experiment=learning_curve"),
            f"sample {trial}",
            f"fit_trial {trial}, model=knn, replicate=0",
        ]
    )


def test_a_changed_network_is_embedded_anew(done: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(done, tmp_path / "copied", symlinks=True)
    models = {**SETTINGS["models"], "cnn": {**TINY["models"]["cnn"], "weight_decay": 0.01}}
    tiny_run.write_config(folder / "tiny.yaml", **{**SETTINGS, "models": models})
    again = jobs(run(folder, *TINY_RUN, "--dry-run"))
    half = "trial=learning_curve/fraction-0.5/0, dataset=tiny"
    assert {"fit dataset=tiny, model=near, replicate=0", f"fit_trial {half}, model=near, replicate=0"} <= set(again)
    assert not [job for job in again if "model=knn" in job or "random_labels" in job]
