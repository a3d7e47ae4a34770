"""A bidirectional LSTM over the bases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from motifloom import config


class Bilstm(nn.Module):
    """An LSTM that reads the bases one by one in both directions.

    1. An LSTM of `layers` layers and `hidden` units a direction.
    2. Of every unit the greatest output along the sequence: a motif far from both ends is not forgotten.
    3. A dense layer to one logit a task.

    Hochreiter and Schmidhuber, Neural Computation 9:1735 (1997); Schuster and Paliwal, IEEE Transactions on Signal
    Processing 45:2673 (1997).
    """

    def __init__(self, settings: config.Bilstm, tasks: int) -> None:
        super().__init__()
        between = settings.dropout if settings.layers > 1 else 0.0
        self.lstm = nn.LSTM(4, settings.hidden, settings.layers, dropout=between, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(2 * settings.hidden, tasks))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(batch, tasks)`` of one-hot sequences ``(batch, 4, length)``."""
        outputs, _ = self.lstm(x.transpose(1, 2).contiguous())  # (batch, length, 2 · hidden)
        logits: Tensor = self.head(torch.amax(outputs, dim=1))
        return logits
