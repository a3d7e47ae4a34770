"""Motifs as MEME files: minimal format, version 4."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

HEADER = """MEME version 4

ALPHABET= ACGT

strands: + -

Background letter frequencies
A 0.25 C 0.25 G 0.25 T 0.25
"""


def meme_text(motifs: Iterable[tuple[str, npt.NDArray[np.float64], int]]) -> str:
    """Return a MEME file of motifs.

    Parameters
    ----------
    motifs
        Name (without blanks), probabilities of shape ``(width, 4)``, and number of sites.
    """
    parts = [HEADER]
    for name, ppm, sites in motifs:
        rows = "\n".join(" ".join(f"{p:.6f}" for p in column) for column in ppm)
        parts.append(
            f"MOTIF {name}\nletter-probability matrix: alength= 4 w= {len(ppm)} nsites= {sites} E= 0\n{rows}\n"
        )
    return "\n".join(parts)
