import argparse
import logging

import numpy as np
import polars as pl
import pytest
import yaml

from motifloom.cli import collect, evaluate
from motifloom.errors import InputError

SPLIT = {"validation": ["chr2"], "test": ["chr3"]}
CONFIG = {
    "replicates": 2,
    "datasets": {
        "toy": {"simulate": {"motifs": ["MA0363.1"]}, "split": SPLIT},
        "real": {"genome": "genome.fa", "regions": "sites.bed", "split": SPLIT},
    },
    "models": ["knn", "cnn", "bilstm"],
    "evaluation": {"resamples": 100},
}


def parse(command, *flags):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([str(flag) for flag in flags])


def write_predictions(folder, seed, splits):
    rng = np.random.default_rng(seed)
    tables = []
    for split, n in splits.items():
        labels = (np.arange(n) % 3 == 0).astype(float)
        scores = np.clip(0.3 * labels + 0.7 * rng.random(n), 0, 1)
        ids = [f"{split}{i}" for i in range(n)]
        tables.append(pl.DataFrame({"id": ids, "split": split, "task": "bound", "label": labels, "score": scores}))
    folder.mkdir(parents=True, exist_ok=True)
    name = "train_predictions.parquet" if "train" in splits else "predictions.parquet"
    pl.concat(tables).write_parquet(folder / name)


@pytest.fixture
def results(tmp_path):
    runs = [(model, replicate) for model in ("knn", "cnn", "bilstm") for replicate in (0, 1)]
    for dataset, extra in (("toy", [("oracle", 0)]), ("real", [])):
        for seed, (model, replicate) in enumerate(runs + extra):
            folder = tmp_path / dataset / model / str(replicate)
            write_predictions(folder, seed, {"validation": 19, "test": 29})
            write_predictions(folder, seed, {"train": 13})
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    return tmp_path


def arguments(results, dataset):
    return parse(
        evaluate,
        *("--config", results / "config.yaml", "--dataset", dataset, "--results", results),
        *("--metrics", results / f"{dataset}.metrics.tsv"),
        *("--comparisons", results / f"{dataset}.comparisons.tsv"),
    )


@pytest.mark.parametrize(("dataset", "runs", "pairs"), [("toy", 7, 6), ("real", 6, 3)])
def test_evaluate(results, caplog, dataset, runs, pairs):
    with caplog.at_level(logging.INFO):
        evaluate.run(arguments(results, dataset))
    metrics = pl.read_csv(results / f"{dataset}.metrics.tsv", separator="\t")
    comparisons = pl.read_csv(results / f"{dataset}.comparisons.tsv", separator="\t")
    assert len(metrics) == runs * 13
    assert len(comparisons) == pairs * 6
    assert ("oracle" in metrics["model"]) == (dataset == "toy")
    assert f"{dataset}: {4 if dataset == 'toy' else 3} models in {runs} runs evaluated on 13 examples" in caplog.text


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
    with pytest.raises(InputError, match="no dataset reb2; the configuration has toy, real"):
        evaluate.run(arguments(results, "reb2"))


def test_evaluate_refuses_what_is_no_parquet(results):
    (results / "toy/knn/0/predictions.parquet").write_text("nothing")
    with pytest.raises(InputError, match=r"knn/0/predictions\.parquet: is no Parquet table"):
        evaluate.run(arguments(results, "toy"))


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
