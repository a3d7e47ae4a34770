"""Names for learned motifs: Tomtom against known ones, held against motifs whose columns were shuffled.

Gupta et al., Quantifying similarity between motifs, Genome Biology 8:R24 (2007), as memelite implements it. Tomtom's
p-values are wrong for known motifs with long flat spacers, such as the extended ones of CTCF: any matrix of little
information matches them, with p-values down to 1e-16. So the learned motifs are also compared with their columns
shuffled, and each known motif's p-values are stretched until those of the shuffled matrices are as large as chance has
them. What is left is corrected over all learned × all known motifs (Benjamini and Hochberg, Journal of the Royal
Statistical Society B 57:289, 1995).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from memelite.tomtom import tomtom
from scipy.stats import false_discovery_control

from motifloom import jaspar
from motifloom.config import JASPAR_PREFIX
from motifloom.errors import InputError
from motifloom.jaspar import KnownMotif
from motifloom.motifs.meme import read_meme
from motifloom.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.motifs.motif import Motif

MIN_INFORMATION = 6.0
"""A matrix of fewer bits is not compared."""

MIN_WIDTH = 5
"""Nor is a narrower one, in bp."""

MIN_SITES = 5
"""Nor one counted from fewer sites."""

SHUFFLED = 1000
"""At least so many matrices of shuffled columns make the null distribution of each known motif."""

NULL_QUANTILE = 0.05
"""Where in the null distribution it is held against the uniform one."""

EQUIVALENT_Q = 0.01
"""Two learned motifs are equivalent when Tomtom's q-value between them is at most this."""


@dataclass(frozen=True)
class Match:
    """The best known motif for a learned one.

    Attributes
    ----------
    known
        The motif.
    q_value
        Benjamini-Hochberg over all learned motifs × all known ones, from calibrated p-values.
    ppm
        The known motif as it lies on the learned one: on its strand, padded with uniform columns or cut to its width,
        shape
        ``(width, 4)``.
    """

    known: KnownMotif
    q_value: float
    ppm: npt.NDArray[np.float64]


def read_database(name: str) -> list[KnownMotif]:
    """Return the known motifs of ``jaspar-TAXON`` or of a MEME file.

    Raises
    ------
    InputError
        Where the file cannot be read, is no MEME file, or holds no motif or an empty one.
    """
    if name.startswith(JASPAR_PREFIX):
        return jaspar.fetch_taxon(name.removeprefix(JASPAR_PREFIX))
    found = read_meme(name)
    empty = [title for title, ppm in found.items() if not (len(ppm) and ppm.sum(axis=1).all())]
    if empty:
        raise InputError(f"{name}: motif '{title}' has no column, or one of zeros" for title in empty)
    if not found:
        raise InputError(f"{name}: holds no motif")
    return [KnownMotif(title, title, ppm / ppm.sum(axis=1, keepdims=True)) for title, ppm in found.items()]


def comparable(motif: Motif) -> bool:
    """Return whether a motif rests on enough sites and holds enough information to be compared with others."""
    return motif.sites >= MIN_SITES and len(motif.ppm) >= MIN_WIDTH and motif.information_content >= MIN_INFORMATION


def match(motifs: Sequence[Motif], database: Sequence[KnownMotif], seed: int) -> dict[str, Match]:
    """Find the best known motif for each learned one.

    Returns
    -------
    By the learned motif's name; motifs that are not :func:`comparable` are absent.
    """
    queries = [motif for motif in motifs if comparable(motif)]
    if not queries:
        return {}
    p_values, offsets, strands = _compare([q.ppm for q in queries], [known.ppm for known in database], seed)
    q_values = _correct(p_values)
    found = {}
    for row, query in enumerate(queries):
        best = int(p_values[row].argmin())
        known = database[best]
        lying = known.ppm[::-1, ::-1] if strands[row, best] else known.ppm
        found[query.name] = Match(
            known, float(q_values[row, best]), _laid_on(lying, int(offsets[row, best]), len(query.ppm))
        )
    return found


def equivalents(motifs: Sequence[Motif], database: Sequence[KnownMotif], seed: int) -> dict[str, list[Motif]]:
    """Find for each learned motif those that are the same motif: itself, and what Tomtom finds alike on either strand.

    The known motifs are compared along, so that Tomtom's null distribution does not rest on a handful of columns.

    Returns
    -------
    By name, in the order given; a motif that is not :func:`comparable` is alike to itself alone.
    """
    found = {motif.name: [motif] for motif in motifs}
    queries = [motif for motif in motifs if comparable(motif)]
    if queries:
        matrices = [motif.ppm for motif in queries]
        p_values, _, _ = _compare(matrices, matrices + [known.ppm for known in database], seed)
        alike = _correct(p_values)[:, : len(queries)] <= EQUIVALENT_Q
        alike = alike | alike.T | np.eye(len(queries), dtype=bool)
        for row, query in enumerate(queries):
            found[query.name] = [queries[column] for column in np.flatnonzero(alike[row])]
    return found


def _compare(
    queries: Sequence[npt.NDArray[np.float64]], targets: Sequence[npt.NDArray[np.float64]], seed: int
) -> tuple[npt.NDArray[np.float64], ...]:
    """Return calibrated p-values, offsets and strands of Tomtom, each of shape ``(queries, targets)``.

    Where −ln p of shuffled matrices is λ > 1 times as large as that of a uniform p at :data:`NULL_QUANTILE`, p becomes
    p to the power of 1 / λ.
    """
    random = generator(seed, "shuffled columns")
    rounds = -(-SHUFFLED // len(queries))
    shuffled = [random.permutation(query) for query in queries for _ in range(rounds)]
    found = tomtom_p_values(queries, targets)
    null = tomtom_p_values(shuffled, targets)[0]
    stretch = np.log(np.quantile(null, NULL_QUANTILE, axis=0)) / np.log(NULL_QUANTILE)
    return found[0] ** (1 / np.maximum(stretch, 1)), found[2], found[4]


def tomtom_p_values(
    queries: Sequence[npt.NDArray[np.float64]], targets: Sequence[npt.NDArray[np.float64]]
) -> npt.NDArray[np.float64]:
    """Return Tomtom's p-values, scores, offsets, overlaps and strands, shape ``(5, queries, targets)``.

    Parameters
    ----------
    queries, targets
        Probabilities of shape ``(width, 4)``.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*targets.*")  # said once, in the documentation
        found = tomtom([np.ascontiguousarray(q.T) for q in queries], [np.ascontiguousarray(t.T) for t in targets])
    result = np.array(found, dtype=np.float64)
    result[0] = result[0].clip(np.finfo(float).tiny, 1)
    return result


def _correct(p_values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Benjamini-Hochberg q-values over all of a matrix of p-values, in its shape."""
    return np.asarray(false_discovery_control(p_values, axis=None)).reshape(p_values.shape)


def _laid_on(ppm: npt.NDArray[np.float64], offset: int, width: int) -> npt.NDArray[np.float64]:
    """Return the columns `offset` to ``offset + width`` of a matrix; uniform where it has none."""
    laid = np.full((width, 4), 0.25)
    first, last = max(0, -offset), min(width, len(ppm) - offset)
    laid[first:last] = ppm[first + offset : last + offset]
    return laid
