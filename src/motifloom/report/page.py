"""The page: every part of it computed, then laid out by the templates that stand beside this module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from motifloom import __version__
from motifloom.config import ALL_CLASSES, dump
from motifloom.files import write_text
from motifloom.report.attributions import attributions
from motifloom.report.comparisons import comparison_rows
from motifloom.report.confusion import confusions
from motifloom.report.consensus import consensus_part
from motifloom.report.diagnosis import diagnosis
from motifloom.report.experiments import answers
from motifloom.report.figures import curves, training_figures
from motifloom.report.inputs import inputs
from motifloom.report.logos import letters
from motifloom.report.motif_tables import motif_table
from motifloom.report.results import Results
from motifloom.report.scatter import scatter_figures
from motifloom.report.scores import Standing, overview
from motifloom.report.selftests import selftests
from motifloom.report.sweeps import sweep_figures
from motifloom.report.tasks import task_table
from motifloom.report.throughout import throughout
from motifloom.report.trust import trust
from motifloom.report.usage import jobs, total
from motifloom.report.wording import LEVEL, counted, listed, percent, thousands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from motifloom.config import Config, Kind
    from motifloom.report.attributions import Attributions
    from motifloom.report.comparisons import ComparisonRow
    from motifloom.report.confusion import Confusion
    from motifloom.report.consensus import ConsensusPart
    from motifloom.report.diagnosis import Diagnosis
    from motifloom.report.figures import CurvePair, TrainingFigure
    from motifloom.report.inputs import Inputs
    from motifloom.report.motif_tables import MotifTable
    from motifloom.report.results import Scores
    from motifloom.report.scatter import ScatterFigure
    from motifloom.report.scores import Overview
    from motifloom.report.selftests import SelfTests
    from motifloom.report.sweeps import SweepFigure
    from motifloom.report.tasks import TaskTable
    from motifloom.report.trust import Trust

FOLDED = 3
"""Of more tasks than this, the details of each are folded away."""

DETAILED = 30
"""Of more tasks than this, the page has the table alone."""


@dataclass(frozen=True)
class TaskPart:
    """One task, or class, of a dataset."""

    overview: Overview
    curves: CurvePair | None
    scatters: Sequence[ScatterFigure]
    comparisons: Sequence[ComparisonRow]


@dataclass(frozen=True)
class DatasetPart:
    """One dataset of the page.

    Attributes
    ----------
    lead
        What the dataset comes down to, where one task does: the only one, or all classes together.
    table
        The tasks, where there are several.
    tasks
        Their details; none where there are too many.
    word, words
        What they are called, one and several.
    judged
        How the models stand in each task, or in all classes together.
    """

    name: str
    kind: Kind
    inputs: Inputs
    trust: Trust | None
    lead: TaskPart | None
    table: TaskTable | None
    tasks: Sequence[TaskPart]
    folded: bool
    word: str
    words: str
    confusions: Sequence[Confusion]
    diagnosis: Diagnosis | None
    judged: Sequence[Standing]
    sweeps: Sequence[SweepFigure]
    training: Sequence[TrainingFigure]
    selftests: SelfTests | None
    attributions: Attributions | None
    consensus: ConsensusPart | None
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
    datasets = [_dataset(results, name) for name in config.datasets]
    found_jobs = jobs(results.folder / "benchmarks")
    return environment.get_template("page.html").render(
        version=__version__,
        config=config,
        configuration=dump(config),
        confidence=percent(config.evaluation.confidence),
        level=LEVEL,
        datasets=datasets,
        answers=answers(results),
        throughout=throughout(results, [standing for dataset in datasets for standing in dataset.judged]),
        kinds={dataset.kind for dataset in datasets},
        letters=letters(),
        jobs=found_jobs,
        total_time=total(found_jobs),
        counted=counted,
        listed=listed,
        thousands=thousands,
    )


def _dataset(results: Results, name: str) -> DatasetPart:
    config = results.config
    kind, tasks = config.kind(name), results.tasks(name)
    learned = {model: results.learned(name, model) for model in config.with_motifs(name)}
    scores = {model: results.test_scores(name, model) for model in results.models(name)}
    standings = [Standing.of(results, name, task) for task in tasks]
    overall = Standing.of(results, name, ALL_CLASSES) if kind == "multiclass" else standings[0]
    several = kind == "multiclass" or len(tasks) > 1
    detailed = standings if several and len(tasks) <= DETAILED else []
    word, words = ("class", "classes") if kind == "multiclass" else ("task", "tasks")
    return DatasetPart(
        name,
        kind,
        inputs(results, name),
        trust(results, name),
        _task(results, name, overall, scores) if kind == "multiclass" or not several else None,
        task_table(results, standings, words) if several else None,
        [_task(results, name, standing, scores) for standing in detailed],
        len(tasks) > FOLDED or kind == "multiclass",
        word,
        words,
        confusions(results, tasks, _ranked(scores, overall)) if kind == "multiclass" else [],
        diagnosis(results, name, standings, overall),
        [overall] if kind == "multiclass" else standings,
        sweep_figures(results, name),
        training_figures(results, name),
        selftests(results, name),
        attributions(results, name),
        consensus_part(results, name, list(learned)),
        [motif_table(model, one, config.replicates) for model, one in learned.items()],
        config.database(name),
    )


def _task(results: Results, dataset: str, standing: Standing, scores: Mapping[str, Scores]) -> TaskPart:
    view = overview(results, standing)
    regression = results.config.kind(dataset) == "regression"
    return TaskPart(
        view,
        None if regression else curves(results, standing.task, scores),
        scatter_figures(results, standing.task, _ranked(scores, standing)) if regression else [],
        comparison_rows(results, dataset, standing.task, [row.model for row in view.rows]),
    )


def _ranked(scores: Mapping[str, Scores], standing: Standing) -> dict[str, Scores]:
    """Return the models' scores, those of the best first."""
    return {model: scores[model] for model in [*standing.models, *standing.ceiling]}
