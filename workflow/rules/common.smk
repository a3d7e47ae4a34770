"""The configuration, checked before the first rule, and what rules of several stages need."""

import glob
import subprocess

from snakemake.exceptions import WorkflowError

from motifloom.config import validate
from motifloom.errors import InputError

try:
    CONFIG = validate(dict(config), " + ".join(map(str, workflow.configfiles)))
except InputError as error:
    raise WorkflowError("\n".join(f"error: {problem}" for problem in error.problems))

RESULTS = CONFIG.results
REPLICATES = range(CONFIG.replicates)
GENOMES = {CONFIG.packed_genome(name).name: str(CONFIG.fasta(name)) for name in CONFIG.datasets}


def gpus(wildcards):
    """Return 1 where the Slurm cluster or this machine has a GPU, else 0: a job must not wait for what is not there."""
    if workflow.executor_plugin.name == "slurm":
        listed = subprocess.run(["sinfo", "--noheader", "--format=%G"], capture_output=True, text=True, check=False)
        return int("gpu" in listed.stdout)
    return int(bool(glob.glob("/dev/nvidia[0-9]*")))


def model_folders(dataset, models):
    """Return the folders of the trainings of some models on a dataset."""
    return expand(f"{RESULTS}/{dataset}/{{model}}/{{replicate}}", model=models, replicate=REPLICATES)


wildcard_constraints:
    dataset="|".join(map(re.escape, CONFIG.datasets)),
    model="|".join(map(re.escape, CONFIG.models)),
    genome="|".join(map(re.escape, GENOMES)),
    replicate=r"\d+",
