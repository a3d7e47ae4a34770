"""The system around a network: what its outputs mean, loss, metrics, optimiser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytorch_lightning as lightning
import torch
from pydantic import TypeAdapter
from torch import Tensor
from torchmetrics.functional.classification import binary_auroc

from motifloom import config
from motifloom.models.encoding import one_hot, reverse_complement, sequence_lengths
from motifloom.models.networks import build
from motifloom.training.losses import mean_loss

if TYPE_CHECKING:
    from motifloom.models.base import Network
    from motifloom.training.batches import Batch

MAIN_METRICS: dict[config.Kind, str] = {"binary": "auroc", "multiclass": "auroc", "regression": "pearson"}
"""The metric told of validation after every epoch."""


class SequenceModule(lightning.LightningModule):
    """A network that learns one kind of labels.

    binary
        The outputs are the logits of tasks that are independent of each other.
    multiclass
        The outputs are logits of which one class alone is right.
    regression
        The outputs are values in units of the training labels' spread, from their mean.

    Every argument is a plain value, so a checkpoint holds no object and loads with ``weights_only=True``.

    Parameters
    ----------
    network
        One model's section of the configuration.
    kind
        ``binary``, ``multiclass`` or ``regression``.
    tasks
        The names of the tasks, or of the classes, in the order of the outputs.
    length
        Of the sequences, in bp.
    learning_rate
        Of AdamW, whose decoupled weight decay is the network's `weight_decay`.
    both_strands
        Whether a sequence may be read on either strand. Then a prediction is made from the mean of the outputs for it
        and for its reverse complement, unless the network has shared strands: there, both are the same.
    centre, spread
        For regression, the mean and the standard deviation of each task's training labels.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        network: dict[str, Any],
        kind: config.Kind,
        tasks: list[str],
        length: int,
        learning_rate: float,
        both_strands: bool,
        centre: list[float] | None = None,
        spread: list[float] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        settings: config.Network = TypeAdapter[Any](config.Model).validate_python(network)
        self.network: Network = build(settings, len(tasks), length)
        self.kind, self.both_strands = kind, both_strands
        self.learning_rate, self.weight_decay = learning_rate, settings.weight_decay
        self.register_buffer("centre", torch.tensor(centre or [0.0] * len(tasks)), persistent=False)
        self.register_buffer("spread", torch.tensor(spread or [1.0] * len(tasks)), persistent=False)
        self.validated: list[tuple[Tensor, Tensor]] = []

    def forward(self, codes: Tensor) -> Tensor:
        """Return the outputs ``(batch, tasks)`` for codes ``(batch, length)``, whatever padding they have."""
        x, lengths = one_hot(codes), sequence_lengths(codes)
        outputs: Tensor = self.network(x, lengths)
        if self.both_strands and not self.training and not self.network.shared_strands:
            outputs = (outputs + self.network(reverse_complement(x, lengths), lengths)) / 2
        return outputs

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Return the mean loss of a batch, and with it the penalty on the weights."""
        codes, labels = batch
        loss, number = mean_loss(self.kind, self(codes), self.targets(labels))
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=number)
        return loss + self.network.penalty()

    def validation_step(self, batch: Batch, _: int) -> None:
        """Record the loss, and keep the predictions for the metric."""
        codes, labels = batch
        outputs = self(codes)
        loss, number = mean_loss(self.kind, outputs, self.targets(labels))
        self.log("validation_loss", loss, batch_size=number)
        self.validated.append((labels.cpu(), self.scores(outputs).cpu()))

    def on_validation_epoch_end(self) -> None:
        """Record the main metric, the mean over the tasks for which it is defined."""
        labels, scores = (torch.cat(parts) for parts in zip(*self.validated, strict=True))
        self.validated.clear()
        self.log(f"validation_{MAIN_METRICS[self.kind]}", mean_metric(self.kind, labels, scores))

    def predict_step(self, batch: Batch, _: int = 0) -> Tensor:
        """Return what :meth:`scores` makes of a batch's outputs."""
        return self.scores(self(batch[0]))

    def targets(self, labels: Tensor) -> Tensor:
        """Return what the outputs are to be: the labels, standardised for regression; shape ``(batch, tasks)``."""
        return (labels - self.centre) / self.spread if self.kind == "regression" else labels

    def scores(self, outputs: Tensor) -> Tensor:
        """Return predictions ``(batch, tasks)``: probabilities, or values in the labels' own units."""
        match self.kind:
            case "binary":
                return outputs.sigmoid()
            case "multiclass":
                return outputs.softmax(dim=1)
            case "regression":
                return outputs * self.spread + self.centre

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)."""
        return torch.optim.AdamW(self.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)


def mean_metric(kind: config.Kind, labels: Tensor, scores: Tensor) -> float:
    """Return the mean over tasks of the AUROC, or for regression of Pearson's correlation.

    Parameters
    ----------
    labels, scores
        Shape ``(n, tasks)``; a missing label is NaN.

    Returns
    -------
    The mean over the tasks for which it is defined; NaN where there is none.
    """
    reached = []
    for label, score in zip(labels.T, scores.T, strict=True):
        present = ~label.isnan()
        known, predicted = label[present], score[present]
        if len(known.unique()) < 2:
            continue
        if kind == "regression":
            reached.append(torch.corrcoef(torch.stack([known, predicted]).double())[0, 1])
        else:
            reached.append(binary_auroc(predicted, known.int()))
    return float(torch.stack(reached).nanmean()) if reached else float("nan")
