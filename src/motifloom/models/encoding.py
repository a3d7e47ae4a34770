"""One-hot form, made per batch on the device that computes."""

from __future__ import annotations

import torch
from torch import Tensor

from motifloom import genome
from motifloom.genome import BASES, PADDING
from motifloom.models.channels_last import channels_last


def one_hot(codes: Tensor) -> Tensor:
    """Return the one-hot form of codes.

    Parameters
    ----------
    codes
        uint8, shape ``(batch, length)``: A C G T are 0 1 2 3, anything else is no known base.

    Returns
    -------
    float32, shape ``(batch, 4, length)``, on a CPU with the four values of a place side by side in memory; where no
    base is known there are zeros alone.
    """
    if codes.device.type == "cpu":
        return channels_last(torch.from_numpy(genome.one_hot(codes.numpy())))
    bases = torch.arange(len(BASES), dtype=codes.dtype, device=codes.device)
    return (codes[:, None, :] == bases[None, :, None]).float()


def sequence_lengths(codes: Tensor) -> Tensor | None:
    """Return how many bp the sequences of a batch of codes have, shape ``(batch,)``; None where none is padded."""
    own = codes != PADDING
    return None if bool(own.all()) else own.sum(dim=1)


def reverse(x: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return sequences or features with their places in reverse order.

    Parameters
    ----------
    x
        Shape ``(batch, channels, places)``; a shorter sequence begins at the first place.
    lengths
        How many places belong to each sequence, which is reversed within them, shape ``(batch,)``; None where all do.
    """
    if lengths is None:
        return x.flip(2)
    place = torch.arange(x.shape[2], device=x.device)
    end = lengths.to(x.device)[:, None]
    source = torch.where(place < end, end - 1 - place, place)  # (batch, places)
    rows = x.transpose(1, 2)
    return rows.gather(1, source[:, :, None].expand_as(rows)).transpose(1, 2)


def reverse_complement(x: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Return the other strand of one-hot sequences ``(batch, 4, length)``; `lengths` as of :func:`reverse`, in bp."""
    return x.flip((1, 2)) if lengths is None else reverse(x, lengths).flip(1)
