"""First-layer filters turned into motifs from the sites that activate them.

A filter's site in a sequence is the place, on either strand unless the sequences have a direction, where it is most
active: one site a sequence, as in
DeepBind (Alipanahi et al., Nature Biotechnology 33:831, 2015), so that no repeat fills a motif by itself. The sites of
some sequences that are more active than the best site of 99 % of a background's sequences are aligned and counted. A
threshold set by a background means the same for every activation function; Basset's half of the maximum (Kelley et al.,
Genome Research 26:990, 2016) lets the best chance site of almost every sequence pass once filters are weak, and few
true sites pass once activations are exponential.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from motifloom.genome import PADDING, UNKNOWN, reverse_complement, sequence_lengths
from motifloom.models.encoding import one_hot
from motifloom.models.layers import own_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.genome import Codes
    from motifloom.models.base import FilterNetwork
    from motifloom.models.layers import Convolution

BACKGROUND_BELOW = 0.99
"""The share of the background's sequences whose best site must be less active than a site that counts."""

NOWHERE = -1.0
"""The activation, less than any that there is, of a sequence that has no place for a site."""

BATCH = 256
"""Sequences that are scanned at a time."""


@dataclass(frozen=True)
class BestSites:
    """The place in each sequence where each filter is most active; arrays of shape ``(sequences, filters)``.

    Attributes
    ----------
    activation
        The filter's activation there; :data:`NOWHERE` where the sequence has no place for a site.
    position
        Of the filter's centre, in bp from the start of the strand it reads.
    minus
        Whether that is the reverse strand.
    """

    activation: npt.NDArray[np.float32]
    position: npt.NDArray[np.int64]
    minus: npt.NDArray[np.bool_]


def best_sites(network: FilterNetwork, batches: Iterable[Codes], number: int, both_strands: bool) -> BestSites:
    """Scan sequences with a network's first layer.

    A place counts where at least half of the bases that the filter lies on are known: the others are beyond the
    sequence's ends, or N.

    Parameters
    ----------
    batches
        Codes of shape ``(batch, length)``; memory beyond the result grows with the batch alone.
    number
        The number of sequences in all batches.
    both_strands
        Whether the other strand is scanned too.
    """
    first_layer = network.first_layer
    filters, _, width = first_layer.get_parameter("0.weight").shape
    # Made whole: small parts kept between the large tensors of the batches would leave holes in the memory.
    found = BestSites(*(np.empty((number, filters), dtype=dtype) for dtype in (np.float32, np.int64, np.bool_)))
    first = 0
    with torch.inference_mode():
        for codes in batches:
            strands = [codes]
            if both_strands:
                strands.append(reverse_complement(codes, sequence_lengths(codes)))
            best = [_best_places(first_layer, strand, width) for strand in strands]
            activation, position = (np.stack(parts) for parts in zip(*best, strict=True))  # (strands, batch, filters)
            strand = activation.argmax(axis=0)[None]
            part = slice(first, first := first + len(codes))
            found.activation[part] = activation.max(axis=0)
            found.position[part] = np.take_along_axis(position, strand, axis=0)[0]
            found.minus[part] = strand[0] == 1
    return found


def _best_places(
    first_layer: Convolution, codes: Codes, width: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return the greatest activations on one strand and their places, shape ``(batch, filters)`` each."""
    x = one_hot(torch.from_numpy(codes))
    known = functional.conv1d(x, torch.ones(1, 4, width), padding="same")  # (batch, 1, length)
    activation, place = first_layer.scan(x).masked_fill(known < width / 2, NOWHERE).max(dim=2)
    return activation.numpy(), place.numpy()


def filter_width(network: FilterNetwork) -> int:
    """Return the width of a network's first-layer filters, in bp."""
    return int(network.first_layer.get_parameter("0.weight").shape[2])


def active_sites(scanned: BestSites, background: BestSites) -> npt.NDArray[np.bool_]:
    """Return which best sites pass the background's threshold and are active at all, shape ``(scanned, filters)``."""
    threshold = np.quantile(background.activation, BACKGROUND_BELOW, axis=0)
    return scanned.activation > np.maximum(threshold, 0)


def dead_filters(*scans: BestSites) -> npt.NDArray[np.bool_]:
    """Return which filters are inactive, or equally active, in every sequence scanned, shape ``(filters,)``."""
    greatest = np.max([scan.activation.max(axis=0) for scan in scans], axis=0)
    least = np.min([np.where(scan.activation < 0, np.inf, scan.activation).min(axis=0) for scan in scans], axis=0)
    return np.asarray((greatest <= 0) | (greatest == least))


def count_bases(
    dataset: Dataset,
    rows: npt.NDArray[np.int64],
    sites: BestSites,
    active: npt.NDArray[np.bool_],
    width: int,
) -> npt.NDArray[np.float64]:
    """Align each filter's active sites and count their bases.

    Parameters
    ----------
    rows
        The sequences that were scanned.
    active
        Which of the best sites count, shape ``(len(rows), filters)``.
    width
        Of the filters, in bp.

    Returns
    -------
    Counts, shape ``(filters, width, 4)``. What a site has beyond the sequence's ends, and unknown bases, are not
    counted.
    """
    counts = np.zeros((active.shape[1], width, 4))
    half = width // 2
    for first in range(0, len(rows), BATCH):
        part = slice(first, first + BATCH)
        forward = dataset.codes(rows[part])
        padded = [
            np.pad(strand, ((0, 0), (half, half)), constant_values=PADDING)
            for strand in (forward, reverse_complement(forward, sequence_lengths(forward)))
        ]
        both = np.stack(padded, axis=1)  # (sequences, strand, half + length + half)
        sequence, unit = np.nonzero(active[part])
        strand = sites.minus[part][sequence, unit].astype(int)
        start = sites.position[part][sequence, unit]
        bases = both[sequence[:, None], strand[:, None], start[:, None] + np.arange(width)]  # (sites, width)
        place = np.broadcast_to(np.arange(width), bases.shape)
        filters = np.broadcast_to(unit[:, None], bases.shape)
        known = bases < UNKNOWN
        np.add.at(counts, (filters[known], place[known], bases[known]), 1)
    return counts


@contextmanager
def ablated(network: FilterNetwork, units: Sequence[int], means: Tensor) -> Iterator[None]:
    """Replace the output of some filters by their means while the block runs.

    Parameters
    ----------
    units
        The filters' numbers.
    means
        Every filter's mean activation, shape ``(filters,)``.
    """
    first_layer = network.first_layer

    def replace(_: nn.Module, inputs: tuple[Tensor | None, ...], output: Tensor) -> Tensor:
        lengths = inputs[1] if len(inputs) > 1 else None
        output = output.clone()
        output[:, list(units)] = means[list(units), None]
        return output if lengths is None else output.where(own_places(output, first_layer.places(lengths)), 0.0)

    handle = first_layer.register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()


def mean_activation(network: FilterNetwork, dataset: Dataset, rows: npt.NDArray[np.int64]) -> Tensor:
    """Return each filter's mean activation over all places of the sequences of `rows`, shape ``(filters,)``."""
    first_layer = network.first_layer
    total, places = torch.zeros(()), 0
    with torch.inference_mode():
        for codes in batches_of(dataset, rows):
            lengths = torch.from_numpy(sequence_lengths(codes))
            output: Tensor = first_layer(one_hot(torch.from_numpy(codes)), lengths)  # 0 behind a sequence's end
            total = total + output.double().sum(dim=(0, 2))
            places += int(first_layer.places(lengths).sum())
    return (total / places).float()


def batches_of(dataset: Dataset, rows: npt.NDArray[np.int64]) -> Iterator[Codes]:
    """Yield the codes of `rows`, some at a time."""
    for first in range(0, len(rows), BATCH):
        yield dataset.codes(rows[first : first + BATCH])
