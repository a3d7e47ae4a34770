"""What a training that was interrupted goes on from: files that are whole or absent.

``checkpoints/last.ckpt`` is where a training stands, ``checkpoints/best.ckpt`` the epoch of least validation loss; both
are gone when the training is over.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import ModelCheckpoint

from motifloom.files import whole_file
from motifloom.models.checkpoints import read
from motifloom.training.history import History

if TYPE_CHECKING:
    from motifloom.training.module import SequenceModule

logger = logging.getLogger(__name__)

NEEDED = frozenset({"callbacks", "epoch", "global_step", "loops", "lr_schedulers", "optimizer_states"})
"""What Lightning goes on with besides the weights."""


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


def resumable(path: Path, module: SequenceModule) -> bool:
    """Return whether a checkpoint is of this very training: the same network, settings, seed and data.

    A network that another version of motifloom has built of the same layers has weights of other names or shapes.

    Raises
    ------
    InputError
        Where :func:`~motifloom.models.checkpoints.read` does.
    """
    if not path.exists():
        return False
    content, weights = read(path), _shapes(module.state_dict())
    same = repr(content["hyper_parameters"]) == repr(dict(module.hparams))  # of what is no plain value as well
    if not same or _shapes(content["state_dict"]) != weights:
        logger.info("%s is of another training: settings, data or the network have changed; trained anew", path)
        return False
    if not (content.keys() >= NEEDED and History.__qualname__ in content["callbacks"]):
        logger.info("%s does not hold all of a training; trained anew", path)
        return False
    best = path.with_name("best.ckpt")
    if _epochs(content) and not (best.exists() and _shapes(read(best)["state_dict"]) == weights):
        logger.info("the best epoch of %s is lost; trained anew", path)
        return False
    return True


def _epochs(content: dict[str, Any]) -> int:
    """Return how many epochs of the training were over."""
    return len(content["callbacks"][History.__qualname__]["rows"])


def _shapes(weights: Any) -> Any:
    """Return the shape of each of a network's weights by its name; of what is no such table, None."""
    tensors = isinstance(weights, dict) and all(isinstance(tensor, torch.Tensor) for tensor in weights.values())
    return {name: tensor.shape for name, tensor in weights.items()} if tensors else None


def remove(folder: Path) -> None:
    """Remove the checkpoints of a training that is over, first the one that a next run would go on from."""
    (folder / "last.ckpt").unlink()
    shutil.rmtree(folder)
