from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, roc_auc_score

from motifloom.data.leaks import KINDS, LEAKS_SCHEMA
from motifloom.data.shortcuts import FEATURES, SHORTCUTS_SCHEMA
from motifloom.evaluation.audit import PAIRS, audit, best_model
from motifloom.evaluation.panels import Run, align

SIZES = {"train": 310, "validation": 70, "test": 120}
LEAKED = 45


def leaks_table(kind: str = "near_duplicate", number: int = LEAKED) -> pl.DataFrame:
    """The first test examples have a twin in train, and the first two of validation one there, too."""
    pairs = [(f"test{n}", "test", f"train{n}", "train", 0.5 + n / 100) for n in range(number)]
    pairs += [(f"validation{n}", "validation", f"train{n}", "train", 0.9) for n in range(2)]
    pairs += [(other, home, one, split, similarity) for one, split, other, home, similarity in pairs]
    return pl.DataFrame([(kind, None, *pair) for pair in pairs], LEAKS_SCHEMA, orient="row")


def shortcuts_table(tasks: dict[str, dict[str, float | None]], metric: str = "auroc") -> pl.DataFrame:
    """Features that reach the same on every split; those not given are at chance."""
    chance = 0.0 if metric == "pearson" else 0.5
    rows = [
        (task, feature, split, metric, given.get(feature, chance), n)
        for task, given in tasks.items()
        for feature in FEATURES
        for split, n in SIZES.items()
    ]
    return pl.DataFrame(rows, SHORTCUTS_SCHEMA, orient="row")


def predictions(task: str, labels: np.ndarray, scores: np.ndarray) -> pl.DataFrame:
    ids = [f"test{n}" for n in range(len(labels))]
    return pl.DataFrame({"id": ids, "split": "test", "task": task, "label": labels, "score": scores})


def memorised(seed: int, strength: float = 0.0) -> dict[str, pl.DataFrame]:
    """Labels of 120 test examples and scores that are right for leaked ones and at chance for the rest."""
    random = np.random.default_rng(seed)
    labels = (np.arange(SIZES["test"]) % 3 == 0).astype(float)
    scores = np.clip(random.random(len(labels)) + strength * (labels - 0.5), 0.01, 0.99)
    scores[:LEAKED] = labels[:LEAKED]
    return {"labels": labels, "scores": scores}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    tables = {}
    for run in (Run("knn", 0), Run("cnn", 0), Run("cnn", 1), Run("oracle", 0)):
        seen = memorised([*run.model.encode(), run.replicate], strength=1.0 if run.model == "oracle" else 0.2)
        tables[run] = predictions("bound", **seen)
    shortcuts = shortcuts_table({"bound": {"gc": 0.7, "dinucleotides": 0.74}})
    report = audit(align(tables, "binary"), leaks_table(), shortcuts, "reb1", SIZES)
    return {"tables": tables, "audit": report}


def test_the_whole_is_plain_json(made):
    text = json.dumps(made["audit"], allow_nan=False, sort_keys=True)
    assert json.loads(text) == made["audit"]
    assert set(made["audit"]) == {
        "dataset", "examples", "similarity", "leaks", "leaked_test_rows", "without_leaks", "shortcuts", "warnings",
    }  # fmt: skip
    assert made["audit"]["examples"] == SIZES


def test_leaks_are_counted_and_shown(made):
    leaks = made["audit"]["leaks"]
    assert list(leaks) == list(KINDS)
    near = leaks["near_duplicate"]
    assert {key: near[key] for key in ("examples", "across_splits", "validation", "test")} == {
        "examples": 2 * LEAKED + 2, "across_splits": 2 * LEAKED + 2, "validation": 2, "test": LEAKED,
    }  # fmt: skip
    assert near["pairs"] == [
        {"task": None, "id": f"test{n}", "split": "test", "other": f"train{n}", "other_split": "train",
         "similarity": pytest.approx(0.5 + n / 100)}
        for n in range(LEAKED - 1, LEAKED - 1 - PAIRS, -1)
    ]  # fmt: skip
    assert leaks["exact_duplicate"]["pairs"] == []
    assert made["audit"]["leaked_test_rows"] == LEAKED


def test_every_run_is_scored_with_and_without_them(made):
    rows = made["audit"]["without_leaks"]
    assert [(row["model"], row["replicate"]) for row in rows] == [("knn", 0), ("cnn", 0), ("cnn", 1), ("oracle", 0)]
    for row in rows:
        table = made["tables"][Run(row["model"], row["replicate"])]
        kept = table.filter(~pl.col("id").is_in([f"test{n}" for n in range(LEAKED)]))
        assert row["value"] == pytest.approx(roc_auc_score(table["label"], table["score"]))
        assert row["value_without"] == pytest.approx(roc_auc_score(kept["label"], kept["score"]))
        assert (row["metric"], row["n"], row["n_without"]) == ("auroc", 120, 75)
    assert rows[0]["value"] - rows[0]["value_without"] > 0.1


def test_the_warnings_name_what_is_wrong(made):
    report = made["audit"]
    best, value, without = best_model(report["without_leaks"], "bound")
    told = report["warnings"]
    assert told[0] == "45 of 120 test and 2 of 70 validation examples have a near-duplicate in another split"
    assert told[1].startswith("bound: without the 45 leaked test examples auroc falls: knn from 0.")
    assert f"{best} from {value:.3f} to {without:.3f}" in told[1]
    assert "oracle" not in told[1]
    shortcut = report["shortcuts"][0]
    assert (shortcut["feature"], shortcut["value"], shortcut["model"]) == ("dinucleotides", 0.74, best)
    assert shortcut["explained"] == pytest.approx(0.24 / (value - 0.5))
    assert told[2:] == [shortcut["warning"]]
    assert shortcut["features"]["gc"] == 0.7
    assert len(shortcut["features"]) == len(FEATURES)


def test_a_dataset_without_a_fault_has_no_warning():
    seen = memorised(5, strength=0.8)
    shortcuts = shortcuts_table({"bound": {"gc": 0.56}})
    panels = align({Run("cnn", 0): predictions("bound", **seen)}, "binary")
    report = audit(panels, leaks_table(number=0).clear(), shortcuts, "reb1", SIZES)
    assert report["warnings"] == []
    assert report["leaked_test_rows"] == 0
    assert report["without_leaks"][0]["value"] == report["without_leaks"][0]["value_without"]
    assert 0 < report["shortcuts"][0]["explained"] < 0.5


def test_what_is_not_defined_is_null():
    seen = memorised(6)
    panels = align({Run("cnn", 0): predictions("bound", **seen)}, "binary")
    shortcuts = shortcuts_table({"bound": dict.fromkeys(FEATURES)})
    report = audit(panels, leaks_table("exact_duplicate", SIZES["test"]), shortcuts, "reb1", SIZES)
    row = report["without_leaks"][0]
    assert (row["value_without"], row["n_without"]) == (None, 0)
    shortcut = report["shortcuts"][0]
    assert [shortcut[key] for key in ("feature", "value", "explained", "warning")] == [None] * 4
    assert report["warnings"] == [
        "120 of 120 test and 2 of 70 validation examples have an exact duplicate in another split"
    ]
    json.dumps(report, allow_nan=False)


def test_a_model_at_chance_explains_nothing():
    labels = np.tile([0.0, 1.0], 60)
    panels = align({Run("cnn", 0): predictions("bound", labels, np.full(120, 0.5))}, "binary")
    report = audit(panels, leaks_table().clear(), shortcuts_table({"bound": {"gc": 0.8}}), "reb1", SIZES)
    assert report["shortcuts"][0]["model_value"] == 0.5
    assert report["shortcuts"][0]["explained"] is None


def test_multiclass_is_scored_by_class_and_over_all():
    random = np.random.default_rng(7)
    truth = random.integers(0, 3, 120)
    scores = random.dirichlet(np.ones(3), 120)
    scores[:LEAKED] = np.eye(3)[truth[:LEAKED]]
    table = pl.concat(
        predictions(name, (truth == number).astype(float), scores[:, number]) for number, name in enumerate("abc")
    )
    report = audit(
        align({Run("cnn", 0): table}, "multiclass"),
        leaks_table(),
        shortcuts_table({name: {} for name in "abc"}),
        "d",
        SIZES,
    )
    rows = {row["task"]: row for row in report["without_leaks"]}
    assert list(rows) == ["a", "b", "c", "all"]
    predicted = scores.argmax(axis=1)
    assert rows["all"]["metric"] == "accuracy"
    assert rows["all"]["value"] == pytest.approx(accuracy_score(truth, predicted))
    assert rows["all"]["value_without"] == pytest.approx(accuracy_score(truth[LEAKED:], predicted[LEAKED:]))
    assert rows["b"]["value_without"] == pytest.approx(roc_auc_score(truth[LEAKED:] == 1, scores[LEAKED:, 1]))
    told = f"cnn from {rows['all']['value']:.3f} to {rows['all']['value_without']:.3f}"
    falls = [warning for warning in report["warnings"] if "falls" in warning]
    assert falls == [f"all: without the 45 leaked test examples accuracy falls: {told}"]


def test_regression_is_scored_by_pearson():
    random = np.random.default_rng(8)
    labels = random.normal(size=120)
    scores = random.normal(size=120)
    scores[:LEAKED] = labels[:LEAKED]
    panels = align({Run("cnn", 0): predictions("signal", labels, scores)}, "regression")
    shortcuts = shortcuts_table({"signal": {"gc": 0.3}}, "pearson")
    report = audit(panels, leaks_table(), shortcuts, "d", SIZES)
    row = report["without_leaks"][0]
    assert row["value"] == pytest.approx(pearsonr(labels, scores).statistic)
    assert row["value_without"] == pytest.approx(pearsonr(labels[LEAKED:], scores[LEAKED:]).statistic)
    assert report["shortcuts"][0]["explained"] == pytest.approx(0.3 / row["value"])
