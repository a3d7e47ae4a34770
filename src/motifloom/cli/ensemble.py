"""Average the predictions of a network's trainings: its ensemble, a model of its own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from motifloom.cli import flags

if TYPE_CHECKING:
    import argparse

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    parser.add_argument(
        "--trainings", type=Path, required=True, nargs="+", metavar="FOLDER",
        help="folders with predictions.parquet and train_predictions.parquet",
    )  # fmt: skip
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Average the predictions of several trainings.

    Raises
    ------
    InputError
        Where predictions are missing, or are not of the same examples.
    """
    from motifloom.data.predictions import FILES, mean_predictions, read_predictions
    from motifloom.files import write_parquet

    paths = {name: [folder / name for folder in args.trainings] for name in FILES}
    means = {name: mean_predictions({path: read_predictions(path) for path in each}) for name, each in paths.items()}
    for name, table in means.items():
        write_parquet(args.output / name, table)
        logger.info("%s: the mean of %d trainings, %d rows", args.output / name, len(args.trainings), len(table))
