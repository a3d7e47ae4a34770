"""Turn a model's first-layer filters and its attributions into motifs, measure how much each matters, and name them.

Writes motifs.tsv, motifs.meme and matches.meme: the known motif that each matched, laid on it.
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
    from motifloom.models.base import FilterNetwork
    from motifloom.motifs.learn import filter_motifs, importances, motif_table
    from motifloom.motifs.matching import equivalents, match, read_database
    from motifloom.motifs.meme import meme_text
    from motifloom.motifs.modisco import attribution_motifs, read_seqlets
    from motifloom.motifs.scrambling import scrambling_importances
    from motifloom.seeds import generator
    from motifloom.training.checkpoints import load

    settings = config.read(args.config, args.dataset, args.model)
    database = read_database(settings.database(args.dataset))
    dataset = Dataset.open(args.examples)
    modules = [load(path) for path in args.checkpoints]
    motifs = []
    for replicate, module in enumerate(modules):
        random = generator(settings.seed, args.dataset, args.model, "background", replicate)
        if isinstance(module.network, FilterNetwork):
            motifs += filter_motifs(module, dataset, replicate, random)
    for replicate, path in enumerate(args.seqlets):
        motifs += attribution_motifs(read_seqlets(path), dataset, replicate)
    families = equivalents(motifs, database, settings.seed)
    importance: dict[str, float] = {}
    for replicate, module in enumerate(modules):
        filters, patterns = (
            [motif for motif in motifs if (motif.replicate, motif.source) == (replicate, source)]
            for source in ("filter", "attribution")
        )
        groups = {motif.name: [other.unit for other in families[motif.name] if other in filters] for motif in filters}
        if groups:
            importance |= importances(module, dataset, groups)
        random = generator(settings.seed, args.dataset, args.model, "scrambling", replicate)
        scrambled = scrambling_importances(
            module, dataset, patterns, settings.evaluation.resamples, settings.evaluation.confidence, random
        )
        importance |= {name: lost.drop for name, lost in scrambled.items()}
    motifs.sort(key=lambda motif: (-importance[motif.name], -motif.sites, motif.name))
    matches = match(motifs, database, settings.seed)

    folder = args.output
    laid = [(m.name, matches[m.name].ppm, m.sites) for m in motifs if m.name in matches]
    write_text(folder / "matches.meme", meme_text(laid))
    write_text(folder / "motifs.meme", meme_text((m.name, m.ppm, m.sites) for m in motifs))
    write_tsv(folder / "motifs.tsv", motif_table(motifs, importance, matches, families, len(modules)))
    named = sum(found.q_value < 0.05 for found in matches.values())
    logger.info("%d motifs, %d of them match one of %d known motifs", len(motifs), named, len(database))
