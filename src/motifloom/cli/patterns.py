"""Find the patterns that a network's attributions repeat, by TF-MoDISco.

Writes seqlets.tsv: the stretches that each pattern is made of.
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
    parser.add_argument("--attributions", type=Path, required=True, metavar="FILE", help="attributions.parquet")
    flags.add_threads(parser)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the table of seqlets")


def run(args: argparse.Namespace) -> None:
    """Find the patterns of one network."""
    from motifloom.machine import prepare_process

    prepare_process(args.threads)

    from motifloom.files import read_parquet, write_tsv
    from motifloom.motifs.modisco import ATTRIBUTED_SCHEMA, find_seqlets

    seqlets = find_seqlets(read_parquet(args.attributions, ATTRIBUTED_SCHEMA).filter(chosen="sample"))
    write_tsv(args.output, seqlets)
    logger.info("%d patterns of %d seqlets", seqlets["pattern"].n_unique(), len(seqlets))
