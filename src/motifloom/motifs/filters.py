"""First-layer filters turned into motifs from the sites that activate them.

A filter counts one site a sequence: the place, on either strand unless the sequences have a direction, where it is most
active, as in DeepBind (Alipanahi et al., Nature Biotechnology 33:831, 2015), so that no repeat fills a motif by itself.
The sites of some sequences that are more active than the best site of 99 % of a background's sequences are aligned and
counted. A threshold set by a background means the same for every activation function; Basset's half of the maximum
(Kelley et al., Genome Research 26:990, 2016) lets the best chance site of almost every sequence pass once filters are
weak, and few true sites pass once activations are exponential.

The background are the negatives. Where these have a filter's sites as often, as decoys do that differ in the motifs'
order alone, it is dinucleotide shuffles of the sequences that sites are counted in.

Activations rise with what a filter and its batch norm add up, so sequences are scanned with those sums.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from scipy.stats import betabinom, false_discovery_control
from torch import nn

from motifloom.data.shuffle import shuffled_rows
from motifloom.genome import PADDING, UNKNOWN, reverse_complement
from motifloom.models.base import FilterNetwork
from motifloom.models.batch_norm import BatchNorm
from motifloom.motifs.motif import Motif, informative, probabilities
from motifloom.motifs.scan import Sites, best_scores, find_sites

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.genome import Codes
    from motifloom.models.predictor import Predictor

    Floats = npt.NDArray[np.float32]
    Integers = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]

BACKGROUND_BELOW = 0.99
"""The share of the background's sequences whose best site must be less active than a site that counts."""

BACKGROUND = 2000
"""So many sequences of a background are scanned at most."""

ENRICHED = 0.01
"""A filter has more sites than its background where chance makes as many with at most this probability."""

ENRICHED_Q = 0.05
"""The share of false ones among the filters of a network that are taken to be enriched."""

MIN_NEGATIVES = 20
"""With fewer negatives than this, shuffled sequences are the background."""

BATCH = 256
"""Sequences that are scanned at a time."""


@dataclass(frozen=True)
class Background:
    """Sequences that the sites of filters are held against.

    Attributes
    ----------
    name
        ``negatives``, or ``shuffles`` of the sequences that sites are counted in.
    size
        How many they are.
    thresholds
        What a site has to exceed, shape ``(filters,)``.
    with_site
        In how many of them each filter has a site, shape ``(filters,)``.
    inactive
        Which filters are inactive, or equally active, in all of them, shape ``(filters,)``.
    """

    name: str
    size: int
    thresholds: Floats
    with_site: Integers
    inactive: Mask

    @classmethod
    def of(cls, best: Floats, floor: Floats, name: str) -> Background:
        """Return the background of sequences whose best scores are `best`, shape ``(size, filters)``."""
        thresholds = floor
        if len(best):
            thresholds = np.maximum(floor, np.quantile(best, BACKGROUND_BELOW, axis=0, method="higher"))
        inactive = (best <= floor).all(axis=0) | (best == best[:1]).all(axis=0)
        return cls(name, len(best), thresholds, (best > thresholds).sum(axis=0), inactive)

    def passed_by(self, sites: Sites) -> Mask:
        """Return which sites exceed the threshold, shape ``(sites,)``."""
        return np.asarray(sites.score > self.thresholds[sites.unit])

    def chance(self, with_site: Integers, number: int) -> npt.NDArray[np.float64]:
        """Return how likely as many of `number` sequences have a site if they are like the background.

        The threshold is the background's own (k + 1)-th greatest value of n, so the share of like sequences above it is
        distributed as Beta(k + 1, n − k), and their number as the beta-binomial.

        Parameters
        ----------
        with_site
            How many have one, shape ``(filters,)``.
        """
        k = self.with_site
        return np.asarray(betabinom.sf(with_site - 1, number, k + 1, np.maximum(self.size - k, 1)))


@dataclass(frozen=True)
class Scan:
    """Where the filters of a network have their sites among the held-out sequences.

    Attributes
    ----------
    rows
        The sequences: rows of the dataset, shape ``(n,)``.
    lengths
        Theirs in bp, shape ``(n,)``.
    chosen
        In which of them sites are counted, shape ``(n,)``, as :func:`choose_sequences` says.
    sites
        Of all of them.
    counts
        The bases of each filter's best sites in the chosen sequences, shape ``(filters, width, 4)``.
    columns
        Which columns of each filter are its motif's.
    with_site
        In how many chosen sequences each filter has a site, shape ``(filters,)``.
    against
        What each filter is held against: the negatives, or the shuffles where it has no more sites than in negatives.
    enriched
        Which filters have more sites than that even if as many were looked at, shape ``(filters,)``.
    dead
        Which filters are inactive, or equally active, everywhere, shape ``(filters,)``.
    both_strands
        Whether both strands were scanned.
    """

    rows: Integers
    lengths: Integers
    chosen: Mask
    sites: Sites
    counts: npt.NDArray[np.float64]
    columns: Sequence[slice]
    with_site: Integers
    against: Sequence[Background]
    enriched: Mask
    dead: Mask
    both_strands: bool

    @property
    def width(self) -> int:
        """The width of a filter in bp."""
        return self.counts.shape[1]

    def extent(self, sites: Sites) -> tuple[Integers, Integers]:
        """Return where the motif's columns of sites begin and end on the forward strand, in bp, may be negative."""
        first, last = (np.array([getattr(one, end) for one in self.columns])[sites.unit] for end in ("start", "stop"))
        before = np.where(sites.minus, self.width - last, first)
        return sites.start + before, sites.start + before + last - first


def scan_filters(predictor: Predictor, dataset: Dataset, random: np.random.Generator) -> Scan:
    """Scan the held-out sequences, validation and test, with every first-layer filter of a network.

    Parameters
    ----------
    random
        Draws the backgrounds' sequences where there are more than :data:`BACKGROUND`, and shuffles them.
    """
    return _scan(*linear_filters(with_filters(predictor)), predictor, dataset, random)


def scan_patterns(
    patterns: Sequence[Motif], predictor: Predictor, dataset: Dataset, random: np.random.Generator
) -> Scan:
    """Scan the same sequences in the same way with the patterns of a network's attributions instead of its filters.

    A base adds its log-odds against uniform bases. Narrow patterns are padded around their middle with columns that add
    nothing, so all are as wide as the widest.
    """
    width = max(len(pattern.ppm) for pattern in patterns)
    matrices = np.zeros((1 + max(pattern.unit for pattern in patterns), width, 4), dtype=np.float32)
    columns = [slice(0, width)] * len(matrices)
    for pattern in patterns:
        first = width // 2 - len(pattern.ppm) // 2
        columns[pattern.unit] = slice(first, first + len(pattern.ppm))
        matrices[pattern.unit, columns[pattern.unit]] = np.log2(4 * pattern.ppm)
    scan = _scan(matrices, np.full(len(matrices), -np.inf, dtype=np.float32), predictor, dataset, random)
    return replace(scan, columns=columns)


def _scan(matrices: Floats, floor: Floats, predictor: Predictor, dataset: Dataset, random: np.random.Generator) -> Scan:
    """Scan held-out sequences with matrices that are inactive up to `floor`."""
    both_strands = predictor.both_strands
    rows = dataset.rows("validation", "test")
    chosen, negative = choose_sequences(predictor, dataset.labels(rows))
    backgrounds = {"shuffles": shuffles_of(dataset, some_of(rows[chosen], random), random)}
    if negative is not None:
        backgrounds = {"negatives": batches_of(dataset, some_of(rows[negative], random)), **backgrounds}
    held = [Background.of(best_scores(matrices, one, both_strands), floor, name) for name, one in backgrounds.items()]
    least = np.min([one.thresholds for one in held], axis=0)
    sites = find_sites(matrices, least, batches_of(dataset, rows), both_strands)
    counted = sites.best & chosen[sites.row]
    chance = np.array(
        [
            one.chance(_per_filter(sites.of(counted & one.passed_by(sites)), len(matrices)), int(chosen.sum()))
            for one in held
        ]
    )  # (backgrounds, filters)
    against = [held[place] for place in (chance <= ENRICHED).argmax(axis=0)]  # the first, where none is exceeded
    thresholds = np.array([one.thresholds[unit] for unit, one in enumerate(against)])
    sites = sites.of(sites.score > thresholds[sites.unit])
    counted_sites = sites.of(sites.best & chosen[sites.row])
    inactive = np.array([one.inactive for one in held]).all(axis=0)
    counts = count_bases(dataset, rows, counted_sites, matrices.shape[1], len(matrices))
    return Scan(
        rows,
        dataset.sequences.lengths[rows],
        chosen,
        sites,
        counts,
        [informative(probabilities(one)) for one in counts],
        _per_filter(counted_sites, len(matrices)),
        against,
        false_discovery_control(np.minimum(len(held) * chance.min(axis=0), 1)) <= ENRICHED_Q,
        inactive & (_per_filter(sites, len(matrices)) == 0),
        both_strands,
    )


def _per_filter(sites: Sites, filters: int) -> Integers:
    """Return how many sites each filter has, shape ``(filters,)``."""
    return np.bincount(sites.unit, minlength=filters)


def some_of(rows: Integers, random: np.random.Generator) -> Integers:
    """Draw at most :data:`BACKGROUND` rows; they keep their order."""
    return np.sort(random.permutation(rows)[:BACKGROUND])


def filter_motifs(scan: Scan, replicate: int) -> list[Motif]:
    """Turn every filter into a motif.

    Returns
    -------
    Motifs in the order of the filters, named ``r{replicate}-filter{number}``. A filter without a site becomes a uniform
    matrix of its width.
    """
    return [
        Motif(
            name=f"r{replicate}-filter{unit}",
            replicate=replicate,
            unit=unit,
            ppm=probabilities(counts)[columns],
            sites=int(scan.with_site[unit]),
            dead=bool(scan.dead[unit]),
        )
        for unit, (counts, columns) in enumerate(zip(scan.counts, scan.columns, strict=True))
    ]


def with_filters(predictor: Predictor) -> FilterNetwork:
    """Return a predictor's network, whose first layer is a convolution over the bases."""
    if not isinstance(predictor.network, FilterNetwork):
        raise TypeError(f"{type(predictor.network).__name__} has no filters")
    return predictor.network


def linear_filters(network: FilterNetwork) -> tuple[Floats, Floats]:
    """Return what the bases under each filter add to its activation's argument, batch norm included.

    Returns
    -------
    Matrices of shape ``(filters, width, 4)``, and the sums that a filter is inactive up to, shape ``(filters,)``: −∞
    where its activation is positive everywhere.
    """
    convolution, norm, activation = cast("tuple[nn.Module, nn.Module, nn.Module]", tuple(network.first_layer))
    weight = convolution.get_parameter("weight").detach().double().permute(0, 2, 1)
    bias = cast("torch.Tensor | None", convolution.bias)
    constant = torch.zeros(len(weight)) if bias is None else bias.detach()
    scale, shift = torch.ones(len(weight)).double(), torch.zeros(len(weight)).double()
    if isinstance(norm, BatchNorm):
        scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
        shift = norm.bias.detach().double() - scale * norm.running_mean.double()
    floor = -(shift + scale * constant) if isinstance(activation, nn.ReLU) else torch.full_like(shift, -torch.inf)
    return (weight * scale[:, None, None]).float().numpy(), floor.float().numpy()


def choose_sequences(predictor: Predictor, labels: npt.NDArray[np.float32]) -> tuple[Mask, Mask | None]:
    """Choose the sequences that sites are counted in, and those they are held against.

    Where there are at least :data:`MIN_NEGATIVES` sequences that are negative for every task, sites are counted in the
    positives: sequences with any label of 1. Else they are counted in all sequences or, for regression, in the half
    with the greater labels, averaged over the tasks as the network's targets.

    Parameters
    ----------
    labels
        Shape ``(n, tasks)``, NaN where one is missing.

    Returns
    -------
    Which sequences may hold sites, and which are negatives, each of shape ``(n,)``; None for shuffles of the former.
    """
    if predictor.kind == "regression":
        mean = predictor.targets(torch.tensor(labels)).nanmean(dim=1).numpy()
        half = np.zeros(len(labels), dtype=bool)
        half[np.argsort(-mean, kind="stable")[: int(np.isfinite(mean).sum() + 1) // 2]] = True
        return half, None
    negative = (labels == 0).all(axis=1)
    if negative.sum() >= MIN_NEGATIVES:
        return (labels == 1).any(axis=1), negative
    return np.ones(len(labels), dtype=bool), None


def shuffles_of(dataset: Dataset, rows: Integers, random: np.random.Generator) -> Iterator[Codes]:
    """Yield the codes of `rows`, some at a time, each shuffled from its first to its last known base.

    A shuffle keeps the dinucleotides, so it tells of composition alone.
    """
    for codes in batches_of(dataset, rows):
        yield shuffled_rows(codes, random)


def count_bases(dataset: Dataset, rows: Integers, sites: Sites, width: int, filters: int) -> npt.NDArray[np.float64]:
    """Align each filter's sites and count their bases.

    Parameters
    ----------
    rows
        The sequences that were scanned.
    width
        Of the filters, in bp.
    filters
        How many there are.

    Returns
    -------
    Counts, shape ``(filters, width, 4)``. What a site has beyond the sequence's ends, and unknown bases, are not
    counted.
    """
    counts = np.zeros(filters * width * 4, dtype=np.int64)
    column = np.arange(width)
    for first in range(0, len(rows), BATCH):
        codes = dataset.codes(rows[first : first + BATCH])
        padded = np.pad(codes, ((0, 0), (width, width)), constant_values=PADDING)
        part = slice(*np.searchsorted(sites.row, [first, first + len(codes)]))
        row, start, unit, minus = (x[part] for x in (sites.row - first, sites.start, sites.unit, sites.minus))
        bases = padded[row[:, None], width + start[:, None] + column]  # (sites, width)
        bases[minus] = reverse_complement(bases[minus])
        known = bases < UNKNOWN
        cell = (unit[:, None] * width + column) * 4 + bases
        counts += np.bincount(cell[known], minlength=len(counts))
    return counts.reshape(filters, width, 4).astype(np.float64)


def batches_of(dataset: Dataset, rows: Integers) -> Iterator[Codes]:
    """Yield the codes of `rows`, some at a time."""
    for first in range(0, len(rows), BATCH):
        yield dataset.codes(rows[first : first + BATCH])
