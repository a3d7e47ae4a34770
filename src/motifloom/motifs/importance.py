"""How much a network loses without some of its filters: ablation, with an interval.

The filters' output is replaced by their mean over the validation split, as Basset measures a filter's influence (Kelley
et al., Genome Research 26:990, 2016). What is lost is the drop of the main metric on validation, averaged over the
tasks. Its interval is a paired bootstrap (Efron and Tibshirani 1993): the whole network and the ablated one are scored
on the same resamples of the validation examples.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from motifloom.evaluation.intervals import bootstrap_weights
from motifloom.evaluation.kinds import JUDGED
from motifloom.genome import sequence_lengths
from motifloom.models.encoding import one_hot
from motifloom.models.layers import own_places
from motifloom.models.prediction import predict
from motifloom.motifs.filters import batches_of, with_filters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt
    from torch import Tensor, nn

    from motifloom.config import Kind
    from motifloom.data.dataset import Dataset
    from motifloom.models.base import FilterNetwork
    from motifloom.models.predictor import Predictor

    Floats = npt.NDArray[np.float64]

logger = logging.getLogger(__name__)


class Importance(NamedTuple):
    """What is lost without a motif.

    Attributes
    ----------
    drop
        Of the main metric; negative where the model is better without the motif.
    low, high
        Its interval.
    """

    drop: float
    low: float
    high: float


def importances(
    predictor: Predictor,
    dataset: Dataset,
    groups: Mapping[str, Sequence[int]],
    resamples: int,
    confidence: float,
    random: np.random.Generator,
) -> dict[str, Importance]:
    """Ablate groups of filters and measure what is lost.

    A network learns a motif that matters with several filters, so one filter alone is hardly missed: a motif is ablated
    with all filters of its network that learned it.

    Parameters
    ----------
    groups
        A name to the numbers of the filters that are ablated together.
    resamples, confidence
        Of the bootstrap: how many, and the level of the intervals.
    random
        Draws the resamples.

    Returns
    -------
    By name. A metric that is undefined, as where predictions are all alike, counts as 0.
    """
    rows = dataset.rows("validation")
    labels = dataset.labels(rows)
    network = with_filters(predictor)
    means = mean_activation(network, dataset, rows)
    scores = [predict(predictor, dataset, rows)]
    for number, group in enumerate(groups.values(), start=1):
        with ablated(network, group, means):
            scores.append(predict(predictor, dataset, rows))
        logger.info("ablated %d of %d motifs", number, len(groups), extra={"progress": True})
    lost = drops(labels, scores, predictor.kind, resamples, random)
    return dict(zip(groups, with_intervals(lost, confidence), strict=True))


def with_intervals(lost: Floats, confidence: float) -> list[Importance]:
    """Return what is lost without each motif with the percentile interval, from what :func:`drops` returns."""
    ends = np.quantile(lost[:, 1:], [(1 - confidence) / 2, (1 + confidence) / 2], axis=1).T
    return [
        Importance(float(drop), min(float(low), float(drop)), max(float(high), float(drop)))
        for drop, (low, high) in zip(lost[:, 0], ends, strict=True)
    ]


def drops(
    labels: npt.NDArray[np.float32], scores: Sequence[Floats], kind: Kind, resamples: int, random: np.random.Generator
) -> Floats:
    """Compute how much lower the mean main metric is than that of the first scores.

    Parameters
    ----------
    labels
        Shape ``(n, tasks)``, NaN where one is missing.
    scores
        Shape ``(n, tasks)`` each.
    resamples
        How often examples are drawn anew, with replacement: of a single task, and of classes, within each label.

    Returns
    -------
    Shape ``(len(scores) - 1, 1 + resamples)``: of the examples as they are, then of the resamples.
    """
    judged = JUDGED["regression" if kind == "regression" else "binary"]
    strata = np.zeros(len(labels))
    if kind == "multiclass":
        strata = labels.argmax(axis=1).astype(float)
    elif kind == "binary" and labels.shape[1] == 1:
        strata = np.nan_to_num(labels[:, 0], nan=-1.0).astype(float)
    found = np.empty((len(scores), 1 + resamples))
    arranged = []
    for task, known in enumerate(~np.isnan(labels.T)):
        of_task = labels[known, task].astype(np.float64)
        arranged.append((known, [judged.arrange(of_task, one[known, task].astype(np.float64)) for one in scores]))
    done = 0
    for weights in _weights(strata, resamples, random):
        part = slice(done, done := done + len(weights))
        reached = np.array(
            [
                [one.compute(weights[:, known], [judged.main])[judged.main] for one in models]
                for known, models in arranged
            ]
        )  # (tasks, scores, resamples)
        defined = ~np.isnan(reached)
        total = np.where(defined, reached, 0.0).sum(axis=0)
        found[:, part] = total / np.maximum(defined.sum(axis=0), 1)
    return found[0] - found[1:]


def _weights(strata: Floats, resamples: int, random: np.random.Generator) -> Iterator[npt.NDArray[np.uint16]]:
    """Yield the weights of the examples as they are, then those of the resamples, some at a time."""
    yield np.ones((1, len(strata)), dtype=np.uint16)
    yield from bootstrap_weights(strata, resamples, random)


@contextmanager
def ablated(network: FilterNetwork, units: Sequence[int], means: Tensor) -> Iterator[None]:
    """Replace the activations of some filters, pooled where the network pools, by their means while the block runs.

    Parameters
    ----------
    units
        The filters' numbers.
    means
        Every filter's mean activation, shape ``(filters,)``.
    """
    scanner = network.scanner

    def replace(_: nn.Module, inputs: tuple[Tensor | None, ...], output: Tensor) -> Tensor:
        lengths = inputs[1] if len(inputs) > 1 else None
        output = output.clone()
        output[:, list(units)] = means[list(units), None]
        return output if lengths is None else output.where(own_places(output, scanner.places(lengths)), 0.0)

    handle = scanner.register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()


def mean_activation(network: FilterNetwork, dataset: Dataset, rows: npt.NDArray[np.int64]) -> Tensor:
    """Return each filter's mean activation over all places of the sequences of `rows`, shape ``(filters,)``."""
    first_layer = network.first_layer
    total, places = torch.zeros(()), 0
    with torch.inference_mode():
        for codes in batches_of(dataset, rows):
            lengths = torch.from_numpy(sequence_lengths(codes))
            output: Tensor = first_layer(one_hot(torch.from_numpy(codes)), lengths)  # 0 behind a sequence's end
            total = total + output.double().sum(dim=(0, 2))
            places += int(first_layer.places(lengths).sum())
    return (total / places).float()
