"""The system around a network that is trained: loss, metrics, optimiser."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytorch_lightning as lightning
import torch
from torch import Tensor, distributed
from torchmetrics.functional.classification import binary_auroc

from motifloom.seeds import derive_seed
from motifloom.training.history import METRICS
from motifloom.training.losses import LOSSES

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from motifloom import config
    from motifloom.models.predictor import Predictor
    from motifloom.training.batches import Batch
    from motifloom.training.epoch import Stretch


TINY = 1e-9
"""Instead of 0, what a sum over no label is divided by."""


class SequenceModule(lightning.LightningModule):
    """A network that is trained.

    Its hyperparameters are the predictor's: plain values, which say of what training a checkpoint is.

    Parameters
    ----------
    settings
        Of training.
    seed
        What all that is drawn follows from.
    weights
        How much a label 0 and a label 1 of each task count in the loss; None for alike.
    """

    weights: Tensor

    def __init__(
        self, predictor: Predictor, settings: config.Training, seed: int, weights: list[list[float]] | None = None
    ) -> None:
        super().__init__()
        self.save_hyperparameters(predictor.hyperparameters)
        self.automatic_optimization = False
        self.predictor, self.settings, self.seed = predictor, settings, seed
        alike = [[1.0] * len(predictor.centre)] * 2
        self.register_buffer("weights", torch.tensor(weights or alike), persistent=False)
        self.rates: dict[int, float] = {}
        self.validated: list[tuple[Tensor, Tensor, Tensor]] = []

    def training_step(self, stretch: Stretch, _: int) -> dict[str, Tensor]:
        """Update the weights by each batch of a stretch; the row ``sums[i]`` is of batch i what :meth:`loss` counts.

        To Lightning a stretch is one batch: the last of its updates is the step that it counts and calls its hooks for.
        """
        plain = cast("Optimizer", self.optimizers(use_pl_optimizer=False))
        counted = cast("Optimizer", self.optimizers())
        steps = zip(stretch, [*[plain] * (len(stretch) - 1), counted], strict=True)
        return {"sums": torch.stack([self._step(number, batch, optimiser) for (number, batch), optimiser in steps])}

    def _step(self, number: int, batch: Batch, optimiser: Optimizer) -> Tensor:
        """Update the weights by one batch, and return the sum and the number that :meth:`loss` returns."""
        self._seed_dropout(number)
        loss, counted = self.loss(batch)
        with torch.autocast(self.device.type, enabled=False):  # gradients have the precision of what they are of
            optimiser.zero_grad()
            self.trainer.strategy.pre_backward(loss)  # as Lightning's manual_backward does, without its hooks
            loss.backward()  # type: ignore[no-untyped-call]
            (group,) = optimiser.param_groups
            torch.nn.utils.clip_grad_norm_(group["params"], self.settings.gradient_norm)
            group["lr"] = self.rates[number]
            optimiser.step()
        return counted

    def _seed_dropout(self, number: int) -> None:
        """Seed what dropout draws: by the number of the batch alone, whatever was before."""
        seed = derive_seed(self.seed, "batch", self.trainer.current_epoch, number, self.global_rank)
        torch.default_generator.manual_seed(seed)  # torch.manual_seed takes half a millisecond to tell absent devices
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a batch and with it the penalty on the weights, and what the mean is of.

        Where several processes share a batch, the mean over them of what they return is that of the whole batch.

        Returns
        -------
        A number to be minimised, and without gradient the sum of the losses and the number of labels, shape ``(2,)``.
        """
        codes, labels = batch
        total, number = self._losses(self.predictor(codes), labels)
        loss = total / mean_over_processes(number).clamp(min=TINY) + self.predictor.network.penalty()
        return loss, torch.stack([total.detach(), number]).float()

    def _losses(self, outputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sum of the losses, and the number of labels it is over."""
        return LOSSES[self.predictor.kind](outputs, self.predictor.targets(labels), self.weights)

    def validation_step(self, stretch: Stretch, _: int) -> None:
        """Keep the loss and the predictions, computed in float32 as all predictions are."""
        for _, (codes, labels) in stretch:
            with torch.autocast(codes.device.type, enabled=False):
                outputs = self.predictor(codes)
            loss = torch.stack(self._losses(outputs, labels))
            self.validated.append((labels, self.predictor.scores(outputs), loss))

    def on_validation_epoch_end(self) -> None:
        """Record the mean loss, and the main metric's mean over the tasks for which it is defined."""
        labels, scores, losses = zip(*self.validated, strict=True)
        self.validated.clear()
        total, number = torch.stack(losses).sum(dim=0)
        self.log("validation_loss", total / number.clamp(min=TINY))
        kind = self.predictor.kind
        metric = mean_metric(kind, torch.cat(labels).cpu(), torch.cat(scores).cpu())
        self.log(f"validation_{METRICS[kind]}", metric)

    def configure_optimizers(self) -> Optimizer:
        """Return AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019)."""
        return torch.optim.AdamW(
            self.parameters(),
            lr=self.settings.learning_rate,
            weight_decay=self.predictor.settings.weight_decay,
            fused=True,
        )


def mean_over_processes(number: Tensor) -> Tensor:
    """Return the mean of a count over the processes that share a batch; the count itself where there is but one."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return number
    everywhere = number.clone()
    distributed.all_reduce(everywhere)
    return everywhere / distributed.get_world_size()


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
