"""Checkpoints: files that are whole or absent, hold nothing but tensors and plain values, and execute nothing.

``checkpoints/last.ckpt`` is where a training stands, ``checkpoints/best.ckpt`` the epoch of least validation loss; both
are gone when the training is over. What stays is ``model.ckpt``, and the weights alone as ``model.safetensors``.
"""

from __future__ import annotations

import json
import logging
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import safetensors.torch
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import ModelCheckpoint

from motifloom.errors import InputError
from motifloom.files import whole_file
from motifloom.training.module import SequenceModule

logger = logging.getLogger(__name__)

DAMAGED = (
    *(pickle.UnpicklingError, zipfile.BadZipFile, EOFError, OSError, OverflowError),
    *(AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError),
)
"""What reading a file that is no checkpoint, or making a network of it, ends with."""


class WholeFiles(TorchCheckpointIO):
    """Writes each checkpoint beside its place and moves it in: a kill leaves the one before."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:  # noqa: ARG002 - Lightning's
        """Write a checkpoint."""
        with whole_file(path) as beside, beside.open("wb") as out:
            torch.save(checkpoint, out)


class Kept(ModelCheckpoint):
    """Keeps one checkpoint in a folder, wherever that has been moved to since the training began."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with what is kept."""
        paths = ("best_model_path", "kth_best_model_path", "last_model_path")
        here = {name: self._here(state_dict[name]) for name in paths}
        scores = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | here | {"dirpath": self.dirpath, "best_k_models": scores})

    def _here(self, path: str) -> str:
        return str(Path(str(self.dirpath), Path(path).name)) if path else path


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint to the CPU, without executing anything in it.

    Raises
    ------
    InputError
        Where the file is no checkpoint, is damaged, or holds anything else than tensors and plain values.
    """
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGED as error:
        raise _unreadable(path, error) from None
    if not isinstance(content, dict) or not {"state_dict", "hyper_parameters"} <= content.keys():
        raise InputError(f"{path}: is no checkpoint of motifloom train: it has no state_dict and hyper_parameters")
    return dict(content)


def _unreadable(path: Path, error: BaseException) -> InputError:
    reason = (str(error) or type(error).__name__).partition("\n")[0].partition(". ")[0]
    return InputError(
        f"{path}: is no checkpoint of tensors and plain values, and nothing in it is executed ({reason}); "
        "expected one that motifloom train wrote: remove it to train anew"
    )


def resumable(path: Path, module: SequenceModule) -> bool:
    """Return whether a checkpoint is of this very training: the same network, settings, seed and data.

    A network that another version of motifloom has built of the same layers has weights of other names or shapes.

    Raises
    ------
    InputError
        Where :func:`read` does.
    """
    if not path.exists():
        return False
    content = read(path)
    same = content["hyper_parameters"] == dict(module.hparams)
    same = same and _shapes(content["state_dict"]) == _shapes(module.state_dict())
    if not same:
        logger.info("%s is of another training: settings, data or the network have changed; trained anew", path)
    return same


def _shapes(weights: Any) -> Any:
    """Return the shape of each of a network's weights by its name; of what is no such table, None."""
    tensors = isinstance(weights, dict) and all(isinstance(tensor, torch.Tensor) for tensor in weights.values())
    return {name: tensor.shape for name, tensor in weights.items()} if tensors else None


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
    try:
        module = SequenceModule(**content["hyper_parameters"])
        module.load_state_dict(content["state_dict"])
    except DAMAGED as error:
        raise _unreadable(path, error) from None
    return module.eval()


def remove(folder: Path) -> None:
    """Remove the checkpoints of a training that is over, first the one that a next run would go on from."""
    (folder / "last.ckpt").unlink()
    shutil.rmtree(folder)
