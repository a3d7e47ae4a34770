"""Losses over the labels that are there: a missing label, NaN, adds nothing to a loss and nothing to a gradient.

Each takes a network's outputs and targets of shape ``(batch, tasks)`` and returns the sum of the losses and the number
of labels it is over, both scalars. A batch without any label has a sum of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from motifloom.config import Kind


def binary_cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Sum −log P(label) of tasks that are independent of each other, labels 0 or 1."""
    present = ~labels.isnan()
    losses = functional.binary_cross_entropy_with_logits(logits, labels.where(present, 0.0), reduction="none")
    return losses.where(present, 0.0).sum(), present.sum()


def cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Sum −log P(class) over sequences; the labels are 1 for the sequence's class and 0 for the others."""
    present = ~labels.isnan().any(dim=1)
    losses = -(labels.where(present[:, None], 0.0) * logits.log_softmax(dim=1)).sum(dim=1)
    return losses.sum(), present.sum()


def squared_error(values: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Sum (value − target)² over sequences and tasks."""
    present = ~targets.isnan()
    return (values - targets.where(present, 0.0)).where(present, 0.0).square().sum(), present.sum()


LOSSES: dict[Kind, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "binary": binary_cross_entropy,
    "multiclass": cross_entropy,
    "regression": squared_error,
}
"""The loss of each kind of labels."""


def mean_loss(kind: Kind, outputs: Tensor, targets: Tensor) -> tuple[Tensor, int]:
    """Return the mean loss over the labels that are there, 0 where there is none, and their number."""
    total, number = LOSSES[kind](outputs, targets)
    return total / number.clamp(min=1), int(number)
