"""The system around a network: what its outputs mean, loss, metrics, optimiser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytorch_lightning as lightning
import torch
from pydantic import TypeAdapter
from torch import Tensor, distributed
from torchmetrics.functional.classification import binary_auroc

from motifloom import config
from motifloom.genome import BASES
from motifloom.models.encoding import one_hot, reverse_complement, sequence_lengths
from motifloom.models.networks import build
from motifloom.seeds import derive_seed
from motifloom.training.history import METRICS
from motifloom.training.losses import LOSSES

if TYPE_CHECKING:
    from pytorch_lightning.core.optimizer import LightningOptimizer

    from motifloom.models.base import Network
    from motifloom.training.batches import Batch
    from motifloom.training.epoch import Stretch


TINY = 1e-9
"""Instead of 0, what a sum over no label is divided by."""


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
    network, training
        The model's section of the configuration, and that of training.
    kind
        ``binary``, ``multiclass`` or ``regression``.
    tasks
        The names of the tasks, or of the classes, in the order of the outputs.
    length
        Of the longest sequence, in bp.
    both_strands
        Whether a sequence may be read on either strand. Then a prediction is made from the mean of the outputs for it
        and for its reverse complement, unless the network has shared strands: there, both are the same.
    alphabet
        The bases in the order of their one-hot channels.
    centre, spread
        For regression, the mean and the standard deviation of each task's training labels.
    weights
        How much a label 0 and a label 1 of each task count in the loss; None for alike.
    origin
        What was trained on what: names, the seed, the fingerprint of the data.
    """

    centre: Tensor
    spread: Tensor
    weights: Tensor

    def __init__(
        self,
        network: dict[str, Any],
        training: dict[str, Any],
        kind: config.Kind,
        tasks: list[str],
        length: int,
        both_strands: bool,
        alphabet: str = BASES,
        centre: list[float] | None = None,
        spread: list[float] | None = None,
        weights: list[list[float]] | None = None,
        origin: dict[str, str | int] | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        if alphabet != BASES:
            raise ValueError(f"an alphabet of {alphabet!r}; expected {BASES!r}")
        settings: config.Network = TypeAdapter[Any](config.Model).validate_python(network)
        self.network: Network = build(settings, len(tasks), length)
        self.kind, self.both_strands = kind, both_strands
        self.training_settings, self.weight_decay = config.Training(**training), settings.weight_decay
        self.seed = int((origin or {}).get("seed", 0))
        self.register_buffer("centre", torch.tensor(centre or [0.0] * len(tasks)), persistent=False)
        self.register_buffer("spread", torch.tensor(spread or [1.0] * len(tasks)), persistent=False)
        self.register_buffer("weights", torch.tensor(weights or [[1.0] * len(tasks)] * 2), persistent=False)
        self.rates: dict[int, float] = {}
        self.validated: list[tuple[Tensor, Tensor, Tensor]] = []

    def forward(self, codes: Tensor) -> Tensor:
        """Return the outputs ``(batch, tasks)`` for codes ``(batch, length)``, whatever padding they have."""
        return self.outputs(one_hot(codes), sequence_lengths(codes))

    def outputs(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the outputs for one-hot sequences; arguments as of :meth:`motifloom.models.base.Network.forward`."""
        outputs: Tensor = self.network(x, lengths)
        if self.both_strands and not self.training and not self.network.shared_strands:
            outputs = (outputs + self.network(reverse_complement(x, lengths), lengths)) / 2
        return outputs

    def training_step(self, stretch: Stretch, _: int) -> dict[str, Tensor]:
        """Update the weights by each batch of a stretch; the row ``sums[i]`` is of batch i what :meth:`loss` counts."""
        return {"sums": torch.stack([self._step(number, batch) for number, batch in stretch])}

    def _step(self, number: int, batch: Batch) -> Tensor:
        """Update the weights by one batch, and return the sum and the number that :meth:`loss` returns."""
        self._seed_dropout(number)
        loss, counted = self.loss(batch)
        optimiser = cast("LightningOptimizer", self.optimizers())
        with torch.autocast(self.device.type, enabled=False):  # gradients have the precision of what they are of
            optimiser.zero_grad()
            self.trainer.strategy.pre_backward(loss)  # as Lightning's manual_backward does, without its hooks
            loss.backward()  # type: ignore[no-untyped-call]
            (group,) = optimiser.param_groups
            torch.nn.utils.clip_grad_norm_(group["params"], self.training_settings.gradient_norm)
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
        total, number = LOSSES[self.kind](self(codes), self.targets(labels), self.weights)
        loss = total / mean_over_processes(number).clamp(min=TINY) + self.network.penalty()
        return loss, torch.stack([total.detach(), number]).float()

    def validation_step(self, stretch: Stretch, _: int) -> None:
        """Keep the loss and the predictions, computed in float32 as all predictions are."""
        for _, (codes, labels) in stretch:
            with torch.autocast(codes.device.type, enabled=False):
                outputs = self(codes)
            loss = LOSSES[self.kind](outputs, self.targets(labels), self.weights)
            self.validated.append((labels, self.scores(outputs), torch.stack(loss)))

    def on_validation_epoch_end(self) -> None:
        """Record the mean loss, and the main metric's mean over the tasks for which it is defined."""
        labels, scores, losses = zip(*self.validated, strict=True)
        self.validated.clear()
        total, number = torch.stack(losses).sum(dim=0)
        self.log("validation_loss", total / number.clamp(min=TINY))
        metric = mean_metric(self.kind, torch.cat(labels).cpu(), torch.cat(scores).cpu())
        self.log(f"validation_{METRICS[self.kind]}", metric)

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
        return torch.optim.AdamW(
            self.parameters(), lr=self.training_settings.learning_rate, weight_decay=self.weight_decay, fused=True
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
