"""Learned motifs beside the known ones they match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motifloom.report.logos import logo
from motifloom.report.scores import Cell
from motifloom.report.wording import LEVEL, fixed, probability, signed, thousands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from motifloom.report.results import Learned

OPEN = 10
"""So many motifs of a model are shown at once; the rest is folded away."""


@dataclass(frozen=True)
class MotifRow:
    """A live motif; `known` is None where it matches nothing."""

    name: str
    origin: str
    logo: Markup
    known: Markup | None
    match: str
    match_id: str
    q: Cell
    importance: Cell
    sites: Cell
    width: Cell
    information: Cell
    consensus: str
    reproducibility: Cell
    equivalents: Cell


@dataclass(frozen=True)
class MotifTable:
    """A model's motifs, the most important first."""

    model: str
    first: Sequence[MotifRow]
    rest: Sequence[MotifRow]
    live: int
    matched: int
    dead: int
    reproducible: bool
    """Whether there are replicates to reproduce a motif in."""
    grouped: bool
    """Whether it is known how many filters learned the same motif."""


def motif_table(model: str, learned: Learned, replicates: int) -> MotifTable:
    """Put a model's live motifs into a table, the most important first; of `replicates` trainings."""
    live = learned.live
    rows = [_row(row, learned, replicates > 1) for row in live.iter_rows(named=True)]
    return MotifTable(
        model,
        rows[:OPEN],
        rows[OPEN:],
        len(rows),
        len(learned.matched),
        len(learned.table) - len(rows),
        bool(live["reproducibility"].is_not_null().any()),
        bool(live["equivalents"].is_not_null().any()),
    )


def _row(row: dict[str, Any], learned: Learned, many: bool) -> MotifRow:
    name, consensus, q = row["motif"], row["consensus"] or "", row["match_q"]
    counts = q is not None and q < LEVEL and bool(row["match_id"])
    match, match_id = (row["match"] or "", row["match_id"] or "") if counts else ("", "")
    partner = learned.known.get(name) if counts else None
    origin = [row["source"]] if row["source"] and row["source"] != "filter" else []
    origin += [f"replicate {row['replicate']}"] if many and row["replicate"] is not None else []
    return MotifRow(
        name,
        ", ".join(origin),
        logo(learned.matrices[name], f"Learned motif {name}, {consensus}"),
        None if partner is None else logo(partner, f"Known motif {match} {match_id}"),
        match,
        match_id,
        Cell(probability(q) if counts else "", sort=q if counts else 1.0),
        Cell(signed(row["importance"], 4), sort=row["importance"]),
        Cell(thousands(row["sites"]), sort=row["sites"]),
        Cell(thousands(row["width"]), sort=row["width"]),
        Cell(fixed(row["information_content"], 1), sort=row["information_content"]),
        consensus,
        Cell(fixed(row["reproducibility"], 2), sort=row["reproducibility"]),
        Cell(thousands(row["equivalents"]), sort=row["equivalents"]),
    )
