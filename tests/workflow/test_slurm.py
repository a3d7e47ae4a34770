"""The same workflow on a real Slurm: two nodes on this machine, started for the test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.workflow.tiny_run import PATIENCE, ROOT, assert_same, environment, jobs, run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slurm

SCRIPT = Path(__file__).with_name("slurm.sh")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun")
ON_SLURM = (
    *("--workflow-profile", str(ROOT / "profiles/slurm")),
    *("--configfile", "tiny.yaml"),
    *("--slurm-init-seconds-before-status-checks", "2"),  # then after 12 more: the jobs of the tiny run last seconds
)


@contextmanager
def slurm(gpus: int) -> Iterator[Path]:
    """Start a Slurm with so many GPUs a node, and stop it at the end.

    Yields
    ------
    Path
        The folder of its commands. The test is skipped where Slurm is not installed, unless it must be.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    missing = [program for program in PROGRAMS if not shutil.which(program, path=path)]
    if missing:
        reason = f"no {', '.join(missing)}; Debian has them in slurmctld, slurmd, slurm-client and munge"
        if os.environ.get("MOTIFLOOM_REQUIRE_SLURM"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    try:
        control(folder, "up", str(folder), str(gpus))
        yield folder / "bin"
    finally:
        control(folder, "down", str(folder))
        shutil.rmtree(folder)


def control(folder: Path, *arguments: str) -> None:
    said = folder / "said.txt"
    with said.open("wb") as out:  # a file, because the daemons may keep a pipe open
        done = subprocess.run(
            ["bash", str(SCRIPT), *arguments],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, said.read_text()


def asked(commands: Path) -> dict[str, dict[str, str]]:
    """Return what every job asked Slurm for, by rule and wildcards, as Slurm itself recorded it."""
    done = subprocess.run(
        ["scontrol", "--oneliner", "show", "jobs"],
        env=environment(commands),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    fields = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in done.stdout.splitlines()]
    return {job["Comment"]: job for job in fields}


def gpus_of(job: dict[str, str]) -> int:
    found = re.fullmatch(r"gres[:/]gpu[:=](\d+)", job.get("TresPerJob", "gres:gpu:0"))
    assert found, job
    return int(found[1])


def test_a_run_on_slurm_gives_what_a_local_run_gives(finished: Path, tmp_path: Path) -> None:
    """Every job goes through sbatch; the trainings, and nothing else, get a GPU."""
    shutil.copy(finished / "tiny.yaml", tmp_path)
    with slurm(gpus=1) as commands:
        said = run(tmp_path, *ON_SLURM, first_on_path=commands)
        submitted = asked(commands)
    assert jobs(said) == jobs((finished / "said.txt").read_text())
    assert_same(tmp_path / "results", finished / "results")

    trainings = {"rule_train_wildcards_tiny_cnn_0", "rule_train_wildcards_tiny_bilstm_0"}
    packed = next((tmp_path / "results/genomes").iterdir()).name
    assert set(submitted) == trainings | {
        "rule_simulate_wildcards_tiny",
        f"rule_pack_wildcards_{packed}",
        "rule_prepare_wildcards_tiny",
        "rule_audit_wildcards_tiny",
        "rule_fit_wildcards_tiny_knn_0",
        "rule_oracle_wildcards_tiny",
        "rule_evaluate_wildcards_tiny",
        "rule_diagnose_wildcards_tiny",
        *(f"rule_motifs_wildcards_tiny_{model}" for model in ("cnn", "bilstm")),
        "rule_consensus_wildcards_tiny",
        *(f"rule_{rule}_wildcards_tiny_{model}_0" for rule in ("attribute", "patterns") for model in ("cnn", "bilstm")),
    }
    assert {name for name, job in submitted.items() if gpus_of(job)} == trainings
    assert {job["JobState"] for job in submitted.values()} == {"COMPLETED"}
    training, evaluation = submitted["rule_train_wildcards_tiny_cnn_0"], submitted["rule_evaluate_wildcards_tiny"]
    assert training["TRES"].startswith("cpu=1,mem=4000M,")
    assert (training["TimeLimit"], evaluation["TimeLimit"]) == ("06:00:00", "00:30:00")
    assert "Nothing to be done" in run(tmp_path, "--cores", "1", "--configfile", "tiny.yaml")


def test_a_slurm_without_gpus_is_asked_for_none(finished: Path, copied: Path) -> None:
    """A job that asked for a GPU would wait for ever."""
    results = copied / "results/tiny/bilstm/0"
    for file in ("predictions.parquet", "model.ckpt", "history.csv"):
        (results / file).unlink()
    with slurm(gpus=0) as commands:
        said = run(copied, "results/tiny/bilstm/0/predictions.parquet", *ON_SLURM, first_on_path=commands)
        submitted = asked(commands)
    assert jobs(said) == ["train dataset=tiny, model=bilstm, replicate=0"]
    assert [gpus_of(job) for job in submitted.values()] == [0]
    assert_same(copied / "results", finished / "results")
