"""The results folder: where its files lie, and which of them must be there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from motifloom.config import ALL_CLASSES, SimulatedDataset
from motifloom.config.trials import RESAMPLING, experiments
from motifloom.data.dataset import read_examples
from motifloom.data.predictions import read_predictions
from motifloom.errors import InputError
from motifloom.evaluation.kinds import main_metric
from motifloom.files import read_parquet
from motifloom.motifs.meme import read_meme
from motifloom.report.reading import (
    ATTRIBUTIONS,
    BEHAVIOUR,
    COMPARISONS,
    CONSENSUS,
    DROPPED,
    EXPERIMENT,
    GRADIENTS,
    HISTORY,
    LENGTHS,
    METRICS,
    MORE_OF_MOTIFS,
    MOTIFS,
    PAIRS,
    REAL,
    RESAMPLES,
    SELFTESTS,
    SEQLETS,
    SITES,
    STABILITY,
    SWEEP,
    read_delimited,
)
from motifloom.report.wording import LEVEL

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from motifloom.config import Config

    Matrices = dict[str, npt.NDArray[np.float64]]
    Scores = dict[str, pl.DataFrame]
    """By task ``id``, ``label`` and ``score`` of test examples."""

OF_A_TRAINING = ("history.csv", "selftests.tsv", "gradients.tsv")
"""What a network has beside its predictions."""

OF_ATTRIBUTIONS = ("attributions.parquet", "seqlets.tsv")
"""What it has besides where there are attributions."""
OF_MOTIFS = ("motifs.tsv", "motifs.meme", "behaviour.tsv", "pairs.tsv")
"""What the trainings of a network with motifs have together."""

OF_CONSENSUS = (".tsv", ".meme", "_matches.meme")
"""What all networks of a dataset have together."""


@dataclass(frozen=True)
class Learned:
    """What one model learned.

    Attributes
    ----------
    table
        ``motifs.tsv``, the most important motif first.
    matrices
        Probabilities of A C G T by the motif's name, shape ``(width, 4)``.
    known
        The known motifs that were matched, by the learned motif's name, each aligned with it.
    """

    table: pl.DataFrame
    matrices: Matrices
    known: Matrices

    @property
    def live(self) -> pl.DataFrame:
        """The motifs of filters that are active somewhere."""
        return self.table.filter(~pl.col("dead"))

    @property
    def matched(self) -> pl.DataFrame:
        """The live motifs whose match counts: a q value below the level."""
        return self.live.filter(pl.col("match_id").is_not_null(), pl.col("match_q") < LEVEL)


@dataclass(frozen=True)
class Results:
    """A results folder.

    Attributes
    ----------
    config
        The configuration the folder was made with.
    folder
        Where it is.
    metrics, comparisons
        The tables ``metrics.tsv`` and ``comparisons.tsv``.
    """

    config: Config
    folder: Path
    metrics: pl.DataFrame
    comparisons: pl.DataFrame

    @classmethod
    def open(cls, config: Config, folder: str | Path) -> Results:
        """Open a folder.

        Raises
        ------
        InputError
            With every file that must be there and is not, or with what is wrong in a table.
        """
        root = Path(folder)
        missing = [path for path in required_files(config, root) if not path.is_file()]
        if missing:
            raise InputError(f"{path}: is missing; the report needs it" for path in missing)
        metrics = read_delimited(root / "metrics.tsv", METRICS)
        unscored = [dataset for dataset in config.datasets if dataset not in set(metrics["dataset"])]
        if unscored:
            raise InputError(f"{root / 'metrics.tsv'}: has no row of dataset {dataset}" for dataset in unscored)
        return cls(config, root, metrics, read_delimited(root / "comparisons.tsv", COMPARISONS))

    def models(self, dataset: str) -> list[str]:
        """Return a dataset's models: those of the configuration, their ensembles, the oracle where there is one."""
        return list(self.config.scored(dataset))

    def examples(self, dataset: str) -> pl.DataFrame:
        """Return the examples: ``id``, ``split``, perhaps a place, and a column per task."""
        return read_examples(self.folder / dataset / "examples.parquet")

    def lengths(self, dataset: str) -> pl.Series:
        """Return the lengths of the examples' sequences in bp."""
        return read_parquet(self.folder / dataset / "sequences.parquet", LENGTHS)["length"]

    def tasks(self, dataset: str) -> list[str]:
        """Return the names of the tasks, or classes, that a dataset's models were scored on."""
        names = self.metrics.filter(pl.col("dataset") == dataset)["task"].unique(maintain_order=True).to_list()
        multiclass = self.config.kind(dataset) == "multiclass"
        return [name for name in names if not (multiclass and name == ALL_CLASSES)]

    def main_metric(self, dataset: str, task: str) -> str:
        """Return the metric that ranks the models of a task."""
        return main_metric(self.config.kind(dataset), task)

    def scored(self, dataset: str, task: str) -> pl.DataFrame:
        """Return the rows of the metrics of one task."""
        return self._metrics_of.get((dataset, task), self.metrics.clear())

    def compared(self, dataset: str, task: str) -> pl.DataFrame:
        """Return the rows of the comparisons of one task."""
        return self._comparisons_of.get((dataset, task), self.comparisons.clear())

    @cached_property
    def _metrics_of(self) -> dict[tuple[str, ...], pl.DataFrame]:
        return self.metrics.partition_by("dataset", "task", as_dict=True)

    @cached_property
    def _comparisons_of(self) -> dict[tuple[str, ...], pl.DataFrame]:
        return self.comparisons.partition_by("dataset", "task", as_dict=True)

    def dropped(self, dataset: str) -> pl.DataFrame:
        """Return what was left out: ``file``, ``row``, ``reason``."""
        return read_delimited(self.folder / dataset / "dropped.tsv", DROPPED)

    def test_scores(self, dataset: str, model: str) -> Scores:
        """Return each task's ``id``, ``label`` and ``score`` on test, of the first replicate of several."""
        path = self._replicate(dataset, model, 0) / "predictions.parquet"
        scores = read_predictions(path).filter(pl.col("split") == "test").select("task", "id", "label", "score")
        parts = scores.partition_by("task", as_dict=True, include_key=False)
        return {task: table for (task,), table in parts.items()}

    def histories(self, dataset: str, model: str) -> list[pl.DataFrame]:
        """Return for each replicate of a network a row per epoch, the main metric on validation as ``metric``."""
        paths = [self._replicate(dataset, model, number) / "history.csv" for number in range(self.config.replicates)]
        metric = f"validation_{main_metric(self.config.kind(dataset), '')}"
        tables = [read_delimited(path, HISTORY | {metric: REAL}, separator=",") for path in paths]
        return [table.rename({metric: "metric"}) for table in tables]

    def selftests(self, dataset: str, model: str) -> list[pl.DataFrame]:
        """Return for each replicate of a network a row per self-test."""
        paths = [self._replicate(dataset, model, number) / "selftests.tsv" for number in range(self.config.replicates)]
        return [read_delimited(path, SELFTESTS) for path in paths]

    def gradients(self, dataset: str, model: str) -> list[pl.DataFrame]:
        """Return for each replicate of a network the gradient by distance; no row where it is not recurrent."""
        paths = [self._replicate(dataset, model, number) / "gradients.tsv" for number in range(self.config.replicates)]
        return [read_delimited(path, GRADIENTS) for path in paths]

    def sweep(self, dataset: str, model: str) -> pl.DataFrame | None:
        """Return the first replicate's main metric by setting of a baseline; None where there is no such table."""
        path = self._replicate(dataset, model, 0) / "sweep.tsv"
        return read_delimited(path, SWEEP) if path.is_file() else None

    def experiment(self, name: str) -> pl.DataFrame:
        """Return the table of an experiment."""
        schema = RESAMPLES if name == RESAMPLING else EXPERIMENT
        return read_delimited(self.folder / "experiments" / f"{name}.tsv", schema)

    def stability(self, dataset: str) -> pl.DataFrame | None:
        """Return how much a dataset's models move over replicates; None where there is no such table."""
        path = self.folder / dataset / "stability.tsv"
        return read_delimited(path, STABILITY) if path.is_file() else None

    def learned(self, dataset: str, model: str) -> Learned:
        """Return what a model with filters learned.

        Raises
        ------
        InputError
            Also where ``motifs.meme`` lacks the matrix of a live motif.
        """
        home = self.folder / dataset / model
        table = read_delimited(home / "motifs.tsv", MOTIFS, optional=MORE_OF_MOTIFS)
        table = table.with_columns(pl.col("dead").fill_null(value=False))
        matrices = read_meme(home / "motifs.meme")
        missing = [name for name in table.filter(~pl.col("dead"))["motif"] if not len(matrices.get(name, ()))]
        if missing:
            raise InputError(f"{home / 'motifs.meme'}: has no matrix of {', '.join(missing)}, a motif of motifs.tsv")
        matches = home / "matches.meme"
        return Learned(table, matrices, read_meme(matches) if matches.is_file() else {})

    def attributions(self, dataset: str, model: str) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
        """Return for each replicate of a network a row per attributed sequence, and one per seqlet."""
        homes = [self._replicate(dataset, model, number) for number in range(self.config.replicates)]
        return [
            (read_parquet(home / "attributions.parquet", ATTRIBUTIONS), read_delimited(home / "seqlets.tsv", SEQLETS))
            for home in homes
        ]

    def consensus(self, dataset: str) -> Learned:
        """Return what all of a dataset's networks learned.

        Raises
        ------
        InputError
            Also where ``consensus.meme`` lacks the matrix of a motif.
        """
        home = self.folder / dataset
        table = read_delimited(home / "consensus.tsv", CONSENSUS)
        matrices = read_meme(home / "consensus.meme")
        missing = [name for name in table["motif"] if not len(matrices.get(name, ()))]
        if missing:
            raise InputError(f"{home / 'consensus.meme'}: has no matrix of {', '.join(missing)}")
        return Learned(table, matrices, read_meme(home / "consensus_matches.meme"))

    def behaviour(self, dataset: str, model: str) -> pl.DataFrame:
        """Return how the filters of a model behave."""
        return read_delimited(self.folder / dataset / model / "behaviour.tsv", BEHAVIOUR)

    def pairs(self, dataset: str, model: str) -> pl.DataFrame:
        """Return the pairs of motifs of a model."""
        return read_delimited(self.folder / dataset / model / "pairs.tsv", PAIRS)

    def planted(self, dataset: str) -> dict[str, str]:
        """Return the motifs that a simulation planted: matrix id and, where the truth is at hand, name."""
        section = self.config.datasets[dataset]
        if not isinstance(section, SimulatedDataset):
            return {}
        path = self.folder / dataset / "simulation" / "sites.tsv"
        names = dict(read_delimited(path, SITES).unique().rows()) if path.is_file() else {}
        return {identifier: names.get(identifier) or "" for identifier in section.simulate.motifs}

    def _replicate(self, dataset: str, model: str, number: int) -> Path:
        return self.folder / dataset / model / str(number)


def required_files(config: Config, folder: Path) -> list[Path]:
    """Return the files without which a report of `config` would be silent about part of the run."""
    paths = [folder / "metrics.tsv", folder / "comparisons.tsv"]
    paths += [folder / "experiments" / f"{name}.tsv" for name in experiments(config)]
    for dataset in config.datasets:
        home = folder / dataset
        paths += [home / "examples.parquet", home / "sequences.parquet", home / "dropped.tsv"]
        for model, replicates in config.scored(dataset).items():
            files = ["predictions.parquet"]
            if model in config.networks():
                files += OF_A_TRAINING + (OF_ATTRIBUTIONS if config.attributions(dataset) else ())
            paths += [home / model / str(number) / file for number in range(replicates) for file in files]
        paths += [home / model / file for model in config.with_motifs(dataset) for file in OF_MOTIFS]
        paths += [home / f"consensus{end}" for end in OF_CONSENSUS if config.with_motifs(dataset)]
    return paths
