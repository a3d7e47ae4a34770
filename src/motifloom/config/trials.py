"""What experiments are made of: trials, each a run of its own.

An experiment asks what becomes of models under other conditions. A trial is one such condition, and is written down as
a configuration: the commands that make a run make a trial, and its folder looks like the results of a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from motifloom.config import ORACLE, SimulatedDataset
from motifloom.config.experiments import CHROMOSOMES, SLACK
from motifloom.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from motifloom.config import Capacity, Config, Context, LearningCurve, Resampling

RESAMPLING = "resampling"
"""The experiment whose trials are held against each other: it has a table of its own kind."""

FRACTION, RANDOM_LABELS, DISTANCE, DRAW = "fraction", "random_labels", "distance", "draw"
"""Parameters of trials; a trial that varies a hyperparameter has its name as parameter."""

PAIR = "pair"
"""The dataset of a trial of the experiment ``context``."""

UNREGULARISED = {"dropout": 0.0, "weight_decay": 0.0, "l1": 0.0, "l2": 0.0}


class Draw(NamedTuple):
    """What ``motifloom sample`` draws: ``part``, ``random-labels`` or ``resample``; and how many, or which."""

    kind: str
    number: str


@dataclass(frozen=True)
class Trial:
    """One condition of an experiment.

    Attributes
    ----------
    experiment
        ``learning_curve``, ``capacity``, ``context`` or ``resampling``.
    parameter, setting
        What is changed, and to which value.
    replicate
        Trials of one replicate have the same seed, those of different replicates draw everything anew. Resamples have
        one replicate, with the seed of the run: from the run's own first one they differ by their training examples.
    config
        The configuration of the trial: its results are the trial's folder.
    draw
        What is drawn from the run's own examples; None where the trial's datasets are made from their sources.
    """

    experiment: str
    parameter: str
    setting: float
    replicate: int
    config: Config
    draw: Draw | None

    @property
    def name(self) -> str:
        """The trial's folder within that of all experiments."""
        return trial_name(self.experiment, self.parameter, self.setting, self.replicate)

    def folder(self, results: Path, dataset: str, model: str) -> Path:
        """Return where what became of a model lies, below the folder of the run's results."""
        return results / "experiments" / self.name / dataset / model / "0"

    def scored(self) -> list[str]:
        """Return what is scored on each of the trial's datasets: its models; the oracle where nothing was drawn."""
        return [*self.config.models, *([ORACLE] if self.draw is None else [])]


def trial_name(experiment: str, parameter: str, setting: float, replicate: int) -> str:
    """Return ``experiment/parameter-setting/replicate``; settings that differ are written so."""
    return f"{experiment}/{parameter}-{setting:.12g}/{replicate}"


def experiments(config: Config) -> list[str]:
    """Return the names of the experiments that `config` asks for."""
    return [name for name, section in config.experiments if section is not None]


def trials(config: Config) -> list[Trial]:
    """Return the trials of all experiments that `config` asks for."""
    asked = config.experiments
    found: list[Trial] = []
    for replicate in range(config.replicates):
        if asked.learning_curve:
            found += _learning_curve(config, asked.learning_curve, replicate)
        if asked.capacity:
            found += _random_labels(config, asked.capacity, replicate)
            found += _variations(config, asked.capacity, replicate)
        if asked.context:
            found += _context(config, asked.context, replicate)
    if asked.resampling:
        found += _resampling(config, asked.resampling)
    return found


def _learning_curve(config: Config, section: LearningCurve, replicate: int) -> Iterator[Trial]:
    """Yield a trial per fraction; the whole training split is the run itself."""
    for fraction in sorted(set(section.fractions)):
        changes = {
            "datasets": _chosen(config.datasets, section.datasets),
            "models": _chosen(config.models, section.models),
        }
        draw = Draw("part", f"{100 * fraction:g}%")
        yield _trial(config, "learning_curve", FRACTION, fraction, replicate, changes, draw)


def _random_labels(config: Config, section: Capacity, replicate: int) -> Iterator[Trial]:
    """Yield a trial per size: networks without regularisation, trained to the last epoch."""
    networks = section.models or config.networks()
    changes = {
        "datasets": _chosen(config.datasets, section.datasets),
        "models": {name: config.varied(name, UNREGULARISED) for name in networks},
        "training": config.training.model_copy(
            update={"max_epochs": section.max_epochs, "patience": section.max_epochs}
        ),
    }
    for size in sorted(set(section.sizes)) if networks else []:
        draw = Draw("random-labels", str(size))
        yield _trial(config, "capacity", RANDOM_LABELS, size, replicate, changes, draw)


def _variations(config: Config, section: Capacity, replicate: int) -> Iterator[Trial]:
    """Yield a trial per value of a hyperparameter, with the networks that have it and another value of their own."""
    for key, values in section.variations.items():
        having = [name for name in section.models or config.networks() if hasattr(config.models[name], key)]
        for value in sorted(set(values)):
            models = {name: config.varied(name, {key: value}) for name in having if own(config, name, key) != value}
            if models:
                changes = {"datasets": _chosen(config.datasets, section.datasets), "models": models}
                yield _trial(config, "capacity", key, value, replicate, changes, Draw("part", "100%"))


def own(config: Config, model: str, key: str) -> float:
    """Return the value that a hyperparameter has in the run itself."""
    return float(getattr(config.models[model], key))


def _context(config: Config, section: Context, replicate: int) -> Iterator[Trial]:
    """Yield a trial per distance, each with a simulated dataset of its own."""
    models = _chosen(config.models, section.models)
    for distance in sorted(set(section.distances)):
        changes = {"datasets": {PAIR: pair_dataset(section, distance)}, "models": models}
        yield _trial(config, "context", DISTANCE, distance, replicate, changes, None)


def pair_dataset(section: Context, distance: int) -> SimulatedDataset:
    """Return the dataset whose positives have two motifs at a `distance`; the window is the same for every distance."""
    return SimulatedDataset.model_validate(
        {
            "simulate": {
                "rule": "pair",
                "motifs": section.motifs,
                "positives": section.positives,
                "chromosomes": CHROMOSOMES,
                "chromosome_length": section.chromosome_length,
                "jitter": section.jitter,
                "spacing": (distance, distance + SLACK),
                "decoy_spacing": (distance + SLACK + 10, distance + 2 * SLACK + 10),
            },
            "window": section.window,
            "split": {"validation": ["chr7"], "test": ["chr8"]},
        }
    )


def _resampling(config: Config, section: Resampling) -> Iterator[Trial]:
    """Yield a trial per draw; all have the seed of the run, so that trainings differ by their examples alone."""
    for number in range(section.draws):
        changes = {
            "seed": config.seed,
            "datasets": _chosen(config.datasets, section.datasets),
            "models": _chosen(config.models, section.models),
        }
        yield _trial(config, RESAMPLING, DRAW, number, 0, changes, Draw("resample", str(number)))


def _chosen(sections: dict[str, Any], names: list[str] | None) -> dict[str, Any]:
    """Return the sections of some names, in the order of the configuration; of all names where None are given."""
    return {name: section for name, section in sections.items() if names is None or name in names}


def _trial(
    config: Config,
    experiment: str,
    parameter: str,
    setting: float,
    replicate: int,
    changes: dict[str, Any],
    draw: Draw | None,
) -> Trial:
    """Return the trial of a configuration with `changes`."""
    place = {
        "results": f"{config.results}/experiments/{trial_name(experiment, parameter, setting, replicate)}",
        "seed": derive_seed(config.seed, "experiment", replicate),
        "replicates": 1,
        "experiments": type(config.experiments)(),
    }
    return Trial(experiment, parameter, float(setting), replicate, config.model_copy(update={**place, **changes}), draw)
