"""The networks by architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from motifloom import config
from motifloom.models.cnn import Cnn
from motifloom.models.cnn_bilstm import CnnBilstm
from motifloom.models.dilated_cnn import DilatedCnn
from motifloom.models.recurrent import Recurrent
from motifloom.models.resnet import Resnet

if TYPE_CHECKING:
    from motifloom.models.base import Network


def build(settings: config.Network, tasks: int, length: int) -> Network:
    """Return a network with random weights.

    Parameters
    ----------
    settings
        The architecture and its hyperparameters.
    tasks
        The number of logits.
    length
        Of the longest sequence, in bp.
    """
    match settings:
        case config.Cnn():
            return Cnn(settings, tasks, length)
        case config.Resnet():
            return Resnet(settings, tasks, length)
        case config.DilatedCnn():
            return DilatedCnn(settings, tasks, length)
        case config.Rnn() | config.Lstm() | config.Bilstm():
            return Recurrent(settings, tasks)
        case config.CnnBilstm():
            return CnnBilstm(settings, tasks)
        case _:
            raise TypeError(f"{type(settings).__name__} is no network")
