"""Draw training examples of a prepared dataset: some of them, with their own labels or with random ones, or a resample.

Writes examples.parquet, sequences.parquet and sequences.bin, a link. With one seed, a smaller part is part of a larger.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from motifloom.cli import flags
from motifloom.errors import InputError

if TYPE_CHECKING:
    import argparse

    import numpy as np

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    flags.add_dataset(parser)
    flags.add_examples(parser)
    parser.add_argument(
        "--draw", required=True, metavar="TEXT",
        help="part; random-labels: a part, its labels in another order, and validation the same examples; resample: as "
        "many as there are, with replacement",
    )  # fmt: skip
    parser.add_argument(
        "--number", required=True, metavar="N",
        help="of a part: how many at most, or a share such as 25%%; of a resample: which, from 0",
    )  # fmt: skip
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Draw from one dataset."""
    from motifloom import config
    from motifloom.data.dataset import Dataset
    from motifloom.data.sampling import draw_train, resample_train, with_random_labels, with_train, write_part
    from motifloom.seeds import generator

    settings = config.read(args.config, dataset=args.dataset)
    dataset = Dataset.open(args.examples)
    everything = len(dataset.rows("train"))

    def random(*purpose: str | int) -> np.random.Generator:
        return generator(settings.seed, args.dataset, *purpose)

    match args.draw:
        case "part":
            train = draw_train(dataset, _how_many(args.number, everything), random("sample"))
            drawn = with_train(dataset, train)
        case "random-labels":
            train = draw_train(dataset, _how_many(args.number, everything), random("sample"))
            drawn = with_random_labels(dataset, train, random("random labels"))
        case "resample":
            train = resample_train(dataset, settings.kind(args.dataset), random("resample", _which(args.number)))
            drawn = with_train(dataset, train)
        case _:
            raise InputError(f"--draw: expected part, random-labels or resample, found {args.draw}")
    write_part(args.output, drawn, args.examples.parent)
    logger.info("%s: %d training examples of %d", args.draw, len(train), everything)


def _how_many(text: str, everything: int) -> int:
    """Return how many training examples, at least 1, a number or a share of `everything` means."""
    try:
        wanted = float(text.removesuffix("%"))
    except ValueError:
        wanted = float("nan")
    share = text.endswith("%")
    if not (0 < wanted <= 100 if share else wanted >= 1 and wanted.is_integer()):
        raise InputError(f"--number: expected a whole number from 1, or a share up to 100%, found {text}")
    return max(1, round(wanted / 100 * everything)) if share else int(wanted)


def _which(text: str) -> int:
    """Return the number of a resample."""
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"--number: expected a whole number from 0, found {text}")
    return int(text)
