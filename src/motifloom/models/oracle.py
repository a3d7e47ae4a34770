"""The Bayes-optimal score of a simulated window: the exact posterior under the process that made it.

A positive window is background with one site in it: of one of the motifs, at one of the places, on one of the strands,
all equally likely. A negative is background; where negatives are GC-matched, background that was chosen so that its
number of G and C is distributed as a positive's. So

    P(x | positive) / P(x | negative) = mean over motifs, places and strands of ∏ ppm(base) / background(base)

times, for GC-matched negatives, P(g | background) / P(g | positive) with g the window's number of G and C. No model can
do better on average; one minus the oracle's accuracy is the Bayes error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logsumexp
from scipy.stats import binom

from motifloom import jaspar
from motifloom.data.negatives import gc_count
from motifloom.data.simulate import base_frequencies

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.config import SimulatedDataset
    from motifloom.genome import Codes

    Floats = npt.NDArray[np.float64]


def posterior(codes: Codes, section: SimulatedDataset) -> Floats:
    """Return the probability that each window is a positive.

    Parameters
    ----------
    codes
        Windows centred on a region or on nothing, shape ``(n, window)``, without unknown bases.

    Returns
    -------
    Probabilities, shape ``(n,)``.
    """
    spec = section.simulate
    background = base_frequencies(spec.gc)
    ppms = [motif.ppm for motif in jaspar.fetch(spec.motifs)]
    log_odds = log_likelihood_ratio(codes, ppms, background, spec.jitter)
    if section.negatives == "gc-matched":
        of_background, of_positives = gc_distributions(codes.shape[1], ppms, background)
        count = gc_count(codes)
        log_odds += np.log(of_background[count]) - np.log(of_positives[count])
    return np.asarray(expit(log_odds - np.log(section.negatives_per_positive)))


def log_likelihood_ratio(codes: Codes, ppms: Sequence[Floats], background: Floats, jitter: int) -> Floats:
    """Return log P(x | background with a site) − log P(x | background), natural logarithm, shape ``(n,)``."""
    centre = codes.shape[1] // 2
    terms = []
    with np.errstate(divide="ignore"):
        for ppm in ppms:
            for strand in (ppm, ppm[::-1, ::-1]):
                ratio = np.log(strand / background)
                for shift in range(-jitter, jitter + 1):
                    start = centre + shift - len(ppm) // 2
                    site = codes[:, start : start + len(ppm)]
                    terms.append(ratio[np.arange(len(ppm)), site].sum(axis=1))
    return np.asarray(logsumexp(terms, axis=0)) - np.log(len(terms))


def gc_distributions(window: int, ppms: Sequence[Floats], background: Floats) -> tuple[Floats, Floats]:
    """Return how likely each number of G and C is, 0 to `window`: in background, and in a positive window."""
    gc = background[1] + background[2]
    of_background = binom.pmf(np.arange(window + 1), window, gc)
    of_positives = np.zeros(window + 1)
    for ppm in ppms:
        counts = binom.pmf(np.arange(window - len(ppm) + 1), window - len(ppm), gc)
        for column in ppm:
            counts = np.convolve(counts, [column[0] + column[3], column[1] + column[2]])
        of_positives += counts / len(ppms)
    return of_background, of_positives
