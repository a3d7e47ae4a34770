"""Tell what the models reach in the trials of an experiment: one table of all settings, replicates and splits."""

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
    parser.add_argument("--experiment", required=True, metavar="NAME", help="the experiment")
    parser.add_argument("--results", type=Path, required=True, metavar="FOLDER", help="where the trials lie")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the table to write")


def run(args: argparse.Namespace) -> None:
    """Write the table of one experiment.

    Raises
    ------
    InputError
        Where the configuration does not ask for the experiment, or predictions are missing or wrong.
    """
    from motifloom import config
    from motifloom.config.trials import experiments
    from motifloom.errors import InputError
    from motifloom.evaluation.experiments import experiment_table
    from motifloom.files import write_tsv

    settings = config.read(args.config)
    if args.experiment not in experiments(settings):
        raise InputError(f"{args.config}: experiments: no '{args.experiment}'")
    table = experiment_table(settings, args.experiment, args.results)
    write_tsv(args.output, table)
    logger.info("%s: %d rows", args.output, len(table))
