"""The learning rate: how it grows at first, and how it decays.

It follows from the settings, the step, and the validation losses so far. Nothing is remembered, so nothing has to be
restored when a training is resumed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import pytorch_lightning as lightning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motifloom.config import Training
    from motifloom.training.epoch import Epoch, Stretch
    from motifloom.training.history import History
    from motifloom.training.module import SequenceModule

PLATEAU_FACTOR = 0.3
"""What the learning rate is multiplied by at the end of a plateau."""

PLATEAU_SHARE = 3
"""A plateau is a third of the patience: the rate decays before training is given up."""


def learning_rate(settings: Training, step: int, epoch_steps: int, losses: Sequence[float]) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    step
        The number of the step in the whole training, from 0.
    epoch_steps
        The number of steps of an epoch.
    losses
        The validation loss of every epoch so far.

    Returns
    -------
    ``settings.learning_rate``, times the share of the warm-up that is done (Goyal et al., arXiv:1706.02677, 2017),
    times what the decay leaves: ``cosine``, half of 1 + cos(π · the share of the steps after the warm-up that is done)
    (Loshchilov and Hutter, ICLR 2017); ``plateau``, :data:`PLATEAU_FACTOR` for every plateau so far.
    """
    warm = settings.warm_up * epoch_steps
    rate = settings.learning_rate * min(1.0, (step + 1) / warm if warm else 1.0)
    match settings.decay:
        case "cosine":
            share = max(0.0, step - warm) / max(1.0, settings.max_epochs * epoch_steps - warm)
            return rate * (1 + math.cos(math.pi * share)) / 2
        case "plateau":
            return rate * PLATEAU_FACTOR ** plateaus(losses, max(1, settings.patience // PLATEAU_SHARE))
        case "none":
            return rate


def plateaus(losses: Sequence[float], length: int) -> int:
    """Count how often `length` epochs in a row brought no loss below the least one before them."""
    found, best, since = 0, math.inf, 0
    for loss in losses:
        since = 0 if loss < best else since + 1
        best = min(best, loss)
        if since == length:
            found, since = found + 1, 0
    return found


class LearningRate(lightning.Callback):
    """Tells the module the learning rate of every step."""

    def __init__(self, settings: Training, history: History) -> None:
        self.settings, self.history = settings, history

    def on_train_batch_start(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        batch: Stretch,
        batch_idx: int,  # noqa: ARG002 - Lightning's
    ) -> None:
        """Tell those of a stretch."""
        epoch, losses = cast("Epoch", trainer.train_dataloader), self.history.validation_losses
        steps = len(epoch.batches)
        begun = trainer.current_epoch * steps
        rates = {number: learning_rate(self.settings, begun + number, steps, losses) for number, _ in batch}
        cast("SequenceModule", pl_module).rates = rates
