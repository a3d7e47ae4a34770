"""The whole of a configuration's inputs, read before anything is computed."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from motifloom import jaspar
from motifloom.config import SimulatedDataset
from motifloom.data.prepare import prepare
from motifloom.data.regions import read_regions
from motifloom.data.simulate import check_fit
from motifloom.errors import Problems
from motifloom.genome import Genome, pack
from motifloom.motifs.matching import read_database

if TYPE_CHECKING:
    from motifloom.config import Config

logger = logging.getLogger(__name__)

TRAINING_MEMORY = 600e6
"""What torch and Lightning take by themselves, in bytes; measured on Linux with the build for processors."""


def check(config: Config) -> None:
    """Read every input that `config` names and tell what a run would be made of.

    Genomes are packed and examples prepared in a temporary folder, by the very functions of a run, so what passes here
    does not fail there.

    Raises
    ------
    InputError
        With the problems of all datasets at once.
    """
    problems = Problems()
    examples = disk = 0
    genomes: dict[Path, Genome] = {}
    with tempfile.TemporaryDirectory(prefix="motifloom-check-") as folder:
        for database in {config.database(name): None for name in config.datasets}:
            with problems.gathered():
                read_database(database)
        for name, section in config.datasets.items():
            if isinstance(section, SimulatedDataset):
                with problems.gathered():
                    check_fit(name, section, jaspar.fetch(section.simulate.motifs))
                disk += 2 * section.simulate.chromosomes * section.simulate.chromosome_length
                examples += section.simulate.positives * (1 + section.negatives_per_positive)
                continue
            for path in config.region_files(name):
                with problems.gathered():
                    read_regions(path)
            with problems.gathered():
                fasta = config.fasta(name)
                if fasta not in genomes:
                    genomes[fasta] = pack(fasta, Path(folder) / str(len(genomes)))
                logger.info("%s", name)
                examples += len(prepare(config, name, genomes[fasta])[0])
    problems.raise_any()
    disk += sum(len(genome.codes) for genome in genomes.values())
    trainings = len(config.datasets) * len(config.models) * config.replicates
    logger.info("%d datasets, %d examples, %d trainings", len(config.datasets), examples, trainings)
    logger.info("disk: at least %.0f MB for the packed genomes", disk / 1e6)
    logger.info("memory: at least %.0f MB for a training job", TRAINING_MEMORY / 1e6)
