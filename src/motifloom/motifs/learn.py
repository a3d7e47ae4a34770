"""What a trained network's filters have learned, and how much each matters."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import polars as pl

from motifloom.evaluation.selection import aurocs
from motifloom.motifs.filters import (
    ablated,
    active_sites,
    best_sites,
    count_bases,
    dead_filters,
    mean_activation,
)
from motifloom.motifs.motif import Motif, probabilities, trim
from motifloom.training.fit import predict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
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


def filter_motifs(module: SequenceModule, dataset: Dataset, replicate: int) -> list[Motif]:
    """Turn every first-layer filter of a network into a motif.

    The sequences scanned are the held-out ones, validation and test: a positive has any label of 1.

    Returns
    -------
    Motifs in the order of the filters, named ``r{replicate}-filter{number}``. A filter without a site becomes a uniform
    matrix of its width.
    """
    network = module.network
    held_out = dataset.rows("validation", "test")
    positive = dataset.labels(held_out).any(axis=1)
    in_positives = best_sites(network, dataset, held_out[positive])
    in_negatives = best_sites(network, dataset, held_out[~positive])
    active = active_sites(in_positives, in_negatives)
    width = int(network.get_submodule("first_layer").get_parameter("0.weight").shape[2])
    counts = count_bases(dataset, held_out[positive], in_positives, active, width)
    sites, dead = active.sum(axis=0), dead_filters(in_positives, in_negatives)
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


def importances(module: SequenceModule, dataset: Dataset, groups: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Ablate groups of filters and measure what is lost.

    The filters' output is replaced by their mean over the validation split, as Basset measures a filter's influence
    (Kelley et al. 2016); what is lost is the drop of the validation AUROC, averaged over the tasks. A network learns a
    motif that matters with several filters, so one filter alone is hardly missed: a motif is ablated with all its
    equivalents.

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
    means = mean_activation(module.network, dataset, rows)
    whole = _mean_auroc(labels, predict(module, dataset, rows))
    drops: dict[tuple[int, ...], float] = {}
    found = {}
    for number, (name, group) in enumerate(groups.items(), start=1):
        units = tuple(sorted(group))
        if units not in drops:
            with ablated(module.network, units, means):
                drops[units] = whole - _mean_auroc(labels, predict(module, dataset, rows))
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
                "source": "filter",
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


def _mean_auroc(labels: npt.NDArray[np.float32], scores: npt.NDArray[np.float64]) -> float:
    return float(aurocs(labels, scores).mean())
