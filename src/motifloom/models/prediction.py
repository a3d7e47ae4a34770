"""What a network says of the sequences of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.genome import Codes
    from motifloom.models.predictor import Predictor

SEQUENCES, TOTAL_BP = 512, 1 << 18
"""So many sequences, and bp of them, are predicted at a time, at most."""


def predict(predictor: Predictor, dataset: Dataset, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Predict `rows`, computed where the network is, in float32.

    Returns
    -------
    Probabilities or, of a regression, values in the labels' own units; shape ``(len(rows), tasks)``.
    """
    return _scores(predictor, batches(dataset, rows))


def predict_codes(predictor: Predictor, codes: Codes) -> npt.NDArray[np.float64]:
    """Predict sequences that are given as codes of shape ``(n, length)``; else as :func:`predict`."""
    number = at_a_time(codes.shape[1])
    return _scores(predictor, (torch.from_numpy(codes[i : i + number]) for i in range(0, len(codes), number)))


def _scores(predictor: Predictor, parts: Iterator[Tensor]) -> npt.NDArray[np.float64]:
    predictor.eval()
    with torch.inference_mode():
        scores = [predictor.scores(predictor(codes.to(predictor.device))).double().cpu() for codes in parts]
    return np.concatenate(scores) if scores else np.empty((0, len(predictor.centre)))


def embed(predictor: Predictor, dataset: Dataset, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Compute the embedding of `rows`: what the network's dense layer reads, without dropout.

    Where predictions are made from both strands, the mean of both: the layer is linear, so it makes the very outputs of
    the network of it.

    Returns
    -------
    Shape ``(len(rows), width)``.
    """
    predictor.eval()
    read: list[Tensor] = []
    head = predictor.network.get_submodule("head")
    hook = head.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    found = []
    try:
        with torch.inference_mode():
            for codes in batches(dataset, rows):
                read.clear()
                predictor(codes.to(predictor.device))
                of_strands = torch.cat(read)  # (strands * batch, width)
                found.append(of_strands.view(-1, len(codes), of_strands.shape[1]).mean(dim=0).cpu().numpy())
    finally:
        hook.remove()
    return np.concatenate(found)


def batches(dataset: Dataset, rows: npt.NDArray[np.int64]) -> Iterator[Tensor]:
    """Yield the codes of `rows`, as many at a time as :func:`at_a_time` says."""
    number = at_a_time(dataset.length)
    for first in range(0, len(rows), number):
        yield torch.from_numpy(dataset.codes(rows[first : first + number]))


def at_a_time(length: int) -> int:
    """Return how many sequences of `length` bp are predicted at a time: what a network makes of them grows so."""
    return max(1, min(SEQUENCES, TOTAL_BP // max(length, 1)))
