"""Checkpoints: files that are whole or absent, hold nothing but tensors and plain values, and execute nothing.

``checkpoints/last.ckpt`` is where a training stands, ``checkpoints/best.ckpt`` the epoch of least validation loss; both
are gone when the training is over. What stays is ``model.ckpt``, and the weights alone as ``model.safetensors``.
"""

from __future__ import annotations

import json
import logging
import pickle
from typing import TYPE_CHECKING, Any

import pytorch_lightning as lightning
import safetensors.torch
import torch
from lightning_fabric.plugins import TorchCheckpointIO

from motifloom.errors import InputError
from motifloom.files import whole_file
from motifloom.training.module import SequenceModule

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)


class WholeFiles(TorchCheckpointIO):
    """Writes each checkpoint beside its place and moves it in: a kill leaves the one before."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:  # noqa: ARG002 - Lightning's
        """Write a checkpoint."""
        with whole_file(path) as beside, beside.open("wb") as out:
            torch.save(checkpoint, out)


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint to the CPU, without executing anything in it.

    Raises
    ------
    InputError
        Where the file is no checkpoint, is damaged, or holds anything else than tensors and plain values.
    """
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise InputError(
            f"{path}: is no checkpoint of tensors and plain values, and nothing in it is executed ({reason}); "
            "expected one that motifloom train wrote: remove it to train anew"
        ) from None
    if not isinstance(content, dict) or not {"state_dict", "hyper_parameters"} <= content.keys():
        raise InputError(f"{path}: is no checkpoint of motifloom train: it has no state_dict and hyper_parameters")
    return dict(content)


def resumable(path: Path, module: SequenceModule) -> bool:
    """Return whether a checkpoint is of this very training: the same network, settings, seed and data.

    Raises
    ------
    InputError
        Where :func:`read` does.
    """
    if not path.exists():
        return False
    same = read(path)["hyper_parameters"] == dict(module.hparams)
    if not same:
        logger.info("%s is of another training: settings or data have changed; trained anew", path)
    return same


def save(module: SequenceModule, path: Path) -> None:
    """Write a network's weights and plain hyperparameters to `path`, and the weights as safetensors beside it."""
    weights = {name: tensor.cpu().contiguous() for name, tensor in module.state_dict().items()}
    checkpoint = {
        "state_dict": weights,
        "hyper_parameters": dict(module.hparams),
        "pytorch-lightning_version": lightning.__version__,
    }
    with whole_file(path) as beside, beside.open("wb") as out:
        torch.save(checkpoint, out)
    with whole_file(path.with_suffix(".safetensors")) as beside:
        metadata = {"motifloom": json.dumps(dict(module.hparams))}
        beside.write_bytes(safetensors.torch.save(weights, metadata))


def load(path: Path) -> SequenceModule:
    """Read a network that :func:`save` wrote; ready to predict, on the CPU.

    Raises
    ------
    InputError
        Where :func:`read` does.
    """
    content = read(path)
    module = SequenceModule(**content["hyper_parameters"])
    module.load_state_dict(content["state_dict"])
    return module.eval()
