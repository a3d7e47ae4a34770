"""Train one network and predict with it.

Writes model.ckpt, model.safetensors, history.csv, predictions.parquet (validation and test) and
train_predictions.parquet. While it trains, checkpoints/ holds where it stands: a training that was killed or asked to
stop goes on from there. selftests.tsv and gradients.tsv have what the self-tests found.
"""

from __future__ import annotations

import logging
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
    flags.add_threads(parser)
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Train one network."""
    from motifloom.machine import prepare_process

    prepare_process(args.threads)

    from motifloom import config
    from motifloom.data.dataset import Dataset
    from motifloom.data.predictions import predictions_table
    from motifloom.errors import InputError
    from motifloom.files import write_parquet, write_text, write_tsv
    from motifloom.models.checkpoints import save
    from motifloom.models.prediction import predict
    from motifloom.training.checkpoints import remove
    from motifloom.training.fit import fit, is_first_process
    from motifloom.training.selftests import draw, selftests

    settings = config.read(args.config, args.dataset, args.model)
    if args.model not in settings.networks():
        raise InputError(f"{args.config}: models.{args.model}: is no network; motifloom fit fits it")
    dataset = Dataset.open(args.examples)
    checkpoints = args.output / "checkpoints"
    predictor, history = fit(settings, args.dataset, args.model, args.replicate, dataset, checkpoints)
    if not is_first_process():
        return
    for splits, name in ((("validation", "test"), "predictions"), (("train",), "train_predictions")):
        rows = dataset.rows(*splits)
        table = predictions_table(dataset, rows, predict(predictor, dataset, rows))
        write_parquet(args.output / f"{name}.parquet", table)
        logger.info("predicted %d sequences of %s", len(rows), " and ".join(splits))
    for table, name in zip(selftests(predictor, draw(dataset, settings.seed)), ("selftests", "gradients"), strict=True):
        write_tsv(args.output / f"{name}.tsv", table)
    write_text(args.output / "history.csv", history.write_csv())
    save(predictor, args.output / "model.ckpt")
    remove(checkpoints)
