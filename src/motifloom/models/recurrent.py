"""Recurrent networks over the bases: simple, LSTM, and LSTM in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from motifloom import config
from motifloom.models.base import Network
from motifloom.models.layers import Readout

if TYPE_CHECKING:
    from collections.abc import Callable


class RecurrentLayers(nn.Module):
    """`layers` recurrent layers over features, and what is read out of the last one.

    Simple units (Elman, Cognitive Science 14:179, 1990):

        h' = tanh(W x + U h + b)

    LSTM units (Hochreiter and Schmidhuber, Neural Computation 9:1735, 1997; with the forget gate of Gers et al., Neural
    Computation 12:2451, 2000):

        i, f, o = σ(W x + U h + b) each,  g = tanh(W x + U h + b),  c' = f · c + i · g,  h' = o · tanh(c')

    At the start, `forget_bias` is added to the bias of f: a gate that is open passes gradients on (Jozefowicz et al.,
    ICML 2015). In two directions (Schuster and Paliwal, IEEE Transactions on Signal Processing 45:2673, 1997) every
    layer reads its input from both ends, each direction with weights of its own.

    The readout ``final`` is the last state of each direction: that of the reverse one stands at the first place. The
    others are those of :class:`motifloom.models.layers.Readout` over all places.
    """

    def __init__(self, settings: config.Recurrent, channels: int, *, lstm: bool) -> None:
        super().__init__()
        kind: Callable[..., nn.RNN | nn.LSTM] = nn.LSTM if lstm else nn.RNN
        self.units = kind(
            channels,
            settings.hidden,
            settings.layers,
            dropout=settings.dropout if settings.layers > 1 else 0.0,
            batch_first=True,
            bidirectional=settings.directions == 2,
        )
        if isinstance(settings, config.Gated):
            self._open_forget_gates(settings.forget_bias)
        self.directions = settings.directions
        self.features = settings.directions * settings.hidden
        """The length of the vector that is read out."""
        self.readout = None if settings.readout == "final" else Readout(settings.readout, self.features, places=0)

    def _open_forget_gates(self, bias: float) -> None:
        hidden = self.units.hidden_size
        for name, values in self.units.named_parameters():
            if name.startswith("bias_ih"):
                values.data[hidden : 2 * hidden] += bias  # the gates stand in the order i, f, g, o

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map features ``(batch, channels, places)`` to ``(batch, features)``."""
        x = x.transpose(1, 2).contiguous()
        if lengths is None or self.directions == 1:  # what follows the end changes nothing before it
            outputs, _ = self.units(x)  # (batch, places, features)
        else:
            packed, _ = self.units(pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False))
            outputs, _ = pad_packed_sequence(packed, batch_first=True)
        if self.readout is None:
            return self.final(outputs, lengths)
        return torch.as_tensor(self.readout(outputs.transpose(1, 2), lengths))

    def final(self, outputs: Tensor, lengths: Tensor | None) -> Tensor:
        """Return each direction's last output: of the reverse direction, that at the first place."""
        hidden = self.units.hidden_size
        row = torch.arange(len(outputs))
        last = outputs[:, -1] if lengths is None else outputs[row, lengths.cpu() - 1]
        return torch.cat([last[:, :hidden], outputs[:, 0, hidden:]], dim=1)


class Recurrent(Network):
    """A recurrent network that reads the bases one by one: ``rnn``, ``lstm`` or ``bilstm``.

    1. `layers` layers of `hidden` units in each of the `directions`, simple (``rnn``) or LSTM.
    2. Of every unit the greatest output along the sequence (a motif far from the ends is not forgotten), or what else
       `readout` says: the final states, as in the sources of these units, the mean, or attention.
    3. A dense layer to one logit a task.
    """

    def __init__(self, settings: config.Recurrent, tasks: int) -> None:
        super().__init__(settings)
        self.recurrent = RecurrentLayers(settings, 4, lstm=isinstance(settings, config.Gated))
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(self.recurrent.features, tasks))

    def logits(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return logits ``(batch, tasks)`` of one-hot sequences ``(batch, 4, length)``."""
        logits: Tensor = self.head(self.recurrent(x, lengths))
        return logits


def gradient_by_distance(network: nn.Module, x: Tensor) -> Tensor:
    """Return how strongly the output depends on a base, by its distance from the end of the sequence.

    Gradients of a network that reads out its final state vanish exponentially with the distance (Bengio et al., IEEE
    Transactions on Neural Networks 5:157, 1994).

    Parameters
    ----------
    x
        One-hot sequences of one length, shape ``(n, 4, length)``.

    Returns
    -------
    The Euclidean norm of the gradient of the sum of the logits with respect to a base's four values, mean over the
    sequences, shape ``(length,)``; the last base comes first.
    """
    training = network.training
    x = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network.eval()(x).sum(), x)
    network.train(training)
    return torch.as_tensor(gradient.norm(dim=1).mean(dim=0).flip(0))
