"""Names for learned motifs: Tomtom against known ones, held against motifs whose columns were shuffled.

Gupta et al., Quantifying similarity between motifs, Genome Biology 8:R24 (2007), as memelite implements it. Its
p-values speak of single pairs of motifs, and are wrong for some: known motifs with long flat spacers, such as the
extended ones of CTCF, are matched by any matrix of little information with p-values down to 1e-16, and a run of one
base matches all motifs that have one. So two questions are asked, both with the help of motifs whose columns were
shuffled:

- Does the learned motif match any known one? Its best match must be better than the best matches of its own columns in
  another order, which are extreme values of many, so they follow a Gumbel distribution (Gumbel, Statistics of Extremes,
  1958; here by the method of moments). That is corrected over the learned motifs (Benjamini and Hochberg, Journal of
  the Royal Statistical Society B 57:289, 1995). Only motifs of enough sites and information are asked about: since
  neither depends on the columns' order, those left out need no correction (Bourgon et al., PNAS 107:9546, 2010).
- Which ones? The p-values of a known motif are stretched until those of shuffled matrices are as large as chance has
  them, and those of a learned motif are corrected over the known ones, as Tomtom's q-values are.

A match is as good as the worse of the two says. Of several known motifs that match, as those of one family do, the one
that makes the learned motif's sites most likely gives the name.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from memelite.tomtom import tomtom
from scipy.stats import false_discovery_control, gumbel_r

from motifloom import jaspar
from motifloom.config import JASPAR_PREFIX
from motifloom.errors import InputError
from motifloom.jaspar import KnownMotif
from motifloom.motifs.meme import read_named
from motifloom.motifs.motif import probabilities
from motifloom.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.motifs.motif import Motif

    Matrix = npt.NDArray[np.float64]

ROUNDING = 0.02
"""The probabilities of a column of a known motif add up to 1 within this, as files round them."""

MIN_INFORMATION = 6.0
"""A matrix of fewer bits is not compared."""

MIN_WIDTH = 5
"""Nor is a narrower one, in bp."""

MAX_WIDTH = 50
"""Nor a wider one, in bp: few sites leave it untrimmed, and a comparison takes time by the cube of it. The widest known
motifs have about 35."""

MIN_SITES = 5
"""Nor one counted from fewer sites."""

SHUFFLED = 1000
"""At least so many matrices of shuffled columns make the null distribution of each known motif."""

NULL_QUANTILE = 0.05
"""Where in the null distribution it is held against the uniform one."""

ORDERS = 8
"""In at least so many other orders are the columns of a learned motif compared to see whether their order matters."""

LEAST_SCALE = 1.0
"""−ln of the least of many p-values has a Gumbel distribution of this scale where chance alone makes them. Motifs that
are short or repeat themselves spread more; with few orders it is not believed that one spreads less."""

TOGETHER = 256
"""So many shuffled matrices are compared at a time: those of few motifs, whose columns Tomtom then knows already."""

CONFIDENT_Q = 0.05
"""A match this good is counted as a name."""

EQUIVALENT_Q = 0.01
"""Two learned motifs are equivalent when Tomtom's q-value between them is at most this."""


@dataclass(frozen=True)
class Match:
    """The known motif that a learned one is called after.

    Attributes
    ----------
    known
        The motif.
    q_value
        The greater of two: Benjamini-Hochberg over the compared motifs, of whether one matches better than its columns
        in another order; and Benjamini-Hochberg over the known motifs, of calibrated p-values.
    ppm
        The known motif as it lies on the learned one: on its strand, padded with uniform columns or cut to its width,
        shape ``(width, 4)``.
    """

    known: KnownMotif
    q_value: float
    ppm: npt.NDArray[np.float64]


class Likeness(NamedTuple):
    """How motifs are alike, each of shape ``(motifs, motifs)``.

    Attributes
    ----------
    same
        Whether two are the same motif, on either strand.
    offset
        Where the second begins, in bp from the first one's start, once it is turned to the first one's strand.
    minus
        Whether it has to be turned.
    """

    same: npt.NDArray[np.bool_]
    offset: npt.NDArray[np.int64]
    minus: npt.NDArray[np.bool_]

    def among(self, places: npt.NDArray[np.int64]) -> Likeness:
        """Return how some of the motifs are alike, in the order of their `places`."""
        pairs = np.ix_(places, places)
        return Likeness(self.same[pairs], self.offset[pairs], self.minus[pairs])


def read_database(name: str) -> list[KnownMotif]:
    """Return the known motifs of ``jaspar-TAXON`` or of a MEME file.

    Raises
    ------
    InputError
        Where the file cannot be read, is no MEME file, or holds no motif, an empty one, or one of no probabilities.
    """
    if name.startswith(JASPAR_PREFIX):
        return jaspar.fetch_taxon(name.removeprefix(JASPAR_PREFIX))
    found = read_named(name)
    other = [one.name for one in found if not len(one.ppm) or (abs(one.ppm.sum(axis=1) - 1) > ROUNDING).any()]
    if other:
        raise InputError(
            f"{name}: motif '{title}' has no column, or one whose probabilities do not add up to 1" for title in other
        )
    if not found:
        raise InputError(f"{name}: holds no motif")
    return [KnownMotif(n, other or n, ppm / ppm.sum(axis=1, keepdims=True)) for n, other, ppm in found]


def comparable(motif: Motif) -> bool:
    """Return whether a motif rests on enough sites, holds enough information and is no wider than known motifs are."""
    fits = MIN_WIDTH <= len(motif.ppm) <= MAX_WIDTH
    return fits and motif.sites >= MIN_SITES and motif.information_content >= MIN_INFORMATION


def match(motifs: Sequence[Motif], database: Sequence[KnownMotif], seed: int) -> dict[str, Match]:
    """Find the known motif that names each learned one.

    Returns
    -------
    By the learned motif's name; motifs that are not :func:`comparable` are absent.
    """
    queries = [motif for motif in motifs if comparable(motif)]
    if not queries:
        return {}
    matrices, targets = [query.ppm for query in queries], [known.ppm for known in database]
    found = _compare(matrices, targets, seed, ORDERS)
    of_any = false_discovery_control(order_p_values(found.p.min(axis=1), found.best_shuffled))
    of_one = false_discovery_control(found.p, axis=1)
    matches = {}
    for row, query in enumerate(queries):
        likely = np.flatnonzero(of_one[row] < CONFIDENT_Q)
        if not len(likely):
            likely = found.p[row].argmin(keepdims=True)
        lying = [targets[one][::-1, ::-1] if found.minus[row, one] else targets[one] for one in likely]
        laid = [laid_on(ppm, found.offset[row, one], len(query.ppm)) for one, ppm in zip(likely, lying, strict=True)]
        best = int(np.argmax([log_likelihood(query, ppm) for ppm in laid]))
        q_value = max(of_any[row], of_one[row, likely[best]])
        matches[query.name] = Match(database[likely[best]], float(q_value), laid[best])
    return matches


def log_likelihood(learned: Motif, ppm: Matrix) -> float:
    """Return how likely a matrix makes a learned motif's sites, per site, in nats.

    The matrix, as wide as the motif, is blurred as if it had been counted from as many sites.
    """
    return float((learned.ppm * np.log(probabilities(learned.sites * ppm))).sum())


def order_p_values(best: Matrix, shuffled: Matrix) -> Matrix:
    """Return how likely the columns of each motif in another order match anything as well as it does.

    Parameters
    ----------
    best
        The least p-value of each motif, shape ``(motifs,)``.
    shuffled
        Those of its columns in other orders, shape ``(motifs, orders)``.
    """
    null = -np.log(shuffled)
    scale = np.maximum(null.std(axis=1, ddof=1) * np.sqrt(6) / np.pi, LEAST_SCALE)
    return np.asarray(gumbel_r.sf(-np.log(best), null.mean(axis=1) - np.euler_gamma * scale, scale))


class Compared(NamedTuple):
    """How motifs are alike, each of shape ``(queries, targets)``.

    Attributes
    ----------
    p
        Calibrated p-values.
    offset
        Where the target begins on the query, in bp.
    minus
        Whether it lies on the other strand.
    best_shuffled
        The least calibrated p-value of each query's columns in other orders, shape ``(queries, orders)``.
    """

    p: npt.NDArray[np.float64]
    offset: npt.NDArray[np.int64]
    minus: npt.NDArray[np.bool_]
    best_shuffled: npt.NDArray[np.float64]


def _compare(queries: Sequence[Matrix], targets: Sequence[Matrix], seed: int, orders: int) -> Compared:
    """Compare motifs with others and, in at least so many `orders`, their shuffled columns.

    Where −ln p of shuffled matrices is λ > 1 times as large as that of a uniform p at :data:`NULL_QUANTILE`, p becomes
    p to the power of 1 / λ.
    """
    random = generator(seed, "shuffled columns")
    orders = max(orders, -(-SHUFFLED // len(queries)))
    shuffled = [random.permutation(query) for query in queries for _ in range(orders)]
    null = np.empty((len(shuffled), len(targets)))
    for first in range(0, len(shuffled), TOGETHER):
        part = slice(first, first + TOGETHER)
        null[part] = tomtom_p_values(shuffled[part], targets)[0]
    stretch = np.maximum(np.log(np.quantile(null, NULL_QUANTILE, axis=0)) / np.log(NULL_QUANTILE), 1)
    p_values, _, offsets, _, strands = tomtom_p_values(queries, targets)
    best_shuffled = (null ** (1 / stretch)).min(axis=1).reshape(-1, orders)
    return Compared(p_values ** (1 / stretch), offsets.astype(np.int64), strands == 1, best_shuffled)


def tomtom_p_values(queries: Sequence[Matrix], targets: Sequence[Matrix]) -> Matrix:
    """Return Tomtom's p-values, scores, offsets, overlaps and strands, shape ``(5, queries, targets)``.

    Parameters
    ----------
    queries, targets
        Probabilities of shape ``(width, 4)``.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*targets.*")  # said once, in the documentation
        found = tomtom([np.ascontiguousarray(q.T) for q in queries], [np.ascontiguousarray(t.T) for t in targets])
    result: Matrix = np.asarray(found)
    result[0] = result[0].clip(np.finfo(float).tiny, 1)
    return result


def likeness(motifs: Sequence[Motif], database: Sequence[KnownMotif], seed: int) -> Likeness:
    """Find which motifs are the same motif on either strand; one that is not :func:`comparable` is like itself alone.

    The known motifs are compared along, so that Tomtom's null distribution does not rest on a handful of columns.
    """
    number = len(motifs)
    same = np.eye(number, dtype=bool)
    offset, minus = np.zeros((number, number), dtype=np.int64), np.zeros((number, number), dtype=bool)
    chosen = np.array([place for place, motif in enumerate(motifs) if comparable(motif)], dtype=np.int64)
    if len(chosen):
        matrices = [motifs[place].ppm for place in chosen]
        found = _compare(matrices, matrices + [known.ppm for known in database], seed, orders=1)
        q_values = np.asarray(false_discovery_control(found.p, axis=None)).reshape(found.p.shape)
        near = q_values[:, : len(chosen)] <= EQUIVALENT_Q
        pairs = np.ix_(chosen, chosen)
        same[pairs] |= near | near.T
        offset[pairs], minus[pairs] = -found.offset[:, : len(chosen)], found.minus[:, : len(chosen)]
        offset[chosen, chosen] = 0
        minus[chosen, chosen] = False
    return Likeness(same, offset, minus)


def laid_on(ppm: Matrix, offset: int, width: int) -> Matrix:
    """Return the columns `offset` to ``offset + width`` of a matrix; uniform where it has none."""
    laid = np.full((width, 4), 0.25)
    first, last = max(0, -offset), min(width, len(ppm) - offset)
    laid[first:last] = ppm[first + offset : last + offset]
    return laid
