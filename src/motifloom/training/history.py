"""What is told of a training while it runs, and kept of every epoch."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytorch_lightning as lightning
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from motifloom.config import Kind
    from motifloom.training.epoch import Stretch
    from motifloom.training.precision import Precision

logger = logging.getLogger(__name__)

MONITOR = "validation_loss"
HISTORY_SCHEMA = {
    "epoch": pl.Int64,
    "precision": pl.String,
    "learning_rate": pl.Float64,
    "train_loss": pl.Float64,
    "validation_loss": pl.Float64,
    "validation_auroc": pl.Float64,
    "validation_pearson": pl.Float64,
}
"""The columns of a history; of the last two it has the one of the main metric."""

METRICS: dict[Kind, str] = {"binary": "auroc", "multiclass": "auroc", "regression": "pearson"}
"""What validation is told by, beside the loss."""

METRIC_NAMES = {"auroc": "AUROC", "pearson": "Pearson's r"}

QUIET_SECONDS = 10.0
"""Within an epoch, progress is told at most this often."""


class History(lightning.Callback):
    """Keeps every epoch's metrics and tells of them, and of how far a long epoch is.

    Parameters
    ----------
    metric
        ``auroc`` or ``pearson``: what validation is told by, beside the loss.
    precision
        What products are computed in.

    Attributes
    ----------
    rows
        A row of the history for every epoch that is over.
    losses
        A row per batch so far in this epoch, in tensors of one or more: the sum of the losses, the number of labels.
    """

    def __init__(self, max_epochs: int, metric: str, precision: Precision) -> None:
        self.max_epochs, self.metric, self.precision = max_epochs, metric, precision
        self.rows: list[dict[str, Any]] = []
        self.losses: list[Tensor] = []
        self._seen = 0
        self._first: tuple[int, float] | None = None
        self._told = 0.0

    @property
    def validation_losses(self) -> list[float]:
        """The validation loss of every epoch that is over."""
        return [row[MONITOR] for row in self.rows]

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 - Lightning's
        """Forget the batches of the epoch before."""
        self.losses.clear()
        self._first = None

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,  # noqa: ARG002 - Lightning's
        outputs: Any,
        batch: Stretch,
        batch_idx: int,
    ) -> None:
        """Add up a stretch of batches, and tell how far the epoch is."""
        self.losses.append(outputs["sums"])
        self._seen += trainer.world_size * sum(len(codes) for _, (codes, _) in batch)
        now = time.monotonic()
        if self._first is None:
            self._first, self._told = (self._seen, now), now
        elif now - self._told > QUIET_SECONDS:
            self._told = now
            first, begun = self._first
            logger.info(
                "epoch %d of at most %d: %d %% trained, %.0f sequences/s",
                len(self.rows) + 1, self.max_epochs, 100 * (batch_idx + 1) // trainer.num_training_batches,
                (self._seen - first) / (now - begun),
                extra={"progress": True},
            )  # fmt: skip

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Record the epoch that ends."""
        losses = torch.cat(
            [sums.to(pl_module.device) for sums in self.losses]
        )  # those of before an interruption lie on the CPU
        total = trainer.strategy.reduce(losses.sum(dim=0), reduce_op="sum")
        logged = {name: float(trainer.callback_metrics[name]) for name in (MONITOR, f"validation_{self.metric}")}
        row = {
            "epoch": trainer.current_epoch,
            "precision": self.precision,
            "learning_rate": float(trainer.optimizers[0].param_groups[0]["lr"]),
            "train_loss": float(total[0] / total[1].clamp(min=1)),
            **logged,
        }
        self.rows.append(row)
        logger.info(
            "epoch %d of at most %d: loss %.4f, validation loss %.4f (best %.4f), validation %s %.4f",
            len(self.rows), self.max_epochs, row["train_loss"], row[MONITOR], min(self.validation_losses),
            METRIC_NAMES[self.metric], row[f"validation_{self.metric}"],
            extra={"progress": True},
        )  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        """Return what a training that is resumed has to know."""
        return {"rows": self.rows, "losses": self.losses}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the history of a training that was interrupted."""
        self.rows = state_dict["rows"]
        self.losses = state_dict["losses"]

    def table(self) -> pl.DataFrame:
        """Return a row per epoch.

        Its columns are ``epoch`` from 0, the ``precision`` of its products, the ``learning_rate`` of its last batch,
        ``train_loss``, ``validation_loss``, and ``validation_auroc`` or ``validation_pearson``, null where undefined.
        """
        columns = ("epoch", "precision", "learning_rate", "train_loss", MONITOR, f"validation_{self.metric}")
        return pl.DataFrame(self.rows, schema={name: HISTORY_SCHEMA[name] for name in columns}).fill_nan(None)
