"""What every network has: one signature, both strands where that is wanted, and penalties on its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from motifloom.models.channels_last import as_image
from motifloom.models.encoding import reverse_complement

if TYPE_CHECKING:
    from motifloom import config
    from motifloom.models.layers import Chain, Convolution


class Network(nn.Module):
    """A network; an architecture says how it computes :meth:`logits`.

    With ``shared_strands`` the same weights read both strands of every sequence, in training as well, and the output is
    the mean of the two: a Siamese network, as FactorNet is (Quang and Xie, Methods 166:40, 2019). It is the same for a
    sequence and its reverse complement.
    """

    def __init__(self, settings: config.Network) -> None:
        super().__init__()
        self.shared_strands = settings.shared_strands
        self.l1, self.l2 = settings.l1, settings.l2

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return logits.

        Parameters
        ----------
        x
            One-hot sequences, shape ``(batch, 4, length)``. One that is shorter than `length` begins at the first
            place; the places after its end are zeros.
        lengths
            Of the sequences in bp, at least 1, shape ``(batch,)``; None where all are `length` bp long. The output does
            not depend on how many zeros stand after a sequence's end, and neither do the statistics of batch norm.

        Returns
        -------
        Shape ``(batch, tasks)``.
        """
        if not self.shared_strands:
            return self.logits(x, lengths)
        strands = as_image(x), as_image(reverse_complement(x, lengths))  # of images alone torch keeps the order
        both = torch.cat(strands).squeeze(2)
        one, other = self.logits(both, None if lengths is None else lengths.repeat(2)).chunk(2)
        return (one + other) / 2

    def logits(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return logits ``(batch, tasks)`` from one strand; arguments as of :meth:`forward`."""
        raise NotImplementedError

    def penalty(self) -> Tensor:
        """Return l1 · ∑ |w| + l2 · ∑ w² over all weights w, neither biases nor batch norm; it is added to the loss."""
        total = torch.zeros(())
        if self.l1 or self.l2:
            for weight in self.parameters():
                if weight.dim() > 1:
                    total = total + self.l1 * weight.abs().sum() + self.l2 * weight.square().sum()
        return total


class FilterNetwork(Network):
    """A network whose first layer is a convolution over the bases: its filters are what motifs are read from.

    Attributes
    ----------
    trunk
        The layers before the readout or the LSTM; the first of them scans and, in some networks, pools.
    initialise
        ``kmers`` or ``random``: what the filters are to begin with, see :mod:`motifloom.models.initialisation`.
    """

    trunk: Chain

    def __init__(self, settings: config.Convolutional) -> None:
        super().__init__(settings)
        self.initialise = settings.initialise

    @property
    def first_layer(self) -> Convolution:
        """The filters: weights ``0.weight``, shape ``(filters, 4, kernel_size)``; no activation is negative."""
        return cast("Convolution", self.scanner[0])

    @property
    def scanner(self) -> Chain:
        """The filters and, where the network has it, the pooling over their places."""
        return cast("Chain", self.trunk[0])

    @property
    def receptive_field(self) -> int:
        """How many neighbouring bp one place after the trunk is computed from."""
        return self.trunk.span

    def features(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return what the trunk makes of sequences, and how many of its places belong to each of them."""
        return self.trunk(x, lengths), None if lengths is None else self.trunk.places(lengths)
