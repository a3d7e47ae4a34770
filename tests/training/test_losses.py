from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.conftest import KINDS

from motifloom.training.losses import mean_loss

BATCH, TASKS = 7, 3


@pytest.fixture
def outputs() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 3, (BATCH, TASKS))


def labels_of(kind: str, missing: bool = True) -> np.ndarray:
    """Labels of which a third is missing; of a multiclass dataset whole rows."""
    random = np.random.default_rng(1)
    labels = {
        "binary": random.integers(0, 2, (BATCH, TASKS)).astype(float),
        "multiclass": np.eye(TASKS)[random.integers(0, TASKS, BATCH)],
        "regression": random.normal(0, 5, (BATCH, TASKS)),
    }[kind]
    gone = random.random((BATCH, 1 if kind == "multiclass" else TASKS)) < 1 / 3
    assert 0 < gone.sum() < gone.size
    return np.where(gone & missing, np.nan, labels)


def reference(kind: str, outputs: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
    """The loss by its formula, label by label, and the number of labels."""
    losses = []
    if kind == "multiclass":
        for logits, row in zip(outputs, labels, strict=True):
            if not np.isnan(row).any():
                losses.append(-np.log(np.exp(logits[row.argmax()]) / np.exp(logits).sum()))
        return float(np.mean(losses)), len(losses)
    for output, label in zip(outputs.flat, labels.flat, strict=True):
        if np.isnan(label):
            continue
        if kind == "regression":
            losses.append((output - label) ** 2)
        else:
            probability = 1 / (1 + np.exp(-output))
            losses.append(-np.log(probability if label else 1 - probability))
    return float(np.mean(losses)), len(losses)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_the_mean_over_the_labels_that_are_there(kind, missing, outputs):
    labels = labels_of(kind, missing)
    loss, number = mean_loss(kind, torch.tensor(outputs), torch.tensor(labels))
    assert (float(loss), number) == (
        pytest.approx(reference(kind, outputs, labels)[0]),
        reference(kind, outputs, labels)[1],
    )


def gradient(kind: str, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    leaf = torch.tensor(outputs, requires_grad=True)
    mean_loss(kind, leaf, torch.tensor(labels))[0].backward()
    return leaf.grad.numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_is_that_of_finite_differences_and_0_where_a_label_is_missing(kind, outputs):
    labels = labels_of(kind)
    expected = np.empty_like(outputs)
    for place in np.ndindex(*outputs.shape):
        step = np.zeros_like(outputs)
        step[place] = 1e-5
        expected[place] = (
            reference(kind, outputs + step, labels)[0] - reference(kind, outputs - step, labels)[0]
        ) / 2e-5
    found = gradient(kind, outputs, labels)
    assert found == pytest.approx(expected, abs=1e-7)
    assert (found[np.isnan(labels)] == 0).all()
    assert (found[~np.isnan(labels)] != 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_an_output_without_a_label_never_counts(kind, outputs):
    """Not even one that overflowed."""
    labels = labels_of(kind)
    other = np.where(np.isnan(labels), 1e30, outputs)
    one, changed = (mean_loss(kind, torch.tensor(x), torch.tensor(labels))[0] for x in (outputs, other))
    assert one == changed
    assert (gradient(kind, outputs, labels) == gradient(kind, other, labels)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_without_any_label_loses_nothing(kind, outputs):
    labels = np.full((BATCH, TASKS), np.nan)
    loss, number = mean_loss(kind, torch.tensor(outputs), torch.tensor(labels))
    assert (float(loss), number) == (0, 0)
    assert (gradient(kind, outputs, labels) == 0).all()
