"""Compute the metrics of one dataset's models, their intervals, the comparisons between the models, and the audit.

Reads FOLDER/DATASET/MODEL/REPLICATE/predictions.parquet and train_predictions.parquet of every model and
replicate of the configuration, of the ensembles, and of the oracle where the dataset is simulated. The audit tells what
the leaks and shortcuts that were found in the dataset mean for these scores.
"""

from __future__ import annotations

import json
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
    parser.add_argument("--results", type=Path, required=True, metavar="FOLDER", help="where the predictions lie")
    parser.add_argument("--examples", type=Path, required=True, metavar="FILE", help="the dataset's examples")
    parser.add_argument("--leaks", type=Path, required=True, metavar="FILE", help="table of leaks that audit wrote")
    parser.add_argument("--shortcuts", type=Path, required=True, metavar="FILE", help="its table of shortcuts")
    flags.add_threads(parser)
    parser.add_argument("--audit", type=Path, required=True, metavar="FILE", help="audit to write, as JSON")
    parser.add_argument("--metrics", type=Path, required=True, metavar="FILE", help="metrics table to write")
    parser.add_argument("--comparisons", type=Path, required=True, metavar="FILE", help="comparisons table to write")


def run(args: argparse.Namespace) -> None:
    """Evaluate one dataset.

    Raises
    ------
    InputError
        Where the configuration has no such dataset, or a file is missing or wrong.
    """
    from motifloom import config
    from motifloom.data.dataset import read_examples
    from motifloom.data.leaks import LEAKS_SCHEMA
    from motifloom.data.shortcuts import read_shortcuts
    from motifloom.evaluation.audit import audit
    from motifloom.evaluation.reading import read_panels
    from motifloom.evaluation.tables import evaluate
    from motifloom.files import read_parquet, write_text, write_tsv

    settings = config.read(args.config, dataset=args.dataset)
    leaks, shortcuts = read_parquet(args.leaks, LEAKS_SCHEMA), read_shortcuts(args.shortcuts)
    sizes = dict(read_examples(args.examples)["split"].value_counts(sort=True).iter_rows())
    panels = read_panels(settings, args.dataset, args.results)
    bootstrap = settings.evaluation.model_dump()
    metrics, comparisons = evaluate(panels, args.dataset, seed=settings.seed, threads=args.threads, **bootstrap)
    trust = audit(panels, leaks, shortcuts, args.dataset, sizes)
    write_text(args.audit, json.dumps(trust, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")
    write_tsv(args.metrics, metrics)
    write_tsv(args.comparisons, comparisons)
    tests = [len(panel.labels) for panel in panels if panel.split == "test"]
    logger.info(
        "%s: %d models in %d runs evaluated on %s test examples of %d task(s); %d comparisons",
        args.dataset,
        len(panels[0].replicates) if panels else 0,
        len(panels[0].scores) if panels else 0,
        " to ".join(str(number) for number in sorted({min(tests), max(tests)})) if tests else "no",
        len(tests),
        len(comparisons),
    )
