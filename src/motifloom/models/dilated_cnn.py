"""A residual network of dilated convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from motifloom.models.layers import filter_layer

if TYPE_CHECKING:
    from motifloom import config


class DilatedBlock(nn.Module):
    """A convolution whose three taps lie `dilation` bp apart, added to its own input."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(channels, channels, kernel_size=3, dilation=dilation, padding="same", bias=False),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, length)`` to the same shape."""
        y: Tensor = x + self.layers(x)
        return y


class DilatedCnn(nn.Module):
    """Motif filters, then residual blocks that see twice as far each.

    1. ``first_layer``: a convolution of `filters` filters over the bases, batch norm, activation.
    2. `blocks` residual blocks of dilation 1, 2, 4, …: no pooling, so every place is kept.
    3. The greatest activation anywhere in the sequence.
    4. A dense layer to one logit a task.

    After BPNet (Avsec et al., Nature Genetics 53:354, 2021); unlike BPNet it predicts a label rather than a profile,
    has batch norm, and takes the greatest rather than the mean activation.
    """

    def __init__(self, settings: config.DilatedCnn, tasks: int) -> None:
        super().__init__()
        self.first_layer = filter_layer(settings.filters, settings.kernel_size, settings.activation)
        self.blocks = nn.Sequential(
            *(DilatedBlock(settings.filters, 2**power, settings.dropout) for power in range(settings.blocks))
        )
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(settings.filters, tasks))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(batch, tasks)`` of one-hot sequences ``(batch, 4, length)``."""
        x = self.blocks(self.first_layer(x))  # (batch, filters, length)
        logits: Tensor = self.head(x.amax(dim=2))
        return logits
