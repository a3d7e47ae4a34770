"""A small simulated dataset that several rooms' tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from motifloom.config import Config, validate
from motifloom.data.dataset import Dataset
from motifloom.data.prepare import prepare
from motifloom.data.simulate import simulate
from motifloom.genome import pack
from motifloom.machine import prepare_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

prepare_process(threads=1)  # as a job of the workflow; threads that spin would take the cores from each other


def simulated_config(results: Path, **changes: Any) -> Config:
    """Return a run on one simulated motif: 5 chromosomes, 330 windows of 60 bp with a site, as many without."""
    settings: dict[str, Any] = {
        "results": str(results),
        "datasets": {
            "toy": {
                "simulate": {
                    "motifs": ["MA0139.2"],
                    "positives": 330,
                    "chromosomes": 5,
                    "chromosome_length": 40_000,
                    "gc": 0.5,
                    "jitter": 15,
                },
                "window": 60,
                "split": {"validation": ["chr4"], "test": ["chr5"]},
            }
        },
        "models": {
            "knn": {"kmer": 5},
            "cnn": {"filters": 16, "kernel_size": 15, "pool_size": 20, "hidden": 24, "dropout": 0.2},
        },
        "training": {"max_epochs": 40},
    }
    return validate(settings | changes)


@pytest.fixture(scope="session")
def toy_config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A run whose simulation, packed genome and examples lie in its results folder."""
    return simulated_config(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def toy(toy_config: Config) -> Dataset:
    """The examples of the run."""
    section = toy_config.datasets["toy"]
    simulate("toy", section, toy_config.seed, toy_config.fasta("toy").parent)
    folder = toy_config.packed_genome("toy")
    genome = pack(toy_config.fasta("toy"), folder)
    path = folder.parent.parent / "examples.parquet"
    prepare(toy_config, "toy", genome)[0].write_parquet(path)
    return Dataset.open(path, folder)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a small file and return its path."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file
