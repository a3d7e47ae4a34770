"""One motif for what several trainings and models have learned: clusters, and the consensus of each.

A cluster is led by its most important motif and holds every motif that is like it, on either strand. Its consensus is
the mean of its members laid on the leader, each weighed with its number of sites.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from motifloom.errors import InputError
from motifloom.files import read_tsv
from motifloom.motifs.groups import groups
from motifloom.motifs.matching import likeness, match
from motifloom.motifs.meme import read_meme
from motifloom.motifs.motif import PSEUDOCOUNT, TABLE_SCHEMA, Motif, trim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from motifloom.jaspar import KnownMotif
    from motifloom.motifs.groups import Group
    from motifloom.motifs.matching import Match

    Row = dict[str, Any]

CONSENSUS_SCHEMA = {
    "motif": pl.String,
    "consensus": pl.String,
    "width": pl.Int64,
    "information_content": pl.Float64,
    "sites": pl.Int64,
    "importance": pl.Float64,
    "importance_low": pl.Float64,
    "importance_high": pl.Float64,
    "model": pl.String,
    "match": pl.String,
    "match_id": pl.String,
    "match_q": pl.Float64,
    "reproducibility": pl.Float64,
    "relied_on": pl.String,
    "members": pl.Int64,
    "leader": pl.String,
    "leader_model": pl.String,
}

COVERED = 0.5
"""A consensus has the columns that members with at least this share of all sites have."""


@dataclass(frozen=True)
class Consensus:
    """The consensus motifs of a dataset, the most important first.

    Attributes
    ----------
    motifs
        Named ``motif1`` and so on.
    matches
        The best known motif of each that was compared, by name.
    table
        With the columns of :data:`CONSENSUS_SCHEMA`.
    """

    motifs: Sequence[Motif]
    matches: Mapping[str, Match]
    table: pl.DataFrame


def read_compared(folders: Mapping[str, Path]) -> tuple[list[Motif], list[Row]]:
    """Read the motifs of models that lead a group and were compared with known motifs: those that rest on evidence.

    Parameters
    ----------
    folders
        For each model the folder of its ``motifs.tsv`` and ``motifs.meme``.

    Returns
    -------
    The motifs, the most important first; and the row of each in its table, with its ``model``.

    Raises
    ------
    InputError
        Where a file cannot be read, or lacks a motif's matrix.
    """
    found: list[tuple[Row, npt.NDArray[np.float64]]] = []
    for model, folder in folders.items():
        table = read_tsv(folder / "motifs.tsv", TABLE_SCHEMA)
        table = table.filter(pl.col("duplicate").is_null())
        matrices = read_meme(folder / "motifs.meme")
        for row in table.filter(pl.col("match_id").is_not_null()).iter_rows(named=True):
            if row["motif"] not in matrices:
                raise InputError(f"{folder / 'motifs.meme'}: has no matrix of {row['motif']}, a motif of motifs.tsv")
            found.append((row | {"model": model}, matrices[row["motif"]]))
    found.sort(key=lambda one: (-one[0]["importance"], -one[0]["sites"], one[0]["model"], one[0]["motif"]))
    rows = [row for row, _ in found]
    motifs = [
        Motif(f"{place}", row["replicate"], place, ppm, row["sites"], dead=False)
        for place, (row, ppm) in enumerate(found)
    ]
    return motifs, rows


def consensus_motifs(
    motifs: Sequence[Motif],
    rows: Sequence[Row],
    replicates: int,
    database: Sequence[KnownMotif],
    seed: int,
) -> Consensus:
    """Cluster motifs and describe what the clusters have in common.

    Parameters
    ----------
    motifs, rows
        As of :func:`read_compared`.
    replicates
        How many trainings each model has.
    """
    clusters = groups(motifs, likeness(motifs, database, seed))
    models = list(dict.fromkeys(row["model"] for row in rows))
    described = [(_shared([rows[m.motif.unit] for m in cluster], models, replicates), cluster) for cluster in clusters]
    described.sort(key=lambda one: -one[0]["importance"])
    merged = [merge(cluster, f"motif{number}") for number, (_, cluster) in enumerate(described, start=1)]
    matches = match(merged, database, seed)
    table = []
    for motif, (shared, cluster) in zip(merged, described, strict=True):
        found, leader = matches.get(motif.name), rows[cluster[0].motif.unit]
        table.append(
            {
                "motif": motif.name,
                "consensus": motif.consensus,
                "width": len(motif.ppm),
                "information_content": motif.information_content,
                "sites": motif.sites,
                **shared,
                "match": found.known.name if found else None,
                "match_id": found.known.identifier if found else None,
                "match_q": found.q_value if found else None,
                "members": sum(1 + (rows[m.motif.unit]["equivalents"] or 0) for m in cluster),
                "leader": leader["motif"],
                "leader_model": leader["model"],
            }
        )
    return Consensus(merged, matches, pl.DataFrame(table, schema=CONSENSUS_SCHEMA))


def merge(cluster: Group, name: str) -> Motif:
    """Return the mean of a cluster's members laid on the leader, each weighed with its sites.

    Its number of sites is that of the member with most: the members' sites are the same places, found again.
    """
    members = [(m.offset, m.motif.ppm[::-1, ::-1] if m.minus else m.motif.ppm, m.motif.sites) for m in cluster]
    first = min(offset for offset, _, _ in members)
    last = max(offset + len(ppm) for offset, ppm, _ in members)
    counts, weight = np.zeros((last - first, 4)), np.zeros(last - first)
    for offset, ppm, sites in members:
        part = slice(offset - first, offset - first + len(ppm))
        counts[part] += ppm * sites
        weight[part] += sites
    covered = np.flatnonzero(weight >= COVERED * sum(sites for _, _, sites in members))
    part = slice(covered[0], covered[-1] + 1) if len(covered) else slice(None)
    padded = counts[part] + PSEUDOCOUNT / 4
    ppm = trim(padded / padded.sum(axis=1, keepdims=True))
    return Motif(name, 0, 0, ppm, max(sites for _, _, sites in members), dead=False)


def _shared(rows: Sequence[Row], models: Sequence[str], replicates: int) -> Row:
    """Return how important a cluster is, to which model most, and which trainings rely on it.

    A model's importance is the mean over its trainings of that of each one's most important member, 0 without one.
    """
    means, relied = {}, {}
    for model in models:
        best: dict[int, Row] = {}
        for row in rows:
            if row["model"] == model and row["replicate"] not in best:  # the most important comes first
                best[row["replicate"]] = row
        ends = ("importance", "importance_low", "importance_high")
        means[model] = {end: sum(row[end] for row in best.values()) / replicates for end in ends}
        relied[model] = sum(row["importance_low"] > 0 for row in best.values())
    model = max(models, key=lambda one: means[one]["importance"])
    trainings = len(models) * replicates
    return {
        **means[model],
        "model": model,
        "reproducibility": sum(relied.values()) / trainings if trainings > 1 else None,
        "relied_on": ", ".join(f"{one} {number}/{replicates}" for one, number in relied.items() if number) or None,
    }
