"""A run of the whole workflow, as small as one can be, and what tests ask of a run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
TINY_RUN = ("--cores", "2", "--configfile", "tiny.yaml")

OF_OTHER_RUNS = {"ensemble", "sample", "experiment"}
"""Rules that a run of one replicate without experiments has no job of."""

DIAGNOSIS = ("calibration", "reliability", "strata", "errors", "stability")
"""The tables of a diagnosis."""

PATIENCE = 900
"""Seconds that a busy machine may need for anything; a test that passes never waits so long."""

TINY: dict[str, Any] = {
    "datasets": {
        "tiny": {
            "simulate": {
                "motifs": ["MA0139.2"],
                "positives": 120,
                "chromosomes": 4,
                "chromosome_length": 30_000,
                "jitter": 10,
            },
            "window": 60,
            "negatives": "random",
            "split": {"validation": ["chr3"], "test": ["chr4"]},
        }
    },
    "models": {"knn": {"kmer": 4}, "cnn": {"filters": 8, "hidden": 8}, "bilstm": {"hidden": 4}},
    "training": {"max_epochs": 40, "patience": 40},
    "evaluation": {"resamples": 100},
}
"""One simulated dataset and one model of each kind; the trainings last long enough to be interrupted."""

NEW_EVERY_TIME = ("logs/", "benchmarks/", "report.html")
"""What tells of a run's times, and so differs between runs."""


def write_config(path: Path, **changes: Any) -> Path:
    """Write the tiny configuration, with other top-level keys where given, and return its path."""
    path.write_text(yaml.safe_dump({**TINY, **changes}, sort_keys=False), encoding="utf-8")
    return path


def environment(first_on_path: Path | None = None) -> dict[str, str]:
    """Return the environment without what a user may have set up for Snakemake or Slurm."""
    stray = ("SNAKEMAKE_", "SLURM_", "SBATCH_", "SRUN_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(stray)}
    folders = [str(folder) for folder in (first_on_path, Path(sys.executable).parent) if folder]
    return {**kept, "PATH": os.pathsep.join([*folders, kept.get("PATH", os.defpath)])}


@contextmanager
def started(folder: Path, *arguments: str, first_on_path: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Start Snakemake in `folder`, in a process group of its own; what it says goes to `folder`/said.txt.

    Yields
    ------
    Popen
        The process. Its whole group is killed at the end where it still runs.
    """
    hear_ctrl_c = ["env", "--default-signal=INT"]  # a shell's background job, such as a test suite, is deaf to it
    command = [*hear_ctrl_c, "snakemake", "--snakefile", str(ROOT / "Snakefile"), *arguments]
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(first_on_path),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def snakemake(folder: Path, *arguments: str, first_on_path: Path | None = None) -> tuple[int, str]:
    """Run Snakemake in `folder` to its end and return its exit status and what it said."""
    with started(folder, *arguments, first_on_path=first_on_path) as process:
        status = process.wait(PATIENCE)
    return status, (folder / "said.txt").read_text(encoding="utf-8")


def run(folder: Path, *arguments: str, first_on_path: Path | None = None) -> str:
    """Run Snakemake in `folder`, expect it to succeed, and return what it said."""
    status, said = snakemake(folder, *arguments, first_on_path=first_on_path)
    assert status == 0, said
    return said


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[bytes], what: str) -> None:
    """Wait until `condition` holds, while `process` runs."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, f"the run ended before {what}"
        assert time.monotonic() < end, f"no {what} within {PATIENCE} s"
        time.sleep(0.005)


def jobs(said: str) -> list[str]:
    """Return the jobs that a run started, sorted: ``rule`` or ``rule wildcard=value, wildcard=value``."""
    return sorted(_jobs(said).values())


def completed_jobs(said: str) -> list[str]:
    """Return those of a run's jobs that it saw to their end."""
    started_jobs = _jobs(said)
    return sorted(started_jobs[number] for number in re.findall(r"^Finished jobid: (\d+)", said, re.MULTILINE))


def _jobs(said: str) -> dict[str, str]:
    """Return the jobs that a run started, by their number."""
    found = {}
    for rule, block in re.findall(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)*)", said, re.MULTILINE):
        told = dict(re.findall(r"^ {4}(\w+): (.*)$", block, re.MULTILINE))
        found[told["jobid"]] = " ".join([rule, *([told["wildcards"]] if "wildcards" in told else [])])
    return found


def rules() -> dict[str, str]:
    """Return every rule's text by its name."""
    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *sorted(ROOT.glob("workflow/rules/*.smk"))])
    blocks = re.findall(r"^rule (\w+):\n((?: {4}.*\n|\n)*)", text, re.MULTILINE)
    return dict(blocks)


def contents(results: Path) -> dict[str, bytes]:
    """Return every file of the results that is the same for the same configuration, by its path inside."""
    files = {str(path.relative_to(results)): path for path in results.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in sorted(files.items()) if not name.startswith(NEW_EVERY_TIME)}


def times(results: Path) -> dict[str, int]:
    """Return when every file of the results was last written, in nanoseconds, by its path inside."""
    return {str(path.relative_to(results)): path.stat().st_mtime_ns for path in results.rglob("*") if path.is_file()}


def assert_same(results: Path, expected: Path) -> None:
    """Expect two results folders to hold the same files, byte for byte."""
    found, wanted = contents(results), contents(expected)
    assert sorted(found) == sorted(wanted)
    assert [name for name in wanted if found[name] != wanted[name]] == []
