"""What a trained network's filters have learned, and how much each matters."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from motifloom.data.shuffle import shuffled
from motifloom.evaluation.selection import mean_main_score
from motifloom.genome import UNKNOWN
from motifloom.models.base import FilterNetwork
from motifloom.motifs.filters import (
    ablated,
    active_sites,
    batches_of,
    best_sites,
    count_bases,
    dead_filters,
    filter_width,
    mean_activation,
)
from motifloom.motifs.motif import Motif, probabilities, trim
from motifloom.training.fit import predict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.genome import Codes
    from motifloom.motifs.matching import Match
    from motifloom.training.module import SequenceModule

logger = logging.getLogger(__name__)

TABLE_SCHEMA = {
    "motif": pl.String,
    "source": pl.String,
    "replicate": pl.Int64,
    "consensus": pl.String,
    "width": pl.Int64,
    "information_content": pl.Float64,
    "sites": pl.Int64,
    "importance": pl.Float64,
    "match": pl.String,
    "match_id": pl.String,
    "match_q": pl.Float64,
    "reproducibility": pl.Float64,
    "dead": pl.Boolean,
    "equivalents": pl.Int64,
}


MIN_NEGATIVES = 20
"""With fewer negatives than this, shuffled sequences are the background."""


def filter_motifs(module: SequenceModule, dataset: Dataset, replicate: int, random: np.random.Generator) -> list[Motif]:
    """Turn every first-layer filter of a network into a motif.

    The sequences scanned are of the held-out ones, validation and test, as :func:`choose_sequences` says.

    Parameters
    ----------
    random
        Shuffles sequences where they are the background.

    Returns
    -------
    Motifs in the order of the filters, named ``r{replicate}-filter{number}``. A filter without a site becomes a uniform
    matrix of its width.
    """
    network = with_filters(module)
    held_out = dataset.rows("validation", "test")
    with_sites, negative = choose_sequences(module, dataset.labels(held_out))
    rows = held_out[with_sites]
    scanned = best_sites(network, batches_of(dataset, rows), len(rows), module.both_strands)
    beside = shuffles_of(dataset, rows, random) if negative is None else batches_of(dataset, held_out[negative])
    number = len(rows) if negative is None else int(negative.sum())
    background = best_sites(network, beside, number, module.both_strands)
    active = active_sites(scanned, background)
    counts = count_bases(dataset, rows, scanned, active, filter_width(network))
    sites, dead = active.sum(axis=0), dead_filters(scanned, background)
    return [
        Motif(
            name=f"r{replicate}-filter{unit}",
            replicate=replicate,
            unit=unit,
            ppm=trim(probabilities(counts[unit])),
            sites=int(sites[unit]),
            dead=bool(dead[unit]),
        )
        for unit in range(len(counts))
    ]


def choose_sequences(
    module: SequenceModule, labels: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_] | None]:
    """Choose the sequences that sites are looked for in, and those they are held against.

    Where there are at least :data:`MIN_NEGATIVES` sequences that are negative for every task, sites are looked for in
    the positives: sequences with any label of 1. Else they are looked for in all sequences or, for regression, in the
    half with the greater labels, averaged over the tasks as the network's targets.

    Parameters
    ----------
    labels
        Shape ``(n, tasks)``, NaN where one is missing.

    Returns
    -------
    Which sequences may hold sites, and which are negatives, each of shape ``(n,)``; None for shuffles of the former.
    """
    if module.kind == "regression":
        mean = module.targets(torch.tensor(labels)).nanmean(dim=1).numpy()
        half = np.zeros(len(labels), dtype=bool)
        half[np.argsort(-mean, kind="stable")[: int(np.isfinite(mean).sum() + 1) // 2]] = True
        return half, None
    negative = (labels == 0).all(axis=1)
    if negative.sum() >= MIN_NEGATIVES:
        return (labels == 1).any(axis=1), negative
    return np.ones(len(labels), dtype=bool), None


def shuffles_of(dataset: Dataset, rows: npt.NDArray[np.int64], random: np.random.Generator) -> Iterator[Codes]:
    """Yield the codes of `rows`, some at a time, each shuffled from its first to its last known base.

    A shuffle keeps the dinucleotides, so it tells of composition alone.
    """
    for codes in batches_of(dataset, rows):
        for sequence in codes:
            known = np.flatnonzero(sequence < UNKNOWN)
            if len(known):
                inner = slice(known[0], known[-1] + 1)
                sequence[inner] = shuffled(sequence[inner], random)
        yield codes


def with_filters(module: SequenceModule) -> FilterNetwork:
    """Return a module's network, whose first layer is a convolution over the bases."""
    if not isinstance(module.network, FilterNetwork):
        raise TypeError(f"{type(module.network).__name__} has no filters")
    return module.network


def importances(module: SequenceModule, dataset: Dataset, groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Ablate groups of filters and measure what is lost.

    The filters' output is replaced by their mean over the validation split, as Basset measures a filter's influence
    (Kelley et al. 2016); what is lost is the drop of the validation AUROC or, for regression, of Pearson's correlation,
    averaged over the tasks; predictions that are all alike have a correlation of 0. A network learns a motif that
    matters with several filters, so one filter alone is hardly missed: a motif is ablated with all its equivalents.

    Parameters
    ----------
    groups
        A motif's name to the numbers of the filters that learned it.

    Returns
    -------
    A drop per motif; negative where the model is better without it.
    """
    rows = dataset.rows("validation")
    labels = dataset.labels(rows)
    network = with_filters(module)
    means = mean_activation(network, dataset, rows)
    whole = _reached(module, labels, predict(module, dataset, rows))
    drops: dict[tuple[int, ...], float] = {}
    found = {}
    for number, (name, group) in enumerate(groups.items(), start=1):
        units = tuple(sorted(group))
        if units not in drops:
            with ablated(network, units, means):
                drops[units] = whole - _reached(module, labels, predict(module, dataset, rows))
        found[name] = drops[units]
        logger.info("ablated %d of %d motifs", number, len(groups), extra={"progress": True})
    return found


def reproducibility(motif: Motif, alike: Sequence[Motif], replicates: int) -> float | None:
    """Return the share of replicates that learned `motif` or one of those `alike`; None with one replicate."""
    return len({motif.replicate, *(other.replicate for other in alike)}) / replicates if replicates > 1 else None


def motif_table(
    motifs: Sequence[Motif],
    importance: Mapping[str, float],
    matches: Mapping[str, Match],
    families: Mapping[str, Sequence[Motif]],
    replicates: int,
) -> pl.DataFrame:
    """Lay out motifs as ``motifs.tsv``, in the given order."""
    rows = []
    for motif in motifs:
        match = matches.get(motif.name)
        alike = families[motif.name]
        rows.append(
            {
                "motif": motif.name,
                "source": motif.source,
                "replicate": motif.replicate,
                "consensus": motif.consensus,
                "width": len(motif.ppm),
                "information_content": motif.information_content,
                "sites": motif.sites,
                "importance": importance[motif.name],
                "match": match.known.name if match else None,
                "match_id": match.known.identifier if match else None,
                "match_q": match.q_value if match else None,
                "reproducibility": reproducibility(motif, alike, replicates),
                "dead": motif.dead,
                "equivalents": sum(other.replicate == motif.replicate for other in alike) - 1,
            }
        )
    return pl.DataFrame(rows, schema=TABLE_SCHEMA)


def _reached(module: SequenceModule, labels: npt.NDArray[np.float32], scores: npt.NDArray[np.float64]) -> float:
    """Return the mean main metric; 0 where it is undefined."""
    return float(np.nan_to_num(mean_main_score(labels, scores, module.kind)))
