"""Check a configuration and write it with every default filled in.

The workflow runs this first, so that a run's results hold the configuration as it was used.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    parser.add_argument("--input", type=Path, metavar="FILE", help="the configuration to read")
    parser.add_argument("--json", metavar="TEXT", help="the configuration itself, as JSON, instead of a file")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="where to write it")


def run(args: argparse.Namespace) -> None:
    """Write the configuration as it is used."""
    import json

    from motifloom import config
    from motifloom.errors import InputError
    from motifloom.files import write_text

    if (args.input is None) == (args.json is None):
        raise InputError("expected either --input or --json")
    try:
        settings = config.read(args.input) if args.input else config.validate(json.loads(args.json))
    except json.JSONDecodeError as error:
        raise InputError(f"--json: is no JSON: {error}") from None
    write_text(args.output, config.dump(settings))
    logger.info("datasets: %d, models: %d", len(settings.datasets), len(settings.models))
