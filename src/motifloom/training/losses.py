"""Losses over the labels that are there: a missing label, NaN, adds nothing to a loss and nothing to a gradient.

Each takes a network's outputs and targets of shape ``(batch, tasks)``, and weights of shape ``(2, tasks)``: of a label
0 and of a label 1 of each task. It returns the sum of the losses and the number of labels it is over, both scalars. A
batch without any label has a sum of 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from torch import Tensor

    from motifloom.config import Kind


def binary_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Sum −log P(label) of tasks that are independent of each other, labels 0 or 1."""
    present = ~labels.isnan()
    losses = functional.binary_cross_entropy_with_logits(
        logits, labels.where(present, 0.0), weight=weights[1].where(labels == 1, weights[0]), reduction="none"
    )
    return losses.where(present, 0.0).sum(), present.sum()


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Sum −log P(class) over sequences; the labels are 1 for the sequence's class and 0 for the others."""
    present = ~labels.isnan().any(dim=1)
    own_class = labels.where(present[:, None], 0.0) * weights[1]
    losses = -(own_class * logits.log_softmax(dim=1)).sum(dim=1)
    return losses.sum(), present.sum()


def squared_error(values: Tensor, targets: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    """Sum (value − target)² over sequences and tasks."""
    present = ~targets.isnan()
    return (values - targets.where(present, 0.0)).where(present, 0.0).square().sum(), present.sum()


LOSSES: dict[Kind, Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "binary": binary_cross_entropy,
    "multiclass": cross_entropy,
    "regression": squared_error,
}
"""The loss of each kind of labels."""


def balancing_weights(kind: Kind, labels: npt.NDArray[np.float32]) -> list[list[float]]:
    """Return the weights with which both labels of a task, or all classes, have the same share in the loss.

    Parameters
    ----------
    labels
        Of training, shape ``(n, tasks)``, NaN where one is missing.

    Returns
    -------
    The weights of a label 0 and of a label 1 of each task. Over the training labels their mean is 1: a label's weight
    is the number of the task's labels, divided by how many of them are alike and by 2, or by the number of classes. The
    labels of a task that has but one, and of a regression, weigh 1.
    """
    zeros, ones = ((labels == value).sum(axis=0).astype(np.float64) for value in (0, 1))
    if kind == "regression":
        weights = np.ones((2, labels.shape[1]))
    elif kind == "multiclass":
        weights = np.stack([np.ones_like(ones), ones.sum() / ((ones > 0).sum() * ones.clip(1))])
    else:
        weights = np.stack([(zeros + ones) / (2 * count.clip(1)) for count in (zeros, ones)])
        weights[:, (zeros == 0) | (ones == 0)] = 1
    return weights.tolist()
