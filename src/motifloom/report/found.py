"""The known motifs that a dataset's models learned: the digest of all their tables of motifs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from motifloom.report.logos import logo
from motifloom.report.motif_tables import OPEN
from motifloom.report.scores import Cell
from motifloom.report.wording import NOTHING, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from markupsafe import Markup

    from motifloom.report.results import Learned


@dataclass(frozen=True)
class FoundRow:
    """A known motif, the most important motif that matches it, and how many motifs of each model do."""

    name: str
    match_id: str
    planted: bool
    logo: Markup | None
    known: Markup | None
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Found:
    """The known motifs that a dataset's models learned."""

    models: Sequence[str]
    first: Sequence[FoundRow]
    rest: Sequence[FoundRow]
    planted: bool


def found(learned: Mapping[str, Learned], planted: Mapping[str, str]) -> Found | None:
    """Count which known motifs the models' motifs match; None where no model has filters.

    Parameters
    ----------
    learned
        What each model learned, by the model's name.
    planted
        Matrix id and name of the motifs that a simulation planted. They are always among the rows; the others
        follow, the most important first.
    """
    if not learned:
        return None
    columns = ("match_id", "match", "motif", "importance")
    table = pl.concat(one.matched.select(*columns, model=pl.lit(model)) for model, one in learned.items())
    table = table.with_columns(known=pl.col("match_id").replace(_versions(table["match_id"], planted)))
    weight = table.group_by("known").agg(pl.max("importance"), pl.len().alias("motifs"))
    weight = weight.sort("importance", "motifs", "known", descending=[True, True, False], nulls_last=True)
    rows = [
        _row(known, table.filter(pl.col("known") == known), learned, planted)
        for known in dict.fromkeys([*planted, *weight["known"]])
    ]
    most = max(OPEN, len(planted))
    return Found(list(learned), rows[:most], rows[most:], bool(planted))


def _row(known: str, table: pl.DataFrame, learned: Mapping[str, Learned], planted: Mapping[str, str]) -> FoundRow:
    """Sum up the motifs of `table`, which all match `known`."""
    cells = [_count(table.filter(pl.col("model") == model)["importance"]) for model in learned]
    if table.is_empty():
        return FoundRow(planted.get(known, ""), known, known in planted, None, None, cells)
    best = table.sort("importance", descending=True, nulls_last=True, maintain_order=True).row(0, named=True)
    of_model, motif, name = learned[best["model"]], best["motif"], best["match"] or ""
    partner = of_model.known.get(motif)
    return FoundRow(
        name,
        known,
        known in planted,
        logo(of_model.matrices[motif], f"Learned motif {motif} of {best['model']}"),
        None if partner is None else logo(partner, f"Known motif {name} {known}"),
        cells,
    )


def _versions(matrices: Iterable[str], planted: Iterable[str]) -> dict[str, str]:
    """Return for matrices that are another version of a planted one that one's id: MA0139.2 for MA0139.1."""
    ours = {identifier.split(".")[0]: identifier for identifier in planted}
    return {matrix: ours[base] for matrix in matrices if (base := matrix.split(".")[0]) in ours}


def _count(importances: pl.Series) -> Cell:
    known = importances.drop_nulls().drop_nans().to_list()
    if not len(importances):
        return Cell(NOTHING, sort=0)
    return Cell(str(len(importances)), f"up to {signed(max(known))}" if known else "", len(importances))
