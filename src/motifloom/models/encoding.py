"""One-hot form, made per batch on the device that computes."""

from __future__ import annotations

import torch
from torch import Tensor


def one_hot(codes: Tensor) -> Tensor:
    """Return the one-hot form of codes.

    Parameters
    ----------
    codes
        uint8, shape ``(batch, length)``: A C G T are 0 1 2 3, anything else is unknown.

    Returns
    -------
    float32, shape ``(batch, 4, length)``; an unknown base is all zeros.
    """
    bases = torch.arange(4, dtype=codes.dtype, device=codes.device)
    return (codes[:, None, :] == bases[None, :, None]).float()


def reverse_complement(x: Tensor) -> Tensor:
    """Return the other strand of one-hot sequences of shape ``(batch, 4, length)``: both axes reversed."""
    return x.flip((1, 2))
