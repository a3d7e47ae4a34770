"""A learned motif, and its own measures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    import numpy.typing as npt

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
    "importance_low": pl.Float64,
    "importance_high": pl.Float64,
    "group": pl.String,
    "duplicate": pl.String,
}
"""The columns of ``motifs.tsv``."""

PSEUDOCOUNT = 1.0
"""Sites of uniform bases that are added to the sites counted, so that no probability is zero."""

TRIM_BITS = 0.25
"""Outer columns that hold less information than this are cut off."""

LITTLE_BITS = 0.1
"""A column of less says no more than that all bases occur."""

IUPAC = {
    "A": "A", "C": "C", "G": "G", "T": "T", "AC": "M", "AG": "R", "AT": "W", "CG": "S", "CT": "Y", "GT": "K",
    "ACG": "V", "ACT": "H", "AGT": "D", "CGT": "B", "ACGT": "N",
}  # fmt: skip


@dataclass(frozen=True)
class Motif:
    """A motif that a model learned.

    Attributes
    ----------
    name
        Unique within a model's file.
    replicate
        The training it comes from.
    unit
        The number of its filter in that training's network.
    ppm
        Probabilities of A C G T, shape ``(width, 4)``, rows that sum to 1.
    sites
        The number of sites it was counted from.
    dead
        Whether the filter is active nowhere.
    source
        What it was read from: a filter's sites, or attributions; then `unit` is the number of the pattern.
    """

    name: str
    replicate: int
    unit: int
    ppm: npt.NDArray[np.float64] = field(repr=False)
    sites: int
    dead: bool
    source: Literal["filter", "attribution"] = "filter"

    @property
    def information_content(self) -> float:
        """The information of all columns against uniform bases, in bits."""
        return float(column_information(self.ppm).sum())

    @property
    def consensus(self) -> str:
        """A IUPAC letter a column: the fewest bases that are together at least 70 % likely, or N where it tells little.

        That is where four bases would be needed, or three and the column has less than :data:`LITTLE_BITS`.
        """
        return "".join(_letter(column) for column in self.ppm)


def probabilities(counts: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Turn base counts of shape ``(width, 4)`` into probabilities, :data:`PSEUDOCOUNT` uniform sites added."""
    padded = counts + PSEUDOCOUNT / 4
    return np.asarray(padded / padded.sum(axis=1, keepdims=True), dtype=np.float64)


def column_information(ppm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return each column's information against uniform bases, 2 + Σ p log₂ p, in bits from 0 to 2, shape ``(width,)``.

    Schneider and Stephens, Sequence logos, Nucleic Acids Research 18:6097 (1990).
    """
    logs = np.log2(ppm, out=np.zeros_like(ppm), where=ppm > 0)
    return np.asarray(2 + (ppm * logs).sum(axis=1))


def informative(ppm: npt.NDArray[np.float64]) -> slice:
    """Return the columns from the first to the last of at least :data:`TRIM_BITS`; all where there is none."""
    places = np.flatnonzero(column_information(ppm) >= TRIM_BITS)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, len(ppm))


def trim(ppm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cut off the outer columns of less than :data:`TRIM_BITS`; a matrix without any other column stays whole."""
    return ppm[informative(ppm)]


def _letter(column: npt.NDArray[np.float64]) -> str:
    order = np.argsort(-column, kind="stable")
    enough = int(np.searchsorted(column[order].cumsum(), 0.7)) + 1
    if enough == 3 and column_information(column[None])[0] < LITTLE_BITS:
        enough = 4
    return IUPAC["".join(sorted("ACGT"[base] for base in order[:enough]))]
