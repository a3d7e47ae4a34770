"""Pages of multiclass, regression and multi-label datasets whose names are hostile."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import confusion_matrix
from tests.report.conftest import CLASSES, HOSTILE, KINDS, MODELS
from tests.report.test_page import Page, made, rows

from motifloom.report import page as whole_page
from motifloom.report.inputs import inputs
from motifloom.report.page import render
from motifloom.report.results import Results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from motifloom.config import Config

    Make = Callable[..., tuple[Config, Path]]


@pytest.mark.parametrize("replicates", [1, 2])
@pytest.mark.parametrize("kind", list(KINDS))
def test_the_page_of_each_kind_parses_and_refers_to_nothing_outside(
    make_kinds: Make, kind: str, replicates: int
) -> None:
    config, folder = make_kinds(kind, replicates=replicates)
    text = made((config, folder))
    page = Page(text)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert page.values("src") == []
    assert {value[1:] for value in page.values("href")} <= set(ids)
    assert all(value.startswith("#") for value in page.values("href"))
    assert not re.search(r"url\(|@import|https?:|xlink", text)
    assert text == render(Results.open(config, folder))


@pytest.mark.parametrize("kind", list(KINDS))
def test_names_are_text_wherever_they_stand(make_kinds: Make, kind: str) -> None:
    config, folder = make_kinds(kind)
    page = Page(made((config, folder)))
    assert page.scripts == 1
    assert page.tags.isdisjoint({"ins", "em", "s", "u", "img"})
    text = "".join(page.text)
    names = pl.read_csv(folder / "metrics.tsv", separator="\t")["task"].unique().to_list()
    for name in (*names, HOSTILE):
        assert name in text
    for value in (*page.values("id"), *page.values("href")):
        assert re.fullmatch(r"#?[A-Za-z0-9._:-]+", value)


def section(text: str, start: str, end: str) -> str:
    return text[text.index(start) : text.index(end)]


def test_all_classes_come_first_then_a_table_of_classes(make_kinds: Make) -> None:
    config, folder = make_kinds("splice")
    text = made((config, folder))
    metrics = pl.read_csv(folder / "metrics.tsv", separator="\t").filter(split="test")
    value = {
        (task, model, metric): x for task, model, metric, x in metrics.select("task", "model", "metric", "value").rows()
    }
    table = rows(section(text, 'id="overview"', 'id="dataset-splice"'))
    ranked = sorted(config.models, key=lambda model: -value["all", model, "accuracy"])
    assert [row.split()[0] for row in table[1:5]] == ranked
    assert table[0].split()[:4] == ["Model", "Accuracy", "↑", "MCC"]
    assert table[1].split()[1] == f"{value['all', ranked[0], 'accuracy']:.3f}"
    header, *classes, means = table[5:]
    columns = [name for name in header.split() if name in MODELS]
    assert sorted(columns) == sorted(MODELS)
    for row, name in zip(map(unescape, classes), CLASSES, strict=True):
        assert row.startswith(f"{name} 140 ")
        reached = [f"{value[name, model, 'auroc']:.3f}" for model in columns]
        assert row.removeprefix(f"{name} 140 ").split()[1:5] == reached
    expected = [np.mean([value[name, model, "auroc"] for name in CLASSES]) for model in columns]
    assert means == " ".join(["Mean", *(f"{mean:.3f}" for mean in expected)])
    assert "Accuracy on test" in text
    assert text.count('<details id="task:splice:') == len(CLASSES)


def test_the_table_of_confusions_counts_test_examples(make_kinds: Make) -> None:
    config, folder = make_kinds("splice", replicates=2)
    text = made((config, folder))
    found = r'class="swatch model-(\d)( dotted)?".*?(<table class="confusion">.*?</table>)'
    tables = re.findall(found, text, flags=re.DOTALL)
    assert len(tables) == len(config.scored("splice"))
    for index, dotted, table in tables:
        model = list(config.models)[int(index)] + ("_ensemble" if dotted else "")
        part = pl.read_parquet(folder / "splice" / model / "0" / "predictions.parquet").filter(split="test")
        wide = part.pivot("task", index="id", values=["label", "score"]).sort("id")
        labels, predicted = (
            wide.select(f"{column}_{name}" for name in CLASSES).to_numpy().argmax(axis=1)
            for column in ("label", "score")
        )
        counts = re.findall(r'style="--share: \d+%">(\d+)<', table)
        expected = confusion_matrix(labels, predicted, labels=range(len(CLASSES)))
        np.testing.assert_array_equal(np.array(counts, dtype=int).reshape(4, 4), expected)


def test_regression_is_ranked_by_pearson_and_drawn_as_points(make_kinds: Make) -> None:
    config, folder = make_kinds("mpra")
    text = made((config, folder))
    metrics = pl.read_csv(folder / "metrics.tsv", separator="\t").filter(split="test", metric="pearson")
    best = metrics.group_by("model").agg(pl.mean("value")).sort("value")["model"][-1]
    table = rows(section(text, 'id="overview"', 'id="dataset-mpra"'))
    assert table[0].split() == ["Task", "Examples", *table[0].split()[2:6], "Verdict"]
    assert table[0].split()[2] == best
    assert "ROC" not in text
    assert text.count('class="points model-') == len(MODELS) * 2
    assert "Pearson of each task on test" in text
    assert "Loss (mean squared error, labels in units of their spread)" in text
    assert "Pearson, mean of 2 of knn by neighbours" in text
    heads = [row for row in rows(text) if row.startswith("Model Pearson")]
    assert heads == ["Model Pearson ↑ Spearman ↑ R² ↑ MSE ↓ Train Pearson Gap"] * 2


def test_a_task_called_all_is_a_task_like_any_other(make_kinds: Make) -> None:
    config, folder = make_kinds("marks")
    part = whole_page._dataset(Results.open(config, folder), "marks")
    assert part.lead is None
    assert [row.task for row in part.table.rows] == KINDS["marks"]["labels"]
    assert [one.overview.task for one in part.tasks] == KINDS["marks"]["labels"]
    assert part.folded


def test_labels_are_counted_and_missing_ones_too(make_kinds: Make) -> None:
    config, folder = make_kinds()
    results = Results.open(config, folder)
    for dataset in ("mpra", "marks"):
        examples, told = results.examples(dataset), inputs(results, dataset)
        assert told.columns[-1] == "No label"
        for row in told.tasks:
            for split, cells in zip(("train", "validation", "test"), row.splits, strict=True):
                labels = examples.filter(split=split)[row.task]
                found = dict(zip(told.columns, (cell.sort for cell in cells), strict=True))
                assert found["No label"] == labels.null_count()
                if dataset == "marks":
                    assert (found["Positive"], found["Negative"]) == ((labels == 1).sum(), (labels == 0).sum())
                else:
                    known = labels.drop_nulls().to_numpy()
                    assert found["Labels"] == len(known)
                    assert found["Mean"] == pytest.approx(known.mean())
                    assert found["SD"] == pytest.approx(known.std(ddof=1))
    classes = inputs(results, "splice")
    assert classes.columns == ["Examples", "Share"]
    assert sum(row.splits[2][0].sort for row in classes.tasks) == 140
    assert "All sequences are 57 bp long." in classes.source
    assert (
        "Sequences are 93 to 1\N{NARROW NO-BREAK SPACE}204 bp long, 200 bp in the median."
        in inputs(results, "mpra").source
    )


def test_a_model_without_a_value_is_told(make_kinds: Make) -> None:
    config, folder = make_kinds("mpra")
    for name, columns, of_knn in (
        ("metrics.tsv", ("value", "ci_low", "ci_high"), pl.col("model") == "knn"),
        ("comparisons.tsv", ("difference", "ci_low", "ci_high", "p_value", "q_value"), pl.col("model_a") == "knn"),
    ):
        table = pl.read_csv(folder / name, separator="\t")
        undefined = of_knn & (pl.col("metric") == "pearson")
        blanked = table.with_columns(pl.when(~undefined).then(pl.col(column)).alias(column) for column in columns)
        blanked.write_csv(folder / name, separator="\t")
    text = made((config, folder))
    assert text.count("Pearson is not defined for knn.") == 2 * 2  # in the table, and over each task
    assert "and knn in 0." in text


def test_of_many_classes_the_table_alone_is_shown(make_kinds: Make) -> None:
    names = [f"class {number}" for number in range(whole_page.DETAILED + 1)]
    config, folder = make_kinds("splice", classes=names, sizes={"train": 300, "validation": 130, "test": 170})
    text = made((config, folder))
    assert "With so many classes the table in the overview is all that is shown of each" in text
    assert "class 30 170" in " ".join(rows(text))
    assert "<details id=" not in text
    assert "confusion" not in text.split("</style>")[1]
