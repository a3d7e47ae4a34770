"""The flags that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Register the configuration and the name of the dataset in it."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration")
    parser.add_argument("--dataset", required=True, metavar="NAME", help="the dataset")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Register the name of the model in the configuration."""
    parser.add_argument("--model", required=True, metavar="NAME", help="the model")


def add_examples(parser: argparse.ArgumentParser) -> None:
    """Register the prepared examples."""
    parser.add_argument(
        "--examples", type=Path, required=True, metavar="FILE",
        help="the dataset's examples.parquet; sequences.parquet and sequences.bin lie beside it",
    )  # fmt: skip


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Register the number of threads."""
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of the processor (default: 1)")


def add_output_folder(parser: argparse.ArgumentParser) -> None:
    """Register the folder that is written to."""
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where to write")
