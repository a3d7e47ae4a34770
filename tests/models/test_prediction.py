"""The embedding: what the last layer reads, and nearest neighbours by it through the command."""

import numpy as np
import polars as pl
import pytest
import torch
from tests.conftest import KINDS, planted, simulated_config, table_config

from motifloom.cli import main
from motifloom.config import dump
from motifloom.errors import InputError
from motifloom.models.checkpoints import save
from motifloom.models.prediction import embed, predict
from motifloom.training.fit import new_module

NETWORKS = {
    "cnn": {"filters": 6, "hidden": 5},
    "resnet": {"filters": 6, "hidden": 5, "blocks": 1},
    "dilated_cnn": {"filters": 6, "blocks": 2},
    "lstm": {"hidden": 3},
    "bilstm": {"hidden": 3, "shared_strands": True},
    "cnn_bilstm": {"filters": 6, "hidden": 3},
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_last_layer_makes_the_predictions_of_the_embedding(kind, name):
    dataset = planted(kind, 60)
    config = table_config(kind, dataset.tasks, models={name: NETWORKS[name]})
    predictor = new_module(config, "planted", name, 0, dataset).predictor
    rows = dataset.rows("validation", "test")
    vectors = embed(predictor, dataset, rows)
    head = predictor.network.get_submodule("head")[-1]
    assert vectors.shape == (len(rows), head.in_features)
    with torch.inference_mode():
        scores = predictor.scores(head(torch.from_numpy(vectors))).numpy()
    assert np.allclose(scores, predict(predictor, dataset, rows), atol=2e-6, rtol=1e-5)
    assert not predictor.network.get_submodule("head")._forward_pre_hooks


def test_the_command_compares_the_embedding_of_a_checkpoint(tmp_path, toy, toy_config):
    config = simulated_config(
        toy_config.results,
        models={"cnn": dict(toy_config.models["cnn"]), "near": {"architecture": "knn", "embedding": "cnn"}},
    )
    (tmp_path / "config.yaml").write_text(dump(config))
    predictor = new_module(config, "toy", "cnn", 0, toy).predictor
    save(predictor.eval(), tmp_path / "model.ckpt")
    flags = ["--config", str(tmp_path / "config.yaml"), "--dataset", "toy", "--model", "near"]
    flags += ["--examples", f"{toy_config.results}/toy/examples.parquet"]
    flags += ["--checkpoint", str(tmp_path / "model.ckpt"), "--output", str(tmp_path / "near")]
    assert main(["fit", *flags]) == 0
    sweep = pl.read_csv(tmp_path / "near/sweep.tsv", separator="\t")
    assert sweep["variant"].unique(maintain_order=True).to_list() == [
        f"{metric} of the embedding of cnn, {way} weights"
        for metric in ("cosine", "Euclidean distance")
        for way in ("uniform", "distance")
    ]
    nearest = sweep.filter(setting=1, split="train")
    assert (nearest["value"] > 0.999).all()  # every sequence is its own nearest
    predictions = pl.read_parquet(tmp_path / "near/predictions.parquet")
    assert len(predictions) == len(toy.rows("validation", "test"))


def test_without_a_checkpoint_there_is_nothing_to_compare(tmp_path, toy_config, toy, capfd):
    models = {"cnn": {}, "near": {"architecture": "knn", "embedding": "cnn"}}
    (tmp_path / "config.yaml").write_text(dump(simulated_config(toy_config.results, models=models)))
    flags = ["--config", str(tmp_path / "config.yaml"), "--dataset", "toy", "--model", "near"]
    flags += ["--examples", f"{toy_config.results}/toy/examples.parquet", "--output", str(tmp_path / "near")]
    assert len(toy.examples)
    assert main(["fit", *flags]) == 2
    assert "error: --checkpoint: missing; near compares the embedding of cnn\n" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"models": {"near": {"architecture": "knn", "embedding": "cmm"}, "cnn": {}}},
         "models.near.embedding: no network 'cmm'; expected one of cnn"),
        ({"models": {"near": {"architecture": "knn", "embedding": "knn"}, "knn": {}}},
         "models.near.embedding: no network 'knn'; expected one of none"),
        ({"models": {"near": {"architecture": "knn", "embedding": "cnn", "features": "spectrum"}, "cnn": {}}},
         "features: spectrum are of sequences"),
        ({"models": {"near": {"architecture": "knn", "embedding": "cnn"}, "cnn": {}},
          "experiments": {"learning_curve": {"models": ["near"]}}},
         "experiments.learning_curve.models: near needs cnn, whose embedding it compares"),
    ],
)  # fmt: skip
def test_an_embedding_is_of_a_network_of_the_run(tmp_path, changes, problem):
    with pytest.raises(InputError) as told:
        simulated_config(tmp_path, **changes)
    assert problem in str(told.value)
