"""What the trainings of a model have learned: motifs in groups, with importance, names and reproducibility."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.models.base import FilterNetwork
from motifloom.motifs.behaviour import BEHAVIOUR_SCHEMA, behaviour
from motifloom.motifs.filters import filter_motifs, scan_filters, scan_patterns
from motifloom.motifs.groups import groups, strongest_first
from motifloom.motifs.hits import HITS_SCHEMA, hits
from motifloom.motifs.importance import importances
from motifloom.motifs.matching import likeness, match
from motifloom.motifs.motif import TABLE_SCHEMA
from motifloom.motifs.pairs import PAIRS_SCHEMA, pairs
from motifloom.motifs.scrambling import scrambling_importances
from motifloom.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.jaspar import KnownMotif
    from motifloom.models.predictor import Predictor
    from motifloom.motifs.groups import Group
    from motifloom.motifs.importance import Importance
    from motifloom.motifs.matching import Match
    from motifloom.motifs.motif import Motif

SOURCES = FILTER, ATTRIBUTION = "filter", "attribution"
"""What motifs are read from."""

SAME, TURNED = "same", "reverse complement"
"""How a duplicate lies on the motif that leads its group."""


@dataclass(frozen=True)
class Settings:
    """What motifs are learned with.

    Attributes
    ----------
    names
        Of the dataset and the model: what random choices derive from, with `seed`.
    resamples, confidence
        Of the bootstrap, and the level of all intervals.
    """

    seed: int
    names: tuple[str, str]
    resamples: int
    confidence: float

    def random(self, purpose: str, replicate: int) -> np.random.Generator:
        """Return the generator of one purpose in one replicate."""
        return generator(self.seed, *self.names, purpose, replicate)


@dataclass(frozen=True)
class Learned:
    """What the trainings of a model have learned.

    Attributes
    ----------
    motifs
        Of all trainings, the most important first; those of the same importance by the evidence for their names.
    matches
        The best known motif of each that was compared, by name.
    table, behaviour, pairs, hits
        The files of these names.
    """

    motifs: Sequence[Motif]
    matches: Mapping[str, Match]
    table: pl.DataFrame
    behaviour: pl.DataFrame
    pairs: pl.DataFrame
    hits: pl.DataFrame


def learn(
    predictors: Sequence[Predictor],
    patterns: Sequence[Motif],
    dataset: Dataset,
    database: Sequence[KnownMotif],
    settings: Settings,
) -> Learned:
    """Turn the first-layer filters of a model's trainings into motifs, and gather the evidence for them and patterns.

    Parameters
    ----------
    predictors
        The trained networks, in the order of the replicates.
    patterns
        The motifs of the attributions of all replicates.
    """
    scans = {
        replicate: scan_filters(predictor, dataset, settings.random("background", replicate))
        for replicate, predictor in enumerate(predictors)
        if isinstance(predictor.network, FilterNetwork)
    }
    of_filters = {replicate: filter_motifs(scan, replicate) for replicate, scan in scans.items()}
    motifs = strongest_first([*(motif for one in of_filters.values() for motif in one), *patterns])
    alike = likeness(motifs, database, settings.seed)
    grouped: dict[str, Group] = {}
    importance: dict[str, Importance] = {}
    for replicate, predictor in enumerate(predictors):
        for source in SOURCES:
            mine = np.array([p for p, m in enumerate(motifs) if (m.replicate, m.source) == (replicate, source)])
            if not len(mine):
                continue
            found = groups([motifs[place] for place in mine], alike.among(mine))
            lost = _importances(predictor, dataset, source, found, settings, replicate)
            for group in found:
                grouped |= {member.motif.name: group for member in group}
                importance |= {member.motif.name: lost[group[0].motif.name] for member in group}
    rest_on_sites = [m for m in motifs if m.source != FILTER or scans[m.replicate].enriched[m.unit]]
    matches = match(rest_on_sites, database, settings.seed)
    again = reproducibility(motifs, alike.same, importance, len(predictors))

    def rank(motif: Motif) -> tuple[float, float, int, str]:
        q_value = matches[motif.name].q_value if motif.name in matches else 2.0
        return -importance[motif.name].drop, q_value, -motif.sites, motif.name

    motifs = sorted(motifs, key=rank)
    schemas = {"behaviour": BEHAVIOUR_SCHEMA, "pairs": PAIRS_SCHEMA, "hits": HITS_SCHEMA}
    parts = {name: [pl.DataFrame(schema=schema)] for name, schema in schemas.items()}
    for replicate, scan in scans.items():
        mine_first = [motif for motif in motifs if (motif.replicate, motif.source) == (replicate, FILTER)]
        leaders = [m for m in mine_first if grouped[m.name][0].motif is m and m.name in matches]
        parts["behaviour"].append(behaviour(mine_first, scan, settings.confidence))
        parts["pairs"].append(pairs(leaders, scan, settings.random("pairs", replicate)))
        parts["hits"].append(hits(of_filters[replicate], scan, dataset))
    for replicate, predictor in enumerate(predictors):
        mine_first = [motif for motif in motifs if (motif.replicate, motif.source) == (replicate, ATTRIBUTION)]
        if mine_first:
            scan = scan_patterns(mine_first, predictor, dataset, settings.random("background of patterns", replicate))
            parts["behaviour"].append(behaviour(mine_first, scan, settings.confidence))
            parts["hits"].append(hits(mine_first, scan, dataset))
    table = motif_table(motifs, importance, matches, grouped, again)
    how, pairs_found, hits_found = (pl.concat(tables) for tables in parts.values())
    how = table.select("motif").join(how, on="motif", maintain_order="left")
    return Learned(motifs, matches, table, how, pairs_found, hits_found)


def _importances(
    predictor: Predictor, dataset: Dataset, source: str, found: Sequence[Group], settings: Settings, replicate: int
) -> dict[str, Importance]:
    """Measure what is lost without each group, by its leader: filters are silenced, sites of patterns scrambled."""
    if source == FILTER:
        units = {group[0].motif.name: [member.motif.unit for member in group] for group in found}
        random = settings.random("importance", replicate)
        return importances(predictor, dataset, units, settings.resamples, settings.confidence, random)
    leaders = [group[0].motif for group in found]
    random = settings.random("scrambling", replicate)
    return scrambling_importances(predictor, dataset, leaders, settings.resamples, settings.confidence, random)


def reproducibility(
    motifs: Sequence[Motif], same: npt.NDArray[np.bool_], importance: Mapping[str, Importance], replicates: int
) -> dict[str, float | None]:
    """Return the share of replicates that rely on each motif: None with one replicate.

    A replicate relies on a motif where it has one that is the same and whose importance has an interval above 0. That
    filters agree is not enough, since those of all replicates begin as much the same k-mers.

    Parameters
    ----------
    same
        Which motifs are the same, shape ``(motifs, motifs)``.
    """
    if replicates == 1:
        return dict.fromkeys((motif.name for motif in motifs), None)
    relied = np.array([importance[motif.name].low > 0 for motif in motifs])
    of = np.array([motif.replicate for motif in motifs])
    return {motif.name: len(set(of[same[place] & relied].tolist())) / replicates for place, motif in enumerate(motifs)}


def motif_table(
    motifs: Sequence[Motif],
    importance: Mapping[str, Importance],
    matches: Mapping[str, Match],
    grouped: Mapping[str, Group],
    again: Mapping[str, float | None],
) -> pl.DataFrame:
    """Lay out motifs as ``motifs.tsv``, in the given order."""
    rows = []
    for motif in motifs:
        match, group = matches.get(motif.name), grouped[motif.name]
        leader, *others = group
        turned = {member.motif.name: TURNED if member.minus else SAME for member in others}
        drop = importance[motif.name]
        rows.append(
            {
                "motif": motif.name,
                "source": motif.source,
                "replicate": motif.replicate,
                "consensus": motif.consensus,
                "width": len(motif.ppm),
                "information_content": motif.information_content,
                "sites": motif.sites,
                "importance": drop.drop,
                "match": match.known.name if match else None,
                "match_id": match.known.identifier if match else None,
                "match_q": match.q_value if match else None,
                "reproducibility": again[motif.name],
                "dead": motif.dead,
                "equivalents": len(others),
                "importance_low": drop.low,
                "importance_high": drop.high,
                "group": leader.motif.name,
                "duplicate": turned.get(motif.name),
            }
        )
    return pl.DataFrame(rows, schema=TABLE_SCHEMA)
