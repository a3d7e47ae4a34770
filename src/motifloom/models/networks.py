"""The networks by architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motifloom import config
from motifloom.models.bilstm import Bilstm
from motifloom.models.cnn import Cnn
from motifloom.models.cnn_bilstm import CnnBilstm
from motifloom.models.dilated_cnn import DilatedCnn

if TYPE_CHECKING:
    from torch import nn


def build(settings: config.Network, tasks: int, length: int) -> nn.Module:
    """Return a network with random weights.

    Parameters
    ----------
    settings
        The architecture and its hyperparameters.
    tasks
        The number of logits.
    length
        Of the sequences, in bp.
    """
    match settings:
        case config.Cnn():
            return Cnn(settings, tasks, length)
        case config.DilatedCnn():
            return DilatedCnn(settings, tasks)
        case config.Bilstm():
            return Bilstm(settings, tasks)
        case config.CnnBilstm():
            return CnnBilstm(settings, tasks)
        case _:
            raise TypeError(f"{type(settings).__name__} is no network")
