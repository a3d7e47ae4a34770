"""A run that is interrupted or killed goes on, and ends as one that nobody stopped."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

from tests.workflow import tiny_run
from tests.workflow.tiny_jobs import AFTER_TRAINING, BILSTM, motifs_of
from tests.workflow.tiny_run import TINY_RUN, assert_same, run, snakemake, times

if TYPE_CHECKING:
    from pathlib import Path


def test_an_interrupted_run_goes_on_where_it_was(finished: Path, tmp_path: Path) -> None:
    """Ctrl-C while a network is trained, on one core; the end is that of the run that nobody stopped, on two."""
    tiny_run.write_config(tmp_path / "tiny.yaml")
    one_core = ("--cores", "1", "--configfile", "tiny.yaml")
    results = tmp_path / "results"
    with tiny_run.started(tmp_path, *one_core) as process:
        tiny_run.wait_for(lambda: list(results.glob("tiny/*/0/checkpoints/*")), process, "the first training")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(tiny_run.PATIENCE) != 0
    assert not (results / "report.html").exists()
    completed = tiny_run.completed_jobs((tmp_path / "said.txt").read_text())

    resumed = tiny_run.jobs(run(tmp_path, *one_core))
    assert sorted([*completed, *resumed]) == tiny_run.jobs((finished / "said.txt").read_text())
    assert_same(results, finished / "results")


def test_a_killed_run_goes_on_where_it_was(finished: Path, copied: Path) -> None:
    """kill -9 of all its processes while the last network is trained: nobody could clean up."""
    results = copied / "results"
    shutil.rmtree(results / "tiny/bilstm")
    for name in ("metrics.tsv", "comparisons.tsv"):
        (results / name).unlink()
        (results / "tiny" / name).unlink()
    before = times(results)
    with tiny_run.started(copied, *TINY_RUN) as process:
        tiny_run.wait_for(lambda: list(results.glob("tiny/bilstm/0/checkpoints/*")), process, "the training")
        os.killpg(process.pid, signal.SIGKILL)
    assert not (results / "tiny/bilstm/0/model.ckpt").exists()

    status, said = snakemake(copied, *TINY_RUN)
    assert status != 0
    assert "--unlock" in said
    run(copied, *TINY_RUN, "--unlock")
    assert tiny_run.jobs(run(copied, *TINY_RUN)) == sorted([*AFTER_TRAINING, BILSTM, *motifs_of("bilstm")])
    assert_same(results, finished / "results")
    untouched = [name for name in before if name.startswith(("tiny/cnn", "tiny/knn", "tiny/oracle", "genomes"))]
    assert untouched
    assert [name for name in untouched if times(results)[name] != before[name]] == []
