"""Trained networks as files that hold nothing but tensors and plain values, and execute nothing.

``model.ckpt`` has the weights and the hyperparameters, ``model.safetensors`` the weights for other tools.
"""

from __future__ import annotations

import json
import pickle
import struct
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch

from motifloom.errors import InputError
from motifloom.files import missing, whole_file
from motifloom.models.predictor import Predictor

if TYPE_CHECKING:
    from pathlib import Path

    from motifloom.config import Kind, Model
    from motifloom.data.dataset import Dataset

DAMAGED = (
    *(pickle.UnpicklingError, struct.error, zipfile.BadZipFile, EOFError, OSError, OverflowError),
    *(AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError),
)
"""What reading a file that is no checkpoint, or making a network of it, ends with."""


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint to the CPU, without executing anything in it.

    Raises
    ------
    InputError
        Where the file is missing, is no checkpoint, is damaged, or holds anything else than tensors and plain values.
    """
    if reason := missing(path):
        raise InputError(reason)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # what is damaged is refused in our own words
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


def save(predictor: Predictor, path: Path) -> None:
    """Write a network's weights and plain hyperparameters to `path`, and the weights as safetensors beside it."""
    weights = {name: tensor.cpu().contiguous() for name, tensor in predictor.state_dict().items()}
    with whole_file(path) as beside, beside.open("wb") as out:
        torch.save({"state_dict": weights, "hyper_parameters": predictor.hyperparameters}, out)
    with whole_file(path.with_suffix(".safetensors")) as beside:
        metadata = {"motifloom": json.dumps(predictor.hyperparameters)}
        beside.write_bytes(safetensors.torch.save(weights, metadata))


def load(path: Path) -> Predictor:
    """Read a network that :func:`save` wrote; ready to predict, on the CPU.

    Raises
    ------
    InputError
        Where :func:`read` does, and where the weights are not those of a network of these hyperparameters, or no
        numbers.
    """
    content = read(path)
    try:
        predictor = Predictor(**content["hyper_parameters"])
        predictor.load_state_dict(content["state_dict"])
    except DAMAGED as error:
        raise _unreadable(path, error) from None
    if strange := [name for name, weights in predictor.state_dict().items() if not weights.isfinite().all()]:
        raise InputError(f"{path}: holds weights that are no numbers ({strange[0]}); remove it to train anew")
    return predictor.eval()


def load_for(path: Path, dataset: Dataset, kind: Kind, settings: Model) -> Predictor:
    """Read a network of these settings that was trained on such a dataset.

    Raises
    ------
    InputError
        Where :func:`load` does, or where it is another network, or for other labels or lengths.
    """
    predictor = load(path)
    expected = settings.model_dump() | {"kind": kind, "tasks": dataset.tasks, "length": dataset.length}
    found = predictor.hyperparameters | predictor.settings.model_dump()
    if other := [name for name, value in expected.items() if found.get(name) != value]:
        differences = "; ".join(f"{name}: expected {expected[name]}, found {found.get(name)}" for name in other)
        raise InputError(f"{path}: is of another training: {differences}")
    return predictor
