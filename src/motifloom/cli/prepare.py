"""Turn a genome and regions into examples: windows, negatives, splits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from motifloom.cli import flags

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    flags.add_dataset(parser)
    flags.add_genome(parser)
    parser.add_argument("--examples", type=Path, required=True, metavar="FILE", help="examples to write")
    parser.add_argument("--dropped", type=Path, required=True, metavar="FILE", help="records left out to write")


def run(args: argparse.Namespace) -> None:
    """Prepare one dataset."""
    from motifloom import config
    from motifloom.data.prepare import prepare
    from motifloom.files import write_parquet, write_tsv
    from motifloom.genome import Genome

    examples, dropped = prepare(config.read(args.config, dataset=args.dataset), args.dataset, Genome.open(args.genome))
    write_tsv(args.dropped, dropped)
    write_parquet(args.examples, examples)
