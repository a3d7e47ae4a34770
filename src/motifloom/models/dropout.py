"""Dropout that draws its mask from raw random bits where torch draws it slowly."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from motifloom.models.layers import Layer

RESOLUTION = 2**16
"""A value is dropped or kept by 16 random bits."""


class Dropout(Layer):
    """Dropout (Srivastava et al., Journal of Machine Learning Research 15:1929, 2014).

    In training each value becomes 0 with probability `share`; those that are kept are divided by 1 − `share`, so that
    the expectation stays. On a CPU the share is rounded to a multiple of 1/65536, and torch's generator is asked for 64
    bits at a time, which takes a tenth of the time of a draw for every value. A network that is compiled has torch's
    own dropout: its compiler does not take one kind of number for another.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor, _: Tensor | None = None) -> Tensor:
        """Drop values of a tensor of any shape in training."""
        if not self.training or self.share == 0 or x.device.type != "cpu" or torch.compiler.is_compiling():
            return functional.dropout(x, self.share, self.training)
        dropped = min(round(self.share * RESOLUTION), RESOLUTION - 1)
        kept = random_16_bits(x).ge_(dropped - RESOLUTION // 2)  # 0 or 1; a bool is slower to convert
        return x * kept.to(x.dtype).mul_(RESOLUTION / (RESOLUTION - dropped))


def random_16_bits(x: Tensor) -> Tensor:
    """Return independent uniform integers, int16, in the shape of `x` and in its order in memory."""
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.int16).as_strided(x.shape, torch.empty_like(x).stride())
