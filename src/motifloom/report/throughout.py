"""Models over all datasets and tasks of a run: ranks, and tests of whether one does better than another throughout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from motifloom.evaluation.across import FEWEST, across
from motifloom.report.scores import Cell, colour
from motifloom.report.wording import LEVEL, fixed, listed, probability, signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motifloom.evaluation.across import Across
    from motifloom.report.results import Results
    from motifloom.report.scores import Standing


@dataclass(frozen=True)
class RankRow:
    """A model: its mean rank, and in how many rows it is best."""

    model: str
    css: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class PairRow:
    """Two models: in how many rows the first is better, the median difference, p, q, and what they come down to."""

    pair: str
    cells: Sequence[Cell]
    conclusion: str


@dataclass(frozen=True)
class Throughout:
    """Models over several datasets and tasks; no `pairs` where these are too few for a test."""

    told: str
    rows: Sequence[RankRow]
    pairs: Sequence[PairRow]


def throughout(results: Results, standings: Sequence[Standing]) -> Throughout | None:
    """Rank the models over datasets and tasks; None of a single one, of fewer than two models, or where none is whole.

    Parameters
    ----------
    standings
        Of each task of each dataset; of a multiclass dataset that over all classes.
    """
    models = [*results.config.models, *results.config.ensembles()]
    rows = [[standing.mean(model) for model in models] for standing in standings]
    whole = [[value for value in row if value is not None] for row in rows if None not in row]
    if len(whole) < 2 or len(models) < 2:
        return None
    found = across(np.array(whole), models)
    return Throughout(
        _told(found, len(whole), len(rows)),
        [
            RankRow(model, colour(results, model), [Cell(fixed(rank, 2), sort=rank), Cell(str(wins), sort=int(wins))])
            for model, rank, wins in zip(found.models, found.ranks.tolist(), found.wins.tolist(), strict=True)
        ],
        [_pair(one, other, len(whole), *numbers) for (one, other), numbers in found.pairs.items()],
    )


def _told(found: Across, whole: int, everything: int) -> str:
    """Say in a few sentences what the ranks come down to."""
    best = [model for model, rank in zip(found.models, found.ranks, strict=True) if rank == found.ranks[0]]
    have = "has" if len(best) == 1 else "have"
    sentences = [f"Over {whole} datasets and tasks {listed(best)} {have} the best mean rank."]
    if whole < everything:
        sentences.append(f"{everything - whole} more are left out, where some model's metric is not defined.")
    if whole < FEWEST:
        return " ".join([*sentences, f"Fewer than {FEWEST} are too few for a test over them."])
    if np.isfinite(found.friedman):
        sentences.append(f"Friedman's test that all models rank alike: p = {probability(found.friedman)}.")
    beaten = [other for (one, other), numbers in found.pairs.items() if one == found.models[0] and numbers[3] < LEVEL]
    if beaten:
        sentences.append(f"{found.models[0]} does better throughout than {listed(beaten)}.")
    return " ".join(sentences)


def _pair(one: str, other: str, rows: int, better: int, median: float, p: float, q: float) -> PairRow:
    cells = [
        Cell(f"{better} of {rows}", sort=better),
        Cell(signed(median), sort=median),
        Cell(probability(p), sort=p),
        Cell(probability(q), sort=q),
    ]
    return PairRow(f"{one} − {other}", cells, f"{one} is better" if q < LEVEL else "not distinguishable")
