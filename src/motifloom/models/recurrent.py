"""Recurrent networks over the bases: simple, LSTM, and LSTM in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from motifloom import config
from motifloom.models.base import Network
from motifloom.models.dropout import Dropout
from motifloom.models.encoding import reverse
from motifloom.models.layers import Readout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from motifloom.models.cnn_bilstm import CnnBilstm


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
        units: type[nn.RNN | nn.LSTM] = nn.LSTM if lstm else nn.RNN
        self.features = settings.directions * settings.hidden
        """The length of the vector that is read out."""
        self.layers = nn.ModuleList(
            nn.ModuleList(
                units(self.features if layer else channels, settings.hidden, batch_first=True)
                for _ in range(settings.directions)
            )
            for layer in range(settings.layers)
        )
        if isinstance(settings, config.Gated):
            self._open_forget_gates(settings.forget_bias)
        self.hidden, self.dropout = settings.hidden, Dropout(settings.dropout)
        self.readout = None if settings.readout == "final" else Readout(settings.readout, self.features, places=0)

    def _open_forget_gates(self, bias: float) -> None:
        for name, values in self.named_parameters():
            if name.endswith("bias_ih_l0"):
                forget = values.data.chunk(4)[1]  # the gates stand in the order i, f, g, o
                forget += bias

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map features ``(batch, channels, places)`` to ``(batch, features)``."""
        x = self.states(x, lengths)
        return torch.as_tensor(self._final(x, lengths) if self.readout is None else self.readout(x, lengths))

    def states(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the outputs of the last layer, ``(batch, features, places)``, the forward direction's units first."""
        for number, (forward, *backward) in enumerate(cast("Iterable[nn.ModuleList]", self.layers)):
            if number > 0:
                x = self.dropout(x)
            read = [_read(forward, x)]  # what follows a sequence's end changes nothing before it
            read += [reverse(_read(units, reverse(x, lengths)), lengths) for units in backward]
            x = torch.cat([part.transpose(1, 2) for part in read], dim=2).transpose(1, 2)  # channels last, as each part
        return x

    def _final(self, outputs: Tensor, lengths: Tensor | None) -> Tensor:
        """Return each direction's last output: of the one that reads backward, that at the first place."""
        row = torch.arange(len(outputs))
        last = outputs[:, :, -1] if lengths is None else outputs[row, :, lengths.cpu() - 1]
        return torch.cat([last[:, : self.hidden], outputs[:, self.hidden :, 0]], dim=1)


def _read(units: nn.Module, x: Tensor) -> Tensor:
    """Return the outputs ``(batch, hidden, places)`` of units that read ``(batch, channels, places)``."""
    outputs, _ = units(x.transpose(1, 2).contiguous())
    return torch.as_tensor(outputs.transpose(1, 2))


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
        self.head = nn.Sequential(Dropout(settings.dropout), nn.Linear(self.recurrent.features, tasks))

    def features(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return what the recurrent layers read, the bases themselves, and how many places belong to each sequence."""
        return x, lengths

    def logits(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return logits ``(batch, tasks)`` of one-hot sequences ``(batch, 4, length)``."""
        logits: Tensor = self.head(self.recurrent(*self.features(x, lengths)))
        return logits


def gradient_by_distance(network: Recurrent | CnnBilstm, x: Tensor) -> Tensor:
    """Return how strongly the last state of recurrent layers depends on a base, by its distance from there.

    That is what a network keeps of a base so many bases later, whatever its own readout is. Such gradients vanish or
    explode exponentially with the distance (Bengio et al., IEEE Transactions on Neural Networks 5:157, 1994).

    Parameters
    ----------
    network
        With recurrent layers that read its ``features``, and a dense layer ``head``.
    x
        One-hot sequences of one length, shape ``(n, 4, length)``.

    Returns
    -------
    The Euclidean norm of the gradient of the sum of the logits with respect to a base's four values, mean over the
    sequences, shape ``(length,)``; the last base comes first. The logits are what the dense layer makes of the final
    state of one direction. Of two directions it is the mean, the distances being those from where each ends.
    """
    training = network.training
    x = x.detach().clone().requires_grad_()
    states = network.eval().recurrent.states(*network.features(x, None))
    weights = network.head.get_parameter("1.weight")
    hidden = network.recurrent.hidden
    profiles = []
    for first, end in zip(range(0, network.recurrent.features, hidden), (-1, 0), strict=False):
        logits = states[:, first : first + hidden, end] @ weights[:, first : first + hidden].T
        (gradient,) = torch.autograd.grad(logits.sum(), x, retain_graph=True)
        norms = gradient.norm(dim=1).mean(dim=0)
        profiles.append(norms if end == 0 else norms.flip(0))
    network.train(training)
    return torch.stack(profiles).mean(dim=0)
