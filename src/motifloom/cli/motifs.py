"""Turn a model's first-layer filters and its attributions into motifs, measure how much each matters, and name them.

Writes motifs.tsv; the matrices as motifs.meme, motifs.jaspar and motifs.transfac, and matches.meme: the known motif
that each matched, laid on it; how they behave as behaviour.tsv and pairs.tsv, and their sites as hits.bed.gz.
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
    flags.add_model(parser)
    flags.add_examples(parser)
    parser.add_argument(
        "--checkpoints",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="model.ckpt, one a replicate",
    )
    parser.add_argument(
        "--seqlets", type=Path, nargs="*", default=[], metavar="FILE", help="seqlets.tsv, one a replicate, if any"
    )
    flags.add_threads(parser)
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Learn the motifs of one model."""
    from motifloom.machine import prepare_process

    prepare_process(args.threads)

    from motifloom import config
    from motifloom.data.dataset import Dataset
    from motifloom.files import write_text, write_tsv
    from motifloom.models.checkpoints import load_for
    from motifloom.motifs import learn
    from motifloom.motifs.formats import jaspar_text, transfac_text
    from motifloom.motifs.hits import write_hits
    from motifloom.motifs.matching import CONFIDENT_Q, read_database
    from motifloom.motifs.meme import meme_text
    from motifloom.motifs.modisco import attribution_motifs, read_seqlets

    config_of_run = config.read(args.config, args.dataset, args.model)
    evaluation = config_of_run.evaluation
    settings = learn.Settings(
        config_of_run.seed, (args.dataset, args.model), evaluation.resamples, evaluation.confidence
    )
    database = read_database(config_of_run.database(args.dataset))
    dataset = Dataset.open(args.examples)
    kind, network = config_of_run.kind(args.dataset), config_of_run.models[args.model]
    predictors = [load_for(path, dataset, kind, network) for path in args.checkpoints]
    patterns = [
        attribution_motifs(read_seqlets(path), dataset, replicate) for replicate, path in enumerate(args.seqlets)
    ]
    learned = learn.learn(predictors, [one for found in patterns for one in found], dataset, database, settings)

    folder, motifs, matches = args.output, learned.motifs, learned.matches
    laid = [(m.name, matches[m.name].ppm, m.sites) for m in motifs if m.name in matches]
    write_text(folder / "matches.meme", meme_text(laid))
    write_text(folder / "motifs.meme", meme_text((m.name, m.ppm, m.sites) for m in motifs))
    write_text(folder / "motifs.jaspar", jaspar_text(motifs))
    write_text(folder / "motifs.transfac", transfac_text(motifs))
    write_tsv(folder / "behaviour.tsv", learned.behaviour)
    write_tsv(folder / "pairs.tsv", learned.pairs)
    write_hits(folder / "hits.bed.gz", learned.hits)
    write_tsv(folder / "motifs.tsv", learned.table)
    named = sum(found.q_value < CONFIDENT_Q for found in matches.values())
    logger.info("%d motifs, %d of them match one of %d known motifs", len(motifs), named, len(database))
