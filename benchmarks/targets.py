"""What networks reach with their defaults on public data and on simulations, beside baselines on the same examples.

Prepares every dataset, trains every network several times, and prints a table. See README.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml

from motifloom.config import ENSEMBLE, ORACLE, Config, SimulatedDataset, validate
from motifloom.data.dataset import Dataset
from motifloom.data.prepare import prepare
from motifloom.data.simulate import simulate
from motifloom.data.splits import SPLITS
from motifloom.evaluation.selection import choose, main_scores
from motifloom.genome import pack
from motifloom.jaspar import fetch
from motifloom.models import kmer_logistic, knn
from motifloom.models.candidates import Examples
from motifloom.models.oracle import posterior
from motifloom.models.prediction import predict
from motifloom.motifs.scan import best_scores
from motifloom.training.fit import fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from motifloom.genome import Codes

CHECKOUT = Path(__file__).resolve().parents[1]
INPUTS = Path(os.environ.get("MOTIFLOOM_REAL_INPUTS", CHECKOUT / "shared" / "data"))

FACTORS = ("Reb1", "Abf1", "Rap1", "Cbf1")
"""Of yeast; each is a dataset, and all together are the tasks of another."""

KNOWN = {
    "reb1": "MA0363.3",
    "abf1": "MA0265.3",
    "rap1": "MA0359.3",
    "cbf1": "MA0281.3",
    "spi1": "MA0080.7",
    "ctcf": "MA0139.2",
    "nfe2": "MA0841.2",
}
"""The matrix that JASPAR has of each factor."""

KNOWN_MOTIF, KMER_LOGISTIC, KNN = "known motif", "kmer_logistic", "knn"
PSEUDOPROBABILITY = 0.001

HELD_OUT = ("validation", "test")


def datasets(inputs: Path) -> dict[str, dict[str, Any]]:
    """Return the sections of the datasets by name; the files lie below `inputs`."""
    yeast, human, nfe2 = inputs / "yeast", inputs / "human_chr20", inputs / "nfe2" / "nfe2"
    sections: dict[str, dict[str, Any]] = {
        factor.lower(): {
            "genome": f"{yeast}/sacCer3.fa.gz",
            "regions": f"{yeast}/{factor}.bed",
            "exclude": f"{yeast}/exclude.bed",
            "window": 101,
            "split": {"validation": ["chrXV"], "test": ["chrIV", "chrVII", "chrXII"]},
        }
        for factor in FACTORS
    }
    sections["factors"] = sections["reb1"] | {
        "regions": {factor.lower(): f"{yeast}/{factor}.bed" for factor in FACTORS}
    }
    for name, peaks in {"spi1": "GM12878.SPI1", "ctcf": "HepG2.CTCF"}.items():
        sections[name] = {
            "genome": f"{human}/hg19.chr20.fa.gz",
            "regions": f"{human}/{peaks}.narrowPeak.gz",
            "exclude": f"{human}/blacklist.bed.gz",
            "window": 201,
            "split": {"blocks": 500_000, "validation": 0.1, "test": 0.2},
        }
    sections["nfe2"] = {
        "positives": [f"{nfe2}.tr.fa", f"{nfe2}.test.fa"],
        "negatives": [f"{nfe2}.neg.tr.fa", f"{nfe2}.neg.test.fa"],
        "split": {"validation": ["chr2", "chr17"], "test": ["chr1"]},
    }
    sections["sortseq"] = {
        "sequences": str(inputs / "sortseq" / "sortseq.tsv.gz"),
        "labels": "activity",
        "kind": "regression",
        "split": {"column": "split"},
    }
    sections["any"] = yaml.safe_load((CHECKOUT / "config.yaml").read_text())["datasets"]["grammar"]
    sections["pair"] = {
        "simulate": {
            "rule": "pair",
            "motifs": ["MA0139.2", "MA0138.3"],
            "jitter": 40,
            "spacing": [24, 27],
            "decoy_spacing": [32, 35],
        },
        "window": 150,
        "split": {"validation": ["chr7"], "test": ["chr8"]},
    }
    return sections


def scores(config: Config, name: str, replicates: int) -> Iterator[tuple[str, str, str, float]]:
    """Yield task, model, split and score: of every replicate of every network, of their ensembles and of all else.

    That is the baselines, with the settings that validation chooses, known motifs, and of simulations the oracle. The
    score is the AUROC or, of values, Pearson's correlation.
    """
    section, folder, genome = config.datasets[name], Path(config.results) / name, None
    if isinstance(section, SimulatedDataset):
        simulate(name, section, config.seed, config.fasta(name).parent)
    if config.fasta(name):
        genome = pack(config.fasta(name), config.packed_genome(name))
    prepare(config, name, genome).write(folder, genome)
    dataset = Dataset.open(folder / "examples.parquet")
    rows = {split: dataset.rows(split) for split in SPLITS}

    def scored(model: str, split: str, predicted: np.ndarray) -> Iterator[tuple[str, str, str, float]]:
        reached = main_scores(dataset.labels(rows[split]), predicted, config.kind(name))
        yield from ((task, model, split, score) for task, score in zip(dataset.tasks, reached.tolist(), strict=True))

    examples = Examples.of(dataset, config.kind(name), section.strand == "both", rows)
    for model, baseline in {KMER_LOGISTIC: kmer_logistic, KNN: knn}.items():
        tried = baseline.candidates(config.models[model], examples)
        best = tried[choose(examples.labels["validation"], [one.scores["validation"] for one in tried], examples.kind)]
        for split in HELD_OUT:
            yield from scored(model, split, best.scores[split])
    if set(dataset.tasks) <= set(KNOWN):
        for split in HELD_OUT:
            codes = dataset.codes(rows[split])
            known = [known_motif_scores(KNOWN[task], codes) for task in dataset.tasks]
            yield from scored(KNOWN_MOTIF, split, np.concatenate(known, axis=1))
    for model in (title for title in config.models if title not in config.baselines()):
        fits = (fit(config, name, model, number, dataset, folder / "checkpoints") for number in range(replicates))
        predictors = [predictor for predictor, _ in fits]
        for split in HELD_OUT:
            predicted = [predict(predictor, dataset, rows[split]) for predictor in predictors]
            for one in predicted:
                yield from scored(model, split, one)
            yield from scored(f"{model}{ENSEMBLE}", split, np.mean(predicted, axis=0))
    if isinstance(section, SimulatedDataset):
        for split in HELD_OUT:
            yield from scored(ORACLE, split, posterior(dataset.codes(rows[split]), section)[:, None])


def known_motif_scores(identifier: str, codes: Codes) -> np.ndarray:
    """Return the greatest log-odds of a known motif in each sequence, on either strand, shape ``(n, 1)``."""
    (known,) = fetch([identifier])
    odds = np.log((known.ppm + PSEUDOPROBABILITY) / (1 + 4 * PSEUDOPROBABILITY) / 0.25).astype(np.float32)
    return best_scores(odds[None], [codes], both_strands=True)


def line(title: str, found: list[tuple[str, str, float]], models: list[str], judged: str) -> str:
    """Return a line of a Markdown table: means over replicates, and of what validation chooses."""
    mean = {key: np.mean([value for *of, value in found if tuple(of) == key]) for key in {key[:2] for key in found}}
    networks = [model for model in models if model not in {KNOWN_MOTIF, KMER_LOGISTIC, KNN, ORACLE}]
    chosen = max(networks, key=lambda model: mean[model, "validation"])
    reached = [f"{mean[model, judged]:.3f}" if (model, judged) in mean else "" for model in models]
    cells = [title, *reached, f"{mean[chosen, judged]:.3f} {chosen}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=Path, default=INPUTS, help="the folder of the data; see README.md")
    parser.add_argument("--datasets", nargs="+", choices=datasets(INPUTS), default=list(datasets(INPUTS)))
    parser.add_argument("--models", nargs="+", default=["cnn", "dilated_cnn", "cnn_bilstm"], metavar="NETWORK")
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--split", choices=HELD_OUT, default="test", help="whose scores are shown")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto", help="of training")
    parser.add_argument("--seed", type=int, default=0, help="of the run: another has other negatives and trainings")
    options = parser.parse_args()
    torch.set_num_threads(1)
    networks = [title for model in options.models for title in (model, f"{model}{ENSEMBLE}")]
    models = [KNOWN_MOTIF, KMER_LOGISTIC, KNN, *networks, ORACLE]
    print(f"| dataset | {' | '.join(models)} | chosen on validation |")
    print("| --- " * (len(models) + 2) + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        sections = {name: datasets(options.inputs.resolve())[name] for name in options.datasets}
        models_of_run = [KMER_LOGISTIC, KNN, *options.models]
        training = {"precision": options.precision}
        run = {"results": folder, "seed": options.seed, "datasets": sections, "models": models_of_run}
        config = validate(run | {"training": training})
        for name in options.datasets:
            by_task: dict[str, list[tuple[str, str, float]]] = {}
            for task, model, split, score in scores(config, name, options.replicates):
                by_task.setdefault(task, []).append((model, split, score))
            for task, found in by_task.items():
                title = f"{name}: {task}" if len(by_task) > 1 else name
                print(line(title, found, models, options.split), flush=True)


if __name__ == "__main__":
    main()
