"""Score a simulated dataset with the exact posterior: the ceiling for every model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from motifloom.cli import flags

if TYPE_CHECKING:
    import argparse

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    flags.add_dataset(parser)
    flags.add_examples(parser)
    flags.add_output_folder(parser)


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
    dataset = Dataset.open(args.examples)
    for splits, name in ((("validation", "test"), "predictions"), (("train",), "train_predictions")):
        rows = dataset.rows(*splits)
        scores = posterior(dataset.codes(rows), section)
        write_parquet(args.output / f"{name}.parquet", predictions_table(dataset, rows, scores[:, None]))
        logger.info("scored %d sequences of %s", len(rows), " and ".join(splits))
