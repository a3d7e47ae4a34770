"""Where a dataset's examples come from, in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motifloom.config import (
    DINUCLEOTIDE_SHUFFLE,
    SAMPLED,
    BlockSplit,
    ChromosomeSplit,
    ColumnSplit,
    FastaDataset,
    FractionSplit,
    GenomeDataset,
    SimulatedDataset,
    TableDataset,
    as_list,
)
from motifloom.report.wording import counted, listed, percent, thousands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motifloom.config import Config, Simulation, Split

MOST = 6
"""So many files, columns or chromosomes are named; the others are counted."""

COVERAGE = {
    "mean": "mean coverage",
    "max": "greatest coverage",
    "log1p-mean": "log(1 + mean coverage)",
    "log1p-max": "log(1 + greatest coverage)",
}


def source(config: Config, dataset: str) -> list[str]:
    """Say where a dataset's examples, negatives and splits come from."""
    section = config.datasets[dataset]
    match section:
        case SimulatedDataset():
            told = [_simulated(section), f"Windows of {section.window} bp.", _negatives_of_simulation(section)]
        case GenomeDataset():
            told = _genome(section)
        case FastaDataset():
            told = _fasta(section)
        case TableDataset():
            told = [_table(section)]
    return [*told, _split(section.split)]


def _simulated(section: SimulatedDataset) -> str:
    spec = section.simulate
    noise = f" {percent(spec.noise)} of all labels are wrong on purpose." if spec.noise else ""
    return (
        f"Simulated: {thousands(spec.positives)} regions, each with {_planted(spec)}, planted near its centre, "
        f"in a genome of {percent(spec.gc)} GC.{noise}"
    )


def _planted(spec: Simulation) -> str:
    """Say what a positive region holds."""
    if spec.rule == "pair":
        first, second = spec.motifs
        least, most = spec.spacing
        return f"a site of {first} and, {least} to {most} bp downstream on the same strand, one of {second}"
    if spec.rule == "count":
        return f"at least {counted(spec.sites, 'site')} of {_either(spec.motifs)}"
    return f"one site of {_either(spec.motifs)}"


def _negatives_of_simulation(section: SimulatedDataset) -> str:
    if section.negatives != "decoys":
        return _per_positive(section.negatives_per_positive, f"{section.negatives} negative")
    spec = section.simulate
    holds = {
        "any": "without a site",
        "pair": "with the two sites in the other order, or "
        f"{spec.decoy_spacing[0]} to {spec.decoy_spacing[1]} bp apart",
        "count": f"with {counted(spec.decoy_sites, 'site') if spec.decoy_sites else 'no site'}",
    }
    return _per_positive(section.negatives_per_positive, "decoy", holds[spec.rule])


def _genome(section: GenomeDataset) -> list[str]:
    several = not isinstance(section.regions, str)
    regions = f"Regions of {_files(section.regions)} in {section.genome}{', a task for each file' if several else ''}."
    told = [regions, f"Windows of {section.window} bp."]
    if section.signal is not None:
        told.append(f"They are labelled by the {COVERAGE[section.coverage]} of {_files(section.signal)}.")
    if section.negatives == DINUCLEOTIDE_SHUFFLE:
        told.append(_per_positive(section.ratio, "dinucleotide shuffle"))
    elif section.negatives not in SAMPLED:
        told.append(f"Negatives are the regions of {section.negatives}.")
    elif section.ratio:
        windows = "window elsewhere" if section.signal is not None else "negative"
        told.append(_per_positive(section.ratio, f"{section.negatives} {windows}"))
    if section.exclude:
        told.append(f"What overlaps {section.exclude} is left out.")
    if section.aliases:
        told.append(f"The files' names of {counted(len(section.aliases), 'chromosome')} are turned into the genome's.")
    return told


def _fasta(section: FastaDataset) -> list[str]:
    told = [f"Positives are the sequences of {_files(as_list(section.positives))}."]
    if section.negatives == DINUCLEOTIDE_SHUFFLE:
        return [*told, _per_positive(section.negatives_per_positive, "dinucleotide shuffle")]
    return [*told, f"Negatives are those of {_files(as_list(section.negatives))}."]


def _table(section: TableDataset) -> str:
    columns = listed([f"“{task}”" for task in section.tasks], MOST)
    held = {"binary": "labels", "multiclass": "classes", "regression": "values"}[section.kind]
    return f"Sequences of {section.sequences}, with the {held} of {columns}."


def _split(split: Split) -> str:
    match split:
        case ChromosomeSplit():
            parts = [f"{listed(split.validation, MOST)} for validation", f"{listed(split.test, MOST)} for test"]
            return f"Held out: {' and '.join(parts)}."
        case BlockSplit():
            return (
                f"Held out: {_shares(split.validation, split.test)}, as whole blocks of {thousands(split.blocks)} bp."
            )
        case FractionSplit():
            group = f" and rows of the same “{split.group}”" if split.group else ""
            shares = _shares(split.validation, split.test)
            return f"Held out: {shares}, drawn at random; overlapping or near-duplicate sequences{group} stay together."
        case ColumnSplit():
            share = f"; {percent(split.validation)} of train is held out for validation" if split.validation else ""
            return f"Splits are those of the column “{split.column}”{share}."


def _shares(validation: float, test: float) -> str:
    return f"{percent(validation)} for validation and {percent(test)} for test"


def _files(files: str | list[str] | dict[str, str]) -> str:
    """Name files, and the tasks that they stand for."""
    if isinstance(files, str):
        return files
    if isinstance(files, dict):
        return listed([f"{path} (“{task}”)" for task, path in files.items()], MOST)
    return listed(list(files), MOST)


def _per_positive(number: int, what: str, holds: str = "") -> str:
    return f"{counted(number, what)} per positive{', ' + holds if holds else ''}."


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
