"""What a network says of the sequences of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.models.predictor import Predictor

SEQUENCES, TOTAL_BP = 512, 1 << 18
"""So many sequences, and bp of them, are predicted at a time, at most."""


def predict(predictor: Predictor, dataset: Dataset, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Predict `rows`, computed where the network is, in float32.

    Returns
    -------
    Probabilities or, of a regression, values in the labels' own units; shape ``(len(rows), tasks)``.
    """
    predictor.eval()
    scores = np.empty((len(rows), len(dataset.tasks)))
    done = 0
    with torch.inference_mode():
        for codes in batches(dataset, rows):
            part = slice(done, done + len(codes))
            scores[part] = predictor.scores(predictor(codes.to(predictor.device))).cpu()
            done = part.stop
    return scores


def embed(predictor: Predictor, dataset: Dataset, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Compute the embedding of `rows`: what the network's dense layer reads, without dropout.

    Where predictions are made from both strands, the mean of both: the layer is linear, so it makes the very outputs of
    the network of it.

    Returns
    -------
    Shape ``(len(rows), width)``.
    """
    predictor.eval()
    read: list[torch.Tensor] = []
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


def batches(dataset: Dataset, rows: npt.NDArray[np.int64]) -> Iterator[torch.Tensor]:
    """Yield the codes of `rows`, the fewer at a time the longer sequences are: what a network makes of one grows so."""
    number = max(1, min(SEQUENCES, TOTAL_BP // dataset.length))
    for first in range(0, len(rows), number):
        yield torch.from_numpy(dataset.codes(rows[first : first + number]))
