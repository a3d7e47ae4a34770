import numpy as np
import polars as pl
import pytest
from scipy.stats import t
from sklearn.metrics import average_precision_score

from motifloom.errors import InputError
from motifloom.evaluation.metrics import METRICS
from motifloom.evaluation.panels import Run, align
from motifloom.evaluation.tables import evaluate


def metrics_table(panels, dataset, **settings):
    return evaluate(panels, dataset, **settings)[0]


def comparisons_table(panels, dataset, **settings):
    return evaluate(panels, dataset, **settings)[1]


SETTINGS = {"seed": 7, "resamples": 120, "confidence": 0.9}
SIZES = {"train": 41, "validation": 23, "test": 37}
RUNS = [Run(model, replicate) for model in ("knn", "cnn", "bilstm", "wide") for replicate in range(2)]
RUNS.append(Run("oracle", 0))


def predictions(run, tasks=("bound", "open", "late"), sizes=SIZES, shuffle=False):
    """A table whose labels depend on the task and whose scores depend on the run."""
    parts = []
    for place, task in enumerate(tasks):
        for split, n in sizes.items():
            labels = np.random.default_rng([place, n]).permutation(np.arange(n) % 3 == 0).astype(float)
            noise = np.random.default_rng([*run.model.encode(), run.replicate, place, n]).normal(size=n)
            scores = 1 / (1 + np.exp(-(2 * labels - 1 + noise)))
            ids = [f"{split}{i:03d}" for i in range(n)]
            parts.append(pl.DataFrame({"id": ids, "split": split, "task": task, "label": labels, "score": scores}))
    table = pl.concat(parts)
    return table.sample(fraction=1, shuffle=True, seed=1) if shuffle else table


@pytest.fixture(scope="module")
def panels():
    return align({run: predictions(run) for run in RUNS}, "binary")


@pytest.fixture(scope="module")
def metrics(panels):
    return metrics_table(panels, "reb1", **SETTINGS)


@pytest.fixture(scope="module")
def comparisons(panels):
    return comparisons_table(panels, "reb1", **SETTINGS)


def test_metrics_columns_and_rows(metrics):
    assert metrics.columns == (
        [
            "dataset",
            "model",
            "replicate",
            "task",
            "split",
            "metric",
            "value",
            "ci_low",
            "ci_high",
            "n",
            "n_positive",
        ]
    )
    assert len(metrics) == 9 * 3 * (6 + 6 + 1)
    assert metrics["dataset"].unique().to_list() == ["reb1"]
    one = metrics.filter(model="cnn", replicate=1, task="open")
    assert one["split"].to_list() == ["train"] + ["validation"] * 6 + ["test"] * 6
    assert one["metric"].to_list() == ["auroc", *METRICS, *METRICS]
    assert metrics["model"].unique(maintain_order=True).to_list() == [
        "knn",
        "cnn",
        "bilstm",
        "wide",
        "oracle",
    ]
    counts = {row[0]: row[1:] for row in metrics.select("split", "n", "n_positive").unique().iter_rows()}
    assert counts == {"train": (41, 14), "validation": (23, 8), "test": (37, 13)}


def test_intervals_hold_their_values(metrics, comparisons):
    assert metrics.filter(pl.col("value").is_between("ci_low", "ci_high")).height == len(metrics)
    assert comparisons.filter(pl.col("difference").is_between("ci_low", "ci_high")).height == len(comparisons)


def test_comparisons_columns_and_rows(comparisons):
    assert comparisons.columns == (
        [
            "dataset",
            "task",
            "metric",
            "model_a",
            "model_b",
            "difference",
            "ci_low",
            "ci_high",
            "p_value",
            "q_value",
        ]
    )
    assert len(comparisons) == 3 * 6 * 10
    pairs = comparisons.filter(task="late", metric="brier").select("model_a", "model_b").rows()
    assert len(set(pairs)) == 10
    assert pairs[0] == ("knn", "cnn")
    assert pairs[-1] == ("wide", "oracle")
    assert comparisons.filter(pl.col("p_value") > pl.col("q_value")).is_empty()
    assert comparisons["p_value"].is_between(0, 1).all()


def test_a_difference_is_that_of_the_mean_metrics(metrics, comparisons):
    means = metrics.filter(split="test").group_by("task", "metric", "model").agg(pl.mean("value"))
    values = {tuple(key): value for *key, value in means.iter_rows()}
    for task, metric, a, b, difference in comparisons.select(comparisons.columns[1:6]).iter_rows():
        assert difference == pytest.approx(values[task, metric, a] - values[task, metric, b], abs=1e-12)


def test_threads_change_no_byte(panels, metrics, comparisons):
    for found, expected in zip(evaluate(panels, "reb1", threads=3, **SETTINGS), (metrics, comparisons), strict=True):
        assert found.write_csv() == expected.write_csv()


def test_replicates_that_are_alike_are_as_one():
    one, other = (predictions(Run(model, 0), tasks=["bound"]) for model in ("cnn", "bilstm"))
    runs = {Run("other", 0): other, **{Run("thrice", number): one for number in range(3)}, Run("once", 0): one}
    found = evaluate(align(runs, "binary"), "reb1", **SETTINGS)[1]
    columns = ["metric", "difference", "ci_low", "ci_high", "p_value"]
    thrice, once = (found.filter(model_a="other", model_b=model).select(columns) for model in ("thrice", "once"))
    np.testing.assert_allclose(thrice.drop("metric").to_numpy(), once.drop("metric").to_numpy(), rtol=0, atol=1e-12)
    assert found.filter(model_a="thrice", model_b="once")["p_value"].to_list() == [1.0] * len(METRICS)


def test_the_same_seed_gives_the_same_bytes(panels, metrics, comparisons):
    assert metrics_table(panels, "reb1", **SETTINGS).write_csv() == metrics.write_csv()
    assert comparisons_table(panels, "reb1", **SETTINGS).write_csv() == comparisons.write_csv()
    other = metrics_table(panels, "reb1", **{**SETTINGS, "seed": 8})
    assert other["value"].equals(metrics["value"])
    assert not other["ci_low"].equals(metrics["ci_low"])


def test_order_of_models_and_rows_changes_no_value(metrics, comparisons):
    turned = align({run: predictions(run, shuffle=True) for run in reversed(RUNS)}, "binary")
    key = ["model", "replicate", "task", "split", "metric"]
    assert metrics_table(turned, "reb1", **SETTINGS).sort(key).equals(metrics.sort(key))
    back = comparisons_table(turned, "reb1", **SETTINGS).select(
        "task",
        "metric",
        pl.col("model_b").alias("model_a"),
        pl.col("model_a").alias("model_b"),
        -pl.col("difference"),
        (-pl.col("ci_high")).alias("ci_low"),
        (-pl.col("ci_low")).alias("ci_high"),
        "p_value",
        "q_value",
    )
    key = ["task", "metric", "model_a", "model_b"]
    numbers = ["difference", "ci_low", "ci_high", "p_value", "q_value"]
    same, kept = back.sort(key), comparisons.drop("dataset").sort(key)
    assert same.select(key).equals(kept.select(key))
    np.testing.assert_allclose(same.select(numbers).to_numpy(), kept.select(numbers).to_numpy(), rtol=0, atol=1e-14)


def test_another_model_changes_no_value(metrics):
    fewer = metrics_table(align({run: predictions(run) for run in RUNS[2:5]}, "binary"), "reb1", **SETTINGS)
    kept = metrics.join(fewer.select("model", "replicate").unique(), on=["model", "replicate"], how="semi")
    assert fewer.equals(kept)


def test_a_copy_of_a_model_is_no_different():
    table = predictions(Run("cnn", 0), tasks=["bound"])
    panels = align({Run("cnn", 0): table, Run("copy", 0): table}, "binary")
    found = comparisons_table(panels, "reb1", **SETTINGS)
    assert found["metric"].to_list() == list(METRICS)
    assert found.select("difference", "ci_low", "ci_high").rows() == [(0.0, 0.0, 0.0)] * 6
    assert found.select("p_value", "q_value").rows() == [(1.0, 1.0)] * 6


def test_undefined_values_are_null():
    tables = {run: predictions(run, tasks=["bound"]).with_columns(label=pl.lit(1.0)) for run in (RUNS[0], RUNS[2])}
    panels = align(tables, "binary")
    found = metrics_table(panels, "reb1", **SETTINGS)
    undefined = found.filter(pl.col("metric").is_in(["auroc", "auprc", "mcc"]))
    assert undefined.select("value", "ci_low", "ci_high").null_count().row(0) == (14, 14, 14)
    assert found.filter(pl.col("metric").is_in(["accuracy", "brier", "ece"])).null_count().row(0) == (0,) * 11
    compared = comparisons_table(panels, "reb1", **SETTINGS)
    assert compared.filter(metric="auroc").row(0)[5:] == (None,) * 5


def test_a_label_that_occurs_once_decides_nothing():
    first = pl.col("id").cum_count().over("split", "task") == 1
    tables = {
        run: predictions(run, tasks=["bound"], sizes={"test": 37}).with_columns(label=first.cast(pl.Float64))
        for run in (RUNS[0], RUNS[2])
    }
    found, compared = evaluate(align(tables, "binary"), "reb1", **SETTINGS)
    for table, value in ((found, "value"), (compared, "difference")):
        assert table.null_count().row(0) == (0,) * len(table.columns)
        assert table.filter(pl.col(value).is_between("ci_low", "ci_high")).height == len(table)
    assert compared.filter(metric="auprc")["p_value"].item() > 0.3


def test_average_precisions_are_compared_by_leaving_out_each_example(comparisons, panels):
    """Of models with several replicates by the difference of their means, from scikit-learn and by the definition."""
    panel = next(panel for panel in panels if (panel.split, panel.task) == ("test", "open"))

    def mean(model, kept):
        scores = [values[kept] for run, values in panel.scores.items() if run.model == model]
        return np.mean([average_precision_score(panel.labels[kept], one) for one in scores])

    everything = np.ones(len(panel.labels), dtype=bool)
    left_out = [everything & (np.arange(len(everything)) != place) for place in range(len(everything))]
    differences = np.array([mean("knn", kept) - mean("cnn", kept) for kept in left_out])
    parts = [differences[panel.labels == label] for label in (0, 1)]
    error = np.sqrt(sum((len(part) - 1) / len(part) * ((part - part.mean()) ** 2).sum() for part in parts))
    value, freedom = mean("knn", everything) - mean("cnn", everything), min(map(len, parts)) - 1
    row = comparisons.filter(task="open", metric="auprc", model_a="knn", model_b="cnn").row(0, named=True)
    assert row["difference"] == pytest.approx(value, abs=1e-12)
    assert row["p_value"] == pytest.approx(2 * t.sf(abs(value) / error, freedom), abs=1e-9)
    assert row["ci_low"] == pytest.approx(value - t.ppf(0.95, freedom) * error, abs=1e-9)


def test_one_model_alone_and_none():
    alone = align({RUNS[0]: predictions(RUNS[0])}, "binary")
    assert comparisons_table(alone, "reb1", **SETTINGS).shape == (0, 10)
    assert metrics_table([], "reb1", **SETTINGS).shape == (0, 11)
    assert align({}, "binary") == []


def change(**columns):
    first = pl.int_range(pl.len()) == 0
    return predictions(RUNS[0]).with_columns(
        pl.when(first).then(pl.lit(value)).otherwise(pl.col(name)).alias(name) for name, value in columns.items()
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            change(score=1.5),
            "predictions of knn, replicate 0: id train000, task bound: score 1.5, expected a",
        ),
        (change(score=float("nan")), "score nan, expected a probability, 0 to 1"),
        (change(score=None), "score None, expected a probability"),
        (change(label=2.0), "label 2.0, expected 0 or 1"),
        (change(split="dev"), "split 'dev', expected one of train, validation, test"),
        (change(id="train001"), "id train001, task bound: expected once for each task and split"),
        (predictions(RUNS[0]).drop("score", "task"), "no column task, score; found id, split, label"),
        (predictions(RUNS[0])[1:], "task bound, split train: other examples or labels than"),
        (change(label=1.0, id="other"), "task bound, split train: other examples or labels than"),
        (predictions(RUNS[0]).filter(pl.col("task") != "open"), "task open, split test: other examples"),
    ],
)
def test_wrong_predictions_are_refused(table, message):
    with pytest.raises(InputError) as caught:
        align({Run("cnn", 1): predictions(Run("cnn", 1)), Run("knn", 0): table}, "binary")
    assert message in str(caught.value)


def test_all_problems_at_once():
    bad = change(score=-0.5, label=3.0)
    with pytest.raises(InputError) as caught:
        align({RUNS[0]: bad, RUNS[2]: bad}, "binary")
    assert len(caught.value.problems) == 4
