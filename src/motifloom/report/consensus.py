"""What the networks of a dataset learned: the consensus of each cluster of motifs, and pairs of motifs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motifloom.report.logos import logo
from motifloom.report.motif_tables import OPEN
from motifloom.report.scores import Cell
from motifloom.report.svg import picture, tag
from motifloom.report.wording import LEVEL, NOTHING, fixed, interval, probability, signed, thousands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl
    from markupsafe import Markup

    from motifloom.report.results import Learned, Results

PAIRS = 5
"""So many pairs of motifs of a dataset are shown, the clearest ones."""

BAR, HIGH = 4, 28
"""The width of a profile's bar and the height of its highest, in px."""


@dataclass(frozen=True)
class ConsensusRow:
    """A consensus motif; `known` is None where it matches nothing."""

    name: str
    match: str
    match_id: str
    planted: bool
    logo: Markup
    known: Markup | None
    q: Cell
    importance: Cell
    relied_on: str
    enrichment: Cell
    profile: Markup | None
    distance: Cell
    sites: Cell
    members: Cell
    leader: str


@dataclass(frozen=True)
class PairRow:
    """Two motifs that prefer a distance."""

    model: str
    first: str
    second: str
    distance: Cell
    orientation: str
    pairs: Cell
    expected: Cell
    q: Cell


@dataclass(frozen=True)
class ConsensusPart:
    """The consensus motifs of a dataset.

    Attributes
    ----------
    missing
        Planted motifs, name and matrix id, that no consensus motif is named after.
    """

    first: Sequence[ConsensusRow]
    rest: Sequence[ConsensusRow]
    named: int
    planted: bool
    missing: Sequence[str]
    pairs: Sequence[PairRow]


def consensus_part(results: Results, dataset: str, models: Sequence[str]) -> ConsensusPart | None:
    """Sum up what a dataset's networks learned; None where none of its models has motifs."""
    if not models:
        return None
    learned, planted = results.consensus(dataset), results.planted(dataset)
    behaviour = {model: _by_motif(results.behaviour(dataset, model)) for model in models}
    rows = [_row(row, learned, planted, behaviour) for row in learned.table.iter_rows(named=True)]
    found = {_base(row.match_id) for row in rows if row.match_id}
    missing = [f"{name} ({matrix})".strip() for matrix, name in planted.items() if _base(matrix) not in found]
    pairs = [pair for model in models for pair in _pairs(model, results.pairs(dataset, model))]
    pairs.sort(key=lambda pair: (pair.q.sort, -(pair.pairs.sort or 0), pair.model))
    named = sum(bool(row.match_id) for row in rows)
    return ConsensusPart(rows[:OPEN], rows[OPEN:], named, bool(planted), missing, pairs[:PAIRS])


def _row(
    row: dict[str, Any],
    learned: Learned,
    planted: Mapping[str, str],
    behaviour: Mapping[str, Mapping[str, dict[str, Any]]],
) -> ConsensusRow:
    name, drop, q = row["motif"], row["importance"], row["match_q"]
    counts = q is not None and q < LEVEL
    match, match_id = (row["match"] or "", row["match_id"] or "") if counts else ("", "")
    partner = learned.known.get(name) if counts else None
    how = behaviour.get(row["leader_model"], {}).get(row["leader"], {})
    return ConsensusRow(
        name,
        match,
        match_id,
        _base(match_id) in {_base(matrix) for matrix in planted},
        logo(learned.matrices[name], f"Consensus {name}, {row['consensus']}"),
        None if partner is None else logo(partner, f"Known motif {match} {match_id}"),
        Cell(probability(q) if counts else "", sort=q if counts else 1.0),
        Cell(signed(drop), interval(row["importance_low"], row["importance_high"], signed), drop),
        row["relied_on"] or NOTHING,
        Cell(
            f"{fixed(how.get('enrichment'), 1)} ×" if how else NOTHING,
            interval(how.get("enrichment_low"), how.get("enrichment_high"), lambda value: fixed(value, 1)),
            how.get("enrichment"),
        ),
        profile(how["profile"]) if how else None,
        Cell(fixed(how.get("distance"), 0), sort=how.get("distance")),
        Cell(thousands(row["sites"]), sort=row["sites"]),
        Cell(thousands(row["members"]), sort=row["members"]),
        f"{row['leader_model']} {row['leader']}",
    )


def profile(numbers: str) -> Markup:
    """Draw where sites lie: a bar for each equal part of the sequence, as high as its share of the greatest."""
    counts = [int(number) for number in numbers.split(",")]
    highest = max([1, *counts])
    bars = [
        tag("rect", x=place * BAR, y=HIGH - height, width=BAR - 1, height=height, class_="bar")
        for place, count in enumerate(counts)
        if (height := HIGH * count / highest)
    ]
    return picture(len(counts) * BAR, HIGH, "Sites from the sequence's start to its end", *bars, class_="profile")


def _pairs(model: str, table: pl.DataFrame) -> list[PairRow]:
    return [
        PairRow(
            model,
            row["motif_a"],
            row["motif_b"],
            Cell(signed(row["distance"], 0), sort=row["distance"]),
            row["orientation"],
            Cell(thousands(row["pairs"]), sort=row["pairs"]),
            Cell(fixed(row["expected_pairs"], 1), sort=row["expected_pairs"]),
            Cell(probability(row["q_value"]), sort=row["q_value"]),
        )
        for row in table.iter_rows(named=True)
        if row["q_value"] < LEVEL
    ]


def _by_motif(table: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["motif"]: row for row in table.iter_rows(named=True)}


def _base(matrix: str) -> str:
    """Return a matrix id without its version: MA0139 for MA0139.1."""
    return matrix.split(".", maxsplit=1)[0]
