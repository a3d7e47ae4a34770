"""The road from what a user has to examples with labels and splits."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from motifloom.config import ColumnSplit, FastaDataset, FractionSplit, TableDataset, Windows
from motifloom.data.fasta import fasta_examples
from motifloom.data.jitter import apart_from_held_out
from motifloom.data.splits import SPLITS, draw_splits, draw_validation
from motifloom.data.tables import table_examples
from motifloom.data.windows import genome_examples
from motifloom.errors import InputError
from motifloom.seeds import generator

if TYPE_CHECKING:
    from motifloom.config import Config
    from motifloom.data.examples import Examples
    from motifloom.genome import Genome

logger = logging.getLogger(__name__)

SHOWN = 5
"""So many files are named in a message."""


def prepare(config: Config, name: str, genome: Genome | None) -> Examples:
    """Read a dataset's source, label its sequences, and give every one its split.

    Parameters
    ----------
    name
        The dataset.
    genome
        The dataset's genome, packed; None where its sequences come by themselves.

    Raises
    ------
    InputError
        With every problem at once: files that cannot be used, splits without a class, too few negatives.
    """
    section = config.datasets[name]
    if isinstance(section, FastaDataset):
        examples = fasta_examples(config, name, section)
    elif isinstance(section, TableDataset):
        examples = table_examples(config, name, section)
    else:
        if genome is None:
            raise InputError(f"datasets.{name}: its windows lie in a genome; expected the packed one with --genome")
        examples = genome_examples(config, name, genome)
    sequences = examples.sequences(genome.packed if genome else np.empty(0, dtype=np.uint8))
    random, where = generator(config.seed, name, "split"), f"datasets.{name}.split: {_files(config, name)}"
    if isinstance(section.split, FractionSplit):
        examples = examples.with_split(draw_splits(examples, sequences, section.split, random, where))
    elif isinstance(section.split, ColumnSplit) and section.split.validation:
        share = section.split.validation
        examples = examples.with_split(draw_validation(examples, sequences, share, random, where))
    if isinstance(section, Windows) and section.jitter:
        examples = replace(examples, records=apart_from_held_out(examples.records))
    _check_splits(config, name, examples)
    _tell(examples)
    return examples


def _check_splits(config: Config, name: str, examples: Examples) -> None:
    """Raise where a split is empty, or where a task is not to be learned or judged in it."""
    problems = []
    kind = config.kind(name)
    for split in SPLITS:
        labels = examples.labels.filter(examples.records["split"] == split)
        where = f"datasets.{name}: {_files(config, name)}: the {split} split"
        if labels.is_empty():
            problems.append(f"{where} has no example of {len(examples.records)}{_left_out(examples)}")
            continue
        for task in labels.columns:
            values = labels[task].drop_nulls()
            if kind == "regression" and values.n_unique() < 2:
                problems.append(f"{where} has {values.n_unique()} different values of '{task}'; expected at least 2")
            elif kind != "regression":
                for label, called in ((1, "positive"), (0, "negative")):
                    if not (values == label).any():
                        problems.append(f"{where} has no {called} example of '{task}' among {len(values)}")
    if problems:
        raise InputError(problems)


def _left_out(examples: Examples) -> str:
    """Say for a message how many records were left out for which reasons, the commonest first."""
    reasons = examples.dropped["reason"].value_counts(sort=True).rows()[:SHOWN]
    return f"; left out: {', '.join(f'{number} ({reason})' for reason, number in reasons)}" if reasons else ""


def _files(config: Config, name: str) -> str:
    """Name the files that a dataset's examples come from, for a message."""
    files = list(dict.fromkeys(config.source_files(name)))
    return ", ".join(files[:SHOWN]) + ", …" * (len(files) > SHOWN)


def _tell(examples: Examples) -> None:
    """Tell what was made of how many records."""
    for split in SPLITS:
        logger.info("%s: %d examples", split, (examples.records["split"] == split).sum())
    if len(examples.dropped):
        logger.info("%d records left out", len(examples.dropped))
        for reason, count in examples.dropped.group_by("reason", maintain_order=True).len().iter_rows():
            logger.info("  %d: %s", count, reason)
