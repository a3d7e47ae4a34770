"""Attribute one network's output for some held-out sequences to their bases.

Writes attributions.parquet: what each base adds, by DeepLIFT for convolutional networks, by in-silico mutagenesis for
those with recurrent layers or attention.
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
    parser.add_argument("--replicate", type=int, default=0, metavar="N", help="number of the training, from 0")
    flags.add_examples(parser)
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE", help="model.ckpt")
    parser.add_argument("--predictions", type=Path, required=True, metavar="FILE", help="predictions.parquet")
    flags.add_threads(parser)
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Attribute the output of one network."""
    from motifloom.machine import prepare_process

    prepare_process(args.threads)

    from motifloom import config
    from motifloom.data.dataset import Dataset
    from motifloom.data.predictions import read_predictions
    from motifloom.files import write_parquet
    from motifloom.models.checkpoints import load_for
    from motifloom.motifs.attribution import attribute, attribution_table, method_of
    from motifloom.motifs.convergence import GREAT_DELTA, relative_delta
    from motifloom.motifs.targets import choose_examples, output_weights
    from motifloom.seeds import generator

    settings = config.read(args.config, args.dataset, args.model)
    dataset = Dataset.open(args.examples)
    predictor = load_for(args.checkpoint, dataset, settings.kind(args.dataset), settings.models[args.model])
    # The same sequences and references for every network, so that what networks say can be compared.
    random = generator(settings.seed, args.dataset, "attributions")
    number = settings.attributions(args.dataset)
    rows, chosen = choose_examples(predictor, dataset, read_predictions(args.predictions), number, random)
    codes, weights = dataset.codes(rows), output_weights(dataset.labels(rows), predictor.kind)
    found = attribute(predictor, codes, weights, random)
    table = attribution_table(
        dataset.examples["id"][rows].to_list(), chosen, method_of(predictor.network), codes, found
    )  # fmt: skip
    delta = relative_delta(table)
    if delta is not None and delta > GREAT_DELTA:
        logger.warning("contributions miss the difference of the outputs by up to %.0f %%", 100 * delta)
    write_parquet(args.output / "attributions.parquet", table)
    logger.info("%d sequences, by %s", len(rows), method_of(predictor.network))
