"""How often what is no motif gets a name: random matrices, untrained networks, and networks trained on random labels.

python benchmarks/false_names.py --runs 20
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import torch

from motifloom.config import validate
from motifloom.data.dataset import SEQUENCE_SCHEMA, Dataset, Sequences
from motifloom.machine import prepare_process
from motifloom.motifs.matching import match, read_database
from motifloom.motifs.motif import Motif, probabilities, trim

prepare_process(threads=1)

LENGTH, NUMBER = 100, 1200
LEVEL = 0.05


def random_dataset(seed: int) -> Dataset:
    """Return independent bases with labels at random."""
    random = np.random.default_rng(seed)
    places = {"offset": np.arange(NUMBER) * LENGTH, "length": LENGTH, "minus": False}
    table = pl.DataFrame({**places, **dict.fromkeys(("before", "after", "parent", "group"))}, schema=SEQUENCE_SCHEMA)
    split = random.choice(["train", "validation", "test"], NUMBER, p=[0.5, 0.25, 0.25])
    names = [f"s{number}" for number in range(NUMBER)]
    examples = pl.DataFrame({"id": names, "split": split, "task 1": random.integers(2, size=NUMBER)})
    return Dataset(examples, Sequences(random.integers(0, 4, NUMBER * LENGTH).astype(np.uint8), table))


def random_matrices(number: int, seed: int) -> list[Motif]:
    """Return what filters of no motif might count: columns of any information, few sites or many."""
    random = np.random.default_rng(seed)
    found = []
    for place in range(number):
        width, sites, evenness = random.integers(6, 20), random.integers(10, 200), random.uniform(0.2, 1.5)
        columns = random.dirichlet(np.full(4, evenness), size=width)
        ppm = trim(probabilities(np.array([random.multinomial(sites, column) for column in columns])))
        found.append(Motif(f"m{place}", 0, place, ppm, int(sites), dead=False))
    return found


def untrimmed_matrices(number: int, seed: int) -> list[Motif]:
    """Return what filters of 19 bp might count that hold little information, flat columns included."""
    random = np.random.default_rng([seed, 1])
    found = []
    for place in range(number):
        columns = random.dirichlet(np.full(4, random.uniform(1, 4)), size=19)
        sites = int(random.integers(10, 100))
        ppm = probabilities(np.array([random.multinomial(sites, column) for column in columns]))
        found.append(Motif(f"m{place}", 0, place, ppm, sites, dead=False))
    return found


MATRICES = {"random matrices": random_matrices, "untrimmed matrices": untrimmed_matrices}


def main() -> None:
    """Count names at q < 0.05."""
    from motifloom.models.predictor import Predictor
    from motifloom.motifs.learn import Settings, learn
    from motifloom.training.fit import fit

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    table = {"sequences": "none.tsv", "labels": ["task 1"], "split": {"column": "split"}}
    config = validate({"datasets": {"none": table}, "models": ["cnn"], "training": {"max_epochs": 15}})
    settings = Settings(0, ("none", "cnn"), resamples=100, confidence=0.95)
    for taxon in ("fungi", "vertebrates"):
        database = read_database(f"jaspar-{taxon}")
        named = {name: [] for name in (*MATRICES, "untrained network", "trained on random labels")}
        compared = dict.fromkeys(named, 0)
        for run in range(runs):
            for case, matrices in MATRICES.items():
                found = match(matrices(64, run), database, run)
                named[case].append(sum(one.q_value < LEVEL for one in found.values()))
                compared[case] += len(found)
            dataset = random_dataset(run)
            torch.manual_seed(run)
            untrained = Predictor(config.models["cnn"].model_dump(), "binary", ["task 1"], LENGTH, both_strands=True)
            with tempfile.TemporaryDirectory() as folder:
                trained, _ = fit(config.model_copy(update={"seed": run}), "none", "cnn", 0, dataset, Path(folder))
            for case, predictor in (("untrained network", untrained), ("trained on random labels", trained)):
                motifs = learn([predictor.eval()], [], dataset, database, settings).table
                named[case].append(motifs.filter(pl.col("match_q") < LEVEL).height)
                compared[case] += motifs["match_q"].count()
        for case, numbers in named.items():
            told = f"{sum(numbers)} names of {compared[case]} motifs compared"
            print(f"{taxon}: {case}: {told}; {sum(n > 0 for n in numbers)} of {runs} runs have one", flush=True)


if __name__ == "__main__":
    main()
