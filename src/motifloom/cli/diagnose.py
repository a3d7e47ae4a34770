"""Tell how far scores are probabilities, and where, how and how steadily the models of one dataset err.

Writes calibration.tsv and reliability.tsv (scores as probabilities, before and after temperature scaling), strata.tsv
(the main metric by GC, length, N, chromosome and strength of peaks), errors.tsv (the most confident errors and the
training sequences nearest to them) and stability.tsv (how replicates differ).
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
    parser.add_argument("--results", type=Path, required=True, metavar="FOLDER", help="where the predictions lie")
    flags.add_examples(parser)
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Diagnose the models of one dataset."""
    from motifloom import config
    from motifloom.data.dataset import Dataset
    from motifloom.data.predictions import FILES
    from motifloom.data.strength import peak_strengths
    from motifloom.evaluation.calibration import calibration_tables
    from motifloom.evaluation.mistakes import errors_table
    from motifloom.evaluation.reading import read_panels
    from motifloom.evaluation.stability import stability_table
    from motifloom.evaluation.strata import divide, strata_table
    from motifloom.files import write_tsv

    settings = config.read(args.config, dataset=args.dataset)
    panels = read_panels(settings, args.dataset, args.results, FILES[:1])
    dataset = Dataset.open(args.examples)
    strengths = peak_strengths(settings, args.dataset, dataset.examples[dataset.rows("test")])
    calibration, reliability = calibration_tables(panels)
    tables = {
        "calibration": calibration,
        "reliability": reliability,
        "strata": strata_table(panels, divide(dataset, strengths), settings.evaluation.confidence),
        "errors": errors_table(panels, dataset, settings.datasets[args.dataset].strand == "both"),
        "stability": stability_table(panels),
    }
    for name, table in tables.items():
        write_tsv(args.output / f"{name}.tsv", table)
        logger.info("%s: %d rows", args.output / f"{name}.tsv", len(table))
