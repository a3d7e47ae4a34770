"""A convolutional network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from motifloom.models.base import FilterNetwork
from motifloom.models.dropout import Dropout
from motifloom.models.layers import Chain, Convolution, Readout, filter_layer

if TYPE_CHECKING:
    from motifloom import config


class Cnn(FilterNetwork):
    """Motif filters, then convolutions over their pooled places.

    1. ``first_layer``: a convolution of `filters` filters over the bases, batch norm, activation.
    2. Pooling over `pool_size` places: where exactly a motif lies within it no longer counts.
    3. `layers` − 1 more convolutions of `hidden` filters over three places, `dilation` apart, each with batch norm and
       ReLU: which motifs stand side by side.
    4. All places side by side (`readout` ``flatten``: how far from the start a motif lies may count), or their maximum,
       mean or attention.
    5. A dense layer to one logit a task.

    After DeepBind (Alipanahi et al., Nature Biotechnology 33:831, 2015; one layer and ``max`` come near to it)
    and Basset (Kelley et al., Genome Research 26:990, 2016). Unlike Basset it pools after the first convolution alone
    and has one dense layer. The wide first pooling makes the filters learn whole motifs rather than parts (Koo and
    Eddy, PLoS Computational Biology 15:e1007560, 2019), and so does the exponential activation.

    Parameters
    ----------
    settings
        Hyperparameters.
    tasks
        The number of logits.
    length
        Of the longest sequence, in bp.
    """

    def __init__(self, settings: config.Cnn, tasks: int, length: int) -> None:
        super().__init__(settings)
        self.trunk = Chain(
            filter_layer(settings),
            *(
                Chain(
                    Dropout(settings.dropout),
                    Convolution(
                        settings.hidden if number else settings.filters,
                        settings.hidden,
                        3,
                        nn.ReLU(),
                        dilation=settings.dilation,
                        batch_norm=settings.batch_norm,
                    ),
                )
                for number in range(settings.layers - 1)
            ),
        )
        channels = settings.hidden if settings.layers > 1 else settings.filters
        self.readout = Readout(settings.readout, channels, int(self.trunk.places(torch.tensor(length))))
        self.head = nn.Sequential(Dropout(settings.dropout), nn.Linear(self.readout.features, tasks))

    def logits(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return logits ``(batch, tasks)`` of one-hot sequences ``(batch, 4, length)``."""
        logits: Tensor = self.head(self.readout(*self.features(x, lengths)))
        return logits
