"""Trials of experiments, and the tables of what they reach, against scikit-learn on predictions made up."""

import itertools

import numpy as np
import polars as pl
import pytest
import yaml
from safetensors.numpy import save_file
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, roc_auc_score
from tests.conftest import simulated_config

from motifloom.cli import main
from motifloom.config import dump, validate
from motifloom.config.trials import experiments, trials
from motifloom.data.arrangements import arrangements
from motifloom.errors import InputError
from motifloom.evaluation.experiments import (
    EXPERIMENT_SCHEMA,
    RESAMPLING_SCHEMA,
    count_weights,
    experiment_table,
    main_values,
)
from motifloom.evaluation.panels import Run, align
from motifloom.evaluation.tables import METRICS_SCHEMA

ASKED = {
    "learning_curve": {"fractions": [0.5, 0.25]},
    "capacity": {"sizes": [20, 10], "max_epochs": 7, "variations": {"filters": [8, 16], "dropout": [0, 0.5]}},
    "context": {"distances": [30, 60], "positives": 90, "models": ["cnn"]},
    "resampling": {"draws": 3},
}


def asked(tmp_path, replicates=2, **changes):
    return simulated_config(tmp_path, replicates=replicates, experiments={**ASKED, **changes})


# ------------------------------------------------------------------------------------------------------------- trials


def test_no_experiment_is_done_unless_it_is_asked_for(tmp_path):
    config = simulated_config(tmp_path)
    assert experiments(config) == []
    assert trials(config) == []


def test_an_experiment_is_made_of_trials(tmp_path):
    config = asked(tmp_path)
    found = {trial.name: trial for trial in trials(config)}
    settings = {
        "learning_curve/fraction-0.25": (["knn", "cnn"], ("part", "25%")),
        "learning_curve/fraction-0.5": (["knn", "cnn"], ("part", "50%")),
        "capacity/random_labels-10": (["cnn"], ("random-labels", "10")),
        "capacity/random_labels-20": (["cnn"], ("random-labels", "20")),
        "capacity/filters-8": (["cnn"], ("part", "100%")),  # the network's own 16 is the run itself
        "capacity/dropout-0": (["cnn"], ("part", "100%")),
        "capacity/dropout-0.5": (["cnn"], ("part", "100%")),
        "context/distance-30": (["cnn"], None),
        "context/distance-60": (["cnn"], None),
    }
    resamples = {f"resampling/draw-{number}/0": (["knn", "cnn"], ("resample", str(number))) for number in range(3)}
    expected = {f"{name}/{replicate}": made for name, made in settings.items() for replicate in (0, 1)} | resamples
    assert set(found) == set(expected)
    for name, trial in found.items():
        models, draw = expected[name]
        assert (list(trial.config.models), trial.draw) == (models, draw)
        assert trial.config.results == f"{config.results}/experiments/{name}"
        assert trial.config.replicates == 1
    assert experiments(config) == list(ASKED)


def test_a_trial_is_a_configuration_that_commands_can_read(tmp_path):
    for trial in trials(asked(tmp_path)):
        assert validate(yaml.safe_load(dump(trial.config))) == trial.config


def test_trials_of_a_replicate_share_a_seed_and_nothing_else_does(tmp_path):
    config = asked(tmp_path, replicates=3)
    made = [trial for trial in trials(config) if trial.experiment != "resampling"]
    seeds = {trial.replicate: trial.config.seed for trial in made}
    assert all(trial.config.seed == seeds[trial.replicate] for trial in made)
    assert len({*seeds.values(), config.seed}) == 4


def test_resamples_have_the_seed_of_the_run(tmp_path):
    """So a network starts from the same weights with every draw, those of the run's own first training."""
    config = asked(tmp_path, replicates=3)
    made = [trial for trial in trials(config) if trial.experiment == "resampling"]
    assert [trial.config.seed for trial in made] == [config.seed] * 3


def test_random_labels_are_learned_without_regularisation_to_the_last_epoch(tmp_path):
    config = asked(tmp_path, replicates=1)
    trial = next(trial for trial in trials(config) if trial.parameter == "random_labels")
    network = trial.config.models["cnn"]
    assert (network.dropout, network.weight_decay, network.l1, network.l2) == (0, 0, 0, 0)
    assert network.filters == config.models["cnn"].filters
    assert (trial.config.training.max_epochs, trial.config.training.patience) == (7, 7)
    varied = next(trial for trial in trials(config) if trial.parameter == "filters")
    assert varied.config.models["cnn"] == config.varied("cnn", {"filters": 8})
    assert varied.config.training == config.training


def test_distances_of_a_context_are_those_between_the_motifs(tmp_path):
    found = [trial for trial in trials(asked(tmp_path, replicates=1)) if trial.experiment == "context"]
    for trial, distance in zip(found, (30, 60), strict=True):
        section = trial.config.datasets["pair"]
        (positive,), decoys = arrangements(section)[1], arrangements(section)[0]
        assert (positive.order, positive.spacing) == ((0, 1), (distance, distance + 20))
        assert {(one.order, one.spacing) for one in decoys} == {
            ((1, 0), (distance, distance + 20)),
            ((0, 1), (distance + 30, distance + 50)),
        }
        assert section.window == 300


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"learning_curve": {"models": ["knn", "cmm"]}}, "experiments.learning_curve.models: no 'cmm' among the run's"),
        ({"capacity": {"datasets": ["tox"]}}, "experiments.capacity.datasets: no 'tox' among the run's datasets"),
        ({"capacity": {"models": ["knn"]}}, "experiments.capacity.models: knn is no network"),
        ({"capacity": {"variations": {"filterz": [1]}}}, "variations.filterz: no model has such a hyperparameter"),
        ({"capacity": {"variations": {"kernel_size": [4]}}}, "variations.kernel_size: cnn: value error, expected an"),
        ({"resampling": {"draws": 1}}, "experiments.resampling.draws: input should be greater than or equal to 2"),
        ({"resampling": {"models": ["cmm"]}}, "experiments.resampling.models: no 'cmm' among the run's"),
        ({"learning_curve": {"fractions": [1.0]}}, "experiments.learning_curve.fractions.0: input should be less than"),
    ],
)
def test_what_an_experiment_cannot_do_is_told(tmp_path, section, problem):
    with pytest.raises(InputError) as told:
        simulated_config(tmp_path, experiments=section)
    assert problem in str(told.value)


# ------------------------------------------------------------------------------------------------------------- tables


def predictions(tasks, seed, sizes=(("train", 31), ("validation", 12), ("test", 17))):
    random = np.random.default_rng(seed)
    tables = []
    for task in tasks:
        for split, number in sizes:
            labels = np.resize([0.0, 1.0], number)
            scores = np.clip(random.random(number) + 0.2 * labels, 0, 1)
            ids = [f"{split}{row}" for row in range(number)]
            tables.append(pl.DataFrame({"id": ids, "split": split, "task": task, "label": labels, "score": scores}))
    return pl.concat(tables)


def test_of_several_tasks_the_mean_is_told():
    table = predictions(["one", "other", "third"], 0)
    found = main_values(align({Run("cnn", 0): table}, "binary"), "binary")
    for split, number in (("train", 31), ("validation", 12), ("test", 17)):
        each = [
            roc_auc_score(mine["label"], mine["score"])
            for mine in table.filter(split=split).partition_by("task", maintain_order=True)
        ]
        metric, counted, value = found[Run("cnn", 0), split]
        assert (metric, counted) == ("auroc", number)
        assert value == pytest.approx(np.mean(each), abs=1e-12)


def test_of_classes_the_accuracy_over_all_is_told():
    random = np.random.default_rng(1)
    scores, labels = random.dirichlet(np.ones(4), 23), random.integers(4, size=23)
    parts = [
        {"id": f"x{row}", "split": "test", "task": f"class {column}", "label": float(labels[row] == column),
         "score": scores[row, column]}
        for row in range(23) for column in range(4)
    ]  # fmt: skip
    found = main_values(align({Run("cnn", 0): pl.DataFrame(parts)}, "multiclass"), "multiclass")
    assert found == {(Run("cnn", 0), "test"): ("accuracy", 23, accuracy_score(labels, scores.argmax(axis=1)))}


def test_weights_are_those_that_gradients_change(tmp_path):
    path = tmp_path / "model.safetensors"
    tensors = {
        "network.trunk.0.weight": np.zeros((5, 4, 7), dtype=np.float32),
        "network.trunk.0.bias": np.zeros(5, dtype=np.float32),
        "network.trunk.1.running_mean": np.zeros(5, dtype=np.float32),
        "network.trunk.1.num_batches_tracked": np.zeros((), dtype=np.int64),
        "centre": np.zeros(2, dtype=np.float32),
    }
    save_file(tensors, path)
    assert count_weights(path) == 5 * 4 * 7 + 5
    assert count_weights(tmp_path / "none") is None
    path.write_bytes(b"no weights")
    with pytest.raises(InputError, match="holds no weights"):
        count_weights(path)


def test_weights_of_a_real_network_are_its_parameters(tmp_path, toy, toy_config):
    from motifloom.models.checkpoints import save
    from motifloom.training.fit import new_module

    predictor = new_module(toy_config, "toy", "cnn", 0, toy).predictor
    save(predictor, tmp_path / "model.ckpt")
    assert count_weights(tmp_path / "model.safetensors") == sum(one.numel() for one in predictor.parameters())


@pytest.fixture
def finished(tmp_path):
    """A run with experiments whose every prediction is made up."""
    config = asked(tmp_path / "results")
    made = {}
    for number, trial in enumerate(trials(config)):
        for dataset in trial.config.datasets:
            for model in trial.scored():
                folder = tmp_path / "results/experiments" / trial.name / dataset / model / "0"
                made[trial.name, model] = write_predictions(folder, [dataset], 100 * number + len(model))
                if model == "cnn":
                    save_file({"weight": np.zeros((number + 1, 3), dtype=np.float32)}, folder / "model.safetensors")
    rows = [
        ("toy", model, replicate, "toy", split, metric, 0.5 + number / 1000, None, None, 40, 20)
        for number, (model, replicate, split, metric) in enumerate(
            (model, replicate, split, metric)
            for model in ("knn", "cnn", "oracle")
            for replicate in range(1 if model == "oracle" else 2)
            for split in ("train", "validation", "test")
            for metric in (("auroc",) if split == "train" else ("auroc", "brier"))
        )
    ]
    (tmp_path / "results/toy").mkdir()
    metrics = pl.DataFrame(rows, METRICS_SCHEMA, orient="row")
    metrics.write_csv(tmp_path / "results/toy/metrics.tsv", separator="\t")
    splits = [split for split in ("train", "validation", "test") for _ in range(40)]
    examples = pl.DataFrame({"id": map(str, range(120)), "split": splits, "toy": [0, 1] * 60})
    examples.write_parquet(tmp_path / "results/toy/examples.parquet")
    return config, made, metrics


def write_predictions(folder, tasks, seed):
    table = predictions(tasks, seed)
    folder.mkdir(parents=True)
    table.filter(pl.col("split") != "train").write_parquet(folder / "predictions.parquet")
    table.filter(split="train").write_parquet(folder / "train_predictions.parquet")
    return table


@pytest.mark.parametrize("experiment", [name for name in ASKED if name != "resampling"])
def test_a_table_has_every_trial(finished, tmp_path, experiment):
    config, made, _ = finished
    table = experiment_table(config, experiment, tmp_path / "results")
    assert dict(table.schema) == EXPERIMENT_SCHEMA
    expected = 0
    for trial in trials(config):
        for model in trial.scored() if trial.experiment == experiment else []:
            for split in ("train", "validation", "test"):
                mine = made[trial.name, model].filter(split=split)
                of_trial = {"parameter": trial.parameter, "setting": trial.setting, "replicate": trial.replicate}
                row = table.filter(model=model, split=split, **of_trial).row(0, named=True)
                assert row["value"] == pytest.approx(roc_auc_score(mine["label"], mine["score"]), abs=1e-12)
                assert (row["n"], row["metric"]) == (len(mine), "auroc")
                assert (row["weights"] is None) == (model != "cnn")
                expected += 1
    if experiment == "context":
        assert len(table) == expected
        assert set(table["model"]) == {"cnn", "oracle"}


def test_resamples_are_held_against_each_other(finished, tmp_path):
    config, made, _ = finished
    table = experiment_table(config, "resampling", tmp_path / "results")
    assert dict(table.schema) == RESAMPLING_SCHEMA
    assert table.select("dataset", "model", "task", "draws", "metric").rows() == [
        ("toy", model, "toy", 3, "auroc") for model in ("knn", "cnn")
    ]
    drawn = {
        model: [made[f"resampling/draw-{number}/0", model].filter(split="test") for number in range(3)]
        for model in ("knn", "cnn")
    }
    reached = {
        model: [roc_auc_score(mine["label"], mine["score"]) for mine in tables] for model, tables in drawn.items()
    }
    for row in table.iter_rows(named=True):
        values, other = reached[row["model"]], reached["cnn" if row["model"] == "knn" else "knn"]
        assert row["mean"] == pytest.approx(np.mean(values))
        assert row["spread"] == pytest.approx(np.std(values, ddof=1))
        scores = [mine["score"].to_numpy() for mine in drawn[row["model"]]]
        pairs = list(itertools.combinations(scores, 2))
        assert row["correlation"] == pytest.approx(np.mean([spearmanr(*pair).statistic for pair in pairs]))
        assert row["flipped"] == pytest.approx(np.mean([((a >= 0.5) != (b >= 0.5)).mean() for a, b in pairs]))
        ranks = [1 + (one < two) for one, two in zip(values, other, strict=True)]
        assert (row["best_rank"], row["worst_rank"]) == (min(ranks), max(ranks))


def test_the_run_itself_is_the_last_point_of_a_learning_curve(finished, tmp_path):
    config, _, metrics = finished
    table = experiment_table(config, "learning_curve", tmp_path / "results").filter(setting=1.0)
    keys = ["model", "replicate", "split"]
    expected = metrics.filter(metric="auroc").select(*keys, "value", "n")
    assert table.select(*keys, "value", "n").sort(keys).equals(expected.sort(keys))


def test_examples_of_the_run_are_counted_as_those_of_trials_are(finished, tmp_path):
    """Each once that has a label of any task, though every task has fewer."""
    config, _, _ = finished
    path = tmp_path / "results/toy/examples.parquet"
    number = pl.int_range(pl.len()) % 4
    other = pl.when(number == 1).then(1)
    pl.read_parquet(path).with_columns(toy=pl.when(number < 1).then(0), other=other).write_parquet(path)
    table = experiment_table(config, "learning_curve", tmp_path / "results").filter(setting=1.0)
    assert set(table["n"]) == {20}


def test_the_run_itself_is_one_value_of_every_hyperparameter(finished, tmp_path):
    config, _, metrics = finished
    table = experiment_table(config, "capacity", tmp_path / "results")
    expected = metrics.filter(metric="auroc", model="cnn")["value"].to_list()
    for parameter, setting in (("filters", 16.0), ("dropout", 0.2)):
        assert table.filter(parameter=parameter, setting=setting)["value"].to_list() == expected


def test_metrics_that_break_off_are_named(finished, tmp_path):
    config, _, _ = finished
    path = tmp_path / "results/toy/metrics.tsv"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError) as told:
        experiment_table(config, "learning_curve", tmp_path / "results")
    assert told.value.problems == [f"{path}: breaks off within its last line; is it the whole file?"]


def test_predictions_that_are_missing_are_named(finished, tmp_path):
    config, _, _ = finished
    gone = tmp_path / "results/experiments/learning_curve/fraction-0.5/1/toy/cnn/0/predictions.parquet"
    gone.unlink()
    with pytest.raises(InputError) as told:
        experiment_table(config, "learning_curve", tmp_path / "results")
    assert told.value.problems == [f"{gone}: missing; expected the predictions of a model"]


def test_the_command_refuses_what_was_not_asked_for(tmp_path, capfd):
    path = tmp_path / "config.yaml"
    path.write_text(dump(simulated_config(tmp_path)))
    flags = ["--experiment", "context", "--results", str(tmp_path), "--output", str(tmp_path / "context.tsv")]
    assert main(["experiment", "--config", str(path), *flags]) == 2
    assert capfd.readouterr().err == f"error: {path}: experiments: no 'context'\n"
