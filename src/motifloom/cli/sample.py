"""Draw training examples of a prepared dataset: fewer of them, with their own labels or with random ones.

Writes examples.parquet, sequences.parquet and sequences.bin, a link. With one seed, a smaller draw is part of a larger.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from motifloom.cli import flags
from motifloom.errors import InputError

if TYPE_CHECKING:
    import argparse

logger = logging.getLogger(__name__)

OWN, RANDOM = "own", "random"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Register the command's flags."""
    flags.add_dataset(parser)
    flags.add_examples(parser)
    parser.add_argument(
        "--train",
        required=True,
        metavar="N",
        help="training examples: how many at most, or a share such as 25%%",
    )
    parser.add_argument(
        "--labels", default=OWN, metavar="TEXT",
        help="own, or random: those of what is drawn in another order; validation becomes the same examples then",
    )  # fmt: skip
    flags.add_output_folder(parser)


def run(args: argparse.Namespace) -> None:
    """Draw from one dataset."""
    from motifloom import config
    from motifloom.data.dataset import Dataset
    from motifloom.data.sampling import draw_train, with_random_labels, with_train, write_part
    from motifloom.seeds import generator

    settings = config.read(args.config, dataset=args.dataset)
    dataset = Dataset.open(args.examples)
    everything = len(dataset.rows("train"))
    number = _number(args.train, everything)
    if args.labels not in {OWN, RANDOM}:
        raise InputError(f"--labels: expected {OWN} or {RANDOM}, found {args.labels}")
    train = draw_train(dataset, number, generator(settings.seed, args.dataset, "sample"))
    if args.labels == RANDOM:
        part = with_random_labels(dataset, train, generator(settings.seed, args.dataset, "random labels"))
    else:
        part = with_train(dataset, train)
    write_part(args.output, part, args.examples.parent)
    logger.info("%d of %d training examples with %s labels", len(train), everything, args.labels)


def _number(text: str, everything: int) -> int:
    """Return how many training examples, at least 1, a number or a share of `everything` means."""
    try:
        wanted = float(text.removesuffix("%"))
    except ValueError:
        wanted = float("nan")
    share = text.endswith("%")
    if not (0 < wanted <= 100 if share else wanted >= 1 and wanted.is_integer()):
        raise InputError(f"--train: expected a whole number from 1, or a share up to 100%, found {text}")
    return max(1, round(wanted / 100 * everything)) if share else int(wanted)
