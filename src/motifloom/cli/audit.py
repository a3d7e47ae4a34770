"""Look for leaks between the splits and for shortcuts to the labels, before anything is trained.

Writes a table of the examples that have a twin, or a label that contradicts another's, and a table of how well plain
properties of the sequences tell the labels. What is found is told, and stops nothing.
"""

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
    flags.add_dataset(parser)
    flags.add_examples(parser)
    parser.add_argument("--leaks", type=Path, required=True, metavar="FILE", help="table of leaks to write")
    parser.add_argument("--shortcuts", type=Path, required=True, metavar="FILE", help="table of shortcuts to write")


def run(args: argparse.Namespace) -> None:
    """Audit one dataset."""
    from motifloom import config
    from motifloom.data.dataset import Dataset
    from motifloom.data.leaks import find_leaks, tell_leaks
    from motifloom.data.shortcuts import find_shortcuts, tell_shortcuts
    from motifloom.data.splits import SPLITS
    from motifloom.files import write_parquet, write_tsv

    kind = config.read(args.config, dataset=args.dataset).kind(args.dataset)
    dataset = Dataset.open(args.examples)
    leaks, shortcuts = find_leaks(dataset, kind), find_shortcuts(dataset, kind)
    write_parquet(args.leaks, leaks)
    write_tsv(args.shortcuts, shortcuts)
    told = [*tell_leaks(leaks, {split: len(dataset.rows(split)) for split in SPLITS}), *tell_shortcuts(shortcuts)]
    for sentence in told:
        logger.warning("warning: %s", sentence)
    if not told:
        logger.info("no leak between the splits, no contradictory label and no shortcut found")
