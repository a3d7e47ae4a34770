"""A residual network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from motifloom.models.base import FilterNetwork
from motifloom.models.dropout import Dropout
from motifloom.models.layers import Chain, Convolution, Layer, Readout, filter_layer

if TYPE_CHECKING:
    from motifloom import config


class ResidualBlock(Layer):
    """Two convolutions of width 3, added to a shortcut around them; ReLU after the first one and after the sum.

    The shortcut is the identity where the block's input and output have the same shape, and a projection (a convolution
    of width 1) where the number of channels or, by a `stride` of the first convolution, of places changes. Dropout
    stands between the convolutions, as in wide residual networks (Zagoruyko and Komodakis, BMVC 2016).
    """

    def __init__(self, channels: int, filters: int, stride: int, dropout: float, batch_norm: bool) -> None:
        super().__init__()
        self.layers = Chain(
            Convolution(channels, filters, 3, nn.ReLU(), stride=stride, batch_norm=batch_norm),
            Dropout(dropout),
            Convolution(filters, filters, 3, nn.Identity(), batch_norm=batch_norm),
        )
        self.projection = (
            Convolution(channels, filters, 1, nn.Identity(), stride=stride, batch_norm=batch_norm)
            if channels != filters or stride > 1
            else None
        )
        self.span, self.stride = self.layers.span, self.layers.stride

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map ``(batch, channels, places)`` to ``(batch, filters, places / stride)``."""
        shortcut = x if self.projection is None else self.projection(x, lengths)
        return torch.relu(shortcut + self.layers(x, lengths))

    def places(self, lengths: Tensor) -> Tensor:
        """Return the number of places that are left."""
        return self.layers.places(lengths)


class Resnet(FilterNetwork):
    """Motif filters, then residual blocks over their pooled places.

    1. ``first_layer``: a convolution of `filters` filters over the bases, batch norm, activation.
    2. Pooling over `pool_size` places.
    3. `blocks` residual blocks of `hidden` channels. Every second block halves the places.
    4. Of every channel the greatest value, or what else `readout` says.
    5. A dense layer to one logit a task.

    After ResNet (He et al., CVPR 2016) in one dimension. Unlike it, the first layer and its pooling are those of a
    motif scanner, the number of channels stays the same where the places are halved, and by default the greatest rather
    than the mean value is read out.

    Parameters
    ----------
    settings
        Hyperparameters.
    tasks
        The number of logits.
    length
        Of the longest sequence, in bp.
    """

    def __init__(self, settings: config.Resnet, tasks: int, length: int) -> None:
        super().__init__(settings)
        self.trunk = Chain(
            filter_layer(settings),
            *(
                ResidualBlock(
                    settings.hidden if number else settings.filters,
                    settings.hidden,
                    stride=1 + number % 2,
                    dropout=settings.dropout,
                    batch_norm=settings.batch_norm,
                )
                for number in range(settings.blocks)
            ),
        )
        self.readout = Readout(settings.readout, settings.hidden, int(self.trunk.places(torch.tensor(length))))
        self.head = nn.Sequential(Dropout(settings.dropout), nn.Linear(self.readout.features, tasks))

    def logits(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return logits ``(batch, tasks)`` of one-hot sequences ``(batch, 4, length)``."""
        logits: Tensor = self.head(self.readout(*self.features(x, lengths)))
        return logits
