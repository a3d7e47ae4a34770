"""Self-tests of a trained network: what must hold of every one, and what is worth knowing of it.

Each looks for a defect: the greater the value the worse, and a value above the limit is a failure. They look at the
network as it predicts, on a few sequences, on the CPU and in full precision, so they say the same wherever it was
trained.
"""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import torch
from torch import Tensor

from motifloom.models.base import FilterNetwork
from motifloom.models.cnn_bilstm import CnnBilstm
from motifloom.models.encoding import one_hot, reverse_complement
from motifloom.models.layers import own_places
from motifloom.models.recurrent import Recurrent, gradient_by_distance
from motifloom.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from motifloom.data.dataset import Dataset
    from motifloom.models.base import Network
    from motifloom.models.predictor import Predictor

logger = logging.getLogger(__name__)

SELFTESTS_SCHEMA = {"test": pl.String, "value": pl.Float64, "limit": pl.Float64, "passed": pl.Boolean}
GRADIENTS_SCHEMA = {"distance": pl.Int64, "gradient": pl.Float64}

SAMPLE = 64
"""At most so many sequences are looked at."""

SAMPLE_BASES = 50_000
"""At most so many bases are looked at, if that leaves four sequences."""

FEW = 8
"""So many are looked at one by one, and for gradients."""

ROUNDING = 1e-4
"""Of the greatest output, or of 1 where that is greater: by less two outputs may differ that ought to be the same. In
float32 the order of sums alone makes about a hundredth of it."""

DEAD = 0.5
"""A greater share of dead filters is a failure."""

ALIKE = 1e-6
"""Values that differ by no more are the same: activations of a filter, predictions of a task."""


class Sample(NamedTuple):
    """Sequences to test a network on.

    Attributes
    ----------
    x
        One-hot, shape ``(n, 4, length)``, zeros after the end of a shorter one.
    lengths
        In bp, shape ``(n,)``.
    """

    x: Tensor
    lengths: Tensor

    def of(self, rows: Tensor | slice) -> Sample:
        """Return some of the sequences."""
        return Sample(self.x[rows], self.lengths[rows])


def draw(dataset: Dataset, seed: int) -> Sample:
    """Draw sequences of validation, or where that has too few, of training and validation; the same for all models."""
    number = min(SAMPLE, max(4, SAMPLE_BASES // dataset.length))
    rows = dataset.rows("validation")
    if len(rows) < number:
        rows = dataset.rows("train", "validation")
    chosen = generator(seed, "self-tests").choice(rows, min(number, len(rows)), replace=False)
    x = one_hot(torch.from_numpy(dataset.codes(chosen)))
    return Sample(x, torch.from_numpy(dataset.sequences.lengths[chosen]))


def selftests(predictor: Predictor, sample: Sample) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Test a trained network, and log a warning for every test that fails.

    Returns
    -------
    A row per test: ``test``; ``value``, null where it is not finite; ``limit``, null where the test only tells
    something; ``passed``, null then. And a row per ``distance`` in bp with the ``gradient`` of
    :func:`~motifloom.models.recurrent.gradient_by_distance`, none where the network is not recurrent.
    """
    network = copy.deepcopy(predictor.network).cpu().float()
    with torch.inference_mode():
        found = list(_found(predictor, network, sample))
    profile = torch.empty(0, dtype=torch.double)
    if isinstance(network, Recurrent | CnnBilstm):
        profile = gradient_profile(network.double(), sample)
        found.append(("gradient_ratio", gradient_ratio(profile), None))
    rows = [(test, value, limit, None if limit is None else value <= limit) for test, value, limit in found]
    for test, value, limit, passed in rows:
        if passed is False:
            logger.warning("self-test %s failed: %.3g, expected at most %g", test, value, limit)
    tests = pl.DataFrame(rows, SELFTESTS_SCHEMA, orient="row")
    gradients = {"distance": range(len(profile)), "gradient": profile.numpy()}
    finite = pl.when(pl.col("value").is_finite()).then("value")
    return tests.with_columns(finite.alias("value")), pl.DataFrame(gradients, GRADIENTS_SCHEMA).fill_nan(None)


def _found(predictor: Predictor, network: Network, sample: Sample) -> Iterator[tuple[str, float, float | None]]:
    """Yield the name, the value and the limit of each test of a predictor's `network`."""
    outputs = _outputs(network, sample)
    yield "not_finite", not_finite(network, outputs), 0
    yield "constant_tasks", constant_tasks(outputs), 0
    yield "batch_dependence", batch_dependence(network, sample), ROUNDING
    yield "padding_dependence", padding_dependence(network, sample), ROUNDING
    gap = strand_gap(predictor, outputs, _outputs(network, _other_strand(sample)))
    yield "strand_gap_mean", float(gap.mean()), None
    yield "strand_gap_max", float(gap.max()), ROUNDING if network.shared_strands else None
    if isinstance(network, FilterNetwork):
        both = predictor.both_strands or network.shared_strands
        yield "dead_filters", dead_filters(network, sample, both_strands=both), DEAD


def _outputs(network: Network, sample: Sample) -> Tensor:
    """Return the outputs ``(n, tasks)``."""
    x, lengths = sample
    outputs: Tensor = network(x, lengths if bool((lengths < x.shape[2]).any()) else None)
    return outputs


def _other_strand(sample: Sample) -> Sample:
    return sample._replace(x=reverse_complement(*sample))


def _difference(one: Tensor, other: Tensor) -> float:
    """Return the greatest difference between outputs, as a share of the greatest output or of 1."""
    return float((one - other).abs().max() / other.abs().max().clamp(min=1))


def not_finite(network: Network, outputs: Tensor) -> int:
    """Return how many weights, running statistics and outputs are infinite or no number."""
    return sum(int((~values.isfinite()).sum()) for values in (*network.state_dict().values(), outputs))


def constant_tasks(outputs: Tensor) -> float:
    """Return the share of tasks whose outputs ``(n, tasks)`` are the same for all sequences: nothing was learned."""
    return float((~(outputs.amax(dim=0) - outputs.amin(dim=0) > ALIKE)).float().mean())


def batch_dependence(network: Network, sample: Sample) -> float:
    """Return the greatest difference that the batch makes: alone, in sevens, and in another order against all at once.

    A network that normalises by its batch, or drops values, when it predicts is found by it.
    """
    expected, n = _outputs(network, sample), len(sample.x)
    alone = [_outputs(network, sample.of(slice(i, i + 1))) for i in range(min(FEW, n))]
    order = torch.arange(n).roll(n // 2).flip(0)
    sevens = [_outputs(network, sample.of(order[i : i + 7])) for i in range(0, n, 7)]
    return _difference(torch.cat([*alone, *sevens]), torch.cat([expected[: len(alone)], expected[order]]))


def padding_dependence(network: Network, sample: Sample) -> float:
    """Return the greatest difference that it makes whether zeros stand after the end of a sequence.

    Sequences are cut, each to a length of its own between a half and all of it, and predicted alone and padded.
    """
    x, lengths = sample.of(slice(FEW))
    n = len(x)
    cut = lengths - lengths * torch.arange(n) // (2 * n)
    padded = x * (torch.arange(x.shape[2]) < cut[:, None, None])
    alone = [network(row[None, :, :length]) for row, length in zip(x, cut.tolist(), strict=True)]
    return _difference(network(padded, cut), torch.cat(alone))


def strand_gap(predictor: Predictor, one: Tensor, other: Tensor) -> Tensor:
    """Return how far apart the predictions for the two strands of sequences are, before they are averaged.

    Parameters
    ----------
    one, other
        The outputs for each strand, shape ``(n, tasks)``.

    Returns
    -------
    Differences of probabilities or, of a regression, in units of the labels' spread; shape ``(n, tasks)``.
    """
    if predictor.kind == "regression":
        return (one - other).abs()
    return (predictor.scores(one) - predictor.scores(other)).abs()


def dead_filters(network: FilterNetwork, sample: Sample, *, both_strands: bool) -> float:
    """Return the share of first-layer filters whose activation is the same at every place of every sequence.

    Parameters
    ----------
    both_strands
        Whether the network reads the other strand as well.
    """
    low, high = [], []
    for x, lengths in (sample, _other_strand(sample)) if both_strands else (sample,):
        active = network.first_layer(x, lengths)
        own = own_places(active, network.first_layer.places(lengths))
        low.append(active.masked_fill(~own, torch.inf).amin(dim=(0, 2)))
        high.append(active.masked_fill(~own, -torch.inf).amax(dim=(0, 2)))
    spread = torch.stack(high).amax(dim=0) - torch.stack(low).amin(dim=0)
    return float((spread <= ALIKE).float().mean())


def gradient_profile(network: Recurrent | CnnBilstm, sample: Sample) -> Tensor:
    """Return the gradient by distance of a few sequences, all cut to the median of the sample's lengths.

    In double precision: in single precision it is 0 from about 1e-45 on, some 200 bp away in simple units.
    """
    width = int(sample.lengths.median())
    long = sample.x[sample.lengths >= width]
    return gradient_by_distance(network, long[:FEW, :, :width].double())


def gradient_ratio(profile: Tensor) -> float:
    """Return the mean gradient in the farthest tenth of a profile, as a share of that in the nearest tenth.

    Near 0 the network forgets (gradients vanish); far above 1 they explode.
    """
    tenth = max(1, len(profile) // 10)
    return float(profile[-tenth:].mean() / profile[:tenth].mean())
