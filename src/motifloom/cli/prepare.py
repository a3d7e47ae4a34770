"""Turn a genome and regions into examples: windows, negatives, splits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration")
    parser.add_argument("--dataset", required=True, metavar="NAME", help="the dataset to prepare")
    parser.add_argument("--genome", type=Path, required=True, metavar="FOLDER", help="its genome, packed")
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
