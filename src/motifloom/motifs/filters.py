"""First-layer filters turned into motifs from the sites that activate them.

A filter's site in a sequence is the place, on either strand, where it is most active: one site a sequence, as in
DeepBind (Alipanahi et al., Nature Biotechnology 33:831, 2015), so that no repeat fills a motif by itself. The sites of
held-out positives that are more active than the best site of 99 % of the held-out negatives are aligned and counted. A
threshold set by negatives means the same for every activation function; Basset's half of the maximum (Kelley et al.,
Genome Research 26:990, 2016) lets the best chance site of almost every sequence pass once filters are weak, and few
true sites pass once activations are exponential.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from motifloom.genome import UNKNOWN, reverse_complement
from motifloom.models.encoding import one_hot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.genome import Codes

NEGATIVES_BELOW = 0.99
"""The share of the held-out negatives whose best site must be less active than a site that counts."""

BATCH = 256


@dataclass(frozen=True)
class BestSites:
    """The place in each sequence where each filter is most active; arrays of shape ``(sequences, filters)``.

    Attributes
    ----------
    activation
        The filter's activation there.
    position
        Of the filter's centre, in bp from the start of the strand it reads.
    minus
        Whether that is the reverse strand.
    """

    activation: npt.NDArray[np.float32]
    position: npt.NDArray[np.int64]
    minus: npt.NDArray[np.bool_]


def best_sites(network: nn.Module, dataset: Dataset, rows: npt.NDArray[np.int64]) -> BestSites:
    """Scan the sequences of `rows`, both strands, with a network's first layer.

    Memory beyond the result grows with the batch alone.
    """
    first_layer = network.get_submodule("first_layer")
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    with torch.inference_mode():
        for codes in _batches(dataset, rows):
            strands = [torch.from_numpy(codes), torch.from_numpy(reverse_complement(codes))]
            values, places = zip(*(first_layer(one_hot(strand)).max(dim=2) for strand in strands), strict=True)
            minus = values[1] > values[0]
            parts.append((torch.maximum(*values), torch.where(minus, places[1], places[0]), minus))
    activation, position, minus = (torch.cat(columns).numpy() for columns in zip(*parts, strict=True))
    return BestSites(activation, position, minus)


def active_sites(positives: BestSites, negatives: BestSites) -> npt.NDArray[np.bool_]:
    """Return which best sites of positives pass the negatives' threshold, shape ``(positives, filters)``."""
    threshold = np.quantile(negatives.activation, NEGATIVES_BELOW, axis=0)
    return positives.activation > threshold


def dead_filters(*scans: BestSites) -> npt.NDArray[np.bool_]:
    """Return which filters are inactive, or equally active, in every sequence scanned, shape ``(filters,)``."""
    greatest = np.max([scan.activation.max(axis=0) for scan in scans], axis=0)
    least = np.min([scan.activation.min(axis=0) for scan in scans], axis=0)
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
            np.pad(strand, ((0, 0), (half, half)), constant_values=UNKNOWN)
            for strand in (forward, reverse_complement(forward))
        ]
        both = np.stack(padded, axis=1)  # (sequences, strand, half + length + half)
        sequence, unit = np.nonzero(active[part])
        strand = sites.minus[part][sequence, unit].astype(int)
        start = sites.position[part][sequence, unit]
        bases = both[sequence[:, None], strand[:, None], start[:, None] + np.arange(width)]  # (sites, width)
        place = np.broadcast_to(np.arange(width), bases.shape)
        filters = np.broadcast_to(unit[:, None], bases.shape)
        known = bases != UNKNOWN
        np.add.at(counts, (filters[known], place[known], bases[known]), 1)
    return counts


@contextmanager
def ablated(network: nn.Module, units: Sequence[int], means: Tensor) -> Iterator[None]:
    """Replace the output of some filters by their means while the block runs.

    Parameters
    ----------
    units
        The filters' numbers.
    means
        Every filter's mean activation, shape ``(filters,)``.
    """

    def replace(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        output = output.clone()
        output[:, list(units)] = means[list(units), None]
        return output

    handle = network.get_submodule("first_layer").register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()


def mean_activation(network: nn.Module, dataset: Dataset, rows: npt.NDArray[np.int64]) -> Tensor:
    """Return each filter's mean activation over all places of the sequences of `rows`, shape ``(filters,)``."""
    first_layer = network.get_submodule("first_layer")
    total: Tensor | float = 0.0
    with torch.inference_mode():
        for codes in _batches(dataset, rows):
            output: Tensor = first_layer(one_hot(torch.from_numpy(codes)))
            total = total + output.double().mean(dim=2).sum(dim=0)
    return torch.as_tensor(total / len(rows)).float()


def _batches(dataset: Dataset, rows: npt.NDArray[np.int64]) -> Iterator[Codes]:
    for first in range(0, len(rows), BATCH):
        yield dataset.codes(rows[first : first + BATCH])
