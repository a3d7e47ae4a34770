"""How much each base of a sequence adds to a network's output.

Every network is asked in the way that is right for it, in float32, on both strands as it predicts:

DeepLIFT
    For convolutional networks: the difference of the output from that for dinucleotide-shuffled references, shared out
    among the bases by :mod:`motifloom.motifs.deep_lift` and averaged over the references, as DeepSHAP does (Lundberg
    and Lee, NeurIPS 2017). What is left over, the convergence delta, is rounding.
in-silico mutagenesis
    For networks with recurrent layers or attention, whose gates DeepLIFT does not share out: every base is replaced by
    each other one (Zhou and Troyanskaya, Nature Methods 12:931, 2015). It needs no reference and no approximation; the
    bases' contributions add up to no given number.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
import torch
from torch import Tensor

from motifloom.data.shuffle import shuffled_rows
from motifloom.genome import UNKNOWN, decode, sequence_lengths
from motifloom.models import encoding
from motifloom.models.cnn_bilstm import CnnBilstm
from motifloom.models.encoding import one_hot
from motifloom.models.recurrent import Recurrent
from motifloom.motifs.deep_lift import multipliers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from motifloom.genome import Codes
    from motifloom.models.base import Network
    from motifloom.models.predictor import Predictor

    Floats = npt.NDArray[np.float32]

logger = logging.getLogger(__name__)

Method = Literal["deep_lift", "in_silico_mutagenesis"]

REFERENCES = 20
"""Shuffles of each sequence that DeepLIFT holds it against."""

BASES_AT_A_TIME = 50_000
"""Of the sequences that a network reads at a time, references and mutants among them."""

BASES = range(4)

ATTRIBUTION_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.String,
    "chosen": pl.String,
    "method": pl.String,
    "sequence": pl.String,
    "output": pl.Float64,
    "reference": pl.Float64,
    "delta": pl.Float64,
    "contributions": pl.List(pl.Float32),
    "hypothetical": pl.List(pl.Float32),
}
"""The columns of ``attributions.parquet``."""


@dataclass(frozen=True)
class Attributions:
    """What the bases of n sequences add to the output.

    Attributes
    ----------
    contributions
        Of the base that each place has, in the output's unit (a logit, or a spread of the labels), shape
        ``(n, length)``; 0 behind a sequence's end.
    hypothetical
        What each base would add if it stood there, all else equal, shape ``(n, length, 4)``.
    output
        Of each sequence, shape ``(n,)``.
    reference
        The mean output of its references, shape ``(n,)``; NaN where there are none.
    delta
        By how much the sum of the contributions misses the difference of the outputs, mean of the absolute values over
        the references, shape ``(n,)``; NaN where there are none.
    """

    contributions: Floats
    hypothetical: Floats
    output: npt.NDArray[np.float64]
    reference: npt.NDArray[np.float64]
    delta: npt.NDArray[np.float64]


def method_of(network: Network) -> Method:
    """Return the way in which a network is asked."""
    attention = getattr(getattr(network, "readout", None), "kind", None) == "attention"
    return "in_silico_mutagenesis" if attention or isinstance(network, Recurrent | CnnBilstm) else "deep_lift"


def attribute(predictor: Predictor, codes: Codes, weights: Floats, random: np.random.Generator) -> Attributions:
    """Attribute a network's output for sequences to their bases.

    Parameters
    ----------
    codes
        Shape ``(n, length)``.
    weights
        Of the outputs, shape ``(n, tasks)``.
    random
        Draws the references, sequence by sequence.
    """
    predictor = predictor.eval()
    if method_of(predictor.network) == "deep_lift":
        return _deep_lift(predictor, codes, weights, random)
    return _mutagenesis(predictor, codes, weights)


def _deep_lift(predictor: Predictor, codes: Codes, weights: Floats, random: np.random.Generator) -> Attributions:
    n, length = codes.shape
    found = Attributions(
        np.zeros((n, length), np.float32), np.zeros((n, length, 4), np.float32), *np.zeros((3, n))
    )  # fmt: skip
    group = 1 + REFERENCES
    for part in _parts(n, BASES_AT_A_TIME // (group * length)):
        shuffles = shuffled_rows(np.repeat(codes[part], REFERENCES, axis=0), random)
        beside = np.concatenate([codes[part][:, None], shuffles.reshape(-1, REFERENCES, length)], axis=1)
        rows = torch.from_numpy(beside.reshape(-1, length))
        x, lengths = one_hot(rows), encoding.sequence_lengths(rows)
        share = torch.from_numpy(weights[part]).repeat_interleave(group, dim=0)

        def output(x: Tensor, lengths: Tensor | None = lengths, share: Tensor = share) -> Tensor:
            return (predictor.outputs(x, lengths) * share).sum(dim=1)

        x = x.view(-1, group, *x.shape[1:])
        sequence, references = x[:, :1], x[:, 1:]
        m, outputs = multipliers(output, x)  # (batch, references, 4, length), (batch, group)
        reached = (m * (sequence - references)).sum(dim=2)  # (batch, references, length)
        differences = outputs[:, :1] - outputs[:, 1:]
        found.delta[part] = (reached.sum(dim=2) - differences).abs().mean(dim=1)
        found.output[part], found.reference[part] = outputs[:, 0], outputs[:, 1:].mean(dim=1)
        own = torch.from_numpy(beside[:, 0] <= UNKNOWN)
        found.contributions[part] = reached.mean(dim=1).where(own, 0.0)
        hypothetical = (m - (m * references).sum(dim=2, keepdim=True)).mean(dim=1)
        found.hypothetical[part] = hypothetical.where(own[:, None], 0.0).transpose(1, 2)
        logger.info("attributed %d of %d sequences", min(part.stop, n), n, extra={"progress": True})
    return found


def _mutagenesis(predictor: Predictor, codes: Codes, weights: Floats) -> Attributions:
    n, length = codes.shape
    absent = np.full(n, np.nan)
    found = Attributions(
        np.zeros((n, length), np.float32), np.zeros((n, length, 4), np.float32), np.zeros(n), absent, absent
    )
    for number, sequence in enumerate(codes):
        places = np.flatnonzero(sequence < UNKNOWN)
        mutants = np.repeat(sequence[None], 4 * len(places), axis=0)
        mutants[np.arange(len(mutants)), np.repeat(places, 4)] = np.tile(BASES, len(places))
        changed = np.flatnonzero((mutants != sequence).any(axis=1))
        outputs = _outputs(predictor, np.concatenate([sequence[None], mutants[changed]])) @ weights[number]
        table = np.full((len(places), 4), outputs[0])
        table.ravel()[changed] = outputs[1:]
        table -= table.mean(axis=1, keepdims=True)
        found.output[number] = outputs[0]
        found.hypothetical[number, places] = table
        found.contributions[number, places] = table[np.arange(len(places)), sequence[places]]
        logger.info("attributed %d of %d sequences", number + 1, n, extra={"progress": True})
    return found


def _outputs(predictor: Predictor, codes: Codes) -> npt.NDArray[np.float64]:
    """Return a network's outputs, shape ``(n, tasks)``."""
    with torch.inference_mode():
        return np.concatenate(
            [
                predictor(torch.from_numpy(codes[part])).double()
                for part in _parts(len(codes), BASES_AT_A_TIME // codes.shape[1])
            ]
        )


def _parts(n: int, size: int) -> Iterator[slice]:
    """Yield the rows 0 to `n`, some at a time: `size`, or one where that is 0."""
    for first in range(0, n, max(size, 1)):
        yield slice(first, first + max(size, 1))


def attribution_table(
    ids: Sequence[str], chosen: Sequence[str], method: Method, codes: Codes, attributions: Attributions
) -> pl.DataFrame:
    """Lay out attributions as ``attributions.parquet``, a row per sequence.

    Parameters
    ----------
    ids
        Of the examples.
    chosen
        What each was chosen for: ``sample`` or ``false positive``.
    """
    own = [slice(length) for length in sequence_lengths(codes)]
    return pl.DataFrame(
        {
            "id": ids,
            "chosen": chosen,
            "method": [method] * len(ids),
            "sequence": [decode(row[part]) for row, part in zip(codes, own, strict=True)],
            "output": attributions.output,
            "reference": attributions.reference,
            "delta": attributions.delta,
            "contributions": [row[part] for row, part in zip(attributions.contributions, own, strict=True)],
            "hypothetical": [row[part].ravel() for row, part in zip(attributions.hypothetical, own, strict=True)],
        },
        schema=ATTRIBUTION_SCHEMA,
    ).with_columns(pl.col("reference", "delta").fill_nan(None))
