"""A convolution read by a bidirectional LSTM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from motifloom.models.base import FilterNetwork
from motifloom.models.dropout import Dropout
from motifloom.models.layers import Chain, filter_layer
from motifloom.models.recurrent import RecurrentLayers

if TYPE_CHECKING:
    from motifloom import config


class CnnBilstm(FilterNetwork):
    """Motif filters, then an LSTM that reads their pooled activations in both directions.

    1. ``first_layer``: a convolution of `filters` filters over the bases, batch norm, activation.
    2. Pooling over `pool_size` places: a shorter road for the LSTM.
    3. `layers` LSTM layers of `hidden` units a direction: in which order, and how far apart, the motifs stand.
    4. Of every unit the greatest output along the sequence, or what else `readout` says.
    5. A dense layer to one logit a task.

    After DanQ (Quang and Xie, Nucleic Acids Research 44:e107, 2016); unlike DanQ it takes the greatest output rather
    than all of them flattened, so its size does not depend on the length.
    """

    def __init__(self, settings: config.CnnBilstm, tasks: int) -> None:
        super().__init__(settings)
        self.trunk = Chain(filter_layer(settings), Dropout(settings.dropout))
        self.recurrent = RecurrentLayers(settings, settings.filters, lstm=True)
        self.head = nn.Sequential(Dropout(settings.dropout), nn.Linear(self.recurrent.features, tasks))

    def logits(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return logits ``(batch, tasks)`` of one-hot sequences ``(batch, 4, length)``."""
        logits: Tensor = self.head(self.recurrent(*self.features(x, lengths)))
        return logits
