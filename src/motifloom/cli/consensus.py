"""Put the motifs of all networks of a dataset into clusters, and name the consensus of each.

Writes consensus.tsv, consensus.meme, consensus.svg (logos) and consensus_matches.meme: the known motif that each
matched, laid on it.
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
    parser.add_argument(
        "--models",
        type=Path,
        nargs="+",
        required=True,
        metavar="FOLDER",
        help="folders with motifs.tsv and motifs.meme, named as the models",
    )
    flags.add_threads(parser)
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Cluster the motifs of a dataset's models.

    Raises
    ------
    InputError
        Where a file of motifs cannot be read.
    """
    from motifloom.machine import prepare_process

    prepare_process(args.threads)

    from motifloom import config
    from motifloom.files import write_text, write_tsv
    from motifloom.motifs.consensus import consensus_motifs, read_compared
    from motifloom.motifs.matching import CONFIDENT_Q, read_database
    from motifloom.motifs.meme import meme_text
    from motifloom.report.logos import sheet

    settings = config.read(args.config, args.dataset)
    motifs, rows = read_compared({folder.name: folder for folder in args.models})
    database = read_database(settings.database(args.dataset))
    found = consensus_motifs(motifs, rows, settings.replicates, database, settings.seed)
    laid = [(m.name, found.matches[m.name].ppm, m.sites) for m in found.motifs if m.name in found.matches]
    write_text(args.output / "consensus_matches.meme", meme_text(laid))
    write_text(args.output / "consensus.meme", meme_text((m.name, m.ppm, m.sites) for m in found.motifs))
    named = {name: match.known.name for name, match in found.matches.items() if match.q_value < CONFIDENT_Q}
    logos = {f"{m.name} {named.get(m.name, '')}".strip(): m.ppm for m in found.motifs}
    write_text(args.output / "consensus.svg", sheet(logos))
    write_tsv(args.output / "consensus.tsv", found.table)
    logger.info("%d motifs of %d models make %d clusters", len(motifs), len(args.models), len(found.motifs))
