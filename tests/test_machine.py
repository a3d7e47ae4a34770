"""What a job takes of the machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from motifloom.machine import THREADS, keep_to_openmp

COMMAND = """
from motifloom.cli import main

main(["check", "absent.yaml"])
import polars

print(polars.thread_pool_size())
"""


@pytest.mark.parametrize("threads", ["1", "3"])
def test_every_command_keeps_to_the_threads_that_its_rule_was_given(threads: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in THREADS}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND],
        env=environment | {"OMP_NUM_THREADS": threads}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    assert done.stdout.decode().strip() == threads


@pytest.mark.parametrize(("told", "expected"), [(None, None), ("4,2", None), ("4", "4")])
def test_what_openmp_is_not_told_is_left_alone(
    told: str | None, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in THREADS:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    if told is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", told)
    keep_to_openmp()
    assert os.environ.get("POLARS_MAX_THREADS") == expected
    assert os.environ["OPENBLAS_NUM_THREADS"] == "7"
