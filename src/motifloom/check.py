"""The whole of a configuration's inputs, read before anything is computed."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from motifloom import jaspar
from motifloom.config import FastaDataset, GenomeDataset, Knn, SimulatedDataset
from motifloom.data.prepare import prepare
from motifloom.data.regions import read_regions
from motifloom.data.simulate import check_fit
from motifloom.errors import InputError, Problems
from motifloom.genome import Genome, pack, read_records
from motifloom.models.knn import canonical_index
from motifloom.motifs.matching import read_database

if TYPE_CHECKING:
    from motifloom.config import Config
    from motifloom.data.examples import Examples

logger = logging.getLogger(__name__)

TRAINING_MEMORY = 600e6
"""What torch and Lightning take by themselves, in bytes; measured on Linux with the build for processors."""

PYTHON_MEMORY = 200e6
"""What a job without torch takes by itself, in bytes."""

BYTES_PER_EXAMPLE = 50
"""What an example takes in the table of a dataset or of a model, in bytes; 15 to 40 were measured."""


@dataclass
class Estimate:
    """What a run would be made of, and the bytes it would take."""

    examples: int = 0
    disk: float = 0.0
    memory: float = TRAINING_MEMORY


def check(config: Config) -> None:
    """Read every input that `config` names and tell what a run would be made of.

    Genomes are packed and examples prepared in a temporary folder beside the results, by the very functions of a run,
    so what passes here does not fail there.

    Raises
    ------
    InputError
        With the problems of all datasets at once.
    """
    problems = Problems()
    home = existing_parent(Path(config.results))
    with problems.gathered():
        _check_writable(Path(config.results), home)
    for path in {path: None for name in config.datasets for path in config.database_file(name)}:
        if Path(path).is_file():
            with problems.gathered():
                read_database(path)
    estimate = Estimate()
    beside = home if not problems.found else None  # else wherever the system keeps temporary files
    with tempfile.TemporaryDirectory(prefix=".motifloom-check-", dir=beside) as folder:
        genomes: dict[Path, Genome | None] = {}
        for name, section in config.datasets.items():
            logger.info("%s", name)
            with problems.gathered():
                missing = config.missing_files(name)
                if missing:
                    _read_alone(config, name, problems)
                    raise InputError(missing)
                if isinstance(section, SimulatedDataset):
                    _check_simulation(config, name, estimate)
                else:
                    _check_dataset(config, name, genomes, Path(folder), estimate, problems)
    estimate.disk += sum(len(genome.packed) for genome in genomes.values() if genome)
    with problems.gathered():
        _check_space(home, estimate.disk)
    problems.raise_any()
    trainings = len(config.datasets) * len(config.models) * config.replicates
    logger.info("%d datasets, %d examples, %d trainings", len(config.datasets), estimate.examples, trainings)
    logger.info("disk: about %.0f MB in %s", estimate.disk / 1e6, config.results)
    logger.info("memory: about %.0f MB for the largest job", estimate.memory / 1e6)


def _check_dataset(
    config: Config,
    name: str,
    genomes: dict[Path, Genome | None],
    folder: Path,
    estimate: Estimate,
    problems: Problems,
) -> None:
    """Pack a dataset's genome, unless that was done, and prepare its examples."""
    fasta = config.fasta(name)
    if fasta is not None and fasta not in genomes:
        genomes[fasta] = None
        with problems.gathered():
            genomes[fasta] = _packed(config, name, fasta, folder / str(len(genomes)))
    genome = genomes[fasta] if fasta is not None else None
    if fasta is not None and genome is None:
        _read_alone(config, name, problems)
        return
    _count(config, prepare(config, name, genome), estimate)


def _read_alone(config: Config, name: str, problems: Problems) -> None:
    """Read those files of a dataset that can be read without the others: what is wrong in them is told as well."""
    section = config.datasets[name]
    paths = [*config.regions(name).values(), config.negative_regions(name)]
    if isinstance(section, GenomeDataset) and section.exclude:
        paths.append(Path(section.exclude))
    for path in paths:
        if path is not None and path.is_file():
            with problems.gathered():
                read_regions(path)
    if isinstance(section, FastaDataset):
        for text in config.source_files(name):
            if Path(text).is_file():
                with problems.gathered():
                    read_records(text)


def _packed(config: Config, name: str, fasta: Path, folder: Path) -> Genome:
    """Return the genome as an earlier run packed it, where the file has not changed since; else pack it."""
    earlier = config.packed_genome(name)
    contigs = earlier / "contigs.tsv" if earlier else None
    if earlier and contigs and contigs.is_file() and contigs.stat().st_mtime > fasta.stat().st_mtime:
        return Genome.open(earlier)
    return pack(fasta, folder)


def _check_simulation(config: Config, name: str, estimate: Estimate) -> None:
    """Check that what is to be planted fits, and count what it comes to."""
    section = config.datasets[name]
    if not isinstance(section, SimulatedDataset):
        raise TypeError(f"{name} is no simulation")
    spec = section.simulate
    check_fit(name, section, jaspar.fetch(spec.motifs))
    estimate.examples += spec.positives * (1 + section.negatives_per_positive)
    estimate.disk += 2 * spec.chromosomes * spec.chromosome_length


def _count(config: Config, examples: Examples, estimate: Estimate) -> None:
    """Add what a prepared dataset comes to."""
    number, train = len(examples.records), int((examples.records["split"] == "train").sum())
    estimate.examples += number
    tables = number * BYTES_PER_EXAMPLE * (1 + len(config.models) * config.replicates + len(config.ensembles()))
    estimate.disk += len(examples.own) + tables
    spectra = [4.0 * train * (canonical_index(m.kmer).max() + 1) for m in config.models.values() if isinstance(m, Knn)]
    estimate.memory = max(
        estimate.memory, *(PYTHON_MEMORY + size for size in spectra), PYTHON_MEMORY + len(examples.own)
    )


def existing_parent(path: Path) -> Path:
    """Return the innermost folder of `path` that is there."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def _check_writable(results: Path, home: Path) -> None:
    if not home.is_dir():
        raise InputError(f"results: {results}: {home} is a file; expected a folder, or a path where one can be made")
    if not os.access(home, os.W_OK | os.X_OK):
        raise InputError(f"results: {results}: no permission to write in {home}")


def _check_space(home: Path, needed: float) -> None:
    free = shutil.disk_usage(home).free
    if needed > free:
        raise InputError(f"results: {home}: {free / 1e6:.0f} MB are free; the run needs about {needed / 1e6:.0f} MB")
