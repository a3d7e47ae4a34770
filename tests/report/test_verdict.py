"""Known comparisons, known sentences."""

from __future__ import annotations

import polars as pl
import pytest

from motifloom.report.verdict import unbeaten, verdict

SURE, UNSURE = 0.001, 0.4


def table(*pairs: tuple[str, str, float | None, float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        pairs,
        schema={"model_a": pl.String, "model_b": pl.String, "difference": pl.Float64, "q_value": pl.Float64},
        orient="row",
    )


UNTESTED = "Whether the models differ could not be tested: there are too few test examples."


@pytest.mark.parametrize(
    ("ranked", "comparisons", "sentence"),
    [
        (["knn"], table(), "Only knn was run, so there is nothing to compare."),
        (["cnn", "knn"], table(), "The models were not compared."),
        (["cnn", "knn"], table(("knn", "cnn", -0.1, SURE)), "cnn is better than knn."),
        (["cnn", "knn"], table(("cnn", "knn", 0.1, 0.05)), "cnn and knn are not distinguishable."),
        (["cnn", "knn"], table(("cnn", "knn", 0.1, None)), UNTESTED),
        (["cnn", "knn"], table(("cnn", "knn", 0.1, float("nan"))), UNTESTED),
        (
            ["cnn", "knn", "lstm"],
            table(("cnn", "knn", 0.1, None), ("cnn", "lstm", 0.1, UNSURE), ("knn", "lstm", 0.1, UNSURE)),
            "cnn, knn and lstm are not distinguishable; 1 of 3 pairs could not be tested.",
        ),
        (
            ["cnn", "cnn_bilstm", "knn"],
            table(
                ("knn", "cnn", -0.2, SURE),
                ("knn", "cnn_bilstm", -0.2, SURE),
                ("cnn", "cnn_bilstm", 0.01, UNSURE),
            ),
            "cnn and cnn_bilstm are not distinguishable; both are better than knn.",
        ),
        (
            ["a", "b", "c", "d"],
            table(("a", "d", 0.2, SURE), ("b", "d", 0.2, SURE), ("c", "d", 0.2, SURE), ("a", "b", 0.1, UNSURE)),
            "a, b and c are not distinguishable; all are better than d.",
        ),
        (
            ["a", "b", "c"],
            table(("a", "b", 0.1, UNSURE), ("a", "c", 0.2, SURE), ("b", "c", 0.1, UNSURE)),
            "a and b are not distinguishable; a is better than c.",
        ),
        (
            ["a", "b", "c"],
            table(("a", "b", 0.1, UNSURE), ("a", "c", 0.2, UNSURE), ("b", "c", 0.1, SURE)),
            "b and c are not distinguishable from the best, a.",
        ),
        (
            ["a", "b"],
            table(("a", "b", -0.1, SURE)),
            "b is better than a.",
        ),
        (["a", "b", "c"], table(("a", "b", 0.1, SURE), ("a", "c", 0.2, SURE)), "a is better than b and c."),
    ],
)
def test_verdict(ranked: list[str], comparisons: pl.DataFrame, sentence: str) -> None:
    assert verdict(ranked, comparisons) == sentence


def test_unbeaten_models_are_those_that_no_other_is_better_than() -> None:
    models = ["a", "b", "c", "d"]
    compared = table(("a", "b", 0.2, SURE), ("d", "c", -0.1, SURE), ("a", "c", 0.1, UNSURE), ("b", "d", None, None))
    assert unbeaten(models, compared) == {"a", "c"}
    assert unbeaten(models, table()) == set(models)
