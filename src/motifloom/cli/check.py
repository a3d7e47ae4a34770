"""Read a configuration and every input it names, report all problems at once, and run nothing.

Also estimates the number of examples, and the memory and disk that a run needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the configuration")


def run(args: argparse.Namespace) -> None:
    """Check one configuration."""
    from motifloom.check import check_settings
    from motifloom.config import load

    check_settings(load(args.file), str(args.file))
