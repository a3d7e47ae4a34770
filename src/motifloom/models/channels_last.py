"""Features in the order in memory that a CPU computes with fastest: the channels of a place side by side.

Convolutions, batch norm and pooling then take whole vectors of channels. torch knows this order (``channels_last``) of
images alone, so layers hand it sequences as images one place high. They keep the order that they are given: whoever
makes a network's input chooses it, as :func:`motifloom.models.encoding.one_hot` does.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def channels_last(x: Tensor) -> Tensor:
    """Return features ``(batch, channels, places)`` with the channels of a place side by side in memory."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def as_image(x: Tensor) -> Tensor:
    """Return features ``(batch, channels, places)`` as ``(batch, channels, 1, places)``, in the order they have."""
    return x.unsqueeze(2)


class Conv1d(nn.Conv1d):
    """A convolution that keeps channels last, which torch's own does not."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, channels, places)`` to ``(batch, filters, places)``."""
        return self.filtered(x, self.stride[0], int(self.padding[0]))

    def filtered(self, x: Tensor, stride: int, padding: int) -> Tensor:
        """Apply the filters every `stride` places, with `padding` zeros beyond either end.

        Where few places are passed over in strides, that is done in the weights' own precision: of weights that meet no
        place at all torch 2.13 leaves the gradient in bfloat16 as whatever stood in memory.
        """
        span = (self.kernel_size[0] - 1) * self.dilation[0] + 1
        if stride > 1 and x.shape[2] < span + stride:
            with torch.autocast(x.device.type, enabled=False):
                return self._convolved(x.to(self.weight.dtype), stride, padding)
        return self._convolved(x, stride, padding)

    def _convolved(self, x: Tensor, stride: int, padding: int) -> Tensor:
        weight, dilation = self.weight.unsqueeze(2), (1, self.dilation[0])
        return functional.conv2d(as_image(x), weight, self.bias, (1, stride), (0, padding), dilation).squeeze(2)
