"""A network together with what its outputs mean: all that it takes to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from torch import Tensor, nn

from motifloom import config
from motifloom.genome import BASES
from motifloom.models.encoding import one_hot, reverse_complement, sequence_lengths
from motifloom.models.networks import build

if TYPE_CHECKING:
    from motifloom.models.base import Network


class _Hyperparameters(BaseModel):
    """The kinds of a predictor's arguments; what a checkpoint holds may be anything."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    network: dict[str, Any]
    kind: config.Kind
    tasks: Annotated[list[str], Field(min_length=1)]
    length: Annotated[int, Field(ge=1)]
    both_strands: bool
    alphabet: Literal["ACGT"]
    centre: list[float] | None
    spread: list[Annotated[float, Field(gt=0)]] | None
    origin: dict[str, Any] | None

    @model_validator(mode="after")
    def _one_of_each_task(self) -> Self:
        if any(values is not None and len(values) != len(self.tasks) for values in (self.centre, self.spread)):
            raise ValueError("centre and spread: expected a value for each task")
        return self


class Predictor(nn.Module):
    """A network for one kind of labels.

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
        The model's section of the configuration.
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
    origin
        How it was trained on what: names, the seed, the fingerprint of the data, the settings of training.

    Attributes
    ----------
    hyperparameters
        All of these.

    Raises
    ------
    ValidationError
        A ``ValueError``, where an argument is of another kind.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        network: dict[str, Any],
        kind: config.Kind,
        tasks: list[str],
        length: int,
        both_strands: bool,
        alphabet: str = BASES,
        centre: list[float] | None = None,
        spread: list[float] | None = None,
        origin: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.hyperparameters: dict[str, Any] = {
            "network": network,
            "kind": kind,
            "tasks": tasks,
            "length": length,
            "both_strands": both_strands,
            "alphabet": alphabet,
            "centre": centre,
            "spread": spread,
            "origin": origin,
        }
        _Hyperparameters.model_validate(self.hyperparameters)
        self.settings: config.Network = TypeAdapter[Any](config.Model).validate_python(network)
        self.network: Network = build(self.settings, len(tasks), length)
        self.kind, self.both_strands = kind, both_strands
        self.register_buffer("centre", torch.tensor(centre or [0.0] * len(tasks)), persistent=False)
        self.register_buffer("spread", torch.tensor(spread or [1.0] * len(tasks)), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.centre.device

    def forward(self, codes: Tensor) -> Tensor:
        """Return the outputs ``(batch, tasks)`` for codes ``(batch, length)``, whatever padding they have."""
        return self.outputs(one_hot(codes), sequence_lengths(codes))

    def outputs(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the outputs for one-hot sequences; arguments as of :meth:`motifloom.models.base.Network.forward`."""
        outputs: Tensor = self.network(x, lengths)
        if self.both_strands and not self.training and not self.network.shared_strands:
            outputs = (outputs + self.network(reverse_complement(x, lengths), lengths)) / 2
        return outputs

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
