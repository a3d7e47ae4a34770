"""Write one self-contained HTML page of the whole run: scores, comparisons, curves, motifs and logos."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    parser.add_argument(
        "--config",
        required=True,
        metavar="FILE",
        help="the configuration as it was used: config.yaml of the results",
    )
    parser.add_argument("--results", required=True, metavar="FOLDER", help="the results folder")
    parser.add_argument("--output", required=True, metavar="FILE", help="the page to write: report.html")


def run(args: argparse.Namespace) -> None:
    """Read the results and write the page."""
    from motifloom import config
    from motifloom.report.page import write_report

    write_report(config.read(args.config), args.results, args.output)
    logger.info("wrote %s", args.output)
