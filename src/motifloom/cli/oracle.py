"""Score a simulated dataset with the exact posterior: the ceiling for every model."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration")
    parser.add_argument("--dataset", required=True, metavar="NAME", help="the simulated dataset")
    parser.add_argument("--genome", type=Path, required=True, metavar="FOLDER", help="its genome, packed")
    parser.add_argument("--examples", type=Path, required=True, metavar="FILE", help="its examples")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where to write")


def run(args: argparse.Namespace) -> None:
    """Score one dataset."""
    from motifloom import config
    from motifloom.data.dataset import Dataset
    from motifloom.data.predictions import predictions_table
    from motifloom.errors import InputError
    from motifloom.files import write_parquet
    from motifloom.models.oracle import posterior

    section = config.read(args.config, dataset=args.dataset).datasets[args.dataset]
    if not isinstance(section, config.SimulatedDataset):
        raise InputError(f"{args.config}: datasets.{args.dataset}: is no simulated dataset")
    dataset = Dataset.open(args.examples, args.genome)
    for splits, name in ((("validation", "test"), "predictions"), (("train",), "train_predictions")):
        rows = dataset.rows(*splits)
        scores = posterior(dataset.codes(rows), section)
        write_parquet(args.output / f"{name}.parquet", predictions_table(dataset, rows, scores[:, None]))
        logger.info("scored %d sequences of %s", len(rows), " and ".join(splits))
