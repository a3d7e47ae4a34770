"""Experiments: questions about models that a run answers by training them again under other conditions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from motifloom.config.values import GREATEST, MOST_TRAININGS, Count, Section

Names = Annotated[list[str], Field(min_length=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Setting = Annotated[float, Field(ge=0)]

SLACK = 20
"""The distances of two motifs lie within so many bp, in positives as in decoys; 10 bp are between the two ranges."""

CHROMOSOMES = 8
"""So many are simulated to see how far models see."""


class LearningCurve(Section):
    """Would more data help? Models are trained on parts of the training split.

    `datasets` and `models` are names of the configuration; None means all.
    """

    fractions: Annotated[list[Share], Field(min_length=1)] = [0.1, 0.2, 0.5]
    datasets: Names | None = None
    models: Names | None = None


class Capacity(Section):
    """How much networks can memorise, and what their size and regularisation do to the gap between train and test.

    `sizes` are numbers of training examples whose labels are put into a random order. `variations` are the values that
    a hyperparameter takes in turn, in every network that has it.
    """

    sizes: Annotated[list[Annotated[int, Field(ge=10)]], Field(min_length=1)] = [100, 300, 1000, 3000]
    max_epochs: Count = 100
    variations: dict[str, Annotated[list[Setting], Field(min_length=1)]] = {
        "filters": [16, 256],
        "hidden": [16, 256],
        "layers": [1, 3],
        "blocks": [2, 6],
        "dropout": [0.0, 0.7],
        "weight_decay": [0.0, 0.1],
    }
    datasets: Names | None = None
    models: Names | None = None


class Context(Section):
    """How far does a model see? Two motifs of simulated datasets stand ever farther apart.

    A positive has the first of `motifs` upstream of the second, their centres a distance to `SLACK` bp more apart. See
    the rule ``pair`` of :class:`motifloom.config.Simulation`.
    """

    motifs: Annotated[list[str], Field(min_length=2, max_length=2)] = ["MA0139.2", "MA0138.3"]
    distances: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = [20, 50, 100, 150]
    positives: Annotated[int, Field(ge=16)] = 4000
    window: Annotated[int, Field(ge=10)] = 300
    jitter: Annotated[int, Field(ge=0)] = 20
    models: Names | None = None

    @model_validator(mode="after")
    def _can_be_simulated(self) -> Context:
        """Refuse what makes no simulated dataset, whose numbers derive from these."""
        farthest = GREATEST - 2 * SLACK - 10
        problems = [
            f"distances: expected at most {farthest}, found {distance}"
            for distance in self.distances
            if distance > farthest
        ]
        if self.motifs[0] == self.motifs[1]:
            problems.append(f"motifs: {self.motifs[0]} stands twice")
        if self.chromosome_length > GREATEST:
            problems.append(
                f"window: {self.positives} positives of {self.window} bp and as many decoys take {CHROMOSOMES} "
                f"chromosomes of {self.chromosome_length} bp; expected at most {GREATEST}"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def chromosome_length(self) -> int:
        """The bp of a chromosome that has room for its share of the regions."""
        return max(1000, 2 * -(-self.positives // CHROMOSOMES) * self.window)


class Resampling(Section):
    """Would other examples have led to the same model? Models are trained on resamples of the training split.

    `datasets` and `models` are names of the configuration; None means all.
    """

    draws: Annotated[int, Field(ge=2, le=MOST_TRAININGS)] = 5
    datasets: Names | None = None
    models: Names | None = None


class Experiments(Section):
    """Which experiments are done; one that is not given is not."""

    learning_curve: LearningCurve | None = None
    capacity: Capacity | None = None
    context: Context | None = None
    resampling: Resampling | None = None
