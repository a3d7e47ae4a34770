from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.conftest import KINDS

from motifloom.config import Cnn, Training
from motifloom.evaluation.selection import mean_main_score
from motifloom.genome import PADDING, reverse_complement, sequence_lengths
from motifloom.training.module import SequenceModule, mean_metric

TASKS = ["a", "b", "c"]
BATCH, LENGTH = 5, 23


def module_of(kind: str, **changes) -> SequenceModule:
    torch.manual_seed(0)
    network = Cnn(filters=4, kernel_size=5, pool_size=6, hidden=3).model_dump()
    return SequenceModule(
        network, Training().model_dump(), kind, TASKS, LENGTH, **{"both_strands": True} | changes
    ).eval()


@pytest.fixture
def codes() -> torch.Tensor:
    return torch.randint(0, 5, (BATCH, LENGTH), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


@pytest.fixture
def outputs() -> torch.Tensor:
    return torch.randn(BATCH, len(TASKS), generator=torch.Generator().manual_seed(2)) * 4


def test_classes_share_a_probability_of_1(codes, outputs):
    module = module_of("multiclass")
    for scores in (module.scores(outputs), module.predict_step((codes, torch.empty(0)))):
        assert scores.shape == (BATCH, len(TASKS))
        assert scores.sum(dim=1).tolist() == pytest.approx([1] * BATCH, abs=1e-6)
    assert (module.scores(outputs).argmax(dim=1) == outputs.argmax(dim=1)).all()


def test_tasks_have_probabilities_of_their_own(outputs):
    module = module_of("binary")
    changed = outputs.clone()
    changed[:, 1] += 1
    one, other = module.scores(outputs), module.scores(changed)
    assert torch.equal(one[:, [0, 2]], other[:, [0, 2]])
    assert one.numpy() == pytest.approx(1 / (1 + np.exp(-outputs.numpy())), abs=1e-6)


def test_a_regression_is_told_in_the_labels_own_units(outputs):
    centre, spread = [100.0, -3.0, 0.0], [20.0, 0.1, 1.0]
    module = module_of("regression", centre=centre, spread=spread)
    assert module.scores(outputs).numpy() == pytest.approx(outputs.numpy() * spread + centre, rel=1e-5)
    labels = torch.tensor([[120.0, -3.0, float("nan")], [90.0, -3.2, 7.0]])
    assert module.targets(labels).numpy() == pytest.approx(
        np.array([[1, 0, np.nan], [-0.5, -2, 7]]), abs=1e-5, nan_ok=True
    )
    assert torch.allclose(module.scores(module.targets(labels))[1], labels[1])


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_labels_of_classes_are_learned_as_they_are(kind):
    labels = torch.tensor([[0.0, 1.0, float("nan")]])
    assert torch.equal(module_of(kind).targets(labels).nan_to_num(-1), labels.nan_to_num(-1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_prediction_is_made_from_the_mean_of_both_strands(kind, codes):
    module = module_of(kind, centre=[5.0] * 3, spread=[2.0] * 3)
    complement = torch.tensor([3, 2, 1, 0, 4], dtype=torch.uint8)[codes.flip(1).long()]
    one = module_of(kind, both_strands=False)
    outputs = (one(codes) + one(complement)) / 2
    assert torch.allclose(module.predict_step((codes, torch.empty(0))), module.scores(outputs), atol=1e-6)
    assert not torch.allclose(one(codes), one(complement), atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_metric_of_an_epoch_is_the_one_that_evaluation_computes(kind):
    random = np.random.default_rng(3)
    scores = random.random((61, 3)).astype(np.float32).round(2)
    values = scores + random.normal(0, 0.4, (61, 3))
    labels = values if kind == "regression" else values > 0.5
    labels = np.where(random.random((61, 3)) < 0.3, np.nan, labels).astype(np.float32)
    labels[:, 1] = np.where(np.isnan(labels[:, 1]), np.nan, 1)  # a task whose labels are all alike does not count
    expected = mean_main_score(labels, scores, kind)
    assert 0.5 < expected < 1
    assert mean_metric(kind, torch.tensor(labels), torch.tensor(scores)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_metric_that_no_task_defines_is_nan(kind):
    assert np.isnan(mean_metric(kind, torch.full((4, 3), float("nan")), torch.rand(4, 3)))
    assert np.isnan(mean_metric(kind, torch.ones(4, 3), torch.rand(4, 3)))


def test_a_task_whose_predictions_are_all_alike_has_no_correlation():
    random = np.random.default_rng(3)
    labels, scores = random.normal(size=(2, 31, 3)).astype(np.float32)
    scores[:, 1] = 0.5
    expected = np.mean([np.corrcoef(labels[:, task], scores[:, task])[0, 1] for task in (0, 2)])
    assert mean_metric("regression", torch.tensor(labels), torch.tensor(scores)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_counts_as_much_as_it_has_labels(kind, codes):
    module = module_of(kind)
    labels = torch.eye(3)[[0, 2, 1, 1, 0]]
    labels[3:] = float("nan")
    if kind != "multiclass":
        labels[0, 2] = float("nan")
    loss, counted = module.loss((codes, labels))
    module.validation_step([(0, (codes, labels))], 0)
    ((_, _, validated),) = module.validated
    for total, number in (counted, validated):
        assert number == (3 if kind == "multiclass" else 8)
        assert (total / number).item() == pytest.approx(loss.item(), rel=1e-6)


def test_penalties_on_the_weights_are_added_to_the_loss(codes):
    labels = torch.tensor([[1.0, 0.0, 1.0]] * BATCH)
    losses = {}
    for name, penalties in {"none": {}, "both": {"l1": 0.01, "l2": 0.02}}.items():
        torch.manual_seed(0)
        network = Cnn(filters=4, kernel_size=5, pool_size=6, hidden=3, dropout=0.0, **penalties).model_dump()
        module = SequenceModule(network, Training().model_dump(), "binary", TASKS, LENGTH, both_strands=False)
        losses[name], _ = module.loss((codes, labels))
    weights = [parameter for parameter in module.parameters() if parameter.dim() > 1]
    expected = sum((0.01 * weight.abs().sum() + 0.02 * (weight**2).sum()).item() for weight in weights)
    assert (losses["both"] - losses["none"]).item() == pytest.approx(expected, rel=1e-5)


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
    module = SequenceModule(NETWORKS[name], {}, "binary", TASKS, 90, both_strands).eval()
    with torch.inference_mode():
        together, alone = module(batch), torch.cat([module(sequence[None]) for sequence in sequences])
        other = torch.from_numpy(reverse_complement(batch.numpy(), sequence_lengths(batch.numpy())))
        turned = module(other)
    assert together.std(dim=0).min() > 1e-4
    assert together.numpy() == pytest.approx(alone.numpy(), abs=1e-6)
    alike = np.abs((together - turned).numpy()).max() < 1e-6
    assert alike == (both_strands or NETWORKS[name].get("shared_strands", False))


def test_shared_strands_are_not_read_twice(codes):
    module = SequenceModule(NETWORKS["shared"], {}, "binary", TASKS, LENGTH, True).eval()
    read = []
    module.network.register_forward_hook(lambda *_: read.append(1))
    module(codes)
    assert len(read) == 1
