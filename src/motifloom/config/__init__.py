"""The whole configuration as typed, frozen models: the one place that reads ``config.yaml``.

The Snakefile and every ``motifloom`` command validate through :func:`validate`, so both know the same keys and the same
defaults. Unknown keys are errors that name the nearest known key, and all problems are told at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from motifloom.config.datasets import (
    BlockSplit,
    ChromosomeSplit,
    ColumnSplit,
    FastaDataset,
    FractionSplit,
    GenomeDataset,
    Motifs,
    SimulatedDataset,
    Simulation,
    Split,
    TableDataset,
    Windows,
)
from motifloom.config.document import load
from motifloom.config.experiments import Capacity, Context, Experiments, LearningCurve, Resampling
from motifloom.config.models import (
    ARCHITECTURES,
    Bilstm,
    Cnn,
    CnnBilstm,
    Convolutional,
    DilatedCnn,
    Features,
    Gated,
    GkmSvm,
    KmerLogistic,
    Knn,
    Lstm,
    Model,
    Network,
    Pooled,
    Recurrent,
    Resnet,
    Rnn,
)
from motifloom.config.problems import explain
from motifloom.config.run import Config, Evaluation, Training, as_list
from motifloom.config.values import (
    ALL_CLASSES,
    DINUCLEOTIDE_SHUFFLE,
    ENSEMBLE,
    JASPAR_PREFIX,
    ORACLE,
    PLACE_COLUMNS,
    RESERVED_NAMES,
    SAMPLED,
    TAXA,
    Kind,
)
from motifloom.errors import InputError

__all__ = [
    "ALL_CLASSES",
    "ARCHITECTURES",
    "DINUCLEOTIDE_SHUFFLE",
    "ENSEMBLE",
    "JASPAR_PREFIX",
    "ORACLE",
    "PLACE_COLUMNS",
    "RESERVED_NAMES",
    "SAMPLED",
    "TAXA",
    "Bilstm",
    "BlockSplit",
    "Capacity",
    "ChromosomeSplit",
    "Cnn",
    "CnnBilstm",
    "ColumnSplit",
    "Config",
    "Context",
    "Convolutional",
    "DilatedCnn",
    "Evaluation",
    "Experiments",
    "FastaDataset",
    "Features",
    "FractionSplit",
    "Gated",
    "GenomeDataset",
    "GkmSvm",
    "Kind",
    "KmerLogistic",
    "Knn",
    "LearningCurve",
    "Lstm",
    "Model",
    "Motifs",
    "Network",
    "Pooled",
    "Recurrent",
    "Resampling",
    "Resnet",
    "Rnn",
    "SimulatedDataset",
    "Simulation",
    "Split",
    "TableDataset",
    "Training",
    "Windows",
    "as_list",
    "dump",
    "load",
    "read",
    "validate",
]


def validate(settings: Any, source: str = "config") -> Config:
    """Check `settings`, fill in the defaults and return the configuration.

    Parameters
    ----------
    settings
        What a YAML file holds.
    source
        The file's name, for the messages.

    Raises
    ------
    InputError
        With every problem at once: the key's path, the value found and what was expected.
    """
    if not isinstance(settings, dict):
        raise InputError(f"{source}: expected a mapping of keys, found {_kind(settings)}")
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise InputError(f"{source}: {explain(problem, Config)}" for problem in error.errors()) from None


def _kind(value: Any) -> str:
    """Say what stands where a mapping is expected; not all of a text, which may be a file of another kind."""
    if isinstance(value, str | list):
        return "text" if isinstance(value, str) else "list"
    return "nothing" if value is None else str(value)


def read(path: str | Path, dataset: str | None = None, model: str | None = None) -> Config:
    """Read and check a configuration file.

    Parameters
    ----------
    dataset, model
        Names that it must hold.

    Raises
    ------
    InputError
        Where the file is missing, is no YAML, holds what :func:`validate` refuses, or lacks a name.
    """
    config = validate(load(path), str(path))
    for kind, name, known in (("datasets", dataset, config.datasets), ("models", model, config.models)):
        if name is not None and name not in known:
            raise InputError(f"{path}: {kind}: no '{name}'; expected one of {', '.join(known)}")
    return config


def dump(config: Config) -> str:
    """Return the configuration as YAML with every default filled in; :func:`read` gives the same configuration back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
