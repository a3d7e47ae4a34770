"""Results folders made by hand: 2 binary datasets with 1 and 3 tasks, and one of each other kind; 4 models.

The splits have 260, 90 and 140 examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from motifloom.config import ENSEMBLE, ORACLE, Config, dump, validate
from motifloom.evaluation.panels import Run, align
from motifloom.evaluation.tables import evaluate
from motifloom.report.curves import area, roc
from motifloom.report.reading import BEHAVIOUR, PAIRS
from motifloom.report.reading import CONSENSUS as CONSENSUS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

HOSTILE = "<script>alert(1)</script>"
HOSTILE_PATH = "a\"b'c & $(d); alert(1)"
"""A path may hold no angle brackets."""

MODELS = {"knn": 0.5, "bilstm": 0.7, "cnn": 1.3, "cnn_bilstm": 1.35}
"""How far a model's scores of positives lie above those of negatives, in standard deviations."""

BETTER = 0.1
"""So much stronger than its network is an ensemble."""

SIZES = {"train": 260, "validation": 90, "test": 140}
METRICS = ("auroc", "auprc", "accuracy", "mcc", "brier", "ece")
CONSENSUS = np.array(
    [[0, 0, 0, 1], [0, 0, 1, 0], [0.5, 0, 0.5, 0], [0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0]], dtype=float
)


def settings(replicates: int = 1, **changes: Any) -> Config:
    """Return a configuration of two datasets, one simulated, one with a hostile path."""
    return validate(
        {
            "replicates": replicates,
            "datasets": {
                "grammar": {
                    "simulate": {"motifs": ["MA0139.2", "MA0002.3"]},
                    "window": 150,
                    "split": {"validation": ["chr7"], "test": ["chr8"]},
                },
                "reb1": {
                    "genome": "sacCer3.fa.gz",
                    "regions": f"{HOSTILE_PATH}.bed",
                    "split": {"validation": ["chrXIV"], "test": ["chrXV", "chrXVI"]},
                },
            },
            "models": list(MODELS),
            "motifs": {"attributions": 0},
            **changes,
        }
    )


def strength_of(model: str) -> float:
    """Return a model's strength, that of a network with that of its ensemble."""
    network = model.removesuffix(ENSEMBLE)
    return 1.7 if model == ORACLE else MODELS[network] + (BETTER if network != model else 0)


def build(
    folder: Path,
    config: Config,
    sizes: dict[str, int] = SIZES,
    live: int = 13,
    tasks: tuple[str, ...] = ("Reb1", "Abf1", "Rap1"),
) -> None:
    """Write every file that the report reads."""
    random = np.random.default_rng(7)
    metrics: list[dict[str, Any]] = []
    for dataset in config.datasets:
        names = ["grammar"] if dataset == "grammar" else list(tasks)
        examples = make_examples(names, sizes, random)
        write_examples(folder / dataset, examples, [150])
        for model, replicates in config.scored(dataset).items():
            for replicate in range(replicates):
                home = folder / dataset / model / str(replicate)
                predictions = make_predictions(examples, names, strength_of(model), random)
                held_out = predictions.filter(pl.col("split") != "train")
                write(home / "predictions.parquet", held_out)
                metrics += make_metrics(dataset, model, replicate, predictions)
                if model in config.networks():
                    write(home / "history.csv", make_history(random, "auroc"), ",")
                    write_selftests(home, model)
                if model == "knn":
                    write(home / "sweep.tsv", make_sweep(names, "auroc"))
        for model in config.with_motifs(dataset):
            make_motifs(folder / dataset / model, live, config.replicates, random)
        if config.with_filters():
            make_consensus(folder / dataset, config.with_filters()[0], live)
    write(folder / "metrics.tsv", pl.DataFrame(metrics, infer_schema_length=None))
    write(folder / "comparisons.tsv", make_comparisons(pl.DataFrame(metrics, infer_schema_length=None), config))
    (folder / "config.yaml").write_text(dump(config))


def write_examples(home: Path, examples: pl.DataFrame, lengths: list[int]) -> None:
    """Write what `prepare` leaves; the sequences have these lengths by turns."""
    write(home / "examples.parquet", examples)
    write(home / "sequences.parquet", pl.DataFrame({"length": np.resize(lengths, len(examples))}))
    dropped = pl.DataFrame({"file": ["regions.bed"] * 3, "row": [3, 17, 40], "reason": [HOSTILE, HOSTILE, "all N"]})
    write(home / "dropped.tsv", dropped)


def write(path: Path, table: pl.DataFrame, separator: str = "\t") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        table.write_parquet(path)
    else:
        table.write_csv(path, separator=separator)


def make_examples(names: list[str], sizes: dict[str, int], random: np.random.Generator) -> pl.DataFrame:
    split = [name for name, size in sizes.items() for _ in range(size)]
    chroms = {"train": "chr1", "validation": "chr7", "test": "chr8"}
    total = len(split)
    return pl.DataFrame(
        {
            "id": [f"window{index}" for index in range(total)],
            "split": split,
            "chrom": [chroms[name] for name in split],
            "start": np.arange(total) * 300,
            "end": np.arange(total) * 300 + 150,
            "strand": ["."] * total,
            **{name: random.integers(0, 2, total).astype(np.int8) for name in names},
        }
    )


def make_predictions(
    examples: pl.DataFrame, names: list[str], strength: float, random: np.random.Generator
) -> pl.DataFrame:
    parts = []
    for name in names:
        label = examples[name].to_numpy().astype(float)
        bonus = np.where(examples["split"].to_numpy() == "train", 0.7, 0.0)
        logit = (strength + bonus) * (label - 0.5) * 1.6 + random.normal(size=len(label))
        score = np.round(1 / (1 + np.exp(-logit)), 4)
        parts.append(
            examples.select("id", "split", pl.lit(name).alias("task")).with_columns(
                pl.Series("label", label), pl.Series("score", score)
            )
        )
    return pl.concat(parts)


def make_metrics(dataset: str, model: str, replicate: int, predictions: pl.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for (split, task), part in predictions.group_by("split", "task", maintain_order=True):
        label, score = part["label"].to_numpy(), part["score"].to_numpy()
        auroc = area(roc(label, score))
        values = {
            "auroc": auroc,
            "auprc": auroc - 0.01,
            "accuracy": float(((score > 0.5) == label).mean()),
            "mcc": 2 * auroc - 1.1,
            "brier": float(((score - label) ** 2).mean()),
            "ece": 0.2 - 0.15 * auroc,
        }
        for metric in METRICS if split != "train" else ("auroc",):
            value = values[metric]
            rows.append(
                {
                    "dataset": dataset, "model": model, "replicate": replicate, "task": task, "split": split,
                    "metric": metric, "value": value, "ci_low": value - 0.021, "ci_high": value + 0.017,
                    "n": len(label), "n_positive": int(label.sum()),
                }
            )  # fmt: skip
    return rows


def make_history(random: np.random.Generator, metric: str) -> pl.DataFrame:
    epochs = np.arange(17)
    train = 0.15 + 0.55 * np.exp(-epochs / 4)
    validation = 0.3 + 0.4 * np.exp(-epochs / 3) + 0.012 * np.maximum(epochs - 7, 0) + random.normal(0, 0.01, 17)
    return pl.DataFrame(
        {
            "epoch": epochs,
            "train_loss": train,
            "validation_loss": validation,
            f"validation_{metric}": 1 - validation / 2,
        }
    )


def write_selftests(home: Path, model: str) -> None:
    """Write self-tests that all pass and, of a recurrent network, a gradient that shrinks by a tenth every base."""
    rows = [
        ("not_finite", 0.0, 0.0, True), ("constant_tasks", 0.0, 0.0, True), ("batch_dependence", 3.4e-7, 1e-4, True),
        ("padding_dependence", 2.1e-7, 1e-4, True), ("strand_gap_mean", 0.034, None, None),
        ("strand_gap_max", 0.21, None, None), ("dead_filters", 0.125, 0.5, True),
    ]  # fmt: skip
    if model == "bilstm":
        rows[-1] = ("gradient_ratio", 0.002, None, None)
    distances = np.arange(150 if "bilstm" in model else 0)
    write(home / "selftests.tsv", pl.DataFrame(rows, ["test", "value", "limit", "passed"], orient="row"))
    write(home / "gradients.tsv", pl.DataFrame({"distance": distances, "gradient": 0.05 * 0.9**distances}))


def make_sweep(names: list[str], metric: str) -> pl.DataFrame:
    rows = [
        {
            "variant": "spectrum, uniform weights",
            "parameter": "neighbours",
            "setting": float(k),
            "split": split,
            "task": task,
            "metric": metric,
            "value": value,
            "chosen": k == 29,
        }
        for task in names
        for k, values in (
            (1, (1.0, 0.61, 0.6)),
            (3, (0.93, 0.68, 0.66)),
            (29, (0.8, 0.75, 0.73)),
            (101, (0.76, 0.74, 0.72)),
        )
        for split, value in zip(("train", "validation", "test"), values, strict=True)
    ]
    return pl.DataFrame(rows)


def make_comparisons(metrics: pl.DataFrame, config: Config) -> pl.DataFrame:
    test = metrics.filter(pl.col("split") == "test").group_by("dataset", "task", "metric", "model", maintain_order=True)
    values = {tuple(row[:4]): row[4] for row in test.agg(pl.mean("value")).iter_rows()}
    rows = []
    for dataset, task, metric in dict.fromkeys(key[:3] for key in values):
        models = [model for model in config.scored(dataset) if model != ORACLE]
        for index, a in enumerate(models):
            for b in models[index + 1 :]:
                difference = values[dataset, task, metric, a] - values[dataset, task, metric, b]
                p = 0.0004 if abs(difference) > 0.03 else 0.4
                rows.append(
                    {
                        "dataset": dataset, "task": task, "metric": metric, "model_a": a, "model_b": b,
                        "difference": difference, "ci_low": difference - 0.02, "ci_high": difference + 0.02,
                        "p_value": p, "q_value": min(1.0, 1.5 * p),
                    }
                )  # fmt: skip
    return pl.DataFrame(rows)


def meme(matrices: dict[str, np.ndarray]) -> str:
    text = "MEME version 4\n\nALPHABET= ACGT\n\nstrands: + -\n\n"
    text += "Background letter frequencies\nA 0.25 C 0.25 G 0.25 T 0.25\n\n"
    for name, matrix in matrices.items():
        text += f"MOTIF {name}\nletter-probability matrix: alength= 4 w= {len(matrix)} nsites= 20 E= 0\n"
        text += "".join(" ".join(f"{value:.6f}" for value in row) + "\n" for row in matrix) + "\n"
    return text


def make_motifs(home: Path, live: int, replicates: int, random: np.random.Generator, width: int = 9) -> None:
    """Write two dead motifs and `live` others: every third matches, one of them with too great a q value."""
    rows, learned, known = [], {}, {}
    for index in range(live + 2):
        name, dead = f"filter_{index}", index >= live
        match = not dead and index % 3 == 0
        if not dead:
            learned[name] = random.dirichlet(np.full(4, 0.3), width)
        if match:
            known[name] = np.clip(learned[name], 0.01, None) / np.clip(learned[name], 0.01, None).sum(1, keepdims=True)
        rows.append(
            {
                "motif": name, "source": "filter", "replicate": index % replicates, "consensus": "TGACTNNAC",
                "width": width, "information_content": 8.4 + index / 10, "sites": 400 - index,
                "importance": 0.05 / (index + 1), "match": f"TF{index}" if match else None,
                "match_id": f"MA{index:04d}.1" if match else None,
                "match_q": (0.2 if index == 3 else 1e-6) if match else None,
                "reproducibility": 0.5 if replicates > 1 and not dead else None, "dead": dead,
                "equivalents": index % 4,
            }
        )  # fmt: skip
    home.mkdir(parents=True, exist_ok=True)
    write(home / "motifs.tsv", pl.DataFrame(rows, infer_schema_length=None))
    (home / "motifs.meme").write_text(meme(learned))
    (home / "matches.meme").write_text(meme(known))
    behaviour = [
        {
            "motif": row["motif"], "enrichment": 12.5, "enrichment_low": 8.25, "enrichment_high": 19.0,
            "distance": 7.0, "profile": ",".join(map(str, range(20))),
        }
        for row in rows
        if not row["dead"]
    ]  # fmt: skip
    write(home / "behaviour.tsv", pl.DataFrame(behaviour, schema=BEHAVIOUR))
    pairs = [
        {
            "motif_a": "filter_0", "motif_b": f"filter_{index}", "distance": 27 - 10 * index, "orientation": "same",
            "pairs": 40, "expected_pairs": 3.25, "q_value": q,
        }
        for index, q in ((1, 0.001), (2, 0.2))
    ]  # fmt: skip
    write(home / "pairs.tsv", pl.DataFrame(pairs, schema=PAIRS))


def make_consensus(home: Path, model: str, number: int) -> None:
    """Write `number` consensus motifs led by the filters of a model: every third matches, one with too great a q."""
    random = np.random.default_rng(9)
    rows, learned, known = [], {}, {}
    for index in range(number):
        name, match = f"motif{index + 1}", index % 3 == 0
        learned[name] = random.dirichlet(np.full(4, 0.3), 9)
        if match:
            known[name] = np.full((9, 4), 0.25)
        rows.append(
            {
                "motif": name, "consensus": "TGACTNNAC", "sites": 300 - index, "importance": 0.06 / (index + 1),
                "importance_low": 0.01 if index < 2 else -0.01, "importance_high": 0.09, "model": model,
                "match": f"TF{index}" if match else None, "match_id": f"MA{index:04d}.1" if match else None,
                "match_q": (0.2 if index == 3 else 1e-6) if match else None,
                "relied_on": f"{model} 2/3" if index < 2 else None, "members": 4, "leader": f"filter_{index}",
                "leader_model": model,
            }
        )  # fmt: skip
    write(home / "consensus.tsv", pl.DataFrame(rows, schema=CONSENSUS_SCHEMA))
    (home / "consensus.meme").write_text(meme(learned))
    (home / "consensus_matches.meme").write_text(meme(known))


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., tuple[Config, Path]]:
    """Return a function that builds a results folder and returns its configuration and its path."""

    def make(replicates: int = 1, experiments: dict[str, Any] | None = None, **sizes: Any) -> tuple[Config, Path]:
        config = settings(replicates, experiments=experiments or {})
        build(tmp_path / "results", config, **sizes)
        return config, tmp_path / "results"

    return make


# ------------------------------------------------------------------------------------------------------ the other kinds

CLASSES = ("donor", "<script>alert(2)</script>", "a\"b'c", "$(touch x)")
KINDS: dict[str, dict[str, Any]] = {
    "splice": {"sequences": "splice.tsv", "labels": "<b>site</b>", "kind": "multiclass", "split": {"column": "split"}},
    "mpra": {
        "sequences": f"{HOSTILE_PATH}.csv.gz",
        "labels": ["<ins>k562</ins>", 'hep"g2'],
        "kind": "regression",
        "split": {"validation": 0.1, "test": 0.3, "group": "<u>gene</u>"},
    },
    "marks": {
        "sequences": "marks.parquet",
        "labels": ["H3K4me3", "H3K27ac", "<s>ATAC</s>", "`id`", "all"],
        "split": {"column": "split", "validation": 0.1},
    },
}
"""A dataset of four classes, one of two values, one of five binary tasks of which the last one's name is `all`."""


def kinds_settings(names: Sequence[str], replicates: int) -> Config:
    """Return a configuration of some of these datasets."""
    datasets = {name: KINDS[name] for name in names}
    return validate(
        {
            "replicates": replicates,
            "datasets": datasets,
            "models": list(MODELS),
            "evaluation": {"resamples": 100},
            "motifs": {"attributions": 0},
        }
    )


def build_kinds(folder: Path, config: Config, sizes: dict[str, int] = SIZES, classes: Sequence[str] = CLASSES) -> None:
    """Write every file that the report reads; the metrics are those of the predictions, as `evaluate` computes them."""
    tables = {"metrics": [], "comparisons": []}
    for place, dataset in enumerate(config.datasets):
        random = np.random.default_rng([3, place])
        kind, home = config.kind(dataset), folder / dataset
        metric = "pearson" if kind == "regression" else "auroc"
        examples = kind_examples(dataset, kind, sizes, classes, random)
        tasks = examples.columns[2:]
        write_examples(home, examples, [57] if kind == "multiclass" else [93, 1204, 200])
        runs = {}
        for model, replicates in config.scored(dataset).items():
            for replicate in range(replicates):
                predictions = kind_predictions(examples, kind, strength_of(model), random)
                runs[Run(model, replicate)] = predictions
                one = home / model / str(replicate)
                write(one / "predictions.parquet", predictions.filter(pl.col("split") != "train"))
                if model in config.networks():
                    write(one / "history.csv", make_history(random, metric), ",")
                    write_selftests(one, model)
                elif model in config.baselines():
                    write(one / "sweep.tsv", make_sweep(tasks, metric))
        for model in config.with_filters():
            make_motifs(home / model, 3, config.replicates, random)
        if config.with_filters():
            make_consensus(home, config.with_filters()[0], 3)
        panels = align(runs, kind)
        found = evaluate(panels, dataset, seed=0, **config.evaluation.model_dump())
        for name, table in zip(tables, found, strict=True):
            tables[name].append(table)
    for name, parts in tables.items():
        write(folder / f"{name}.tsv", pl.concat(parts))
    (folder / "config.yaml").write_text(dump(config))


def kind_examples(
    dataset: str, kind: str, sizes: dict[str, int], classes: Sequence[str], random: np.random.Generator
) -> pl.DataFrame:
    """Draw labels: classes, values of two scales of which every third is missing in one task, or marks."""
    split = [name for name, size in sizes.items() for _ in range(size)]
    n = len(split)
    table = pl.DataFrame({"id": [f"<em>{index}</em>" for index in range(n)], "split": split})
    if kind == "multiclass":
        which = random.integers(0, len(classes), n)
        return table.with_columns(
            pl.Series(name, (which == place).astype(np.int8)) for place, name in enumerate(classes)
        )
    names = KINDS[dataset]["labels"]
    if kind == "regression":
        values = random.normal(size=(n, 2)) * [1, 1200] + [0.4, 31_000]
        values[::3, 1] = np.nan
        return table.with_columns(pl.Series(name, values[:, place]) for place, name in enumerate(names)).fill_nan(None)
    marks = random.random((n, len(names))) < 0.3
    here = random.random((n, len(names))) < 0.9
    return table.with_columns(
        pl.Series(
            name, [bool(mark) if known else None for mark, known in zip(marks[:, p], here[:, p], strict=True)]
        ).cast(pl.Int8)
        for p, name in enumerate(names)
    )


def kind_predictions(examples: pl.DataFrame, kind: str, strength: float, random: np.random.Generator) -> pl.DataFrame:
    """Predict the labels that are there, the better the greater the strength and on train."""
    tasks = examples.columns[2:]
    labels = examples.select(pl.col(tasks).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    skill = strength + np.where(examples["split"].to_numpy() == "train", 0.7, 0.0)[:, None]
    if kind == "regression":
        mean, spread = np.nanmean(labels, axis=0), np.nanstd(labels, axis=0)
        noise = random.normal(size=labels.shape) * spread
        scores = mean + (skill * (labels - mean) + noise) * skill / (skill**2 + 1)
    else:
        logits = 1.6 * skill * labels + random.normal(size=labels.shape)
        scores = 1 / (1 + np.exp(-logits + 1))
        if kind == "multiclass":
            scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    columns = {"label": labels, "score": scores}
    return pl.concat(
        examples.select("id", "split", pl.lit(task).alias("task"))
        .with_columns(pl.Series(name, values[:, place]) for name, values in columns.items())
        .filter(pl.col("label").is_not_nan())
        for place, task in enumerate(tasks)
    )


@pytest.fixture
def make_kinds(tmp_path: Path) -> Callable[..., tuple[Config, Path]]:
    """Return a function that builds a results folder of some of the other kinds."""

    def make(*names: str, replicates: int = 1, **changes: Any) -> tuple[Config, Path]:
        config = kinds_settings(names or list(KINDS), replicates)
        build_kinds(tmp_path / "kinds", config, **changes)
        return config, tmp_path / "kinds"

    return make
