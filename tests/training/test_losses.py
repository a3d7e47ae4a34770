from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.conftest import KINDS

from motifloom.training.losses import LOSSES, balancing_weights

BATCH, TASKS = 7, 3


def mean_loss(kind: str, outputs: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, int]:
    """The mean loss over the labels that are there, and their number."""
    total, number = LOSSES[kind](outputs, labels, torch.ones(2, TASKS, dtype=outputs.dtype))
    return total / number.clamp(min=1), int(number)


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


def test_a_weight_multiplies_the_loss_and_the_gradient_of_its_label(outputs):
    labels = labels_of("binary")
    weights = np.array([[0.5, 1.0, 2.0], [3.0, 5.0, 7.0]])
    present = ~np.isnan(labels)
    logistic = np.log1p(np.exp(np.where(labels == 1, -outputs, outputs)))
    expected = (logistic * np.where(labels == 1, weights[1], weights[0]))[present].sum()
    total, number = LOSSES["binary"](*map(torch.tensor, (outputs, labels, weights)))
    assert (float(total), int(number)) == (pytest.approx(expected, rel=1e-9), present.sum())


def test_the_weight_of_a_class_multiplies_the_loss_of_its_sequences(outputs):
    labels = labels_of("multiclass")
    weights = np.array([[1.0] * TASKS, [3.0, 5.0, 7.0]])
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    rows = np.flatnonzero(~np.isnan(labels[:, 0]))
    expected = sum(-np.log(shares[row, labels[row].argmax()]) * weights[1, labels[row].argmax()] for row in rows)
    total, number = LOSSES["multiclass"](*map(torch.tensor, (outputs, labels, weights)))
    assert (float(total), int(number)) == (pytest.approx(expected, rel=1e-9), len(rows))


def test_balanced_labels_have_the_same_share_in_the_loss():
    nan = float("nan")
    labels = np.array([[1, 0, 1], [0, 0, 1], [0, nan, 1], [0, 1, 1], [nan, 0, 1]], dtype=np.float32)
    assert np.array(balancing_weights("binary", labels)) == pytest.approx(
        np.array([[4 / 6, 4 / 6, 1], [4 / 2, 4 / 2, 1]])
    )
    classes = np.eye(4, dtype=np.float32)[[0, 0, 0, 0, 1, 3]]
    (_, ones) = balancing_weights("multiclass", classes)
    assert [ones[0], ones[1], ones[3]] == pytest.approx([6 / (3 * 4), 6 / 3, 6 / 3])
    assert balancing_weights("regression", np.array([[0.0, 1, 5]], dtype=np.float32)) == [[1, 1, 1]] * 2
