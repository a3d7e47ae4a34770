"""Names of chromosomes: those of a file, and what the genome calls them."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

import polars as pl
import yaml

from motifloom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from motifloom.genome import Genome

SHOWN = 3
"""So many names are spelled out in a message."""

MITOCHONDRION = frozenset({"M", "MT", "MITO", "MTDNA"})
NUMERALS = (("XC", 90), ("L", 50), ("XL", 40), ("X", 10), ("IX", 9), ("V", 5), ("IV", 4), ("I", 1))


def unknown_chromosome(name: str, genome: Genome) -> str:
    """Return what to say of a name that the genome does not have."""
    nearest = difflib.get_close_matches(name, genome.lengths, n=1)
    known = list(genome.lengths)
    hint = f"the nearest is '{nearest[0]}'" if nearest else f"it has {', '.join(known[:10])}{', …' * (len(known) > 10)}"
    return f"the genome has no chromosome '{name}'; {hint}"


def check_aliases(aliases: Mapping[str, str], genome: Genome, where: str) -> None:
    """Raise where an alias is one of a chromosome that the genome does not have.

    Parameters
    ----------
    where
        The dataset's key in the configuration, for the messages.
    """
    problems = [
        f"{where}.aliases.{alias}: {unknown_chromosome(target, genome)}"
        for alias, target in aliases.items()
        if target not in genome.lengths
    ]
    if problems:
        raise InputError(problems)


def rename(regions: pl.DataFrame, aliases: Mapping[str, str]) -> pl.DataFrame:
    """Give the chromosomes of regions the genome's names."""
    return regions.with_columns(pl.col("chrom").replace(dict(aliases))) if aliases else regions


def check_names(names: Iterable[str], genome: Genome, path: str | Path, where: str) -> None:
    """Raise where a file has none of the genome's chromosomes, as with ``chr1`` against ``1``; propose aliases.

    Parameters
    ----------
    names
        The file's names, after its aliases were applied.
    where
        The dataset's key in the configuration, for the message.
    """
    theirs = list(dict.fromkeys(names))
    if not theirs or not genome.lengths.keys().isdisjoint(theirs):
        return
    aliases = propose_aliases(theirs, genome)
    if aliases:
        shown = yaml.safe_dump(
            dict(list(aliases.items())[:SHOWN]),
            default_flow_style=True,
            sort_keys=False,
            allow_unicode=True,
            width=1000,
        )
        more = ", …}" if len(aliases) > SHOWN else "}"
        mend = f"add to {where}: 'aliases: {shown.strip().removesuffix('}')}{more}', or rename them"
    else:
        mend = "is it the same assembly?"
    raise InputError(
        f"{path}: none of its chromosomes ({_some(theirs)}) is in the genome ({_some(genome.lengths)}); {mend}"
    )


def propose_aliases(names: Iterable[str], genome: Genome) -> dict[str, str]:
    """Find what the genome calls chromosomes of other names.

    Names are alike but for case and a leading ``chr``, as names of the mitochondrion, or as Roman and Arabic numbers:
    ``chr4`` and ``IV``. What is alike without reading numbers goes first, for X is a sex chromosome in most genomes.

    Returns
    -------
    The genome's name for each of `names` that it has one for.
    """
    plain = {_plain(name): name for name in reversed(genome.lengths)}
    numbered = {_numbered(key): name for key, name in plain.items()}
    found = {name: plain.get(_plain(name)) or numbered.get(_numbered(_plain(name))) for name in names}
    return {name: target for name, target in found.items() if target is not None}


def _plain(name: str) -> str:
    """Return a name without ``chr``, quotes and case."""
    bare = re.sub(r"^CHR(?:OMOSOME)?_?(?=.)", "", name.strip("\"'").upper())
    return "M" if bare in MITOCHONDRION else bare


def _numbered(plain: str) -> str:
    """Return the Arabic form of a Roman number up to 99; any other name as it is."""
    left, number = plain, 0
    for numeral, value in NUMERALS:
        while left.startswith(numeral):
            left, number = left[len(numeral) :], number + value
    return str(number) if plain and not left and number else plain


def _some(names: Iterable[str]) -> str:
    """Return the first of some names, for a message."""
    known = list(names)
    return ", ".join(f"'{name}'" for name in known[:SHOWN]) + ", …" * (len(known) > SHOWN)
