"""Layers that several networks share."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class Exponential(nn.Module):
    """exp(x): suppresses weak activations, so that first-layer filters become whole motifs.

    Koo and Ploenzke, Improving representations of genomic sequence motifs in convolutional networks with exponential
    activations, Nature Machine Intelligence 3:258 (2021).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply the exponential to a tensor of any shape."""
        return torch.exp(x)


def filter_layer(filters: int, kernel_size: int, activation: Literal["relu", "exponential"]) -> nn.Sequential:
    """Return the first layer of a convolutional network: its filters scan the sequence as motifs do.

    Maps ``(batch, 4, length)`` to ``(batch, filters, length)``. The activations are not negative. What
    lies beyond the ends counts as unknown bases.
    """
    return nn.Sequential(
        nn.Conv1d(4, filters, kernel_size, padding="same", bias=False),
        nn.BatchNorm1d(filters),
        nn.ReLU() if activation == "relu" else Exponential(),
    )
