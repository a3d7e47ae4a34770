"""Fit one baseline and predict with it.

Writes predictions.parquet (validation and test), train_predictions.parquet, and sweep.tsv: the main metric of every
setting that was tried on every split. The setting that is best on validation is used.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from motifloom.cli import flags

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from motifloom.config import Knn, Model
    from motifloom.data.dataset import Dataset
    from motifloom.models.candidates import Candidate, Examples
    from motifloom.models.predictor import Predictor

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    flags.add_dataset(parser)
    flags.add_model(parser)
    flags.add_examples(parser)
    parser.add_argument(
        "--checkpoint", type=Path, nargs="?", metavar="FILE",
        help="model.ckpt of the network whose embedding a knn compares",
    )  # fmt: skip
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
    from motifloom.evaluation.selection import choose, sweep_table
    from motifloom.files import write_parquet, write_tsv
    from motifloom.models.candidates import Examples
    from motifloom.models.checkpoints import load_for

    settings = config.read(args.config, args.dataset, args.model)
    if args.model not in settings.baselines():
        raise InputError(f"{args.config}: models.{args.model}: is no baseline; motifloom train trains it")
    dataset = Dataset.open(args.examples)
    rows = {split: dataset.rows(split) for split in SPLITS}
    both_strands = settings.datasets[args.dataset].strand == "both"
    examples = Examples.of(dataset, settings.kind(args.dataset), both_strands, rows)
    spec = settings.models[args.model]
    if isinstance(spec, config.Knn) and spec.embedding is not None:
        if args.checkpoint is None:
            raise InputError(f"--checkpoint: missing; {args.model} compares the embedding of {spec.embedding}")
        network = settings.models[spec.embedding]
        predictor = load_for(args.checkpoint, dataset, settings.kind(args.dataset), network)
        tried = _by_embedding(spec, predictor, dataset, rows, examples)
    else:
        tried = _candidates(spec, examples)
    best = tried[choose(examples.labels["validation"], [one.scores["validation"] for one in tried], examples.kind)]
    logger.info("%s, %s %g: best of %d on validation", best.variant, best.parameter, best.setting, len(tried))
    tables = {split: predictions_table(dataset, rows[split], best.scores[split]) for split in SPLITS}
    write_tsv(args.output / "sweep.tsv", sweep_table(dataset.tasks, examples.labels, tried, examples.kind))
    write_parquet(args.output / "train_predictions.parquet", tables["train"])
    write_parquet(args.output / "predictions.parquet", tables["validation"].vstack(tables["test"]))


def _by_embedding(
    spec: Knn, predictor: Predictor, dataset: Dataset, rows: Mapping[str, npt.NDArray[np.int64]], examples: Examples
) -> list[Candidate]:
    """Fit nearest neighbours by what a trained network makes of sequences."""
    from motifloom.models.knn import embedding_candidates
    from motifloom.models.prediction import embed

    vectors = {split: embed(predictor, dataset, mine) for split, mine in rows.items()}
    return embedding_candidates(spec, vectors, examples.labels["train"])


def _candidates(spec: Model, examples: Examples) -> list[Candidate]:
    """Fit a baseline with all its settings."""
    from motifloom import config
    from motifloom.models import gkm_svm, kmer_logistic, knn

    match spec:
        case config.Knn():
            return knn.candidates(spec, examples)
        case config.KmerLogistic():
            return kmer_logistic.candidates(spec, examples)
        case config.GkmSvm():
            return gkm_svm.candidates(spec, examples)
        case _:
            raise TypeError(f"{type(spec).__name__} is no baseline")
