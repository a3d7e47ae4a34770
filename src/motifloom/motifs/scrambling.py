"""How much a network relies on a motif's sites: what is lost when other bases stand there.

For motifs that are no filters, which could be silenced: the patterns of attributions, whatever the network. A site is a
place that a matrix fits better than it fits the best place of 99 % of dinucleotide-shuffled sequences, the background
of filters without negatives too. Its bases are replaced by those that the sequence's own dinucleotide shuffle has in
their place: a site is too short to be shuffled by itself, since few other orders keep its dinucleotides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from motifloom.data.shuffle import shuffled_rows
from motifloom.genome import UNKNOWN
from motifloom.models.encoding import one_hot
from motifloom.models.prediction import predict_codes
from motifloom.motifs.importance import drops, with_intervals

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.genome import Codes
    from motifloom.models.predictor import Predictor
    from motifloom.motifs.importance import Importance
    from motifloom.motifs.motif import Motif

    Floats = npt.NDArray[np.floating]
    Mask = npt.NDArray[np.bool_]

BACKGROUND_BELOW = 0.99
"""The share of the shuffled sequences whose best place must fit less well than a site."""

BATCH = 512
"""Sequences that are scanned at a time."""


def scrambling_importances(
    predictor: Predictor,
    dataset: Dataset,
    motifs: Sequence[Motif],
    resamples: int,
    confidence: float,
    random: np.random.Generator,
) -> dict[str, Importance]:
    """Scramble the sites of each motif in the validation split and measure what is lost.

    Parameters
    ----------
    resamples, confidence
        Of the bootstrap: how many, and the level of the intervals.
    random
        Draws shuffles and resamples.

    Returns
    -------
    By the motif's name. What is lost is of the AUROC or, for regression, of Pearson's correlation, averaged over the
    tasks.
    """
    if not motifs:
        return {}
    rows = dataset.rows("validation")
    codes, labels = dataset.codes(rows), dataset.labels(rows)
    shuffles = shuffled_rows(codes, random)
    whole = predict_codes(predictor, codes)
    without = {}
    for motif in motifs:
        found = sites(motif.ppm, codes, shuffles, predictor.both_strands)
        touched = found.any(axis=1)
        without[motif.name] = whole.copy()
        if touched.any():
            without[motif.name][touched] = predict_codes(predictor, np.where(found, shuffles, codes)[touched])
    lost = drops(labels, [whole, *without.values()], predictor.kind, resamples, random)
    return dict(zip(without, with_intervals(lost, confidence), strict=True))


def sites(ppm: npt.NDArray[np.float64], codes: Codes, shuffles: Codes, both_strands: bool) -> Mask:
    """Return which bases a motif's sites cover.

    Parameters
    ----------
    ppm
        Probabilities of A C G T, shape ``(width, 4)``, none of them 0.
    codes
        Of the sequences, shape ``(n, length)``.
    shuffles
        Of each a shuffle, shape ``(n, length)``.
    both_strands
        Whether sites may lie on either strand.

    Returns
    -------
    Shape ``(n, length)``. A site lies on known bases alone.
    """
    covered = np.zeros(codes.shape, dtype=bool)
    width = len(ppm)
    if width > codes.shape[1]:
        return covered
    odds = torch.tensor(np.log2(4 * ppm), dtype=torch.float32).T
    matrices = torch.stack([odds, odds.flip((0, 1))] if both_strands else [odds])  # (strands, 4, width)
    threshold = np.quantile(_fits(matrices, shuffles).max(axis=1), BACKGROUND_BELOW)
    row, start = np.nonzero(_fits(matrices, codes) > threshold)
    for place in range(width):
        covered[row, start + place] = True
    return covered


def _fits(matrices: Tensor, codes: Codes) -> npt.NDArray[np.float32]:
    """Return how well the better strand fits each place, in bits, shape ``(n, length − width + 1)``."""
    found = []
    for first in range(0, len(codes), BATCH):
        part = codes[first : first + BATCH]
        fits = functional.conv1d(one_hot(torch.from_numpy(part)), matrices).amax(dim=1).numpy()
        known = np.lib.stride_tricks.sliding_window_view(part < UNKNOWN, matrices.shape[2], axis=1).all(axis=2)
        found.append(np.where(known, fits, -np.inf))
    return np.concatenate(found)
