"""The Bayes-optimal score of a simulated window: the exact posterior under the process that made it.

With P(x | background) the probability of a window's bases where no site is, every class has a likelihood ratio

    P(x | class) / P(x | background) = mean over all ways that its sites may stand of ∏ ppm(base) / background(base)

over the motifs, strands, distances and places of :mod:`motifloom.data.arrangements`, each way weighed as likely as it
is. Where negatives are GC-matched, they are background chosen so that its number of G and C is distributed as a
positive's; their ratio is P(g | positive) / P(g | background), with g the window's number of G and C.

The posterior odds are the positives' ratio over the negatives', times the prior odds. No model can do better on
average; one minus the oracle's accuracy is the Bayes error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit
from scipy.stats import binom

from motifloom import jaspar
from motifloom.data.arrangements import Scattered, arrangements, least_distance
from motifloom.data.simulate import base_frequencies

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.config import SimulatedDataset
    from motifloom.data.arrangements import Arrangement, Integers, Paired
    from motifloom.genome import Codes

    Floats = npt.NDArray[np.float64]

BLOCK = 512
"""So many windows are scored at a time."""


def posterior(codes: Codes, section: SimulatedDataset) -> Floats:
    """Return the probability that each window's label is 1.

    With noise *e* a label is the truth with probability 1 − e, so the probability lies between e and 1 − e. An unknown
    base tells nothing. A window that neither class can have made gets the prior.

    Parameters
    ----------
    codes
        Windows centred on their regions, shape ``(n, window)``.

    Returns
    -------
    Probabilities, shape ``(n,)``.
    """
    spec = section.simulate
    background = base_frequencies(spec.gc)
    ppms = [motif.ppm for motif in jaspar.fetch(spec.motifs)]
    classes = arrangements(section)
    log_odds = np.empty(len(codes))
    with np.errstate(divide="ignore", invalid="ignore"):
        for first in range(0, len(codes), BLOCK):
            evidence = Evidence.of(codes[first : first + BLOCK], ppms, background, spec.jitter)
            log_odds[first : first + BLOCK] = log_ratio(evidence, classes[1]) - log_ratio(evidence, classes[0])
        if section.negatives == "gc-matched":
            of_background, of_positives = gc_distributions(codes.shape[1], ppms, background)
            gc = ((codes == 1) | (codes == 2)).sum(axis=1)
            log_odds += np.log(of_background[gc]) - np.log(of_positives[gc])
    log_odds[np.isnan(log_odds)] = 0
    truth = expit(log_odds - np.log(section.negatives_per_positive))
    return np.asarray(spec.noise + (1 - 2 * spec.noise) * truth)


@dataclass(frozen=True)
class Evidence:
    """What speaks for a site at each place of windows.

    Attributes
    ----------
    scans
        For each motif and strand, + and −, log ∏ ppm(base) / background(base) of a site that begins at each place,
        shape ``(n, window - width + 1)``.
    widths
        Of the motifs, in bp.
    centre
        The place in a window that is its region's centre.
    jitter
        How far, in bp, what is planted may lie from the centre.
    """

    scans: list[tuple[Floats, Floats]]
    widths: Integers
    centre: int
    jitter: int

    @classmethod
    def of(cls, codes: Codes, ppms: Sequence[Floats], background: Floats, jitter: int) -> Evidence:
        """Scan windows centred on their regions, shape ``(n, window)``, with motifs of shape ``(width, 4)``."""
        scans = []
        for ppm in ppms:
            with np.errstate(divide="ignore"):
                ratio = np.log(ppm / background)
            scans.append((_scan(codes, ratio), _scan(codes, ratio[::-1, ::-1])))
        return cls(scans, np.array([len(ppm) for ppm in ppms]), codes.shape[1] // 2, jitter)

    def at(self, motif: int, minus: bool, start: int) -> Floats:
        """Return the log ratios of a site that begins `start` bp from the centre, moved by −jitter … jitter bp.

        Returns
        -------
        Shape ``(n, 2 * jitter + 1)``.
        """
        first = self.centre + start - self.jitter
        return self.scans[motif][minus][:, first : first + 2 * self.jitter + 1]


def _scan(codes: Codes, ratio: Floats) -> Floats:
    """Sum a matrix of shape ``(width, 4)`` over the bases from every place on; an unknown base adds nothing."""
    table = np.pad(ratio, ((0, 0), (0, 1)))
    places = codes.shape[1] - len(table) + 1
    total = np.zeros((len(codes), places))
    for offset, column in enumerate(table):
        total += column[codes[:, offset : offset + places]]
    return total


def log_ratio(evidence: Evidence, kinds: Sequence[Arrangement]) -> Floats:
    """Return log P(x | class) − log P(x | background), natural logarithm, shape ``(n,)``.

    Parameters
    ----------
    kinds
        How the sites of the class may stand, each equally likely.
    """
    return _log_mean(
        [
            _scattered(evidence, kind.number) if isinstance(kind, Scattered) else _paired(evidence, kind)
            for kind in kinds
        ]
    )


def _paired(evidence: Evidence, pair: Paired) -> Floats:
    """Average over distances, strands and places."""
    terms = []
    for spacing in range(pair.spacing[0], pair.spacing[1] + 1):
        for minus in (False, True):
            motifs, starts = pair.place(evidence.widths, np.array([spacing]), np.array([minus]))
            both = (evidence.at(motif, minus, start) for motif, start in zip(motifs[0], starts[0], strict=True))
            terms.append(_log_mean(np.add(*both), axis=1))
    return _log_mean(terms)


def _scattered(evidence: Evidence, number: int) -> Floats:
    """Average over motifs, strands and places of sites that do not overlap.

    The sum over places runs from left to right. How many places there are depends on the motifs' widths, by the least
    distances of the sites' centres alone; so sums are kept apart by the total of these distances and by the last motif.
    """
    if number == 0:
        return np.zeros(len(evidence.scans[0][0]))
    widths = evidence.widths
    sites = [
        _log_mean([evidence.at(motif, minus, -(width // 2)) for minus in (False, True)])
        for motif, width in enumerate(widths.tolist())
    ]
    sums = {(0, motif): site for motif, site in enumerate(sites)}  # of the last site's every centre
    for _ in range(number - 1):
        longer: dict[tuple[int, int], Floats] = {}
        for (total, last), of_centre in sums.items():
            up_to_centre = np.logaddexp.accumulate(of_centre, axis=1)
            for motif, site in enumerate(sites):
                step = int(least_distance(widths[last], widths[motif]))
                key = (total + step, motif)
                there = longer.setdefault(key, np.full_like(site, -np.inf))
                np.logaddexp(there[:, step:], up_to_centre[:, :-step] + site[:, step:], out=there[:, step:])
        sums = longer
    of_motifs = [
        np.logaddexp.reduce(of_centre, axis=1) - math.log(math.comb(2 * evidence.jitter - total + number, number))
        for (total, _), of_centre in sums.items()
    ]
    return np.logaddexp.reduce(of_motifs) - number * math.log(len(sites))


def _log_mean(terms: Floats | Sequence[Floats], axis: int = 0) -> Floats:
    """Return the logarithm of the mean of what `terms` are the logarithms of."""
    logs = np.asarray(terms)
    greatest = logs.max(axis=axis, keepdims=True)
    greatest[np.isneginf(greatest)] = 0
    with np.errstate(divide="ignore"):
        return np.log(np.exp(logs - greatest).mean(axis=axis)) + greatest.squeeze(axis)


def gc_distributions(window: int, ppms: Sequence[Floats], background: Floats) -> tuple[Floats, Floats]:
    """Return how likely each number of G and C is, 0 to `window`: in background, and in a window with one site."""
    gc = background[1] + background[2]
    of_background = binom.pmf(np.arange(window + 1), window, gc)
    of_positives = np.zeros(window + 1)
    for ppm in ppms:
        counts = binom.pmf(np.arange(window - len(ppm) + 1), window - len(ppm), gc)
        for column in ppm:
            counts = np.convolve(counts, [column[0] + column[3], column[1] + column[2]])
        of_positives += counts / len(ppms)
    return of_background, of_positives
