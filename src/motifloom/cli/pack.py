"""Pack a FASTA file to one byte a base, once for all datasets of a genome."""

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
    parser.add_argument("--fasta", type=Path, required=True, metavar="FILE", help="FASTA: plain, gzip or bgzip")
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Pack one genome."""
    from motifloom.genome import pack

    genome = pack(args.fasta, args.output)
    logger.info("%s: %d sequences, %d bp", args.fasta, len(genome.lengths), sum(genome.lengths.values()))
