"""Multiclass and regression datasets from predictions to tables; missing labels."""

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn import metrics as sklearn

from motifloom.config import ALL_CLASSES
from motifloom.errors import InputError
from motifloom.evaluation import metrics as binary
from motifloom.evaluation import multiclass, regression
from motifloom.evaluation.kinds import main_metric
from motifloom.evaluation.panels import Run, align
from motifloom.evaluation.tables import evaluate


def metrics_table(panels, dataset, **settings):
    return evaluate(panels, dataset, **settings)[0]


def comparisons_table(panels, dataset, **settings):
    return evaluate(panels, dataset, **settings)[1]


SETTINGS = {"seed": 7, "resamples": 120, "confidence": 0.9}
SIZES = {"train": 41, "validation": 23, "test": 37}
CLASSES = ("donor", "acceptor", "neither", "both")
RUNS = [Run("knn", 0), Run("knn", 1), Run("cnn", 0), Run("cnn", 1), Run("bilstm", 0)]


def table(ids, split, task, labels, scores):
    return pl.DataFrame({"id": ids, "split": split, "task": task, "label": labels, "score": scores})


def of_classes(run):
    """Probabilities of four classes, the last of them rare."""
    parts = []
    for split, n in SIZES.items():
        which = np.random.default_rng(n).choice(4, n, p=[0.4, 0.3, 0.2, 0.1])
        which[:4] = range(4)
        rng = np.random.default_rng([*run.model.encode(), run.replicate, n])
        raw = rng.random((n, 4)) + 0.8 * np.eye(4)[which]
        scores = raw / raw.sum(axis=1, keepdims=True)
        ids = [f"{split}{i:03d}" for i in range(n)]
        parts += [
            table(ids, split, name, (which == place).astype(float), scores[:, place])
            for place, name in enumerate(CLASSES)
        ]
    return pl.concat(parts)


def of_values(run):
    """Two tasks; a third of the second one's labels is missing, and train has none."""
    parts = []
    for task, missing in (("k562", 0), ("hepg2", 3)):
        for split, n in SIZES.items():
            if missing and split == "train":
                continue
            labels = np.random.default_rng([n, missing]).gamma(2.0, size=n)
            noise = np.random.default_rng([*run.model.encode(), run.replicate, n]).normal(size=n)
            kept = np.arange(n) % 3 != 0 if missing else np.full(n, fill_value=True)
            ids = np.array([f"{split}{i:03d}" for i in range(n)])
            parts.append(table(ids[kept], split, task, labels[kept], (labels + noise)[kept]))
    return pl.concat(parts)


@pytest.fixture(scope="module")
def class_panels():
    return align({run: of_classes(run) for run in RUNS}, "multiclass")


@pytest.fixture(scope="module")
def value_panels():
    return align({run: of_values(run) for run in RUNS}, "regression")


def test_a_panel_for_each_class_and_one_for_all(class_panels):
    assert [(panel.task, panel.split, panel.kind) for panel in class_panels] == [
        *((name, split, "binary") for name in CLASSES for split in SIZES),
        *((ALL_CLASSES, split, "multiclass") for split in SIZES),
    ]
    of_test = [panel for panel in class_panels if panel.split == "test"]
    everything = of_test[-1]
    assert everything.scores[RUNS[2]].shape == (37, 4)
    for place, panel in enumerate(of_test[:-1]):
        np.testing.assert_array_equal(everything.labels == place, panel.labels == 1)
        np.testing.assert_array_equal(everything.scores[RUNS[2]][:, place], panel.scores[RUNS[2]])
        assert panel.ids.equals(everything.ids)


def test_metrics_of_classes(class_panels):
    found = metrics_table(class_panels, "splice", **SETTINGS)
    assert len(found) == 5 * (4 * (1 + 6 + 6) + (1 + 2 + 2))
    over_all = found.filter(task=ALL_CLASSES, model="cnn", replicate=1)
    assert over_all.select("split", "metric").rows() == [
        ("train", "accuracy"), ("validation", "accuracy"), ("validation", "mcc"), ("test", "accuracy"), ("test", "mcc"),
    ]  # fmt: skip
    assert found.filter(task=ALL_CLASSES)["n_positive"].null_count() == found.filter(task=ALL_CLASSES).height
    assert found.filter(pl.col("task") != ALL_CLASSES)["n_positive"].null_count() == 0
    assert found.filter(pl.col("value").is_between("ci_low", "ci_high")).height == len(found)

    one = of_classes(Run("cnn", 1)).filter(split="test").pivot("task", index="id", values=["label", "score"])
    truth = one.select(f"label_{name}" for name in CLASSES).to_numpy().argmax(axis=1)
    calls = one.select(f"score_{name}" for name in CLASSES).to_numpy().argmax(axis=1)
    reached = dict(over_all.filter(split="test").select("metric", "value").rows())
    assert reached["accuracy"] == pytest.approx(sklearn.accuracy_score(truth, calls), abs=1e-9)
    assert reached["mcc"] == pytest.approx(sklearn.matthews_corrcoef(truth, calls), abs=1e-9)


def test_metrics_of_values(value_panels):
    found = metrics_table(value_panels, "mpra", **SETTINGS)
    assert len(found) == 5 * ((1 + 4 + 4) + (4 + 4))
    assert found["n_positive"].null_count() == len(found)
    assert found.filter(task="k562", split="train")["metric"].unique().to_list() == ["pearson"]
    counts = found.select("task", "split", "n").unique().sort("task", "n").rows()
    assert counts == [
        ("hepg2", "validation", 15), ("hepg2", "test", 24),
        ("k562", "validation", 23), ("k562", "test", 37), ("k562", "train", 41),
    ]  # fmt: skip
    one = of_values(Run("knn", 1)).filter(task="hepg2", split="test")
    of_run = found.filter(model="knn", replicate=1, task="hepg2", split="test")
    reached = dict(of_run.select("metric", "value").rows())
    assert reached["pearson"] == pytest.approx(stats.pearsonr(one["label"], one["score"]).statistic, abs=1e-9)
    assert reached["spearman"] == pytest.approx(stats.spearmanr(one["label"], one["score"]).statistic, abs=1e-9)


@pytest.mark.parametrize(("panels", "tasks"), [("class_panels", 4 * 6 + 2), ("value_panels", 2 * 4)])
def test_comparisons(panels, tasks, request):
    found = comparisons_table(request.getfixturevalue(panels), "any", **SETTINGS)
    assert len(found) == 3 * tasks
    assert found.null_count().row(0) == (0,) * 10
    assert found.filter(pl.col("difference").is_between("ci_low", "ci_high")).height == len(found)
    assert found.filter(pl.col("p_value") > pl.col("q_value")).is_empty()


def test_r2_differs_where_mse_does(value_panels):
    found = comparisons_table(value_panels, "mpra", **SETTINGS)
    one, other = (found.filter(metric=metric).sort("task", "model_a", "model_b") for metric in ("r2", "mse"))
    assert one["p_value"].equals(other["p_value"])
    assert (one["difference"] * other["difference"] < 0).all()


@pytest.mark.parametrize(("label", "undefined"), [(0.3, {"pearson", "spearman", "r2"}), (1e200, {"r2", "mse"})])
def test_what_is_undefined_is_not_compared(label, undefined):
    """Of labels that are all alike, and of labels of which one is too great for its square."""
    chosen = pl.lit(label < 1) | (pl.int_range(pl.len()).over("split", "task") == 0)
    alike = pl.when(chosen).then(label).otherwise("label")
    runs = {run: of_values(run).with_columns(label=alike) for run in RUNS}
    found = comparisons_table(align(runs, "regression"), "mpra", **SETTINGS)
    for metric, *values in found.select("metric", "difference", "ci_low", "p_value", "q_value").iter_rows():
        assert {value is None for value in values} == {metric in undefined}, (metric, values)


def test_the_order_of_runs_and_rows_changes_no_value(class_panels, value_panels):
    key = ["model", "replicate", "task", "split", "metric"]
    for panels, of_run, kind in ((class_panels, of_classes, "multiclass"), (value_panels, of_values, "regression")):
        shuffled = {run: of_run(run).sample(fraction=1, shuffle=True, seed=2) for run in reversed(RUNS)}
        tasks = list(dict.fromkeys(panel.task for panel in panels if panel.task != ALL_CLASSES))
        ordered = {run: table.sort(pl.col("task").cast(pl.Enum(tasks))) for run, table in shuffled.items()}
        turned = metrics_table(align(ordered, kind), "any", **SETTINGS)
        assert turned.sort(key).equals(metrics_table(panels, "any", **SETTINGS).sort(key))


def test_a_missing_label_of_one_task_changes_nothing_of_another():
    tables = {run: of_values(run) for run in RUNS[:3]}
    fewer = {
        run: table.filter((pl.col("task") == "k562") | pl.col("id").str.ends_with("1")) for run, table in tables.items()
    }
    before, after = (metrics_table(align(tables, "regression"), "mpra", **SETTINGS) for tables in (tables, fewer))
    assert before.filter(task="k562").equals(after.filter(task="k562"))
    assert after.filter(task="hepg2", split="test")["n"].unique().to_list() == [3]


def test_a_small_test_set_with_scores_that_do_not_vary_is_quiet():
    rng = np.random.default_rng(0)
    ids = [f"e{i}" for i in range(106)]
    labels = rng.normal(size=106)
    same = table(ids, "test", "k562", labels, np.full(106, 1 / 3))
    almost = same.with_columns(score=pl.when(pl.col("id") == "e7").then(2.0).otherwise("score"))
    panels = align({Run("knn", 0): same, Run("cnn", 0): almost}, "regression")
    found = metrics_table(panels, "mpra", **SETTINGS)
    undefined = found.filter(pl.col("value").is_null()).select("model", "metric").rows()
    assert undefined == [("knn", "pearson"), ("knn", "spearman")]
    without_interval = found.filter(pl.col("ci_low").is_null()).select("model", "metric").rows()
    assert without_interval == [*undefined, ("cnn", "pearson"), ("cnn", "spearman")]  # the one may not be drawn
    compared = comparisons_table(panels, "mpra", **SETTINGS)
    assert compared.filter(pl.col("q_value").is_null())["metric"].to_list() == ["pearson", "spearman"]


def test_the_main_metric():
    assert main_metric("binary", "all") == main_metric("multiclass", "donor") == "auroc"
    assert main_metric("multiclass", ALL_CLASSES) == "accuracy"
    assert main_metric("regression", "k562") == "pearson"
    # The first metric of each kind is its main one.
    assert [next(iter(kind.METRICS)) for kind in (binary, multiclass, regression)] == ["auroc", "accuracy", "pearson"]


def first(column, value):
    return pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[1:], "id train000: a row for 3 classes, expected one for each of 4"),
        (
            lambda t: t.with_columns(label=pl.lit(0.0)),
            "id train000: label 1 in 0 classes, expected it in exactly one (and 100",
        ),
        (lambda t: t.with_columns(pl.col("label").replace(0.0, 1.0)), "id train000: label 1 in 4 classes"),
        (lambda t: t.with_columns(pl.col("score") / 2), "id train000: probabilities that sum to 0.5, expected 1"),
        (
            lambda t: t.with_columns(pl.col("task").replace("both", "all")),
            "a class is called all, which stands for all",
        ),
        (lambda t: t.with_columns(first("score", 1.5)), "score 1.5, expected a probability"),
        (lambda t: t.filter(pl.col("task") != "both"), "label 1 in 0 classes"),
    ],
)
def test_classes_that_do_not_go_together_are_refused(change, message):
    with pytest.raises(InputError) as caught:
        align({RUNS[0]: of_classes(RUNS[0]), RUNS[2]: change(of_classes(RUNS[2]))}, "multiclass")
    assert caught.value.problems[0].startswith("predictions of cnn, replicate 0: ")
    assert message in str(caught.value)


def test_probabilities_may_miss_their_sum_by_rounding():
    assert align({RUNS[0]: of_classes(RUNS[0]).with_columns(pl.col("score").round(4))}, "multiclass")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
@pytest.mark.parametrize("column", ["label", "score"])
def test_values_are_finite(value, column):
    with pytest.raises(InputError, match=rf"{column} (nan|inf|None), expected a finite number"):
        align({RUNS[0]: of_values(RUNS[0]).with_columns(first(column, value))}, "regression")
