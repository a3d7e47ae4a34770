"""Time the evaluation of many tasks: all metrics with intervals, and the comparisons of all models.

Writes predictions of made-up models, reads them as ``motifloom evaluate`` does, and evaluates them with its defaults.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from motifloom.config import Evaluation
from motifloom.evaluation.panels import Run, align
from motifloom.evaluation.tables import evaluate
from motifloom.files import read_parquet


def predictions(model: int, tasks: int, rows: int) -> pl.DataFrame:
    """Return predictions on test of tasks with 0.5 % to 50 % positives; all models have the same labels."""
    shares = np.geomspace(0.005, 0.5, tasks)[:, None]
    labels = (np.random.default_rng(0).random((tasks, rows)) < shares).astype(np.float64)
    noise = np.random.default_rng(model + 1).normal(size=(tasks, rows))
    scores = 1 / (1 + np.exp(-(2 * labels - 1 + noise))).astype(np.float32)
    return pl.DataFrame(
        {
            "id": np.tile([f"chr1:{1000 * row}-{1000 * row + 200}" for row in range(rows)], tasks),
            "split": pl.Series(["test"]).new_from_index(0, tasks * rows),
            "task": np.repeat([f"task {task}" for task in range(tasks)], rows),
            "label": labels.ravel(),
            "score": scores.ravel().astype(np.float64),
        }
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=900)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--models", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    settings = Evaluation().model_dump()
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{model}.parquet" for model in range(options.models)]
        for model, path in enumerate(files):
            predictions(model, options.tasks, options.rows).write_parquet(path)
        small = {Run(f"model {model}", 0): predictions(model, 2, 50) for model in range(options.models)}
        evaluate(align(small, "binary"), "warm", seed=0, **settings)  # compiles, or reads what was compiled
        start = time.perf_counter()
        tables = {Run(f"model {model}", 0): read_parquet(path) for model, path in enumerate(files)}
        panels = align(tables, "binary")
        read = time.perf_counter() - start
        start, processor = time.perf_counter(), time.process_time()
        metrics, comparisons = evaluate(panels, "many", seed=0, threads=options.threads, **settings)
        spent, processor = time.perf_counter() - start, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{options.tasks} tasks x {options.rows} rows x {options.models} models, {options.threads} threads:")
    print(f"{len(metrics)} metrics, {len(comparisons)} comparisons")
    print(f"read {read:.1f} s, evaluate {spent:.1f} s ({processor:.1f} s of processors)")
    print(f"peak {peak:.0f} MB, that of making the predictions included")


if __name__ == "__main__":
    main()
