"""The tiny run: once whole for all tests, and as copies that a test may change."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from tests.workflow import tiny_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run on two cores; only to be read. All processes of the test suite share it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "finished"
    with FileLock(f"{folder}.lock"):
        if not (folder / "results/report.html").exists():
            folder.mkdir(exist_ok=True)
            tiny_run.write_config(folder / "tiny.yaml")
            tiny_run.run(folder, "--cores", "2", "--configfile", "tiny.yaml")
    return folder


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished run's folder, Snakemake's own records and times included."""
    return shutil.copytree(finished, tmp_path / "copied")
