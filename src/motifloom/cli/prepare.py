"""Turn a dataset's source into examples with labels and splits.

Writes examples.parquet, sequences.parquet, sequences.bin and dropped.tsv.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from motifloom.cli import flags

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    flags.add_dataset(parser)
    parser.add_argument(
        "--genome", type=Path, nargs="?", metavar="FOLDER",
        help="the dataset's genome, packed; nothing where its sequences come by themselves",
    )  # fmt: skip
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Prepare one dataset."""
    from motifloom import config
    from motifloom.data.prepare import prepare
    from motifloom.genome import Genome

    genome = Genome.open(args.genome) if args.genome else None
    prepare(config.read(args.config, dataset=args.dataset), args.dataset, genome).write(args.output, genome)
