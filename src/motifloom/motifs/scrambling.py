"""How much a network relies on a motif's sites: what is lost when other bases stand there.

For networks whose motifs are not filters that could be silenced. A site is a place that a matrix fits better than it
fits the best place of 99 % of dinucleotide-shuffled sequences, the background of filters without negatives too. Its
bases are replaced by those that the sequence's own dinucleotide shuffle has in their place: a site is too short to be
shuffled by itself, since few other orders keep its dinucleotides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from motifloom.evaluation.intervals import bootstrap_weights, intervals
from motifloom.evaluation.kinds import JUDGED
from motifloom.genome import UNKNOWN
from motifloom.models.encoding import one_hot
from motifloom.motifs.attribution import shuffled_within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from motifloom.config import Kind
    from motifloom.data.dataset import Dataset
    from motifloom.genome import Codes
    from motifloom.motifs.motif import Motif
    from motifloom.training.module import SequenceModule

    Floats = npt.NDArray[np.floating]
    Mask = npt.NDArray[np.bool_]

BACKGROUND_BELOW = 0.99
"""The share of the shuffled sequences whose best place must fit less well than a site."""

BATCH = 512
"""Sequences that a network reads at a time."""


class Importance(NamedTuple):
    """By how much the mean main metric of the validation split falls, with its interval; less than 0 where it rises."""

    drop: float
    low: float
    high: float


def scrambling_importances(
    module: SequenceModule,
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
    shuffles = np.stack([shuffled_within(sequence, random) for sequence in codes])
    whole = _scores(module, codes)
    without = {}
    for motif in motifs:
        found = sites(motif.ppm, codes, shuffles, module.both_strands)
        touched = found.any(axis=1)
        without[motif.name] = whole.copy()
        if touched.any():
            without[motif.name][touched] = _scores(module, np.where(found, shuffles, codes)[touched])
    return drops(labels, whole, without, module.kind, resamples, confidence, random)


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


def _scores(module: SequenceModule, codes: Codes) -> npt.NDArray[np.float64]:
    with torch.inference_mode():
        parts = [torch.from_numpy(codes[first : first + BATCH]) for first in range(0, len(codes), BATCH)]
        return np.concatenate([module.scores(module(part)).double().numpy() for part in parts])


def drops(
    labels: Floats,
    whole: Floats,
    without: Mapping[str, Floats],
    kind: Kind,
    resamples: int,
    confidence: float,
    random: np.random.Generator,
) -> dict[str, Importance]:
    """Compute how much the mean main metric falls, with percentile intervals of a paired bootstrap.

    Parameters
    ----------
    labels
        Shape ``(n, tasks)``, NaN where one is missing.
    whole
        Scores of the sequences as they are, shape ``(n, tasks)``.
    without
        Scores of the sequences without something, by its name, shape ``(n, tasks)`` each.

    Returns
    -------
    By name. A task without a defined metric counts nothing; where there is none, nothing is lost.
    """
    judged = JUDGED["regression" if kind == "regression" else "binary"]
    names = list(without)
    values, resampled, counted = np.zeros(len(names)), np.zeros((len(names), resamples)), 0
    for task in range(labels.shape[1]):
        known = ~np.isnan(labels[:, task])
        own = labels[known, task].astype(np.float64)
        if len(np.unique(own)) < 2:
            continue
        counted += 1
        arranged = [judged.arrange(own, scores[known, task]) for scores in (whole, *without.values())]
        strata = own if judged.stratified else np.zeros(len(own))
        estimate, *others = (one.compute(np.ones((1, len(own))), [judged.main])[judged.main] for one in arranged)
        values += np.nan_to_num(estimate) - np.nan_to_num(np.array(others).reshape(len(names)))
        done = 0
        for weights in bootstrap_weights(strata, resamples, random):
            part = slice(done, done := done + len(weights))
            first, *rest = (np.nan_to_num(one.compute(weights, [judged.main])[judged.main]) for one in arranged)
            resampled[:, part] += first - np.array(rest).reshape(len(names), -1)
    values, resampled = values / max(counted, 1), resampled / max(counted, 1)
    low, high = intervals(resampled, values, confidence)
    return {name: Importance(*map(float, found)) for name, *found in zip(names, values, low, high, strict=True)}
