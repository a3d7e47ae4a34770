"""A small simulated dataset that several rooms' tests share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from motifloom.config import Config, validate
from motifloom.data.dataset import SEQUENCE_SCHEMA, Dataset, Sequences
from motifloom.data.prepare import prepare
from motifloom.data.simulate import simulate
from motifloom.genome import decode, encode, pack, reverse_complement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from motifloom.config import Kind


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that take longest, those of the workflow, begin first: no core waits for them at the end."""
    items.sort(key=lambda item: "workflow" not in item.path.parts)


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
                "negatives": "gc-matched",
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
    examples = Path(toy_config.results) / "toy"
    prepare(toy_config, "toy", genome).write(examples, genome)
    return Dataset.open(examples / "examples.parquet")


def dataset_of(sequences: Sequence[str], split: Sequence[str], labels: Mapping[str, Sequence[float | None]]) -> Dataset:
    """Return a dataset of sequences that lie in no genome, with the labels of each task."""
    lengths = [len(sequence) for sequence in sequences]
    places = {"offset": np.cumsum([0, *lengths[:-1]]), "length": lengths, "minus": False}
    table = pl.DataFrame({**places, **dict.fromkeys(("before", "after", "parent", "group"))}, schema=SEQUENCE_SCHEMA)
    names = [f"s{number}" for number in range(len(sequences))]
    return Dataset(pl.DataFrame({"id": names, "split": split, **labels}), Sequences(encode("".join(sequences)), table))


WORDS = ("CGTAAGGTCT", "GGGATTTCCA")
KINDS = ("binary", "multiclass", "regression")


def planted(kind: Kind, number: int = 500, seed: int = 0) -> Dataset:
    """Return a dataset of sequences of 48 to 70 bp whose labels tell which of `WORDS` stand in them, on either strand.

    Binary: whether there is the first, and the second; three labels of ten are missing. Multiclass: whether there is
    the first, the second or none. Regression: how often there is the first, and the second, up to twice, each in units
    of its own; three labels of ten are missing.
    """
    random = np.random.default_rng(seed)
    tasks = 3 if kind == "multiclass" else 2
    if kind == "multiclass":
        copies = np.eye(tasks, dtype=int)[random.integers(tasks, size=number)]
    else:
        copies = random.integers(2 if kind == "binary" else 3, size=(number, tasks))
    sequences = []
    for row in copies:
        parts = ["".join(random.choice(list("ACGT"), 8)) for _ in range(random.integers(6, 9))]
        words = np.repeat(np.arange(2), row[:2])
        places = random.permutation(len(parts) - 1)[: len(words)]
        for place, word in zip(places, words, strict=True):
            parts[place] = decode(reverse_complement(encode(WORDS[word]))) if random.random() < 0.5 else WORDS[word]
        sequences.append("".join(parts)[:70])
    values = copies * [20.0, 0.1] + [100.0, -3.0] if kind == "regression" else copies
    missing = random.random(values.shape) < (0 if kind == "multiclass" else 0.3)
    labels = {
        f"task {column + 1}": [None if gone else value for gone, value in zip(missing[:, column], known, strict=True)]
        for column, known in enumerate(values.T.tolist())
    }
    return dataset_of(sequences, random.choice(["train", "validation", "test"], number, p=[0.6, 0.2, 0.2]), labels)


def table_config(kind: Kind, tasks: Sequence[str], **changes: Any) -> Config:
    """Return a run on a table, `planted`, of labels of one kind, with a convolutional network, `cnn`."""
    labels = "class" if kind == "multiclass" else list(tasks)
    table = {"sequences": "planted.tsv", "labels": labels, "kind": kind, "split": {"column": "split"}}
    network = {"filters": 16, "kernel_size": 11, "pool_size": 15, "hidden": 24, "dropout": 0.2}
    training = {"max_epochs": 40, "patience": 40, "batch_size": 32, "learning_rate": 2e-3}
    return validate({"datasets": {"planted": table}, "models": {"cnn": network}, "training": training} | changes)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a small file and return its path."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file
