"""What a network's outputs mean, on either strand and whatever padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.conftest import KINDS

from motifloom.config import Cnn
from motifloom.genome import PADDING, reverse_complement, sequence_lengths
from motifloom.models.predictor import Predictor

TASKS = ["a", "b", "c"]
BATCH, LENGTH = 5, 23


def predictor_of(kind: str, **changes) -> Predictor:
    torch.manual_seed(0)
    network = Cnn(filters=4, kernel_size=5, pool_size=6, hidden=3).model_dump()
    return Predictor(network, kind, TASKS, LENGTH, **{"both_strands": True} | changes).eval()


@pytest.fixture
def codes() -> torch.Tensor:
    return torch.randint(0, 5, (BATCH, LENGTH), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


@pytest.fixture
def outputs() -> torch.Tensor:
    return torch.randn(BATCH, len(TASKS), generator=torch.Generator().manual_seed(2)) * 4


def test_classes_share_a_probability_of_1(codes, outputs):
    predictor = predictor_of("multiclass")
    for scores in (predictor.scores(outputs), predictor.scores(predictor(codes))):
        assert scores.shape == (BATCH, len(TASKS))
        assert scores.sum(dim=1).tolist() == pytest.approx([1] * BATCH, abs=1e-6)
    assert (predictor.scores(outputs).argmax(dim=1) == outputs.argmax(dim=1)).all()


def test_tasks_have_probabilities_of_their_own(outputs):
    predictor = predictor_of("binary")
    changed = outputs.clone()
    changed[:, 1] += 1
    one, other = predictor.scores(outputs), predictor.scores(changed)
    assert torch.equal(one[:, [0, 2]], other[:, [0, 2]])
    assert one.numpy() == pytest.approx(1 / (1 + np.exp(-outputs.numpy())), abs=1e-6)


def test_a_regression_is_told_in_the_labels_own_units(outputs):
    centre, spread = [100.0, -3.0, 0.0], [20.0, 0.1, 1.0]
    predictor = predictor_of("regression", centre=centre, spread=spread)
    assert predictor.scores(outputs).numpy() == pytest.approx(outputs.numpy() * spread + centre, rel=1e-5)
    labels = torch.tensor([[120.0, -3.0, float("nan")], [90.0, -3.2, 7.0]])
    assert predictor.targets(labels).numpy() == pytest.approx(
        np.array([[1, 0, np.nan], [-0.5, -2, 7]]), abs=1e-5, nan_ok=True
    )
    assert torch.allclose(predictor.scores(predictor.targets(labels))[1], labels[1])


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_labels_of_classes_are_learned_as_they_are(kind):
    labels = torch.tensor([[0.0, 1.0, float("nan")]])
    assert torch.equal(predictor_of(kind).targets(labels).nan_to_num(-1), labels.nan_to_num(-1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_prediction_is_made_from_the_mean_of_both_strands(kind, codes):
    predictor = predictor_of(kind, centre=[5.0] * 3, spread=[2.0] * 3)
    complement = torch.tensor([3, 2, 1, 0, 4], dtype=torch.uint8)[codes.flip(1).long()]
    one = predictor_of(kind, both_strands=False)
    outputs = (one(codes) + one(complement)) / 2
    assert torch.allclose(predictor.scores(predictor(codes)), predictor.scores(outputs), atol=1e-6)
    assert not torch.allclose(one(codes), one(complement), atol=1e-3)


NETWORKS = {
    "cnn": {"architecture": "cnn", "filters": 4, "kernel_size": 5, "pool_size": 6, "hidden": 3},
    "max": {"architecture": "cnn", "filters": 4, "kernel_size": 5, "pool_size": 6, "hidden": 3, "readout": "max"},
    "cnn_bilstm": {"architecture": "cnn_bilstm", "filters": 4, "kernel_size": 5, "pool_size": 6, "hidden": 3},
    "shared": {"architecture": "resnet", "filters": 4, "kernel_size": 5, "hidden": 3, "shared_strands": True},
}


@pytest.mark.parametrize("both_strands", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_padding_never_changes_a_prediction(name: str, both_strands: bool) -> None:
    """A sequence of 31 to 90 bp alone, and in a batch with longer ones, N within it; on either strand."""
    torch.manual_seed(0)
    sequences = [torch.randint(0, 5, (length,), dtype=torch.uint8) for length in (31, 44, 45, 67, 89, 90)]
    batch = torch.full((len(sequences), 90), PADDING, dtype=torch.uint8)
    for row, sequence in zip(batch, sequences, strict=True):
        row[: len(sequence)] = sequence
    predictor = Predictor(NETWORKS[name], "binary", TASKS, 90, both_strands).eval()
    with torch.inference_mode():
        together, alone = predictor(batch), torch.cat([predictor(sequence[None]) for sequence in sequences])
        other = torch.from_numpy(reverse_complement(batch.numpy(), sequence_lengths(batch.numpy())))
        turned = predictor(other)
    assert together.std(dim=0).min() > 1e-4
    assert together.numpy() == pytest.approx(alone.numpy(), abs=1e-6)
    alike = np.abs((together - turned).numpy()).max() < 1e-6
    assert alike == (both_strands or NETWORKS[name].get("shared_strands", False))


def test_shared_strands_are_not_read_twice(codes):
    predictor = Predictor(NETWORKS["shared"], "binary", TASKS, LENGTH, True).eval()
    read = []
    predictor.network.register_forward_hook(lambda *_: read.append(1))
    predictor(codes)
    assert len(read) == 1
