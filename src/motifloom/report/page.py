"""The page: every part of it computed, then laid out by the templates that stand beside this module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from motifloom import __version__
from motifloom.config import dump
from motifloom.files import write_text
from motifloom.report.comparisons import comparison_rows
from motifloom.report.figures import curves, sweep_figures, training_figures
from motifloom.report.found import found
from motifloom.report.inputs import inputs
from motifloom.report.logos import letters
from motifloom.report.motif_tables import motif_table
from motifloom.report.results import Results
from motifloom.report.scores import overview
from motifloom.report.usage import jobs, total
from motifloom.report.wording import LEVEL, counted, listed, thousands

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from motifloom.config import Config
    from motifloom.report.comparisons import ComparisonRow
    from motifloom.report.figures import CurvePair, SweepFigure, TrainingFigure
    from motifloom.report.found import Found
    from motifloom.report.inputs import Inputs
    from motifloom.report.motif_tables import MotifTable
    from motifloom.report.scores import Overview


@dataclass(frozen=True)
class TaskPart:
    """One task of a dataset."""

    overview: Overview
    curves: CurvePair | None
    sweeps: Sequence[SweepFigure]
    comparisons: Sequence[ComparisonRow]


@dataclass(frozen=True)
class DatasetPart:
    """One dataset of the page."""

    name: str
    inputs: Inputs
    tasks: Sequence[TaskPart]
    training: Sequence[TrainingFigure]
    found: Found | None
    motifs: Sequence[MotifTable]
    database: str


def write_report(config: Config, folder: str | Path, output: str | Path) -> None:
    """Write the report of a run.

    Parameters
    ----------
    config
        The configuration the run was made with.
    folder
        The results folder.
    output
        The HTML file. It refers to no other file, and the same inputs give the same bytes.

    Raises
    ------
    InputError
        With every file of the run that is missing, or with the file and what is wrong in it.
    """
    write_text(output, render(Results.open(config, folder)))


def render(results: Results) -> str:
    """Return the page as HTML."""
    config = results.config
    environment = Environment(
        loader=PackageLoader("motifloom", "report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    found_jobs = jobs(results.folder / "benchmarks")
    return environment.get_template("page.html").render(
        version=__version__,
        config=config,
        configuration=dump(config),
        confidence=f"{config.evaluation.confidence:.0%}",
        level=LEVEL,
        datasets=[_dataset(results, name) for name in config.datasets],
        letters=letters(),
        jobs=found_jobs,
        total_time=total(found_jobs),
        counted=counted,
        listed=listed,
        thousands=thousands,
    )


def _dataset(results: Results, name: str) -> DatasetPart:
    config = results.config
    learned = {model: results.learned(name, model) for model in config.with_filters()}
    return DatasetPart(
        name,
        inputs(results, name),
        [_task(results, name, task) for task in results.tasks(name)],
        training_figures(results, name),
        found(learned, results.planted(name)),
        [motif_table(model, one, config.replicates) for model, one in learned.items()],
        config.database(name),
    )


def _task(results: Results, dataset: str, task: str) -> TaskPart:
    view = overview(results, dataset, task)
    return TaskPart(
        view,
        curves(results, dataset, task),
        sweep_figures(results, dataset, task),
        comparison_rows(results, dataset, task, [row.model for row in view.rows]),
    )
