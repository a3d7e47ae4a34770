"""The system around a network: loss, metrics, optimiser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytorch_lightning as lightning
import torch
from pydantic import TypeAdapter
from torch import Tensor, nn
from torchmetrics.classification import BinaryAUROC

from motifloom import config
from motifloom.models.encoding import one_hot, reverse_complement
from motifloom.models.networks import build

if TYPE_CHECKING:
    from motifloom.training.batches import Batch


class SequenceModule(lightning.LightningModule):
    """A network with the binary cross-entropy of each task as its loss.

    Every argument is a plain value, so a checkpoint holds no object and loads with ``weights_only=True``.

    Parameters
    ----------
    network
        One model's section of the configuration.
    tasks
        The names of the tasks, in the order of the logits.
    length
        Of the sequences, in bp.
    learning_rate
        Of AdamW, whose decoupled weight decay is the network's `weight_decay`.
    both_strands
        Whether a prediction is the mean of the logits of the sequence and of its reverse complement.
    """

    def __init__(
        self, network: dict[str, Any], tasks: list[str], length: int, learning_rate: float, both_strands: bool
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        settings: config.Network = TypeAdapter[Any](config.Model).validate_python(network)
        self.network: nn.Module = build(settings, len(tasks), length)
        self.loss = nn.BCEWithLogitsLoss()
        self.validation_auroc = BinaryAUROC()
        self.learning_rate, self.weight_decay = learning_rate, settings.weight_decay
        self.both_strands = both_strands

    def forward(self, codes: Tensor) -> Tensor:
        """Return logits ``(batch, tasks)`` of codes ``(batch, length)``."""
        x = one_hot(codes)
        logits: Tensor = self.network(x)
        if self.both_strands and not self.training:
            logits = (logits + self.network(reverse_complement(x))) / 2
        return logits

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the mean loss of a batch."""
        codes, labels = batch
        loss: Tensor = self.loss(self(codes), labels)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(codes))
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Record the loss and the AUROC over all tasks."""
        codes, labels = batch
        logits = self(codes)
        self.validation_auroc.update(logits.flatten(), labels.flatten().int())
        self.log("validation_loss", self.loss(logits, labels), batch_size=len(codes))
        self.log("validation_auroc", self.validation_auroc, batch_size=len(codes))

    def predict_step(self, batch: Batch, _: int = 0) -> Tensor:
        """Return probabilities ``(batch, tasks)``."""
        return torch.sigmoid(self(batch[0]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)."""
        return torch.optim.AdamW(self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
