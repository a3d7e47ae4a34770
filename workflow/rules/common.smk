"""The configuration, checked before the first rule, and what rules of several stages need."""

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from snakemake.utils import update_config

from motifloom.config import dump, load, validate
from motifloom.errors import InputError
from motifloom.files import existing_parent, leads_nowhere, write_text

# What Python starts from here imports nothing of the folder that the run is in: a user's random.py is none of ours.
os.environ.update(PYTHONSAFEPATH="1")

# Those given with --configfile replace the default one: nothing of config.yaml leaks into them.
CONFIGURATION_FILES = list(map(str, workflow.configfiles)) or ["config.yaml"]


def written_settings():
    """Return what the configuration files and the command line say; Snakemake would read a contig 1.10 as 1.1."""
    settings = {}
    for path in CONFIGURATION_FILES:
        read = load(path)
        if not isinstance(read, dict):
            return read  # refused as what it is
        update_config(settings, read)
    update_config(settings, workflow.config_settings.config)
    return settings


def read_settings():
    """Return the configuration; where it, an absent file or a file in the place of results stops the run, check all."""
    settings, source = written_settings(), " + ".join(CONFIGURATION_FILES)
    try:
        read = validate(settings, source)
        reachable = existing_parent(read.results).is_dir() and not leads_nowhere(read.results)
        if reachable and not any(map(read.missing_files, read.datasets)):
            return read
    except InputError:
        pass
    from motifloom.check import check_settings  # slow to import

    return check_settings(settings, source)


try:
    CONFIG = read_settings()
except InputError as error:
    print(*(f"error: {problem}" for problem in error.problems), sep="\n", file=sys.stderr)
    sys.exit(2)


# What the commands read: a file named by its content, so that no job reads the settings of another run. For people there
# is config.yaml of the results; no job may have that as an input: Snakemake does not ask a job downstream of one that
# runs anew for its own reasons to run, not even across `ancient`, and a changed model would keep its old results.
def settings_file(config):
    """Return the file that holds a configuration, written if it is not there."""
    path = Path(".snakemake", "motifloom", f"{hashlib.sha256(dump(config).encode()).hexdigest()[:16]}.yaml")
    if not path.exists():
        write_text(path, dump(config))
    return path


SETTINGS = settings_file(CONFIG)


def check_inputs():
    """Read every input before the first job; end with the status of what is found."""
    status = subprocess.run([sys.executable, "-m", "motifloom", "check", str(SETTINGS)], check=False).returncode
    if status:
        sys.exit(status)


RESULTS = CONFIG.results
REPLICATES = range(CONFIG.replicates)
GENOMES = {CONFIG.packed_genome(name).name: str(CONFIG.fasta(name)) for name in CONFIG.datasets if CONFIG.fasta(name)}


def settings(wildcards, output):
    """Return the file that the commands read the configuration from.

    A param that a function makes with `output` is taken to follow from it: another name is no reason to run a job anew.
    The settings that are one stand in `rerun_on`.
    """
    return str(SETTINGS)


def genome_files(wildcards):
    """Return the files of the packed genome that a dataset's windows lie in; none where it has no genome."""
    folder = CONFIG.packed_genome(wildcards.dataset)
    return [f"{folder}/codes.bin", f"{folder}/contigs.tsv"] if folder else []


def genome_folder(wildcards, input):
    """Return the folder of the dataset's packed genome, as a list that is empty where it has none."""
    return [str(Path(input.genome[0]).parent)] if input.genome else []


def sizes(files):
    """Return how many bytes each of the user's files has; what the run itself makes is not there before it.

    Snakemake asks when a file was written: one that gives way to an older one would not be noticed.
    """
    return [os.path.getsize(file) for file in files if not Path(file).is_relative_to(RESULTS)]


def dataset_files(wildcards):
    """Return the files of a prepared dataset that hold its sequences."""
    return [f"{RESULTS}/{wildcards.dataset}/{name}" for name in ("sequences.parquet", "sequences.bin")]


def embedding_checkpoint(folder, wildcards):
    """Return the checkpoint, in a list, of the network whose embedding a model compares; none where it compares none."""
    network = CONFIG.embeds(wildcards.model)
    return [f"{folder}/{network}/{wildcards.replicate}/model.ckpt"] if network else []


@cache
def has_gpus():
    """Return whether the Slurm cluster or this machine has GPUs."""
    if workflow.executor_plugin.name.startswith("slurm") and shutil.which("sinfo"):
        listed = subprocess.run(["sinfo", "--noheader", "--format=%G"], capture_output=True, text=True, check=False)
        return "gpu" in listed.stdout
    return any(Path(os.devnull).parent.glob("nvidia[0-9]*"))


# How many processes share a training.
PROCESSES = 1 if CONFIG.training.devices == "auto" else CONFIG.training.devices


def gpus(wildcards):
    """Return as many GPUs as a training uses where there are any, else 0: a job must not wait for what is not there."""
    return PROCESSES * int(has_gpus())


def model_folders(dataset, models):
    """Return the folders of the trainings of some models on a dataset."""
    return expand(f"{RESULTS}/{dataset}/{{model}}/{{replicate}}", model=models, replicate=REPLICATES)


def scored_folders(dataset):
    """Return the folders of everything that is scored on a dataset: trainings, ensembles, the oracle of a simulation."""
    return [
        f"{RESULTS}/{dataset}/{model}/{replicate}"
        for model, replicates in CONFIG.scored(dataset).items()
        for replicate in range(replicates)
    ]


wildcard_constraints:
    dataset="|".join(map(re.escape, CONFIG.datasets)),
    model="|".join(map(re.escape, CONFIG.models)),
    genome="|".join(map(re.escape, GENOMES)) or "$^",
    replicate=r"\d+",
