"""Which examples a model is fitted on, chosen on and judged on."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from motifloom.errors import InputError

if TYPE_CHECKING:
    from motifloom.config import ChromosomeSplit
    from motifloom.genome import Genome

SPLITS = ("train", "validation", "test")


def chromosomes_of_splits(split: ChromosomeSplit, genome: Genome, where: str) -> dict[str, list[str]]:
    """Divide a genome's chromosomes into splits: train is what neither validation nor test names.

    Parameters
    ----------
    where
        The key in the configuration, for the messages.

    Raises
    ------
    InputError
        Where the genome has no chromosome of a name, or none is left to train on.
    """
    known = list(genome.lengths)
    problems = []
    for name in ("validation", "test"):
        for chrom in getattr(split, name):
            if chrom not in genome.lengths:
                nearest = difflib.get_close_matches(chrom, known, n=1)
                hint = f"the nearest is '{nearest[0]}'" if nearest else f"it has {', '.join(known[:10])}"
                problems.append(f"{where}.{name}: the genome has no chromosome '{chrom}'; {hint}")
    held_out = {*split.validation, *split.test}
    train = [chrom for chrom in known if chrom not in held_out]
    if not train:
        problems.append(f"{where}: validation and test name every chromosome; none is left to train on")
    if problems:
        raise InputError(problems)
    return {"train": train, "validation": list(split.validation), "test": list(split.test)}
