"""The tables of experiments: what models reach in every trial, and in the run itself where that is one more setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from safetensors import SafetensorError, safe_open

from motifloom.config import ALL_CLASSES, ORACLE, PLACE_COLUMNS
from motifloom.config.trials import FRACTION, RESAMPLING, own, trials
from motifloom.data.dataset import read_examples
from motifloom.data.predictions import FILES
from motifloom.errors import InputError
from motifloom.evaluation.kinds import main_metric
from motifloom.evaluation.panels import SPLITS, Run
from motifloom.evaluation.reading import read_runs
from motifloom.evaluation.stability import STABILITY_SCHEMA, stability_table
from motifloom.evaluation.tables import METRICS_SCHEMA
from motifloom.files import read_tsv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from motifloom.config import Capacity, Config
    from motifloom.config.trials import Trial
    from motifloom.evaluation.panels import Panel

    Row = tuple[Any, ...]

EXPERIMENT_SCHEMA = {
    "dataset": pl.String,
    "model": pl.String,
    "parameter": pl.String,
    "setting": pl.Float64,
    "weights": pl.Int64,
    "n": pl.Int64,
    "replicate": pl.Int64,
    "split": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
}
RESAMPLING_SCHEMA = {
    "dataset": pl.String,
    **{"draws" if name == "replicates" else name: kind for name, kind in STABILITY_SCHEMA.items()},
}
NOT_LEARNED = ("running_mean", "running_var", "num_batches_tracked", "centre", "spread", "weights")
"""What the names of tensors end with that a network's file holds beside what gradients change."""


def experiment_table(config: Config, experiment: str, results: Path) -> pl.DataFrame:
    """Tell what every model reaches in every trial of an experiment; of resamples, how much that moves.

    Parameters
    ----------
    config
        Of the run, which asks for the experiment.
    results
        The run's results folder.

    Returns
    -------
    Of the experiment ``resampling`` a table with the columns of `RESAMPLING_SCHEMA`; else one with those of
    `EXPERIMENT_SCHEMA`: ``value`` is the main metric, of several tasks its mean over those for which it is defined,
    null where there is none; ``n`` counts examples with a label; ``weights`` is null of what is no network.

    Raises
    ------
    InputError
        Where files are missing or wrong.
    """
    made = [trial for trial in trials(config) if trial.experiment == experiment]
    if experiment == RESAMPLING:
        return _resampling_table(made, results)
    rows = [row for trial in made for row in _trial_rows(trial, results)]
    capacity, curve = config.experiments.capacity, config.experiments.learning_curve
    if experiment == "learning_curve" and curve:
        rows += _whole_rows(config, curve.datasets, [*(curve.models or config.models), ORACLE], FRACTION, 1.0, results)
    if experiment == "capacity" and capacity:
        rows += _own_rows(config, capacity, results)
    return pl.DataFrame(rows, EXPERIMENT_SCHEMA, orient="row").fill_nan(None)


def _resampling_table(draws: Sequence[Trial], results: Path) -> pl.DataFrame:
    """Hold the trainings of every model on different resamples against each other, as those of different seeds are."""
    tables = []
    for dataset in draws[0].config.datasets:
        folders = {
            Run(model, int(trial.setting)): trial.folder(results, dataset, model)
            for model in draws[0].scored()
            for trial in draws
        }
        # An example of train has as many rows in a draw as it was drawn, and moves nothing here.
        table = stability_table(read_runs(folders, draws[0].config.kind(dataset), FILES[:1]))
        named = table.with_columns(dataset=pl.lit(dataset)).rename({"replicates": "draws"})
        tables.append(named.select(*RESAMPLING_SCHEMA))
    return pl.concat(tables)


def main_values(panels: Sequence[Panel], kind: str) -> dict[tuple[Run, str], tuple[str, int, float]]:
    """Return for every run and split the main metric's name, the number of examples and the mean over the tasks."""
    found = {}
    told = [panel for panel in panels if (panel.kind == "multiclass") == (kind == "multiclass")]
    for split in SPLITS:
        mine = [panel for panel in told if panel.split == split]
        if not mine:
            continue
        number = pl.concat([panel.ids for panel in mine]).n_unique()
        metric = mine[0].judged.main
        for run in mine[0].scores:
            values = [
                panel.judged.arrange(panel.labels, panel.scores[run]).compute(np.ones((1, len(panel.labels))), [metric])
                for panel in mine
            ]
            defined = [float(value[metric][0]) for value in values if np.isfinite(value[metric][0])]
            found[run, split] = (metric, number, float(np.mean(defined)) if defined else float("nan"))
    return found


def count_weights(path: Path) -> int | None:
    """Return how many numbers of a network gradients change, told by its file ``model.safetensors``; None without one.

    Raises
    ------
    InputError
        Where the file is no such file.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            return sum(
                int(np.prod(file.get_slice(name).get_shape()))
                for name in file.keys()  # noqa: SIM118 - the file is no mapping
                if not name.endswith(NOT_LEARNED)
            )
    except SafetensorError as error:
        raise InputError(f"{path}: holds no weights: {error}") from None


def _trial_rows(trial: Trial, results: Path) -> Iterator[Row]:
    """Yield the rows of one trial."""
    for dataset in trial.config.datasets:
        folders = {Run(model, 0): trial.folder(results, dataset, model) for model in trial.scored()}
        kind = trial.config.kind(dataset)
        values = main_values(read_runs(folders, kind), kind)
        for (run, split), (metric, number, value) in values.items():
            weights = count_weights(folders[run] / "model.safetensors")
            of_trial = (trial.parameter, trial.setting, weights, number, trial.replicate)
            yield (dataset, run.model, *of_trial, split, metric, value)


def _own_rows(config: Config, capacity: Capacity, results: Path) -> Iterator[Row]:
    """Yield what the run itself reached, as one more value of every hyperparameter that is varied."""
    for key in capacity.variations:
        for model in capacity.models or config.networks():
            if key in type(config.models[model]).model_fields:
                yield from _whole_rows(config, capacity.datasets, [model], key, own(config, model, key), results)


def _whole_rows(
    config: Config, datasets: Sequence[str] | None, models: Sequence[str], parameter: str, setting: float, results: Path
) -> Iterator[Row]:
    """Yield what the run itself reached, as told by its metrics."""
    for dataset in datasets or config.datasets:
        kind = config.kind(dataset)
        table = read_tsv(results / dataset / "metrics.tsv", METRICS_SCHEMA)
        task = ALL_CLASSES if kind == "multiclass" else ""
        metric = main_metric(kind, task)
        mine = table.filter(
            pl.col("metric") == metric, pl.col("model").is_in(models), (pl.col("task") == task) | (task == "")
        )
        numbers = _labelled(results / dataset / "examples.parquet")
        means = mine.group_by("model", "replicate", "split", maintain_order=True).agg(pl.mean("value"))
        for model, replicate, split, value in means.iter_rows():
            weights = count_weights(results / dataset / model / str(replicate) / "model.safetensors")
            yield (dataset, model, parameter, setting, weights, numbers[split], replicate, split, metric, value)


def _labelled(path: Path) -> dict[str, int]:
    """Return how many examples of each split have a label of any task, as the trials' are counted."""
    examples = read_examples(path)
    tasks = [name for name in examples.columns if name not in PLACE_COLUMNS]
    counted = examples.filter(pl.any_horizontal(pl.col(tasks).is_not_null())).group_by("split").len()
    return dict(counted.iter_rows())
