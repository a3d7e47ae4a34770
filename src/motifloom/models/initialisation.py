"""First-layer filters that begin as motifs of the training sequences instead of as noise.

A network that starts from random filters finds a motif by descent from what little of it a filter holds by chance; with
a few hundred sequences it learns their noise meanwhile. Motif discovery by counting needs far fewer. It is done here as
in DREME and STREME (Bailey, Bioinformatics 27:1653, 2011 and 37:2834, 2021), simplified: take the k-mer that tells the
positive sequences best from the others, align its occurrences, estimate the motif anew from its best sites, erase them,
and go on with what is left until no k-mer is enriched. Then the same with all sequences against shuffles of themselves:
a motif that positives and negatives have alike, so that only its place or its neighbours tell them apart, is found
there and nowhere else. Starting filters from such motifs is after Lanchantin et al. (Deep Motif, arXiv:1605.01133,
2016), who start them from known ones. Training changes them freely.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import stats
from torch.nn import functional

from motifloom.genome import UNKNOWN, reverse_complement
from motifloom.models.base import FilterNetwork
from motifloom.models.encoding import one_hot
from motifloom.models.kmers import kmer_columns, kmer_presence
from motifloom.seeds import generator

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from motifloom.data.dataset import Dataset
    from motifloom.genome import Codes
    from motifloom.models.base import Network

    Matrix = npt.NDArray[np.float64]
    Mask = npt.NDArray[np.bool_]

logger = logging.getLogger(__name__)

SEQUENCES = 5000
"""How many training sequences motifs are looked for in, at most."""

KMER = 6
MOST_EXPECTED = 0.05
"""How many k-mers as enriched as the one that is taken may be expected by chance, as in DREME."""

ROUNDS = 3
"""How often a motif is estimated anew from its best sites."""

NEGATIVES_BELOW = 0.9
"""The share of the negative sequences whose best site must score less than a site that counts."""

FLANK = 6
"""How far a motif's centre may move from its k-mer's, in bp, at every estimation."""

BATCH = 512
"""Sequences that are scanned at a time."""


def initialise(network: Network, dataset: Dataset, seed: int, both_strands: bool) -> None:
    """Let a network that wants it begin with motifs of the training split; the others stay as they are.

    Parameters
    ----------
    seed
        Of this training; it decides which sequences are looked at where there are more than :data:`SEQUENCES`.
    both_strands
        Whether a motif may lie on either strand.
    """
    if not isinstance(network, FilterNetwork) or network.initialise == "random":
        return
    rows = np.sort(generator(seed, "initialise").permutation(dataset.rows("train"))[:SEQUENCES])
    random = generator(seed, "shuffles")
    motifs = seed_filters(network, dataset.codes(rows), dataset.labels(rows), both_strands, random)
    logger.info("%d motifs are enriched in %d training sequences: filters begin with them", motifs, len(rows))


def seed_filters(
    network: FilterNetwork,
    codes: Codes,
    labels: npt.NDArray[np.float32],
    both_strands: bool,
    random: np.random.Generator,
) -> int:
    """Let filters of the first layer begin as motifs that sequences of high label are enriched in, then all sequences.

    A sequence is positive in a task where its label is 1 or, in a task of more than two values, above the median. Tasks
    have their turn by how many positives they have, so that their order in `labels` does not matter. All sequences are
    held against shuffles of themselves that keep their dinucleotides. Every motif becomes a filter, or two, one for
    each strand, as long as the random ones are.

    Parameters
    ----------
    codes
        Of training sequences, shape ``(n, length)``.
    labels
        Shape ``(n, tasks)``, NaN where one is missing.
    both_strands
        Whether a motif may lie on either strand.
    random
        Shuffles the sequences.

    Returns
    -------
    The number of motifs; at most half of the filters begin with them.
    """
    weights = network.first_layer.get_parameter("0.weight")
    filters, _, width = weights.shape
    room = filters // 2 // (2 if both_strands else 1)
    rest = codes.copy()
    motifs: list[Matrix] = []
    for positive, negative in _contrasts(labels):
        each = max(1, room // labels.shape[1])
        found, rest = enriched_motifs(rest, positive, negative, width, each, both_strands)
        motifs += found
    both = np.concatenate([rest, shuffles(rest, random)])
    own = np.arange(len(both)) < len(rest)
    motifs += enriched_motifs(both, own, ~own, width, room - len(motifs), both_strands)[0]
    motifs = motifs[:room]
    norm = weights.detach().flatten(1).norm(dim=1).mean()
    with torch.no_grad():
        for number, motif in enumerate(motifs):
            one = torch.tensor(motif, dtype=weights.dtype)
            one *= norm / one.norm()
            strands = [one, one.flip((0, 1))] if both_strands else [one]
            first = number * len(strands)
            weights[first : first + len(strands)] = torch.stack(strands)
    return len(motifs)


def _contrasts(labels: npt.NDArray[np.float32]) -> list[tuple[Mask, Mask]]:
    """Return the positive and the negative sequences of each task that has both, the one of most positives first."""
    contrasts = []
    for task in labels.T:
        known = ~np.isnan(task)
        values = np.unique(task[known])
        if len(values) > 1:
            positive = task > (np.median(task[known]) if len(values) > 2 else values.mean())
            contrasts.append((positive, known & ~positive))
    return sorted(contrasts, key=lambda masks: (-masks[0].sum(), masks[0].tobytes(), masks[1].tobytes()))


def enriched_motifs(
    codes: Codes,
    positive: Mask,
    negative: Mask,
    width: int,
    number: int,
    both_strands: bool,
) -> tuple[list[Matrix], Codes]:
    """Return motifs that positive sequences have and negative ones lack, the clearest first, and what is left without.

    Parameters
    ----------
    codes
        Shape ``(n, length)``.
    positive, negative
        Which sequences are compared, each of shape ``(n,)``; sites are erased from the others as well.
    width
        Of a motif in bp.
    number
        Of motifs, at most.
    both_strands
        Whether a motif may lie on either strand.

    Returns
    -------
    motifs
        Log-odds of the bases A C G T against the sequences' own composition, each of shape ``(4, width)``.
    rest
        The sequences with the sites of all these motifs unknown, shape ``(n, length)``.
    """
    kmer = min(KMER, width)
    flank = width // 2 + FLANK
    rest = np.pad(codes, ((0, 0), (flank, flank)), constant_values=UNKNOWN)
    background, compared = base_shares(codes), positive | negative
    motifs: list[Matrix] = []
    while len(motifs) < number:
        present = kmer_presence(rest, kmer, both_strands)
        column = most_enriched(present[compared], positive[compared])
        if column is None:
            break
        word, holders = kmer_matrix(kmer, column, width, both_strands), present[:, column]
        motif, sites = refined(rest, word, holders, positive, negative, background, both_strands)
        rest = erased(rest, motif, sites)
        rest[holders] = erased(rest[holders], word, (scan(rest[holders], word, both_strands) > kmer - 0.5).numpy())
        motifs.append(motif)
    return motifs, rest[:, flank : rest.shape[1] - flank]


def most_enriched(present: Mask, positive: Mask) -> int | None:
    """Return the k-mer that is most clearly enriched in positive sequences; None where that may be chance.

    That is the least p of Fisher's exact test, one-sided; its product with the number of k-mers must be below
    :data:`MOST_EXPECTED`.

    Parameters
    ----------
    present
        Which sequences have which k-mers, shape ``(n, k-mers)``.
    positive
        Shape ``(n,)``.
    """
    if positive.all() or not positive.any():
        return None
    holders, of_positive = present.sum(axis=0), present[positive].sum(axis=0)
    fewest_first = np.lexsort((-of_positive, holders))
    most = np.maximum.accumulate(of_positive[fewest_first])
    # any other k-mer is in as many sequences as one of these, or more, of which no more are positive: its p is greater
    clearest = fewest_first[np.append(True, most[1:] > most[:-1])]
    p = stats.hypergeom.sf(of_positive[clearest] - 1, len(positive), int(positive.sum()), holders[clearest])
    best = np.flatnonzero(p == p.min())[-1]  # of several whose p is too small for a number the most frequent one
    return int(clearest[best]) if p[best] * len(holders) < MOST_EXPECTED else None


def kmer_matrix(kmer: int, column: int, width: int, both_strands: bool) -> Matrix:
    """Return a matrix that is 1 for a k-mer's bases in its middle, −1 for others, 0 around it."""
    word = int(np.flatnonzero(kmer_columns(kmer, both_strands) == column)[0])
    bases = [(word // 4**place) % 4 for place in reversed(range(kmer))]
    matrix = np.zeros((4, width))
    first = (width - kmer) // 2
    matrix[:, first : first + kmer] = -1.0
    matrix[bases, range(first, first + kmer)] = 1.0
    return matrix


def shuffles(codes: Codes, random: np.random.Generator) -> Codes:
    """Return sequences shuffled from their first to their last known base, each dinucleotide kept."""
    from motifloom.data.shuffle import shuffled_rows  # noqa: PLC0415 - numba takes a quarter of a second to import

    return shuffled_rows(codes, random)


def refined(
    codes: Codes,
    word: Matrix,
    holders: Mask,
    positive: Mask,
    negative: Mask,
    background: npt.NDArray[np.float64],
    both_strands: bool,
) -> tuple[Matrix, Mask]:
    """Estimate a motif from where positive sequences hold a k-mer, then anew from its own best sites in them.

    Parameters
    ----------
    word
        The k-mer's matrix; the motif becomes as wide.
    holders
        Which sequences hold it, shape ``(n,)``; a positive one at least.

    Returns
    -------
    motif
        Log-odds, shape ``(4, width)``.
    sites
        Where it scores more than in most negative sequences, shape ``(n, strands, places)`` as :func:`scan` has it.
    """
    width, chosen = word.shape[1], holders & positive
    places, _ = best_places(scan(codes[chosen], word, both_strands))
    for _ in range(ROUNDS):
        motif = log_odds(centred(aligned_counts(codes[chosen], places, width), width), background)
        scores = scan(codes, motif, both_strands)
        everywhere, best = best_places(scores)
        least = float(np.quantile(best[negative], NEGATIVES_BELOW, method="higher"))
        chosen = (best > least) & positive
        if not chosen.any():
            break
        places = everywhere[chosen]
    return motif, (scores > least).numpy()


def scan(codes: Codes, motif: Matrix, both_strands: bool) -> Tensor:
    """Return the scores of all places, shape ``(n, strands, places)``, counted from the start of the forward strand.

    A score is the sum of the motif's values, 0 for an unknown base.
    """
    strands = torch.tensor(np.stack([motif, motif[::-1, ::-1]][: 1 + both_strands]), dtype=torch.float32)
    with torch.no_grad():
        parts = (torch.from_numpy(codes[first : first + BATCH]) for first in range(0, len(codes), BATCH))
        return torch.cat([functional.conv1d(one_hot(part), strands) for part in parts])


def best_places(scores: Tensor) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return where each sequence's best site begins and its score, shape ``(n,)`` each.

    A place is counted from the start of its strand, one of the reverse strand after all places of the forward one.
    """
    best, place = torch.cat([scores[:, 0], scores[:, 1:].flip(2).flatten(1)], dim=1).max(dim=1)
    return place.numpy(), best.numpy()


def erased(codes: Codes, motif: Matrix, sites: Mask) -> Codes:
    """Return sequences in which all sites of a motif are unknown where it has information.

    That is in the columns whose values differ by more than 1 between the best and the worst base.

    Parameters
    ----------
    sites
        Shape ``(n, strands, places)`` as :func:`scan` has it.
    """
    columns = np.flatnonzero(np.ptp(motif, axis=0) > 1)
    rest = codes.copy()
    for strand, reached in enumerate([columns, motif.shape[1] - 1 - columns][: sites.shape[1]]):
        row, place = np.nonzero(sites[:, strand])
        rest[row[:, None], place[:, None] + reached] = UNKNOWN
    return rest


def aligned_counts(codes: Codes, places: npt.NDArray[np.int64], width: int) -> Matrix:
    """Count the bases of a site in each sequence and of :data:`FLANK` bp around it, shape ``(4, width + 2 FLANK)``."""
    starts = codes.shape[1] - width + 1
    bases = np.concatenate([codes, reverse_complement(codes)])
    minus, first = places >= starts, places % starts
    rows = len(codes) * minus + np.arange(len(codes))
    window = first[:, None] + np.arange(-FLANK, width + FLANK)
    inside = (window >= 0) & (window < codes.shape[1])
    sites = np.where(inside, bases[rows[:, None], window.clip(0, codes.shape[1] - 1)], UNKNOWN)
    return np.stack([(sites == base).sum(axis=0) for base in range(4)]).astype(np.float64)


def centred(counts: Matrix, width: int) -> Matrix:
    """Return the `width` neighbouring columns of most information."""
    shares = (counts + 0.25) / (counts.sum(axis=0) + 1)
    bits = np.convolve(2 + (shares * np.log2(shares)).sum(axis=0), np.ones(width), "valid")
    first = int(bits.argmax())
    return counts[:, first : first + width]


def base_shares(codes: Codes) -> npt.NDArray[np.float64]:
    """Return the shares of A C G T on both strands together, shape ``(4,)``."""
    counts = np.bincount(codes[codes < UNKNOWN], minlength=4) + 1.0
    return np.asarray((counts + counts[::-1]) / (2 * counts.sum()))


def log_odds(counts: Matrix, background: npt.NDArray[np.float64]) -> Matrix:
    """Return ln(p / background) with p the share of each base among the counts, one pseudocount a column."""
    shares = (counts + background[:, None]) / (counts.sum(axis=0) + 1)
    return np.asarray(np.log(shares / background[:, None]))
