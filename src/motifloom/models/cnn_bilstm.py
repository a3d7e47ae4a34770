"""A convolution read by a bidirectional LSTM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from motifloom.models.layers import filter_layer

if TYPE_CHECKING:
    from motifloom import config


class CnnBilstm(nn.Module):
    """Motif filters, then an LSTM that reads their pooled activations in both directions.

    1. ``first_layer``: a convolution of `filters` filters over the bases, batch norm, activation.
    2. Max-pooling over `pool_size` bp: a shorter road for the LSTM.
    3. An LSTM of `hidden` units a direction: in which order, and how far apart, the motifs stand.
    4. Of every unit the greatest output along the sequence.
    5. A dense layer to one logit a task.

    After DanQ (Quang and Xie, Nucleic Acids Research 44:e107, 2016); unlike DanQ it takes the greatest output rather
    than all of them flattened, so its size does not depend on the length.
    """

    def __init__(self, settings: config.CnnBilstm, tasks: int) -> None:
        super().__init__()
        self.first_layer = filter_layer(settings.filters, settings.kernel_size, settings.activation)
        self.pool = nn.Sequential(nn.MaxPool1d(settings.pool_size, ceil_mode=True), nn.Dropout(settings.dropout))
        self.lstm = nn.LSTM(settings.filters, settings.hidden, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(2 * settings.hidden, tasks))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(batch, tasks)`` of one-hot sequences ``(batch, 4, length)``."""
        x = self.pool(self.first_layer(x))  # (batch, filters, length / pool_size)
        outputs, _ = self.lstm(x.transpose(1, 2).contiguous())  # (batch, length / pool_size, 2 · hidden)
        logits: Tensor = self.head(torch.amax(outputs, dim=1))
        return logits
