"""Several processes train what one does, on batches that they share."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from tests.conftest import planted, table_config

from motifloom.config import dump

NETWORK = {"filters": 12, "kernel_size": 11, "pool_size": 7, "hidden": 10, "dropout": 0.0}
TRAINING = {"max_epochs": 3, "batch_size": 32, "precision": "float32", "learning_rate": 0.003}


def trained(folder, devices: int):
    """Train in so many processes, and return the history, the predictions and the log."""
    dataset = planted("binary", number=333)  # sequences of many lengths, labels missing, a last batch of three
    assert len(dataset.rows("train")) % TRAINING["batch_size"] == 3
    folder.mkdir()
    dataset.examples.write_parquet(folder / "examples.parquet")
    dataset.sequences.table.write_parquet(folder / "sequences.parquet")
    dataset.sequences.packed.tofile(folder / "sequences.bin")
    training = TRAINING | {"devices": devices}
    config = table_config("binary", dataset.tasks, models={"cnn": NETWORK}, training=training)
    (folder / "config.yaml").write_text(dump(config))
    command = [sys.executable, "-m", "motifloom", "train", "--dataset", "planted", "--model", "cnn"]
    for flag, name in {"config": "config.yaml", "examples": "examples.parquet", "output": "cnn", "log": "log"}.items():
        command += [f"--{flag}", str(folder / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    history = pl.read_csv(folder / "cnn" / "history.csv").drop("precision")
    return history, pl.read_parquet(folder / "cnn" / "predictions.parquet"), (folder / "log").read_text()


def test_two_processes_train_the_network_that_one_does(tmp_path):
    (history, one, log), (shared, two, log_of_two) = (trained(tmp_path / str(n), n) for n in (1, 2))
    auroc = history["validation_auroc"].to_numpy()
    losses, of_two = (table.drop("validation_auroc").to_numpy() for table in (history, shared))
    assert of_two == pytest.approx(losses, abs=1e-3)  # Adam amplifies rounding
    assert shared["validation_auroc"].to_numpy() == pytest.approx(auroc, abs=5e-3)  # a pair of examples or two
    assert np.ptp(losses[:, 2]) > 0.05  # it did learn
    assert two.drop("score").equals(one.drop("score"))
    assert two["score"].to_numpy() == pytest.approx(one["score"].to_numpy(), abs=1e-3)
    assert log_of_two.count("epoch 3 of at most 3") == log.count("epoch 3 of at most 3") == 1
