"""The whole of a configuration's inputs, read before anything is computed."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motifloom.config import (
    DINUCLEOTIDE_SHUFFLE,
    FastaDataset,
    GenomeDataset,
    GkmSvm,
    KmerLogistic,
    Knn,
    SimulatedDataset,
    as_list,
    validate,
)
from motifloom.config.models import Convolutional, DilatedCnn, Gated, Network, Pooled, Recurrent, Resnet
from motifloom.config.trials import trials
from motifloom.data.bigwig import read_chromosomes
from motifloom.data.prepare import prepare
from motifloom.data.regions import read_regions
from motifloom.data.simulate import check_fit, known_motifs
from motifloom.errors import InputError, Problems
from motifloom.files import bytes_below, existing_parent, leads_nowhere, missing
from motifloom.genome import Genome, pack, read_records, scan
from motifloom.models.candidates import POSITIONS
from motifloom.models.gkm_svm import find_programs
from motifloom.models.kmers import kmer_columns
from motifloom.motifs.matching import read_database

if TYPE_CHECKING:
    from collections.abc import Callable

    from motifloom.config import Config, Model
    from motifloom.config.trials import Trial
    from motifloom.data.examples import Examples

logger = logging.getLogger(__name__)

TRAINING_MEMORY = 600e6
"""What torch and Lightning take by themselves, in bytes; measured on Linux with the build for processors."""

FILTER_BYTES, DILATED_BYTES, UNIT_BYTES, GATED_BYTES = 25, 15, 25, 60
"""What training keeps of a place, in bytes: for a filter, for one of a dilated block, a recurrent unit, one with
gates. At 1 to 4 kb 15 to 29, 17 to 40, 15 to 30 and 31 to 80 were measured, at 10 kb 5 for one of a dilated block."""

PYTHON_MEMORY = 200e6
"""What a job without torch takes by itself, in bytes."""

BYTES_PER_EXAMPLE = 50
"""What an example takes in the table of a dataset or of a model, in bytes; 15 to 40 were measured."""

SHARED = ("genomes", "experiments")
"""Folders of the results that are not of one dataset, and large."""

KNN_PLANES = 2.5
"""Bits that an index of neighbours takes for a training sequence and a k-mer; 2.0 to 2.1 were measured at 200 bp."""

KMER_BYTES = 24
"""Bytes that a linear model takes for a different k-mer of a sequence; 23 were measured at 200 bp."""


@dataclass
class Estimate:
    """What a run would be made of, and the bytes it would take, with those that an earlier one has left."""

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
    made = trials(config)
    estimate = _estimated(config, made)
    trainings = len(config.datasets) * len(config.models) * config.replicates
    trainings += sum(len(trial.config.datasets) * len(trial.config.models) for trial in made)
    logger.info("datasets: %d, examples: %d, trainings: %d", len(config.datasets), estimate.examples, trainings)
    logger.info("disk: about %.0f MB in %s", estimate.disk / 1e6, config.results)
    logger.info("memory: about %.0f MB for the largest job", estimate.memory / 1e6)
    if estimate.memory > _memory():
        logger.warning("that is more than the %.0f MB of this machine", _memory() / 1e6)


def check_settings(settings: Any, source: str) -> Config:
    """Return the configuration that `settings` are, everything that it names being in order.

    Where they are refused, the files that they name are read all the same, as far as what is in order says how.

    Parameters
    ----------
    settings
        What a YAML file holds.
    source
        The file's name, for the messages.

    Raises
    ------
    InputError
        With the problems of the settings and of all files at once.
    """
    problems = Problems()
    with problems.gathered():
        config = validate(settings, source)
    if not problems.found:
        check(config)
        return config
    sections = settings.get("datasets") if isinstance(settings, dict) else None
    rest: dict[str, Any] = {"models": ["knn"], "datasets": {}}
    for name, section in sections.items() if isinstance(sections, dict) else ():
        alone = {"models": ["knn"], "datasets": {name: section}}
        if not _number_of_problems(alone):
            rest["datasets"][name] = section
        elif isinstance(section, dict):
            alone["datasets"] = {name: _without_faults(name, section)}
            if not _number_of_problems(alone):
                _read_faulty(validate(alone), str(name), problems)
    if rest["datasets"]:
        for key, value in settings.items():
            rest |= {} if _number_of_problems(rest | {key: value}) else {key: value}
        with problems.gathered():
            _estimated(validate(rest), [])
    raise InputError(problems.found)


def _number_of_problems(settings: dict[str, Any]) -> int:
    try:
        validate(settings)
    except InputError as error:
        return len(error.problems)
    return 0


def _without_faults(name: Any, section: dict[str, Any]) -> dict[str, Any]:
    """Return the section of a dataset without those keys whose absence leaves fewer problems."""
    kept, number = section, _number_of_problems({"models": ["knn"], "datasets": {name: section}})
    for key in section:
        fewer = {other: value for other, value in kept.items() if other != key}
        left = _number_of_problems({"models": ["knn"], "datasets": {name: fewer}})
        if left < number:
            kept, number = fewer, left
    return kept


def _read_faulty(config: Config, name: str, problems: Problems) -> None:
    """Read the files of a dataset whose section has faults, but tables: what is a fault in them the section says."""
    problems.add(config.missing_files(name))
    fasta = config.fasta(name)
    if fasta is not None and missing(fasta) is None:
        with problems.gathered():
            scan(fasta)
    _read_alone(config, name, problems)


def _estimated(config: Config, made: list[Trial]) -> Estimate:
    """Read every input and return what a run would be made of; InputError with the problems of all of them."""
    problems = Problems()
    home = existing_parent(Path(config.results))
    with problems.gathered():
        _check_writable(Path(config.results), home)
    beside = home if not problems.found else None  # else wherever the system keeps temporary files
    for path in {path: None for name in config.datasets for path in config.database_file(name)}:
        if missing(path) is None:
            with problems.gathered():
                read_database(path)
    if any(isinstance(model, GkmSvm) for model in config.models.values()):
        with problems.gathered():
            find_programs()
    estimate = Estimate()
    with tempfile.TemporaryDirectory(prefix=".motifloom-check-", dir=beside) as folder:
        genomes: dict[Path, Genome | None] = {}
        for name, section in config.datasets.items():
            logger.info("%s", name)
            problems.add(config.missing_files(name))
            with problems.gathered():
                if isinstance(section, SimulatedDataset):
                    _check_simulation(config, name, estimate)
                else:
                    _check_dataset(config, name, genomes, Path(folder), estimate, problems)
    for trial in made:
        for name in trial.config.simulated() if trial.draw is None else []:
            with problems.gathered():
                _check_simulation(trial.config, name, estimate, f"experiments.{trial.experiment}")
    estimate.disk += sum(len(genome.packed) for genome in genomes.values() if genome)
    if beside is not None:
        with problems.gathered():
            _check_space(home, estimate.disk - sum(map(bytes_below, _folders(config))))
    problems.raise_any()
    return estimate


def _check_dataset(
    config: Config,
    name: str,
    genomes: dict[Path, Genome | None],
    folder: Path,
    estimate: Estimate,
    problems: Problems,
) -> None:
    """Pack a dataset's genome, unless that was done, and prepare its examples, as far as the files are there."""
    fasta = config.fasta(name)
    if fasta is not None and fasta not in genomes:
        genomes[fasta] = None
        if missing(fasta) is None:
            with problems.gathered():
                genomes[fasta] = _packed(config, name, fasta, folder / str(len(genomes)))
    genome = genomes[fasta] if fasta is not None else None
    if any(map(missing, config.source_files(name))) or (fasta is not None and genome is None):
        _read_alone(config, name, problems)
        return
    _check_shuffles(config, name)
    examples = prepare(config, name, genome)
    with problems.gathered():
        _check_lengths(config, name, examples)
    _count(config, name, examples, estimate)


def _memory() -> int:
    """Return how many bytes of memory this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _check_shuffles(config: Config, name: str) -> None:
    """Raise where the shuffles of FASTA records would need more memory than there is."""
    section = config.datasets[name]
    if not isinstance(section, FastaDataset) or section.negatives != DINUCLEOTIDE_SHUFFLE:
        return
    memory = _memory()
    positives = sum(Path(path).stat().st_size for path in as_list(section.positives))
    number = section.negatives_per_positive
    if number * positives > memory:
        raise InputError(
            f"datasets.{name}.negatives_per_positive: {number} shuffles of {positives} bytes of positives do not fit "
            f"into {memory / 1e6:.0f} MB of memory; expected at most {memory // positives}"
        )


def _read_alone(config: Config, name: str, problems: Problems) -> None:
    """Read those files of a dataset that are there and need no other, and tell what is wrong in them."""
    section = config.datasets[name]
    files: list[tuple[Callable[[Path], object], Path | str | None]] = [
        (read_regions, path) for path in (*config.regions(name).values(), config.negative_regions(name))
    ]
    if isinstance(section, GenomeDataset):
        files.append((read_regions, section.exclude))
        files += [(read_chromosomes, path) for path in (section.signal or {}).values()]
    elif isinstance(section, FastaDataset):
        files += [(_check_records, path) for path in config.source_files(name)]
    for read, path in files:
        if path and missing(path) is None:
            with problems.gathered():
                read(Path(path))


def _check_records(fasta: Path) -> None:
    read_records(fasta, {})


def _packed(config: Config, name: str, fasta: Path, folder: Path) -> Genome:
    """Return the genome as an earlier run packed it, where the file has not changed since; else pack it."""
    earlier = config.packed_genome(name)
    files = [earlier / "contigs.tsv", earlier / "codes.bin"] if earlier else []
    if earlier and all(path.is_file() and path.stat().st_mtime > fasta.stat().st_mtime for path in files):
        return Genome.open(earlier)
    return pack(fasta, folder)


def _check_simulation(config: Config, name: str, estimate: Estimate, where: str = "") -> None:
    """Check that what is to be planted fits, and count what it comes to; `where` its settings stand elsewhere."""
    section = config.datasets[name]
    if not isinstance(section, SimulatedDataset):
        raise TypeError(f"{name} is no simulation")
    spec = section.simulate
    try:
        check_fit(name, section, known_motifs(name, section))
    except InputError as error:
        raise InputError(f"{where}: {problem}" if where else problem for problem in error.problems) from None
    estimate.examples += spec.positives * (1 + section.negatives_per_positive)
    estimate.disk += 2 * spec.chromosomes * spec.chromosome_length
    estimate.memory = max(estimate.memory, _training_memory(config, config.training.batch_size, section.window))


def _count(config: Config, name: str, examples: Examples, estimate: Estimate) -> None:
    """Add what a prepared dataset comes to."""
    number, train = len(examples.records), int((examples.records["split"] == "train").sum())
    estimate.examples += number
    tables = number * BYTES_PER_EXAMPLE * (1 + len(config.models) * config.replicates + len(config.ensembles()))
    estimate.disk += examples.bases + tables
    both_strands = config.datasets[name].strand == "both"
    fits = [_fit_memory(model, examples, train, both_strands) for model in config.models.values()]
    estimate.memory = max(estimate.memory, *(PYTHON_MEMORY + size for size in fits), PYTHON_MEMORY + len(examples.own))
    length = int(examples.records["length"].to_numpy().max())
    estimate.memory = max(estimate.memory, _training_memory(config, train, length))


def _check_lengths(config: Config, name: str, examples: Examples) -> None:
    """Raise where a baseline cannot take sequences of these lengths."""
    lengths = examples.records["length"].to_numpy()
    least, most = int(lengths.min()), int(lengths.max())
    problems = []
    for called, model in config.models.items():
        where = f"datasets.{name}, models.{called}"
        if isinstance(model, Knn | KmerLogistic) and model.features == POSITIONS and least < most:
            problems.append(
                f"{where}: features: positions: expected sequences of one length; found {least} to {most} bp"
            )
        if isinstance(model, GkmSvm) and least < model.word_length:
            problems.append(
                f"{where}: word_length: expected at most the length of the shortest sequence, {least} bp; "
                f"found {model.word_length}"
            )
    if problems:
        raise InputError(problems)


def _fit_memory(model: Model, examples: Examples, train: int, both_strands: bool) -> float:
    """Return about what fitting a baseline takes, in bytes; 0 for a network."""
    length, number = int(examples.records["length"].to_numpy().max()), len(examples.records)
    if isinstance(model, Knn):
        return number * length + KNN_PLANES / 8 * train * int(kmer_columns(model.kmer, both_strands).max() + 1)
    if isinstance(model, KmerLogistic):
        return number * (length + KMER_BYTES * sum(min(length, 4**kmer) for kmer in model.kmers))
    return 0


def _training_memory(config: Config, train: int, length: int) -> float:
    """Return about what the training that takes most takes, in bytes, of `train` sequences of `length` bp."""
    networks = [model for model in config.models.values() if isinstance(model, Network)]
    batch = min(config.training.batch_size, train)
    return TRAINING_MEMORY + batch * length * max(map(bytes_per_place, networks), default=0)


def bytes_per_place(network: Network) -> float:
    """Return about how many bytes training keeps of a place of a sequence, for its gradients."""
    kept, places = 0.0, 1.0
    if isinstance(network, Convolutional):
        places /= network.stride
        kept += places * FILTER_BYTES * network.filters
    if isinstance(network, DilatedCnn):
        kept += places * DILATED_BYTES * network.filters * network.blocks
    if isinstance(network, Pooled):
        places /= network.pool_stride or network.pool_size
    if isinstance(network, Resnet):
        kept += places * FILTER_BYTES * network.hidden * network.blocks
    if isinstance(network, Recurrent):
        each = GATED_BYTES if isinstance(network, Gated) else UNIT_BYTES
        kept += places * each * network.hidden * network.directions * network.layers
    return kept


def _folders(config: Config) -> list[Path]:
    """Return the folders of the results that hold much; others may lie beside them, in a home folder or at the root."""
    return [Path(config.results) / name for name in (*SHARED, *config.datasets)]


def _check_writable(results: Path, home: Path) -> None:
    if nowhere := leads_nowhere(results):
        raise InputError(f"results: {results}: {nowhere}; expected a folder, or a path where one can be made")
    if not home.is_dir():
        raise InputError(f"results: {results}: {home} is a file; expected a folder, or a path where one can be made")
    try:
        tempfile.TemporaryDirectory(prefix=".motifloom-check-", dir=home).cleanup()
    except OSError as error:
        raise InputError(f"results: {results}: cannot write in {home}: {error.strerror}") from None


def _check_space(home: Path, needed: float) -> None:
    free = shutil.disk_usage(home).free
    if needed > free:
        raise InputError(f"results: {home}: {free / 1e6:.1f} MB are free; the run needs about {needed / 1e6:.1f} MB")
