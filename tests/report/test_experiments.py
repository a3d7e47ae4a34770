"""What experiments found, as sentences and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from motifloom.config.trials import trials
from motifloom.errors import InputError
from motifloom.evaluation.experiments import EXPERIMENT_SCHEMA
from motifloom.report.experiments import Curve, answers, learning_sentence, limit, memorised, seen, seen_in_words
from motifloom.report.page import render
from motifloom.report.results import Results
from motifloom.report.stability import resampling_sentence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from motifloom.config import Config

    Make = Callable[..., tuple[Config, Path]]

EXPERIMENTS = {
    "learning_curve": {"fractions": [0.1, 0.5], "datasets": ["grammar"]},
    "capacity": {"sizes": [50, 200, 800], "models": ["cnn", "bilstm"], "variations": {"filters": [16], "dropout": [0]}},
    "context": {"distances": [25, 75], "models": ["cnn", "knn"]},
    "resampling": {"draws": 3, "datasets": ["grammar"], "models": ["cnn", "knn"]},
}


def curve(*test: float, train: tuple[float, ...] = (), x: tuple[float, ...] = (100, 500, 1000)) -> Curve:
    return Curve("cnn", x[-len(test) :], {"train": train or test, "test": test})


@pytest.mark.parametrize(
    ("test", "ceiling", "limited"),
    [
        ((0.80, 0.90, 0.95), 0.955, "noise"),
        ((0.80, 0.90, 0.95), 0.99, "data"),
        ((0.80, 0.90, 0.95), None, "data"),
        ((0.80, 0.90, 0.905), 0.99, "model"),
        ((0.80, 0.90, 0.89), 0.99, "model"),
        ((0.80, 0.90, 0.905), None, "model or noise"),
        ((0.90,), 0.99, "model"),
    ],
)
def test_what_limits_a_model_is_told(test: tuple[float, ...], ceiling: float | None, limited: str) -> None:
    assert limit(curve(*test), ceiling) == limited


def test_the_sentence_tells_the_last_step_and_what_is_missing() -> None:
    assert learning_sentence(curve(0.8, 0.9, 0.95), 0.99, "AUROC") == (
        "cnn seems limited by data: from 500 to 1\N{NARROW NO-BREAK SPACE}000 training examples its AUROC on test "
        "changes by +0.050, and it is 0.040 below the ceiling. More examples would probably help."
    )
    assert "it is 0.005 below the ceiling, and neither" in learning_sentence(curve(0.9, 0.95), 0.955, "AUROC")
    assert "changes by −0.010, yet it is 0.100 below" in learning_sentence(curve(0.9, 0.89), 0.99, "AUROC")
    assert "only a known ceiling would tell" in learning_sentence(curve(0.9, 0.901), None, "AUROC")


def test_a_set_is_memorised_only_where_all_smaller_ones_are() -> None:
    assert memorised(curve(0.5, 0.5, 0.5, train=(1.0, 0.995, 0.98))) == 500
    assert memorised(curve(0.5, 0.5, 0.5, train=(1.0, 0.9, 1.0))) == 100
    assert memorised(curve(0.5, 0.5, 0.5, train=(float("nan"), 1.0, 1.0))) == 1000
    assert memorised(curve(0.5, 0.5, 0.5, train=(float("nan"), 0.9, 1.0))) == 0


def test_a_model_sees_where_it_goes_half_of_the_way_to_the_ceiling() -> None:
    ceiling = curve(0.9, 0.9, 0.8)
    assert seen(curve(0.71, 0.705, 0.655), ceiling) == [100, 500, 1000]
    assert seen(curve(0.71, 0.69, 0.80), ceiling) == [100, 1000]
    assert seen(curve(0.69, 0.69, 0.64), ceiling) == []


@pytest.mark.parametrize(
    ("distances", "words"),
    [([], "nowhere"), ([20], "at 20 bp"), ([20, 90], "at 20 and 90 bp"), ([20, 50, 90], "at every distance")],
)
def test_distances_are_told(distances: list[float], words: str) -> None:
    assert seen_in_words(distances, [20, 50, 90]) == words


def write_tables(config: Config, folder: Path) -> None:
    """Write a table for each experiment: models are better with the setting on test, and always good on train."""
    rows = {name: [] for name in EXPERIMENTS if name != "resampling"}
    for trial in [trial for trial in trials(config) if trial.experiment in rows]:
        for dataset in trial.config.datasets:
            rows[trial.experiment] += [
                (dataset, model, trial.parameter, trial.setting, 12_345, int(1000 * trial.setting), trial.replicate)
                for model in trial.scored()
            ]
    for replicate in range(config.replicates):
        whole = ("fraction", 1.0, None, 2000, replicate)
        rows["learning_curve"] += [("grammar", model, *whole) for model in ("knn", "cnn", "oracle")]
        rows["capacity"] += [
            (dataset, "cnn", "filters", 64.0, 23_456, 2000, replicate) for dataset in config.datasets
        ]  # fmt: skip
    (folder / "experiments").mkdir()
    for name, found in rows.items():
        made = [
            (*row, split, "auroc", 0.97 if split == "train" else 0.7 + 0.1 * np.tanh(row[3]))
            for row in found
            for split in ("train", "validation", "test")
        ]
        pl.DataFrame(made, EXPERIMENT_SCHEMA, orient="row").write_csv(
            folder / "experiments" / f"{name}.tsv", separator="\t"
        )
    resampled = pl.DataFrame([drawn("cnn", 0.9, 0.0125), drawn("knn", 0.7, 0.002, ranks=(2, 2))], orient="row")
    resampled.write_csv(folder / "experiments" / "resampling.tsv", separator="\t")


def drawn(
    model: str, mean: float | None, spread: float | None, ranks: tuple[int | None, ...] = (1, 1), task: str = "CTCF"
) -> dict[str, Any]:
    """Return a row of ``resampling.tsv``."""
    reached = {"mean": mean, "spread": spread, "least": 0.6, "greatest": 0.95}
    agreed = {"correlation": 0.8, "least_correlation": 0.7, "flipped": 0.061}
    named = {"dataset": "grammar", "model": model, "task": task, "draws": 3, "metric": "auroc"}
    return {**named, **reached, **agreed, "best_rank": ranks[0], "worst_rank": ranks[1]}


@pytest.mark.parametrize("replicates", [1, 3])
def test_every_experiment_has_an_answer_on_the_page(make_folder: Make, replicates: int) -> None:
    config, folder = make_folder(replicates=replicates, experiments=EXPERIMENTS)
    write_tables(config, folder)
    results = Results.open(config, folder)
    found = answers(results)
    assert [answer.title for answer in found] == [
        "grammar: would more data help?",
        *(
            f"{dataset}: {question}"
            for dataset in ("grammar", "reb1")
            for question in (
                "how much can a network memorise?",
                "what do size and regularisation do to the gap between train and test?",
            )
        ),
        "How far apart can two motifs be seen together?",
        "grammar: would other training examples have led to the same model?",
    ]
    page = render(results)
    for answer in found:
        assert answer.sentence.replace("&", "&amp;") in page
        assert all(len(cells) == len(answer.columns) for *_, cells in answer.rows)
        assert answer.figure is None or str(answer.figure) in page
    assert ("Means over the replicates" in page) == (replicates > 1)
    assert [cell.text for cell in found[-1].rows[0][3]] == ["0.900", "0.0125", "0.800", "6.1 %", "1"]
    own = next(row for row in found[2].rows if "filters = 64" in row[2])
    assert own[2] == "filters = 64 (its own)"
    assert [cell.text for cell in own[3]] == ["23\N{NARROW NO-BREAK SPACE}456", "0.970", "0.800", "0.170"]


def test_the_spread_over_seeds_stands_beside_that_over_examples(make_folder: Make) -> None:
    config, folder = make_folder(replicates=3, experiments=EXPERIMENTS)
    write_tables(config, folder)
    seeds = pl.DataFrame([drawn("cnn", 0.9, 0.0031)]).drop("dataset").rename({"draws": "replicates"})
    seeds.write_csv(folder / "grammar" / "stability.tsv", separator="\t")
    found = answers(Results.open(config, folder))[-1]
    assert found.columns == ["AUROC", "Spread", "Spread over seeds", "Correlation", "Flipped", "Rank"]
    assert [[cell.text for cell in cells[1:3]] for *_, cells in found.rows] == [["0.0125", "0.0031"], ["0.0020", "–"]]
    assert found.sentence == (
        "cnn is the best with each of 3 resamples of the training examples. The AUROC of cnn has a standard deviation "
        "of 0.0125 over them (0.0031 over seeds), and two trainings decide 6.1 % of the test examples differently."
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([drawn("cnn", 0.9, 0.01)], "cnn was trained on 3 resamples of the training examples. The AUROC of cnn has"),
        ([drawn("cnn", 0.9, 0.01), drawn("knn", 0.9, 0.01)], "cnn and knn are the best with each of 3 resamples of"),
        (
            [drawn("cnn", 0.8, 0.01, (1, 2)), drawn("knn", 0.9, 0.01, (1, 2)), drawn("rnn", 0.9, 0.1, (3, 3))],
            "Which model is the best depends on the draw: cnn and knn each lead with one or more of 3 resamples of",
        ),
        (
            [
                drawn("cnn", 0.8, 0.01, task="a"), drawn("knn", 0.9, 0.01, (2, 2), task="a"),
                drawn("cnn", 0.9, 0.03, (1, 2), task="b"), drawn("knn", 0.7, 0.01, (1, 2), task="b"),
            ],
            "In 1 of 2 tasks the same model is the best with each of 3 resamples of the training examples. The",
        ),
        (
            [drawn("cnn", None, None, (None, None)), drawn("knn", None, None, (None, None))],
            "Models were trained on 3 resamples of the training examples.",
        ),
    ],
)  # fmt: skip
def test_who_is_best_with_other_examples_is_told(rows: list[dict[str, Any]], words: str) -> None:
    assert resampling_sentence(pl.DataFrame(rows), "AUROC").startswith(words)


def test_without_experiments_the_page_is_silent(make_folder: Make) -> None:
    config, folder = make_folder()
    assert 'id="experiments"' not in render(Results.open(config, folder))


def test_a_table_that_is_missing_is_named(make_folder: Make) -> None:
    config, folder = make_folder(experiments=EXPERIMENTS)
    with pytest.raises(InputError) as told:
        Results.open(config, folder)
    missing = [folder / "experiments" / f"{name}.tsv" for name in EXPERIMENTS]
    assert told.value.problems == [f"{path}: is missing; the report needs it" for path in missing]
