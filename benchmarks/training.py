"""Training through motifloom beside a bare PyTorch loop with the same network: CPU seconds of an epoch, and memory.

Makes its own inputs, runs every case in processes of its own on one core, and prints a table. See README.md.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from motifloom.config import Config

SEED = 0
LENGTH, BATCH, EPOCH_STEPS = 200, 64, 400
"""Of every sequence in bp; sequences of a batch; batches of an epoch."""

WARM_STEPS = 20
"""Steps before the epoch that is measured, which begins and ends between two batches."""

VALIDATION = 128
GENOME_BP = 4_000_000

NETWORKS: dict[str, dict[str, Any]] = {
    "one convolution": {"architecture": "cnn", "filters": 32, "layers": 1, "readout": "max"},
    "cnn": {},
    "resnet": {},
    "dilated_cnn": {},
    "bilstm": {},
    "cnn_bilstm": {},
}
BARE, REORDERED = "bare loop", "bare loop, channels last"
"""What everything is held against: loops on tensors in torch's usual order in memory, and in the one we train in."""


class Measured(Exception):  # noqa: N818 - no error
    """Ends a training when its epoch is measured."""


class Clock:
    """Called at the end of every step; counts the CPU seconds of one epoch, and those before the first step's end."""

    def __init__(self) -> None:
        self.begun = time.process_time()
        self.ends: list[float] = []

    def __call__(self, *_: object) -> None:
        """Note the end of a step."""
        self.ends.append(time.process_time())
        if len(self.ends) > WARM_STEPS + EPOCH_STEPS:
            raise Measured

    def told(self) -> dict[str, float]:
        """Return what was measured."""
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return {
            "epoch": self.ends[WARM_STEPS + EPOCH_STEPS] - self.ends[WARM_STEPS],
            "first": self.ends[0] - self.begun,
            "megabytes": int(status["VmHWM"].split()[0]) / 1024,
        }


def make_inputs(folder: Path) -> None:
    """Write windows of random bases with random labels as ``prepare`` does."""
    import numpy as np
    import polars as pl

    from motifloom.data.dataset import SEQUENCE_SCHEMA

    random = np.random.default_rng(SEED)
    random.integers(0, 4, GENOME_BP).astype(np.uint8).tofile(folder / "sequences.bin")
    number = EPOCH_STEPS * BATCH + VALIDATION
    places = {"offset": random.integers(0, GENOME_BP - LENGTH, number), "length": LENGTH, "minus": False}
    nothing = dict.fromkeys(("before", "after", "parent", "group"))
    table = pl.DataFrame(places).with_columns(**{name: pl.lit(value) for name, value in nothing.items()})
    table.cast(SEQUENCE_SCHEMA).write_parquet(folder / "sequences.parquet")
    names = [f"w{row}" for row in range(number)]
    splits = ["train"] * (EPOCH_STEPS * BATCH) + ["validation"] * VALIDATION
    labels = random.integers(0, 2, number)
    pl.DataFrame({"id": names, "split": splits, "task": labels}).write_parquet(folder / "examples.parquet")


def settings(model: str, precision: str) -> Config:
    """Return a run's settings: all defaults, except for the number of epochs."""
    from motifloom.config import validate

    table = {"sequences": "windows.tsv", "labels": ["task"], "split": {"column": "split"}}
    name = model.replace(" ", "_")
    network = {"architecture": model} | NETWORKS[model]
    training = {"max_epochs": 2, "batch_size": BATCH, "precision": precision}
    return validate({"datasets": {"windows": table}, "models": {name: network}, "training": training})


def through_motifloom(folder: Path, model: str, precision: str) -> dict[str, float]:
    """Train as ``motifloom train`` does, from opening the dataset on."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    from motifloom.data.dataset import Dataset
    from motifloom.training.fit import fit

    run = settings(model, precision)
    clock = Clock()
    register_optimizer_step_post_hook(clock)
    with tempfile.TemporaryDirectory() as checkpoints:
        try:
            dataset = Dataset.open(folder / "examples.parquet")
            fit(run, "windows", next(iter(run.models)), 0, dataset, Path(checkpoints) / "checkpoints")
        except Measured:
            return clock.told()
    raise AssertionError("the training ended before its second epoch")


def bare_loop(folder: Path, model: str, *, channels_last: bool) -> dict[str, float]:
    """Train the same network in float32 on one-hot tensors that are in memory: no strands, validation or log.

    Parameters
    ----------
    channels_last
        Whether the tensors have the order in memory that motifloom trains in, or torch's usual one. The network keeps
        what it is given.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    from motifloom.data.dataset import Dataset
    from motifloom.models.encoding import one_hot
    from motifloom.training.fit import new_module

    run = settings(model, "float32")
    dataset = Dataset.open(folder / "examples.parquet")
    rows = dataset.rows("train")
    x, y = one_hot(torch.from_numpy(dataset.codes(rows))), torch.from_numpy(dataset.labels(rows))
    x = x if channels_last else x.contiguous()
    clock = Clock()
    module = new_module(run, "windows", next(iter(run.models)), 0, dataset).train()
    network, optimiser = module.predictor.network, module.configure_optimizers()
    generator = torch.Generator().manual_seed(SEED)
    try:
        while True:
            for batch in torch.randperm(len(x), generator=generator).split(BATCH):
                optimiser.zero_grad()
                loss = binary_cross_entropy_with_logits(network(x[batch]), y[batch])
                loss.backward()
                torch.nn.utils.clip_grad_norm_(network.parameters(), run.training.gradient_norm)
                optimiser.step()
                clock()
    except Measured:
        return clock.told()


CASES: dict[str, Callable[[Path, str], dict[str, float]]] = {
    BARE: functools.partial(bare_loop, channels_last=False),
    REORDERED: functools.partial(bare_loop, channels_last=True),
    "motifloom, float32": lambda folder, model: through_motifloom(folder, model, "float32"),
    "motifloom": lambda folder, model: through_motifloom(folder, model, "auto"),
}


def measure(case: str, folder: Path, model: str) -> dict[str, float]:
    """Run a case in this process, on one core."""
    from motifloom.machine import prepare_process

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    prepare_process(threads=1)
    import motifloom.data.shuffle
    import motifloom.training.fit  # noqa: F401 - imports are not measured

    return CASES[case](folder, model)


def compare(folder: Path, model: str, repeats: int) -> None:
    """Print the rows of a network."""
    runs: dict[str, list[dict[str, float]]] = {case: [] for case in CASES}
    for _ in range(repeats):
        for case in CASES:
            command = [sys.executable, __file__, "--folder", str(folder), "--case", case, "--model", model]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            runs[case].append(json.loads(told))
    for case, found in runs.items():
        to_bare, to_reordered = (
            statistics.median(run["epoch"] / bare["epoch"] for run, bare in zip(found, runs[loop], strict=True))
            for loop in (BARE, REORDERED)  # of neighbours in time
        )
        seconds, first, memory = (statistics.median(run[key] for run in found) for key in found[0])
        spread = f"{min(run['epoch'] for run in found):.2f} to {max(run['epoch'] for run in found):.2f}"
        print(
            f"| {model} | {case} | {seconds:.2f} ({spread}) | {to_bare:.2f} | {to_reordered:.2f} "
            f"| {EPOCH_STEPS * BATCH / seconds:,.0f} | {first:.2f} | {memory:.0f} |",
            flush=True,
        )


def main() -> None:
    """Read the command line, and compare everything; its own processes are told what to do by hidden flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="processes of each case (default: %(default)s)")
    parser.add_argument("--model", choices=NETWORKS, help="one network alone (default: all)")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(measure(args.case, args.folder, args.model)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        make_inputs(Path(scratch))
        print(
            f"| network | case | CPU s of an epoch (least to most) | / {BARE} | / {REORDERED} "
            "| sequences/s | first batch, s | MB |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for model in [args.model] if args.model else NETWORKS:
            compare(Path(scratch), model, args.repeats)


if __name__ == "__main__":
    main()
