from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.conftest import KINDS

from motifloom.config import Cnn, Training
from motifloom.evaluation.selection import mean_main_score
from motifloom.models.predictor import Predictor
from motifloom.training.module import SequenceModule, mean_metric

TASKS = ["a", "b", "c"]
BATCH, LENGTH = 5, 23


def module_of(kind: str, **changes) -> SequenceModule:
    torch.manual_seed(0)
    network = Cnn(**{"filters": 4, "kernel_size": 5, "pool_size": 6, "hidden": 3} | changes).model_dump()
    return SequenceModule(Predictor(network, kind, TASKS, LENGTH, both_strands=True), Training(), seed=0)


@pytest.fixture
def codes() -> torch.Tensor:
    return torch.randint(0, 5, (BATCH, LENGTH), generator=torch.Generator().manual_seed(1)).to(torch.uint8)


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
    module = module_of(kind).eval()
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
        module = module_of("binary", dropout=0.0, **penalties)
        losses[name], _ = module.loss((codes, labels))
    weights = [parameter for parameter in module.parameters() if parameter.dim() > 1]
    expected = sum((0.01 * weight.abs().sum() + 0.02 * (weight**2).sum()).item() for weight in weights)
    assert (losses["both"] - losses["none"]).item() == pytest.approx(expected, rel=1e-5)
