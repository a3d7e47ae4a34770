"""Compute the metrics of one dataset's models, their intervals, and the comparisons between the models.

Reads FOLDER/DATASET/MODEL/REPLICATE/predictions.parquet and train_predictions.parquet of every model and
replicate of the configuration, and of the oracle where the dataset is simulated.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from motifloom.cli import flags

if TYPE_CHECKING:
    import argparse

    import polars as pl

    from motifloom.config import Config
    from motifloom.evaluation.panels import Run

logger = logging.getLogger(__name__)

PREDICTIONS = ("predictions.parquet", "train_predictions.parquet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    flags.add_dataset(parser)
    parser.add_argument("--results", type=Path, required=True, metavar="FOLDER", help="where the predictions lie")
    parser.add_argument("--metrics", type=Path, required=True, metavar="FILE", help="metrics table to write")
    parser.add_argument("--comparisons", type=Path, required=True, metavar="FILE", help="comparisons table to write")


def run(args: argparse.Namespace) -> None:
    """Evaluate one dataset.

    Raises
    ------
    InputError
        Where the configuration has no such dataset, or predictions are missing or wrong.
    """
    import polars as pl

    from motifloom import config
    from motifloom.evaluation.panels import align
    from motifloom.evaluation.tables import comparisons_table, metrics_table
    from motifloom.files import write_tsv

    settings = config.read(args.config)
    files = _files(settings, args.dataset, args.results)
    panels = align({run: pl.concat(map(_read, paths)) for run, paths in files.items()})
    bootstrap = settings.evaluation.model_dump()
    metrics = metrics_table(panels, args.dataset, seed=settings.seed, **bootstrap)
    comparisons = comparisons_table(panels, args.dataset, seed=settings.seed, **bootstrap)
    write_tsv(args.metrics, metrics)
    write_tsv(args.comparisons, comparisons)
    logger.info(
        "%s: %d models in %d runs evaluated on %s; %d comparisons",
        args.dataset,
        len({run.model for run in files}),
        len(files),
        ", ".join(f"{len(panel.labels)} examples of {panel.split} for {panel.task}" for panel in panels),
        len(comparisons),
    )


def _files(settings: Config, dataset: str, results: Path) -> dict[Run, list[Path]]:
    """Return the predictions of every run of `dataset`.

    Raises
    ------
    InputError
        Where the dataset is unknown, and for every file that is missing.
    """
    from motifloom.errors import InputError
    from motifloom.evaluation.panels import Run

    if dataset not in settings.datasets:
        raise InputError(f"no dataset {dataset}; the configuration has {', '.join(settings.datasets)}")
    runs = [Run(model, replicate) for model in settings.models for replicate in range(settings.replicates)]
    if dataset in settings.simulated():
        runs.append(Run("oracle", 0))
    files = {run: [results / dataset / run.model / str(run.replicate) / name for name in PREDICTIONS] for run in runs}
    missing = [path for paths in files.values() for path in paths if not path.is_file()]
    if missing:
        raise InputError(f"{path}: missing; expected the predictions of a model" for path in missing)
    return files


def _read(path: Path) -> pl.DataFrame:
    """Read one predictions table.

    Raises
    ------
    InputError
        Where the file is no Parquet table.
    """
    import polars as pl

    from motifloom.errors import InputError

    try:
        return pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: is no Parquet table: {str(error).splitlines()[0]}") from None
