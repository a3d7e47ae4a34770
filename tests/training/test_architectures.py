"""What must hold of a training whatever the architecture; what a network computes is tested in tests/models."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tests.conftest import planted, table_config

from motifloom import config
from motifloom.config.models import BASELINES
from motifloom.data.dataset import Dataset
from motifloom.evaluation.selection import mean_main_score
from motifloom.genome import reverse_complement, sequence_lengths
from motifloom.models.prediction import predict
from motifloom.training.fit import fit

if TYPE_CHECKING:
    from motifloom.models.predictor import Predictor

FILTERS = {"filters": 6, "kernel_size": 9}
NETWORKS: dict[str, dict[str, Any]] = {
    "cnn": {**FILTERS, "hidden": 5},
    "resnet": {**FILTERS, "hidden": 5, "blocks": 2},
    "dilated_cnn": {**FILTERS, "blocks": 3},
    "rnn": {"hidden": 6},
    "lstm": {"hidden": 6},
    "bilstm": {"hidden": 6},
    "cnn_bilstm": {**FILTERS, "hidden": 6},
}
each_network = pytest.mark.parametrize("name", NETWORKS)


def trained(name: str, dataset: Dataset, folder: Path, epochs: int, replicate: int = 0) -> Predictor:
    training = {"max_epochs": epochs, "batch_size": 32, "learning_rate": 1e-2}
    settings = table_config("binary", dataset.tasks, models={name: NETWORKS[name]}, training=training)
    predictor, _ = fit(settings, "planted", name, replicate, dataset, Path(tempfile.mkdtemp(dir=folder)))
    return predictor


def test_every_architecture_is_here() -> None:
    assert (*NETWORKS,) == config.ARCHITECTURES[len(BASELINES) :]


@each_network
def test_the_same_seed_gives_the_same_weights_to_the_byte_after_training(name: str, tmp_path: Path) -> None:
    dataset = planted("binary", number=120)
    one, same, other = (trained(name, dataset, tmp_path, 2, replicate).state_dict() for replicate in (0, 0, 1))
    assert all(one[key].numpy().tobytes() == same[key].numpy().tobytes() for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@each_network
def test_shuffled_labels_give_chance(name: str, tmp_path: Path) -> None:
    """With the labels as they are, each reaches an AUROC of 0.65 to 0.98 in as many epochs."""
    dataset = planted("binary", number=700)
    shuffled = dataset.examples.select(dataset.tasks).sample(fraction=1, shuffle=True, seed=0)
    dataset = Dataset(dataset.examples.with_columns(shuffled), dataset.sequences)
    predictor, rows = trained(name, dataset, tmp_path, 4), dataset.rows("validation", "test")
    assert mean_main_score(dataset.labels(rows), predict(predictor, dataset, rows), "binary") == pytest.approx(
        0.5, abs=0.1
    )


@each_network
def test_both_strands_have_the_same_prediction_and_the_batch_does_not_matter(name: str, tmp_path: Path) -> None:
    dataset = planted("binary", number=120)
    predictor, rows = trained(name, dataset, tmp_path, 1), dataset.rows("test")
    codes = torch.from_numpy(dataset.codes(rows))
    other = torch.from_numpy(reverse_complement(codes.numpy(), sequence_lengths(codes.numpy())))
    together = predict(predictor, dataset, rows)
    with torch.inference_mode():
        assert torch.allclose(predictor(codes), predictor(other), atol=1e-5)
        predictor.both_strands = False
        assert not torch.allclose(predictor(codes), predictor(other), atol=1e-5)
        predictor.both_strands = True
    alone = [predict(predictor, dataset, rows[i : i + 1])[0].tolist() for i in range(5)]
    assert alone == [pytest.approx(row, abs=1e-6) for row in together[:5]]
