"""What a network has made of a sequence when its last layer decides: its embedding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from motifloom.training.fit import batches_to_predict

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.data.dataset import Dataset
    from motifloom.training.module import SequenceModule


def embed(module: SequenceModule, dataset: Dataset, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Compute what the dense layer of a network reads, without dropout.

    Where predictions are made from both strands, the mean of both: the layer is linear, so it makes the very outputs of
    the network of it.

    Returns
    -------
    Shape ``(len(rows), width)``.
    """
    module.eval()
    read: list[torch.Tensor] = []
    head = module.network.get_submodule("head")
    hook = head.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    found = []
    try:
        with torch.inference_mode():
            for codes, _ in batches_to_predict(dataset, rows):
                read.clear()
                module(codes.to(module.device))
                of_strands = torch.cat(read)  # (strands * batch, width)
                found.append(of_strands.view(-1, len(codes), of_strands.shape[1]).mean(dim=0).cpu().numpy())
    finally:
        hook.remove()
    return np.concatenate(found)
