from __future__ import annotations

import pickle

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import roc_auc_score
from tests.conftest import simulated_config

from motifloom.data.dataset import Dataset
from motifloom.models.oracle import posterior
from motifloom.training.fit import fit, load, predict, save


def auroc_of(dataset, scores, split="test"):
    rows = dataset.rows(split)
    return roc_auc_score(dataset.labels(rows)[:, 0], scores[:, 0])


@pytest.fixture(scope="module")
def trained(toy, toy_config, tmp_path_factory):
    """A network trained on the planted motif, its history, and where it is saved."""
    folder = tmp_path_factory.mktemp("trained")
    module, history = fit(toy_config, "toy", "cnn", 0, toy, folder / "checkpoints")
    save(module, folder / "model.ckpt")
    return module, history, folder


def test_a_planted_motif_is_learned(toy, toy_config, trained):
    """The network comes near the best that is possible, and not beyond it."""
    rows = toy.rows("test")
    network = auroc_of(toy, predict(trained[0], toy, rows))
    ceiling = auroc_of(toy, posterior(toy.codes(rows), toy_config.datasets["toy"])[:, None])
    assert 0.9 < network <= ceiling + 0.02


def test_shuffled_labels_give_chance(toy, tmp_path):
    """The same sequences with labels that mean nothing: whatever is found on the test split would be a leak."""
    random = np.random.default_rng(0)
    reached = []
    for repeat in range(3):
        shuffled = toy.examples.with_columns(
            pl.col("toy").shuffle(int(random.integers(2**31))).over("split").alias("toy")
        )
        dataset = Dataset(shuffled, toy.genome, toy.starts)
        config = simulated_config(tmp_path, seed=repeat, training={"max_epochs": 5})
        module, _ = fit(config, "toy", "cnn", 0, dataset, tmp_path / "checkpoints")
        held_out = dataset.rows("validation", "test")
        scores = predict(module, dataset, held_out)[:, 0]
        reached.append(roc_auc_score(dataset.labels(held_out)[:, 0], scores))
    assert np.mean(reached) == pytest.approx(0.5, abs=0.05)


def test_the_history_tells_every_epoch_and_the_best_is_kept(toy, trained):
    module, history, folder = trained
    assert history["epoch"].to_list() == list(range(len(history)))
    assert history.null_count().sum_horizontal().item() == 0
    rows = toy.rows("validation")
    scores = torch.tensor(predict(module, toy, rows)[:, 0])
    loss = torch.nn.functional.binary_cross_entropy(scores, torch.tensor(toy.labels(rows)[:, 0]).double())
    assert float(loss) == pytest.approx(history["validation_loss"].min(), rel=1e-4)
    best = history["validation_auroc"][history["validation_loss"].arg_min()]
    assert best == pytest.approx(auroc_of(toy, scores[:, None].numpy(), "validation"), abs=1e-4)
    assert not (folder / "checkpoints").exists()


def test_training_stops_when_validation_no_longer_improves(toy, tmp_path):
    config = simulated_config(tmp_path, training={"max_epochs": 60, "patience": 2, "learning_rate": 0.05})
    _, history = fit(config, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
    assert len(history) == history["validation_loss"].arg_min() + 1 + 2 < 60


def test_the_same_seed_gives_the_same_bytes(toy, toy_config, trained, tmp_path):
    again, history = fit(toy_config, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
    save(again, tmp_path / "model.ckpt")
    assert (tmp_path / "model.ckpt").read_bytes() == (trained[2] / "model.ckpt").read_bytes()
    assert history.equals(trained[1])


def test_another_replicate_is_another_network(toy, toy_config, trained, tmp_path):
    other, _ = fit(toy_config, "toy", "cnn", 1, toy, tmp_path / "checkpoints")
    rows = toy.rows("test")
    assert (predict(other, toy, rows) != predict(trained[0], toy, rows)).all()


def test_a_checkpoint_gives_the_same_predictions(toy, trained):
    rows = toy.rows("test")
    assert (predict(load(trained[2] / "model.ckpt"), toy, rows) == predict(trained[0], toy, rows)).all()


def test_a_checkpoint_holds_plain_values_alone(trained):
    content = torch.load(trained[2] / "model.ckpt", weights_only=True)
    assert content["hyper_parameters"]["network"]["architecture"] == "cnn"
    assert content["hyper_parameters"]["tasks"] == ["toy"]
    assert set(map(type, content["hyper_parameters"]["network"].values())) <= {str, int, float, bool}


def test_a_checkpoint_that_would_execute_code_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    with (tmp_path / "model.ckpt").open("wb") as out:
        torch.save({"state_dict": {}, "hyper_parameters": Bomb()}, out)
    with pytest.raises(pickle.UnpicklingError):
        load(tmp_path / "model.ckpt")
    assert not (tmp_path / "exploded").exists()


def test_a_prediction_is_the_same_for_either_strand(toy, trained):
    """Both strands are averaged, so reading the other one changes nothing."""
    from motifloom.genome import reverse_complement

    codes = torch.from_numpy(toy.codes(toy.rows("test")))
    other = torch.from_numpy(reverse_complement(codes.numpy()).copy())
    module = trained[0].eval()
    with torch.inference_mode():
        assert torch.allclose(module(codes), module(other), atol=1e-5)
