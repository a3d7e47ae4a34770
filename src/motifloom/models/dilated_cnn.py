"""A residual network of dilated convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from motifloom.models.base import FilterNetwork
from motifloom.models.dropout import Dropout
from motifloom.models.layers import Chain, Convolution, Layer, Readout, filter_layer

if TYPE_CHECKING:
    from motifloom import config


class DilatedBlock(Layer):
    """A convolution whose three taps lie `dilation` places apart, added to its own input."""

    def __init__(self, channels: int, dilation: int, dropout: float, batch_norm: bool) -> None:
        super().__init__()
        self.convolution = Convolution(channels, channels, 3, nn.ReLU(), dilation=dilation, batch_norm=batch_norm)
        self.dropout = Dropout(dropout)
        self.span = self.convolution.span

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map ``(batch, channels, places)`` to the same shape."""
        y: Tensor = x + self.dropout(self.convolution(x, lengths))
        return y


class DilatedCnn(FilterNetwork):
    """Motif filters, then residual blocks that see twice as far each.

    1. ``first_layer``: a convolution of `filters` filters over the bases, batch norm, activation.
    2. `blocks` residual blocks of dilation 1, 2, 4, … times `dilation`: no pooling, so every place is kept.
    3. Of every channel the greatest value anywhere in the sequence, or what else `readout` says.
    4. A dense layer to one logit a task.

    After BPNet (Avsec et al., Nature Genetics 53:354, 2021); unlike BPNet it predicts a label rather than a profile,
    has batch norm, and by default takes the greatest rather than the mean activation.

    Parameters
    ----------
    settings
        Hyperparameters.
    tasks
        The number of logits.
    length
        Of the longest sequence, in bp.
    """

    def __init__(self, settings: config.DilatedCnn, tasks: int, length: int) -> None:
        super().__init__(settings)
        self.trunk = Chain(
            filter_layer(settings),
            *(
                DilatedBlock(settings.filters, settings.dilation * 2**power, settings.dropout, settings.batch_norm)
                for power in range(settings.blocks)
            ),
        )
        self.readout = Readout(settings.readout, settings.filters, int(self.trunk.places(torch.tensor(length))))
        self.head = nn.Sequential(Dropout(settings.dropout), nn.Linear(self.readout.features, tasks))

    def logits(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return logits ``(batch, tasks)`` of one-hot sequences ``(batch, 4, length)``."""
        logits: Tensor = self.head(self.readout(*self.features(x, lengths)))
        return logits
