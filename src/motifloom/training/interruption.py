"""A training that is asked to stop saves where it is, so that the next run goes on from there."""

from __future__ import annotations

import logging
import signal
import time
from typing import TYPE_CHECKING, Any

import pytorch_lightning as lightning

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from motifloom.training.epoch import Stretch

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
"""What a cluster sends before it takes a machine back, what it can be told to send before that, and Ctrl-C."""

SAVE_SECONDS = 600.0
"""An epoch that takes longer is saved on its way."""


class Interrupted(SystemExit):
    """A training was asked to stop and has saved where it is; the exit status is 128 and the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)


class Interruption(lightning.Callback):
    """Saves long epochs on their way, and ends a training between two stretches of batches when a signal asks for it.

    Parameters
    ----------
    path
        Where the checkpoint is kept.

    Raises
    ------
    Interrupted
        From within ``fit``, when the checkpoint is saved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked = 0
        self._before: dict[signal.Signals, Any] = {}
        self._saved = time.monotonic()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 - Lightning's
        """Listen to the signals, instead of Lightning."""
        self._before = {number: signal.signal(number, self._ask) for number in SIGNALS}
        self._saved = time.monotonic()

    def teardown(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:  # noqa: ARG002 - Lightning's
        """Leave the signals to who listened before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 - Lightning's
        """Stop where the signal came while the epoch before was validated; its checkpoint is saved already."""
        self._saved = time.monotonic()
        if self._any(trainer, asked=bool(self.asked)):
            self._stop(trainer.current_epoch + 1)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 - Lightning's
        """Stop where the signal came while the last epoch was validated; what is left to do is left to the next run."""
        if self._any(trainer, asked=bool(self.asked)):
            self._stop(trainer.current_epoch)

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002 - Lightning's
        outputs: Any,  # noqa: ARG002 - Lightning's
        batch: Stretch,  # noqa: ARG002 - Lightning's
        batch_idx: int,
    ) -> None:
        """Save where it is time to. After the last batch of an epoch that is left to the end of the epoch."""
        if batch_idx + 1 == trainer.num_training_batches:
            return
        asked = self._any(trainer, asked=bool(self.asked))
        if asked or self._any(trainer, asked=time.monotonic() - self._saved > SAVE_SECONDS):
            trainer.save_checkpoint(self.path)
            self._saved = time.monotonic()
        if asked:
            self._stop(trainer.current_epoch + 1)

    def _ask(self, number: int, _: FrameType | None) -> None:
        self.asked = number

    def _any(self, trainer: lightning.Trainer, *, asked: bool) -> bool:
        """Return whether any process of the training is asked, so that all of them do the same."""
        return (trainer.world_size > 1 and trainer.strategy.reduce_boolean_decision(asked, all=False)) or asked

    def _stop(self, epochs: int) -> None:
        name = signal.Signals(self.asked or signal.SIGTERM).name
        logger.info(
            "stopped by %s in epoch %d; the next run goes on from here",
            name, epochs,
        )  # fmt: skip
        raise Interrupted(self.asked or signal.SIGTERM)
