"""Fit one baseline and predict with it.

Writes predictions.parquet (validation and test), train_predictions.parquet, and sweep.tsv: the main metric of every
number of neighbours on every split. The number that is best on validation is used.
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
    flags.add_examples(parser)
    flags.add_threads(parser)
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Fit one baseline."""
    from motifloom.machine import prepare_process

    prepare_process(args.threads)

    from motifloom import config
    from motifloom.data.dataset import Dataset
    from motifloom.data.predictions import predictions_table
    from motifloom.data.splits import SPLITS
    from motifloom.errors import InputError
    from motifloom.evaluation.selection import choose_neighbours, sweep_table
    from motifloom.files import write_parquet, write_tsv
    from motifloom.models.knn import Knn

    settings = config.read(args.config, args.dataset, args.model)
    spec, kind = settings.models[args.model], settings.kind(args.dataset)
    if not isinstance(spec, config.Knn):
        raise InputError(f"{args.config}: models.{args.model}: is no baseline; motifloom train trains it")
    dataset = Dataset.open(args.examples)
    rows = {split: dataset.rows(split) for split in SPLITS}
    labels = {split: dataset.labels(rows[split]) for split in SPLITS}
    both_strands = settings.datasets[args.dataset].strand == "both"
    knn = Knn.fit(dataset.codes(rows["train"]), labels["train"], spec.kmer, both_strands)
    scores = {split: knn.predict(dataset.codes(rows[split]), spec.neighbours) for split in SPLITS}
    best = choose_neighbours(labels["validation"], scores["validation"], kind)
    logger.info("%d neighbours of %s are best on validation", best, spec.neighbours)
    tables = {split: predictions_table(dataset, rows[split], scores[split][best]) for split in SPLITS}
    write_tsv(args.output / "sweep.tsv", sweep_table(dataset.tasks, labels, scores, kind))
    write_parquet(args.output / "train_predictions.parquet", tables["train"])
    write_parquet(args.output / "predictions.parquet", tables["validation"].vstack(tables["test"]))
