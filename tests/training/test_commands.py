"""The stages between a prepared dataset and what evaluation reads, as commands, for every kind of label."""

from __future__ import annotations

from argparse import Namespace

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from tests.conftest import KINDS, planted, table_config
from tests.models.test_gkm_svm import install

from motifloom.cli import fit, motifs, train
from motifloom.config import dump
from motifloom.errors import InputError
from motifloom.evaluation.selection import SWEEP_SCHEMA, mean_main_score
from motifloom.models.checkpoints import load

COLUMNS = {"id": pl.String, "split": pl.String, "task": pl.String, "label": pl.Float64, "score": pl.Float64}
MODELS = {
    "cnn": {"filters": 8, "kernel_size": 11, "pool_size": 15, "hidden": 12},
    "knn": {"kmer": 4, "neighbours": [1, 5, 25]},
    "kmer_logistic": {"kmers": [3, 4], "penalties": [0.01, 0.1]},
}


@pytest.fixture(scope="module", params=KINDS)
def prepared(request, tmp_path_factory):
    """A kind, its dataset, and the flags of a command on it, in a folder of its own."""
    folder = tmp_path_factory.mktemp(request.param)
    dataset = planted(request.param, number=200)
    dataset.examples.write_parquet(folder / "examples.parquet")
    dataset.sequences.table.write_parquet(folder / "sequences.parquet")
    dataset.sequences.packed.tofile(folder / "sequences.bin")
    models = MODELS | ({"gkm_svm": {}} if request.param == "binary" else {})
    config = table_config(request.param, dataset.tasks, models=models, training={"max_epochs": 2})
    (folder / "config.yaml").write_text(dump(config))

    def flags(model: str, **more) -> Namespace:
        files = {"config": folder / "config.yaml", "examples": folder / "examples.parquet"}
        return Namespace(**files, dataset="planted", model=model, threads=1, output=folder / model, **more)

    return request.param, dataset, flags


def check_predictions(folder, kind, dataset):
    """Held-out predictions and those of train have a row for each label that there is, and no other."""
    for name, splits in (("predictions", ("validation", "test")), ("train_predictions", ("train",))):
        table = pl.read_parquet(folder / f"{name}.parquet")
        assert table.schema == COLUMNS
        known = dataset.examples.filter(pl.col("split").is_in(splits)).unpivot(
            dataset.tasks, index=["id", "split"], variable_name="task", value_name="label"
        )
        expected = known.drop_nulls().cast({"label": pl.Float64}).sort("task", "id")
        assert table.drop("score").sort("task", "id").equals(expected)
        assert table["score"].is_finite().all()
        if kind != "regression":
            assert table["score"].is_between(0, 1).all()
        if kind == "multiclass":
            assert np.allclose(table.group_by("id").agg(pl.col("score").sum())["score"], 1)


def test_a_network_and_its_motifs(prepared):
    kind, dataset, flags = prepared
    train.run(flags("cnn", replicate=0))
    folder = flags("cnn").output
    check_predictions(folder, kind, dataset)
    metric = "pearson" if kind == "regression" else "auroc"
    assert pl.read_csv(folder / "history.csv").columns == [
        "epoch", "precision", "learning_rate", "train_loss", "validation_loss", f"validation_{metric}"
    ]  # fmt: skip
    tests = pl.read_csv(folder / "selftests.tsv", separator="\t")
    assert tests.filter("passed")["test"].to_list() == [
        "not_finite", "constant_tasks", "batch_dependence", "padding_dependence", "dead_filters"
    ]  # fmt: skip
    assert (folder / "gradients.tsv").read_text() == "distance\tgradient\n"
    weights = load(folder / "model.ckpt").state_dict()
    exported = load_file(folder / "model.safetensors")
    assert exported.keys() == weights.keys()
    assert all(torch.equal(exported[name], weights[name]) for name in weights)
    motifs.run(flags("cnn", seqlets=[], checkpoints=[folder / "model.ckpt"]))
    table = pl.read_csv(folder / "motifs.tsv", separator="\t")
    assert len(table) == MODELS["cnn"]["filters"]
    assert table["importance"].is_finite().all()


@pytest.mark.parametrize("model", ["knn", "kmer_logistic"])
def test_a_baseline(prepared, model):
    kind, dataset, flags = prepared
    fit.run(flags(model))
    folder = flags(model).output
    check_predictions(folder, kind, dataset)
    sweep = pl.read_csv(folder / "sweep.tsv", separator="\t")
    assert dict(sweep.schema) == {**SWEEP_SCHEMA}
    assert sweep["metric"].unique().to_list() == ["pearson" if kind == "regression" else "auroc"]
    (chosen,) = sweep.filter("chosen").select("variant", "setting").unique().rows()
    means = sweep.filter(split="validation").group_by("variant", "setting").agg(pl.mean("value"))
    assert len(means) == {"knn": 2 * 3, "kmer_logistic": 2}[model]  # weights and numbers; penalties
    reached = means.filter(variant=chosen[0], setting=chosen[1])["value"].item()
    assert reached == means["value"].max()
    table = pl.read_parquet(folder / "predictions.parquet").filter(split="validation")
    labels, scores = (table.pivot("task", index="id", values=column) for column in ("label", "score"))
    arrays = (values.select(dataset.tasks).to_numpy() for values in (labels, scores))
    assert mean_main_score(*arrays, kind) == pytest.approx(reached)


@pytest.mark.parametrize("prepared", ["binary"], indirect=True)
def test_a_support_vector_machine(prepared, monkeypatch, tmp_path):
    kind, dataset, flags = prepared
    install(tmp_path, monkeypatch)
    fit.run(flags("gkm_svm"))
    check_predictions(flags("gkm_svm").output, kind, dataset)


def test_each_command_wants_its_own_models(prepared):
    _, _, flags = prepared
    with pytest.raises(InputError, match=r"models\.knn: is no network; motifloom fit fits it"):
        train.run(flags("knn", replicate=0))
    with pytest.raises(InputError, match=r"models\.cnn: is no baseline; motifloom train trains it"):
        fit.run(flags("cnn"))
