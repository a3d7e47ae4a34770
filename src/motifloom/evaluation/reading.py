"""The predictions of a dataset's models, read from the results folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from motifloom.data.predictions import FILES, read_predictions
from motifloom.errors import InputError
from motifloom.evaluation.panels import Run, align

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from motifloom.config import Config, Kind
    from motifloom.evaluation.panels import Panel


def read_panels(config: Config, dataset: str, results: Path, names: Sequence[str] = FILES) -> list[Panel]:
    """Read and align the predictions of everything that is scored on a dataset.

    Parameters
    ----------
    results
        The results folder.
    names
        Which of each run's files.

    Raises
    ------
    InputError
        For every file that is missing, or with what is wrong in them.
    """
    folders = {
        Run(model, number): results / dataset / model / str(number)
        for model, replicates in config.scored(dataset).items()
        for number in range(replicates)
    }
    return read_runs(folders, config.kind(dataset), names)


def read_runs(folders: Mapping[Run, Path], kind: Kind, names: Sequence[str] = FILES) -> list[Panel]:
    """Read and align the predictions that lie in each run's own folder; see :func:`read_panels`."""
    files = {run: [folder / name for name in names] for run, folder in folders.items()}
    missing = [path for paths in files.values() for path in paths if not path.is_file()]
    if missing:
        raise InputError(f"{path}: missing; expected the predictions of a model" for path in missing)
    predictions = {run: pl.concat(map(read_predictions, paths)) for run, paths in files.items()}
    return align(predictions, kind)
