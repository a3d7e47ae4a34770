"""Layers that several networks share. Each knows where sequences end.

Features have the shape ``(batch, channels, places)``. Where the sequences of a batch differ in length, `lengths`, shape
``(batch,)``, says how many of the places belong to each; the features after them are zeros. A layer takes and returns
features of this form, so what stands after a sequence's end always is what a convolution assumes beyond the last place.
They stay in the order in memory that they are given in, see :mod:`motifloom.models.channels_last`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from motifloom import config
from motifloom.models.batch_norm import BatchNorm
from motifloom.models.channels_last import Conv1d, as_image

if TYPE_CHECKING:
    from collections.abc import Iterator


class Layer(nn.Module):
    """Maps features to features.

    Attributes
    ----------
    span
        How many neighbouring places of the input a place of the output is computed from, at most.
    stride
        How many places of the input lie between neighbouring places of the output.
    """

    span = 1
    stride = 1

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map features; `lengths` is None where all places belong to the sequences."""
        raise NotImplementedError

    def places(self, lengths: Tensor) -> Tensor:
        """Return how many places of the output belong to sequences that have `lengths` places of the input."""
        return lengths


class Chain(Layer, nn.Sequential):
    """Layers one after the other."""

    def __init__(self, *layers: Layer) -> None:
        super().__init__(*layers)
        for layer in layers:
            self.span += (layer.span - 1) * self.stride
            self.stride *= layer.stride

    def __iter__(self) -> Iterator[Layer]:
        return cast("Iterator[Layer]", super().__iter__())

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Apply the layers."""
        for layer in self:
            x = layer(x, lengths)
            lengths = None if lengths is None else layer.places(lengths)
        return x

    def places(self, lengths: Tensor) -> Tensor:
        """Return how many places are left."""
        for layer in self:
            lengths = layer.places(lengths)
        return lengths


def own_places(x: Tensor, lengths: Tensor) -> Tensor:
    """Return which places of features belong to their sequence, shape ``(batch, 1, places)``."""
    return torch.arange(x.shape[2], device=x.device) < lengths.to(x.device)[:, None, None]


def _at_least(x: Tensor, width: int, value: float = 0.0) -> Tensor:
    """Append places of a `value` to features of fewer than `width` places."""
    if x.shape[2] >= width:
        return x
    return functional.pad(as_image(x), (0, width - x.shape[2]), value=value).squeeze(2)


class Exponential(nn.Module):
    """exp(x): suppresses weak activations, so that first-layer filters become whole motifs.

    Koo and Ploenzke, Improving representations of genomic sequence motifs in convolutional networks with exponential
    activations, Nature Machine Intelligence 3:258 (2021).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Apply the exponential to a tensor of any shape."""
        return torch.exp(x)


class Convolution(Layer, nn.Sequential):
    """A convolution ``0``, batch norm ``1`` if wanted, and an activation ``2``.

    Parameters
    ----------
    channels, filters
        Of the input and of the output.
    kernel_size
        Of a filter; odd, so that it has a centre.
    padding
        Where filters lie: ``valid``, wholly on the sequence (a sequence shorter than a filter has one place for it);
        ``same``, their centres on it; ``full``, any part of them on it. What is beyond the ends is zero.
    dilation
        The distance between the places of the input that a filter looks at.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel_size: int,
        activation: nn.Module,
        *,
        stride: int = 1,
        padding: Literal["valid", "same", "full"] = "same",
        dilation: int = 1,
        batch_norm: bool = True,
    ) -> None:
        span = (kernel_size - 1) * dilation + 1
        beyond = {"valid": 0, "same": span // 2, "full": span - 1}[padding]
        super().__init__(
            Conv1d(channels, filters, kernel_size, stride, beyond, dilation, bias=not batch_norm),
            BatchNorm(filters) if batch_norm else nn.Identity(),
            activation,
        )
        self.span, self.stride, self.beyond = span, stride, beyond

    @property
    def activation(self) -> nn.Module:
        """Maps every value by itself, a greater one to a value that is no less, and never a negative one."""
        return self[2]

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map features ``(batch, channels, places)`` to ``(batch, filters, places)``."""
        active: Tensor = self.activation(self.normed(x, lengths))
        return active if lengths is None else active.where(own_places(active, self.places(lengths)), 0.0)

    def normed(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return what the activation is computed from, at whatever values behind a sequence's end."""
        convolution, norm, _ = self
        x = convolution(_at_least(x, self.span - 2 * self.beyond))
        if isinstance(norm, BatchNorm):
            return norm(x, None if lengths is None else own_places(x, self.places(lengths)))
        return x

    def places(self, lengths: Tensor) -> Tensor:
        """Return the number of places where a filter lies, at least 1."""
        beyond = 2 * self.beyond - self.span
        return ((lengths + beyond) // self.stride + 1).clamp(min=1)

    def scan(self, x: Tensor) -> Tensor:
        """Return the activations with the filters centred on every place, whatever `stride` and `padding` are.

        Parameters
        ----------
        x
            Shape ``(batch, channels, places)``.

        Returns
        -------
        Shape ``(batch, filters, places)``.
        """
        convolution, norm, activation = cast("tuple[Conv1d, nn.Module, nn.Module]", self)
        return torch.as_tensor(activation(norm(convolution.filtered(x, stride=1, padding=self.span // 2))))


class Pooling(Layer):
    """The greatest or the mean value of `size` neighbouring places, every `stride` places.

    The last window may reach beyond the sequence's end; what is there does not count.
    """

    def __init__(self, kind: Literal["max", "average"], size: int, stride: int | None = None) -> None:
        super().__init__()
        self.kind, self.span, self.stride = kind, size, stride or size

    @classmethod
    def of(cls, settings: config.Pooled) -> Pooling:
        """Return the pooling that the settings of a network say."""
        return cls(settings.pooling, settings.pool_size, settings.pool_stride)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map features ``(batch, channels, places)`` to fewer places."""
        pooled = self._greatest(x, lengths) if self.kind == "max" else self._mean(x, lengths)
        return pooled if lengths is None else pooled.where(own_places(pooled, self.places(lengths)), 0.0)

    def _greatest(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        least = torch.finfo(x.dtype).min  # -inf has no difference to itself, which attributions ask for
        known = x if lengths is None else x.where(own_places(x, lengths), least)
        wide = as_image(_at_least(known, self.span, least))
        return functional.max_pool2d(wide, (1, self.span), (1, self.stride), ceil_mode=True).squeeze(2)

    def _mean(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        own = x.new_ones(1, 1, x.shape[2]) if lengths is None else own_places(x, lengths).to(x.dtype)
        share = self._averaged(own)  # of each window that belongs to the sequence
        return self._averaged(x) / share.where(share > 0, 1.0)

    def _averaged(self, x: Tensor) -> Tensor:
        wide = as_image(_at_least(x, self.span))
        return functional.avg_pool2d(wide, (1, self.span), (1, self.stride), ceil_mode=True).squeeze(2)

    def places(self, lengths: Tensor) -> Tensor:
        """Return the number of windows that it takes to reach the end."""
        return ((lengths - self.span + self.stride - 1) // self.stride + 1).clamp(min=1)


class PooledConvolution(Chain):
    """A convolution, then pooling over the places of its activations.

    The greatest activation is the activation of the greatest value, so of max-pooling it alone is computed.
    """

    def __init__(self, convolution: Convolution, pooling: Pooling) -> None:
        super().__init__(convolution, pooling)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map features ``(batch, channels, places)`` to ``(batch, filters, places)``."""
        convolution, pooling = cast("tuple[Convolution, Pooling]", self)
        if pooling.kind != "max":
            return super().forward(x, lengths)
        x = pooling(convolution.normed(x, lengths), None if lengths is None else convolution.places(lengths))
        active: Tensor = convolution.activation(x)
        return active if lengths is None else active.where(own_places(active, self.places(lengths)), 0.0)


def filter_layer(settings: config.Convolutional) -> Chain:
    """Return the first layer of a convolutional network, whose filters scan the sequence as motifs do, and its pooling.

    Maps ``(batch, 4, length)`` to ``(batch, filters, places)``. The activations are not negative.
    """
    convolution = Convolution(
        4,
        settings.filters,
        settings.kernel_size,
        nn.ReLU() if settings.activation == "relu" else Exponential(),
        stride=settings.stride,
        padding=settings.padding,
        batch_norm=settings.batch_norm,
    )
    if isinstance(settings, config.Pooled):
        return PooledConvolution(convolution, Pooling.of(settings))
    return Chain(convolution)


class Readout(nn.Module):
    """Makes one vector of the places of a sequence.

    flatten
        All places side by side: where something is may count.
    max, mean
        Each channel's greatest or mean value.
    attention
        A mean of places, weighted by the softmax of a score that is linear in a place's channels; after the
        feed-forward attention of Raffel and Ellis (arXiv:1512.08756, 2015), whose score is bounded by a tanh.

    Parameters
    ----------
    places
        Of the longest sequence.
    """

    def __init__(self, kind: Literal["flatten", "max", "mean", "attention"], channels: int, places: int) -> None:
        super().__init__()
        self.kind, self.width = kind, places
        self.features = channels * places if kind == "flatten" else channels
        """The length of the vector."""
        if kind == "attention":
            self.score = nn.Linear(channels, 1, bias=False)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Map features ``(batch, channels, places)`` to ``(batch, features)``."""
        if self.kind == "flatten":
            return _at_least(x, self.width).flatten(1)
        own = None if lengths is None else own_places(x, lengths)
        if self.kind == "max":
            x = x if own is None else x.where(own, -torch.inf)
            greatest = functional.max_pool2d(as_image(x), (1, x.shape[2]))
            return greatest.permute(0, 2, 3, 1).flatten(1)  # so that its gradient is channels last again
        if self.kind == "mean":
            return x.mean(dim=2) if own is None else x.where(own, 0.0).sum(dim=2) / own.sum(dim=2)
        scores = self.score(x.transpose(1, 2)).transpose(1, 2)  # (batch, 1, places)
        weights = (scores if own is None else scores.masked_fill(~own, -torch.inf)).softmax(dim=2)
        return torch.as_tensor((x * weights).sum(dim=2))
