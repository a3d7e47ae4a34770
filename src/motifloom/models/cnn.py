"""A convolutional network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor, nn

from motifloom.models.layers import filter_layer

if TYPE_CHECKING:
    from motifloom import config


class Cnn(nn.Module):
    """Motif filters, then a convolution over their pooled places.

    1. ``first_layer``: a convolution of `filters` filters over the bases, batch norm, activation.
    2. Max-pooling over `pool_size` bp: where exactly a motif lies within it no longer counts.
    3. A second convolution: which motifs stand side by side.
    4. A dense layer over all places to one logit a task: how far from the centre a motif lies may count.

    After DeepBind (Alipanahi et al., Nature Biotechnology 33:831, 2015) and Basset (Kelley et al., Genome Research
    26:990, 2016), smaller than both. The wide first pooling makes the filters learn whole motifs rather than parts
    (Koo and Eddy, PLoS Computational Biology 15:e1007560, 2019), and so does the exponential activation.

    Parameters
    ----------
    settings
        Hyperparameters.
    tasks
        The number of logits.
    length
        Of the sequences, in bp; the dense layer's size follows from it.
    """

    def __init__(self, settings: config.Cnn, tasks: int, length: int) -> None:
        super().__init__()
        self.first_layer = filter_layer(settings.filters, settings.kernel_size, settings.activation)
        self.pool = nn.MaxPool1d(settings.pool_size, ceil_mode=True)
        self.second_layer = nn.Sequential(
            nn.Dropout(settings.dropout),
            nn.Conv1d(settings.filters, settings.hidden, kernel_size=3, padding="same", bias=False),
            nn.BatchNorm1d(settings.hidden),
            nn.ReLU(),
        )
        places = math.ceil(length / settings.pool_size)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(settings.dropout), nn.Linear(settings.hidden * places, tasks)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(batch, tasks)`` of one-hot sequences ``(batch, 4, length)``."""
        x = self.pool(self.first_layer(x))  # (batch, filters, length / pool_size)
        x = self.second_layer(x)  # (batch, hidden, length / pool_size)
        logits: Tensor = self.head(x)
        return logits
