"""Motifs in the formats of JASPAR and TRANSFAC, as Biopython writes them: counts of bases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from Bio import motifs as bio
from Bio.motifs import jaspar, transfac

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motifloom.motifs.motif import Motif


def jaspar_text(motifs: Sequence[Motif]) -> str:
    """Return motifs in JASPAR's format, which has counts of two decimals."""
    return str(bio.write([jaspar.Motif(motif.name, motif.name, counts=_counts(motif)) for motif in motifs], "jaspar"))


def transfac_text(motifs: Sequence[Motif]) -> str:
    """Return motifs in TRANSFAC's format."""
    written = []
    for motif in motifs:
        one = transfac.Motif(alphabet="ACGT", counts=_counts(motif))
        one["ID"] = motif.name
        written.append(one)
    return str(bio.write(written, "transfac"))


def _counts(motif: Motif) -> dict[str, list[float]]:
    """Return probabilities × the number of sites, of one site where there is none; to a hundredth."""
    scaled = (motif.ppm * max(motif.sites, 1)).round(2)
    return {base: scaled[:, place].tolist() for place, base in enumerate("ACGT")}
