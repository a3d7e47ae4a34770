import argparse
import io
import json
import logging
import re

import numpy as np
import polars as pl
import pytest
import yaml

from motifloom.cli import collect, ensemble, evaluate
from motifloom.config import validate
from motifloom.data.leaks import LEAKS_SCHEMA
from motifloom.data.shortcuts import FEATURES, SHORTCUTS_SCHEMA
from motifloom.errors import InputError

SPLIT = {"validation": ["chr2"], "test": ["chr3"]}
CONFIG = {
    "replicates": 2,
    "datasets": {
        "toy": {"simulate": {"motifs": ["MA0363.1"]}, "split": SPLIT},
        "real": {"genome": "genome.fa", "regions": "sites.bed", "split": SPLIT},
        "splice": {"sequences": "splice.tsv", "labels": "site", "kind": "multiclass", "split": {"column": "split"}},
        "strength": {
            "sequences": "mpra.tsv",
            "labels": ["k562", "hepg2"],
            "kind": "regression",
            "split": {"column": "split"},
        },
    },
    "models": ["knn", "cnn", "bilstm"],
    "evaluation": {"resamples": 100},
}


def parse(command, *flags):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([str(flag) for flag in flags])


def of_sites(rng, n):
    """A binary task."""
    labels = (np.arange(n) % 3 == 0).astype(float)
    return {"bound": (labels, np.clip(0.3 * labels + 0.7 * rng.random(n), 0, 1))}


def of_classes(rng, n):
    """Four classes, one of which has two examples in all."""
    which = np.minimum(np.arange(n) % 7, 3) if n > 20 else np.arange(n) % 4
    scores = rng.dirichlet(np.ones(4), n)
    names = ("donor", "<acceptor>", 'a"b', "none")
    return {name: ((which == place).astype(float), scores[:, place]) for place, name in enumerate(names)}


def of_values(rng, n):
    """Two tasks, the second with a label for every other example, and a model that always says the same."""
    labels = np.linspace(-3, 4, n) ** 3
    scores = labels + rng.normal(size=n)
    return {"k562": (labels, np.full(n, 0.1)), "hepg2": (np.where(np.arange(n) % 2, labels, np.nan), scores)}


TASKS = {"toy": of_sites, "real": of_sites, "splice": of_classes, "strength": of_values}


def write_predictions(folder, seed, splits, of_tasks=of_sites):
    rng = np.random.default_rng(seed)
    tables = []
    for split, n in splits.items():
        ids = [f"{split}{i}" for i in range(n)]
        for task, (labels, scores) in of_tasks(rng, n).items():
            table = pl.DataFrame({"id": ids, "split": split, "task": task, "label": labels, "score": scores})
            tables.append(table.filter(pl.col("label").is_not_nan()))
    folder.mkdir(parents=True, exist_ok=True)
    name = "train_predictions.parquet" if "train" in splits else "predictions.parquet"
    pl.concat(tables).write_parquet(folder / name)


def write_found(folder, tasks, regression):
    """What prepare and audit leave: sizes of the splits, one pair of twins, one feature that tells something."""
    splits = [split for split, n in {"train": 13, "validation": 19, "test": 29}.items() for _ in range(n)]
    examples = pl.DataFrame({"id": [str(i) for i in range(61)], "split": splits, **dict.fromkeys(tasks, 1)})
    examples.write_parquet(folder / "examples.parquet")
    twins = [("exact_duplicate", None, "test3", "test", "train5", "train", 1.0)]
    pl.DataFrame(twins, LEAKS_SCHEMA, orient="row").write_parquet(folder / "leaks.parquet")
    metric, value = ("pearson", 0.1) if regression else ("auroc", 0.6)
    rows = [
        (task, name, split, metric, value, 29)
        for task in tasks
        for name in FEATURES
        for split in ("train", "validation", "test")
    ]
    pl.DataFrame(rows, SHORTCUTS_SCHEMA, orient="row").write_csv(folder / "shortcuts.tsv", separator="\t")


@pytest.fixture
def results(tmp_path):
    for dataset, of_tasks in TASKS.items():
        scored = validate(CONFIG).scored(dataset).items()
        runs = [(model, replicate) for model, replicates in scored for replicate in range(replicates)]
        for seed, (model, replicate) in enumerate(runs):
            folder = tmp_path / dataset / model / str(replicate)
            write_predictions(folder, seed, {"validation": 19, "test": 29}, of_tasks)
            write_predictions(folder, seed, {"train": 13}, of_tasks)
        write_found(tmp_path / dataset, list(of_tasks(np.random.default_rng(0), 5)), dataset == "strength")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    return tmp_path


def arguments(results, dataset):
    return parse(
        evaluate,
        *("--config", results / "config.yaml", "--dataset", dataset, "--results", results),
        *("--examples", results / dataset / "examples.parquet"),
        *("--leaks", results / dataset / "leaks.parquet"),
        *("--shortcuts", results / dataset / "shortcuts.tsv"),
        *("--audit", results / f"{dataset}.audit.json"),
        *("--metrics", results / f"{dataset}.metrics.tsv"),
        *("--comparisons", results / f"{dataset}.comparisons.tsv"),
    )


@pytest.mark.parametrize(
    ("dataset", "runs", "pairs", "values", "compared", "told"),
    [
        ("toy", 9, 15, 13, 6, "6 models in 9 runs evaluated on 29 test examples of 1 task(s)"),
        ("real", 8, 10, 13, 6, "5 models in 8 runs evaluated on 29 test examples of 1 task(s)"),
        ("splice", 8, 10, 4 * 13 + 5, 4 * 6 + 2, "5 models in 8 runs evaluated on 29 test examples of 5 task(s)"),
        ("strength", 8, 10, 2 * 9, 2 * 4, "5 models in 8 runs evaluated on 14 to 29 test examples of 2 task(s)"),
    ],
)
def test_evaluate(results, caplog, dataset, runs, pairs, values, compared, told):
    with caplog.at_level(logging.INFO):
        evaluate.run(arguments(results, dataset))
    metrics = pl.read_csv(results / f"{dataset}.metrics.tsv", separator="\t")
    comparisons = pl.read_csv(results / f"{dataset}.comparisons.tsv", separator="\t")
    assert len(metrics) == runs * values
    assert len(comparisons) == pairs * compared
    assert ("oracle" in metrics["model"]) == (dataset == "toy")
    assert f"{dataset}: {told}; {len(comparisons)} comparisons" in caplog.text
    audit = json.loads((results / f"{dataset}.audit.json").read_text())
    assert audit["examples"] == {"train": 13, "validation": 19, "test": 29}
    assert audit["leaked_test_rows"] == 1


def test_names_of_tasks_come_through_every_table(results):
    for dataset in CONFIG["datasets"]:
        evaluate.run(arguments(results, dataset))
    inputs = [results / f"{dataset}.metrics.tsv" for dataset in CONFIG["datasets"]]
    collect.run(parse(collect, "--inputs", *inputs, "--output", results / "metrics.tsv"))
    metrics = pl.read_csv(results / "metrics.tsv", separator="\t")
    found = metrics["task"].unique(maintain_order=True).to_list()
    assert found == ["bound", "donor", "<acceptor>", 'a"b', "none", "all", "k562", "hepg2"]


def test_what_is_not_defined_is_an_empty_field(results):
    evaluate.run(arguments(results, "strength"))
    metrics = pl.read_csv(results / "strength.metrics.tsv", separator="\t")
    alike = metrics.filter(pl.col("metric").is_in(["pearson", "spearman"]), task="k562")
    assert alike.select("value", "ci_low", "ci_high").null_count().row(0) == (len(alike),) * 3
    assert metrics["n_positive"].null_count() == len(metrics)
    defined = metrics.filter((pl.col("task") == "hepg2") | pl.col("metric").is_in(["r2", "mse"]))
    assert defined["value"].null_count() == 0
    comparisons = pl.read_csv(results / "strength.comparisons.tsv", separator="\t")
    assert comparisons.filter(task="k562", metric="pearson")["q_value"].null_count() == 10


def test_evaluate_names_every_missing_file(results):
    gone = [
        results / "toy/cnn/1/predictions.parquet",
        results / "toy/oracle/0/train_predictions.parquet",
    ]
    for path in gone:
        path.unlink()
    with pytest.raises(InputError) as caught:
        evaluate.run(arguments(results, "toy"))
    assert caught.value.problems == [f"{path}: missing; expected the predictions of a model" for path in gone]
    assert not (results / "toy.metrics.tsv").exists()


def test_evaluate_refuses_an_unknown_dataset(results):
    with pytest.raises(InputError, match="no 'reb2'; expected one of toy, real, splice, strength"):
        evaluate.run(arguments(results, "reb2"))


def test_evaluate_refuses_what_is_no_parquet(results):
    (results / "toy/knn/0/predictions.parquet").write_text("nothing")
    with pytest.raises(InputError, match=r"knn/0/predictions\.parquet: is no Parquet table"):
        evaluate.run(arguments(results, "toy"))


HTML = b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n"
COLUMNS = "expected the columns task, feature, split, metric, value, n"


def parquet(**columns):
    out = io.BytesIO()
    pl.DataFrame(columns).write_parquet(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("shortcuts.tsv", b"", f"is empty; {COLUMNS}"),
        ("shortcuts.tsv", lambda whole: whole[: len(whole) // 2], "breaks off within its last line"),
        ("shortcuts.tsv", HTML, f"{COLUMNS}; found <!DOCTYPE html>"),
        ("shortcuts.tsv", bytes(500), f"{COLUMNS}; found \\x00"),
        (
            "shortcuts.tsv",
            lambda whole: whole.replace(b"auroc", b"aur\xf6c"),
            "is no tab-separated table: invalid utf-8",
        ),
        ("shortcuts.tsv", "folder", "is a folder; expected a file"),
        ("shortcuts.tsv", None, "no such file"),
        (
            "leaks.parquet",
            parquet(x=[1]),
            "expected the columns kind, task, id, split, other, other_split, similarity; found x",
        ),
        ("examples.parquet", parquet(x=[1]), "expected the columns id, split; found x"),
        ("examples.parquet", None, "no such file"),
        ("cnn/1/predictions.parquet", parquet(x=[1]), "expected the columns id, split, task, label, score; found x"),
        (
            "cnn/1/train_predictions.parquet",
            parquet(x=[1]),
            "expected the columns id, split, task, label, score; found x",
        ),
        ("cnn/1/train_predictions.parquet", lambda whole: whole[:-9], "is no Parquet table: "),
    ],
)
def test_a_damaged_file_is_named_before_anything_is_evaluated(results, monkeypatch, name, damage, told):
    monkeypatch.setattr("motifloom.evaluation.tables.evaluate", lambda *_, **__: pytest.fail("too late"))
    path = results / "toy" / name
    whole = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage is not None:
        path.write_bytes(damage(whole) if callable(damage) else damage)
    with pytest.raises(InputError) as caught:
        evaluate.run(arguments(results, "toy"))
    (line,) = caught.value.problems
    assert line.startswith(f"{path}: {told}")
    assert not list(results.glob("toy.*"))


def test_collect_keeps_text_and_order(tmp_path, caplog):
    (tmp_path / "b.tsv").write_text("name\tvalue\nx\t0.10\ny\t\n")
    (tmp_path / "a.tsv").write_text("name\tvalue\n007\t1e-5\n")
    (tmp_path / "none.tsv").write_text("name\tvalue\n")
    inputs = [tmp_path / name for name in ("b.tsv", "none.tsv", "a.tsv")]
    with caplog.at_level(logging.INFO):
        collect.run(parse(collect, "--inputs", *inputs, "--output", tmp_path / "all.tsv"))
    assert (tmp_path / "all.tsv").read_text() == "name\tvalue\nx\t0.10\ny\t\n007\t1e-5\n"
    assert "3 rows of 3 tables" in caplog.text


def test_collect_refuses_other_headers_and_missing_files(tmp_path):
    (tmp_path / "a.tsv").write_text("name\tvalue\nx\t1\n")
    (tmp_path / "b.tsv").write_text("value\tname\n1\tx\n")
    with pytest.raises(InputError, match=r"b\.tsv: another header; expected the header of .*a\.tsv: name value"):
        collect.run(parse(collect, "--inputs", tmp_path / "a.tsv", tmp_path / "b.tsv", "--output", tmp_path / "c"))
    with pytest.raises(InputError, match=r"gone\.tsv: cannot be read"):
        collect.run(parse(collect, "--inputs", tmp_path / "gone.tsv", "--output", tmp_path / "c"))
    (tmp_path / "empty.tsv").write_text("")
    with pytest.raises(InputError, match=r"empty\.tsv: is no tab-separated table"):
        collect.run(parse(collect, "--inputs", tmp_path / "empty.tsv", "--output", tmp_path / "c"))
    assert not (tmp_path / "c").exists()


def test_an_ensemble_is_the_mean_of_its_trainings(results):
    trainings = [results / "splice" / "cnn" / str(replicate) for replicate in (0, 1)]
    ensemble.run(parse(ensemble, "--trainings", *trainings, "--output", results / "ensemble"))
    for name in ("predictions.parquet", "train_predictions.parquet"):
        found, *each = (pl.read_parquet(folder / name) for folder in (results / "ensemble", *trainings))
        assert found.drop("score").equals(each[0].drop("score"))
        expected = sum(table["score"].to_numpy() for table in each) / 2
        np.testing.assert_allclose(found["score"].to_numpy(), expected, rtol=0, atol=1e-15)
    sums = found.group_by("id").agg(pl.sum("score"))["score"]
    assert (sums - 1).abs().max() < 1e-12


def test_an_ensemble_of_other_examples_is_refused(results):
    trainings = [results / "toy" / "cnn" / str(replicate) for replicate in (0, 1)]
    path = trainings[1] / "predictions.parquet"
    pl.read_parquet(path)[1:].write_parquet(path)
    flags = ("--trainings", *trainings, "--output", results / "ensemble")
    with pytest.raises(InputError) as caught:
        ensemble.run(parse(ensemble, *flags))
    first = trainings[0] / "predictions.parquet"
    assert caught.value.problems == [f"{path}: other examples, tasks or labels than {first} has"]
    pl.read_parquet(path).drop("score").write_parquet(path)
    with pytest.raises(
        InputError, match=r"1/predictions\.parquet: expected the columns id, split, task, label, score; found id"
    ):
        ensemble.run(parse(ensemble, *flags))
    assert not (results / "ensemble").exists()


def test_an_ensemble_is_whole_or_absent(results):
    trainings = [results / "toy" / "cnn" / str(replicate) for replicate in (0, 1)]
    path = trainings[1] / "train_predictions.parquet"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: is no Parquet table: "):
        ensemble.run(parse(ensemble, "--trainings", *trainings, "--output", results / "ensemble"))
    assert not (results / "ensemble").exists()
