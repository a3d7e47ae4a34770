"""Strata, errors and stability: on the planted datasets, against plain computations."""

import argparse
import itertools

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm, pearsonr, spearmanr
from sklearn import metrics as sklearn
from tests.conftest import KINDS, dataset_of, planted, table_config

from motifloom.cli import diagnose
from motifloom.config import dump
from motifloom.data.predictions import predictions_table
from motifloom.evaluation import mistakes, stability, strata
from motifloom.evaluation.intervals import share_interval
from motifloom.evaluation.panels import Run, align

RUNS = [Run("knn", 0), Run("cnn", 0), Run("cnn", 1), Run("cnn", 2)]


def predicted(dataset, kind, run, strength=1.0):
    """Predictions on validation and test that know something of the labels, and differ from run to run."""
    rows = dataset.rows("validation", "test")
    noise = np.random.default_rng([*run.model.encode(), run.replicate])
    labels = np.nan_to_num(dataset.labels(rows).astype(float), nan=0.0)
    labels = (labels - labels.mean(axis=0)) / labels.std(axis=0)
    logits = strength * labels + noise.normal(size=labels.shape)
    if kind == "multiclass":
        scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    else:
        scores = logits if kind == "regression" else 1 / (1 + np.exp(-logits))
    return predictions_table(dataset, rows, scores)


def panels_of(dataset, kind):
    return align({run: predicted(dataset, kind, run, 1.2 if run.model == "cnn" else 0.6) for run in RUNS}, kind)


@pytest.fixture(scope="module", params=KINDS)
def case(request):
    dataset = planted(request.param, 700)
    return request.param, dataset, panels_of(dataset, request.param)


# ------------------------------------------------------------------------------------------------------------- strata


def test_a_stratum_has_the_examples_that_it_says():
    sequences = ["GC" * 10, "GC" * 9, "AT" * 10, "ATGN" * 6, "AGNN" * 5, "AC" * 10, "AC" * 12]
    split = ["test"] * 6 + ["train"]
    dataset = dataset_of(sequences, split, {"bound": [0, 1, 0, 1, 0, 1, 1]})
    found = {(part.property, part.name): part.ids.to_list() for part in strata.divide(dataset)}
    assert found["unknown", "none"] == ["s0", "s1", "s2", "s5"]
    assert found["unknown", "some"] == ["s3", "s4"]
    assert found["gc", "0 to 33.3"] == ["s2", "s3"]
    assert found["gc", "50"] == ["s4", "s5"]
    assert found["gc", "100"] == ["s0", "s1"]
    for name in ("gc", "length", "unknown"):
        ids = [one for (prop, _), members in found.items() if prop == name for one in members]
        assert sorted(ids) == ["s0", "s1", "s2", "s3", "s4", "s5"]
    alike = dataset_of(["ACGT"] * 3, ["test"] * 3, {"bound": [0, 1, 1]})
    assert strata.divide(alike) == []


@pytest.mark.parametrize("scale", [1e-6, 0.001, 1.0, 1e6])
def test_quarters_keep_their_names_apart_whatever_the_unit(scale):
    """Of strengths below 0.1, one decimal would call all quarters alike, and leave one of them."""
    sequences, labels = ["ACGT" * 5] * 50, [1] * 40 + [0] * 10
    dataset = dataset_of(sequences, ["test"] * 50, {"bound": labels})
    strength = np.where(np.arange(50) < 40, scale * (1 + np.arange(50)), np.nan)
    found = strata.divide(dataset, {"bound": strength})
    assert [len(part.ids) for part in found] == [20] * 4
    assert len({part.name for part in found}) == 4
    if scale == 0.001:
        assert [part.name for part in found] == ["0.001 to 0.01", "0.011 to 0.02", "0.021 to 0.03", "0.031 to 0.04"]


def test_quarters_of_peaks_by_strength_are_each_held_against_all_negatives():
    labels = [1] * 8 + [0] * 5 + [None, 1]
    strength = np.array([5.0, 1, 8, 2, 7, 3, 6, 4, *[np.nan] * 6, np.nan])
    dataset = dataset_of(["ACGT"] * 15, ["test"] * 15, {"one": labels, "other": labels[::-1]})
    found = strata.divide(dataset, {"one": strength})
    negatives = [f"s{row}" for row in range(8, 13)]
    assert [(part.property, part.name, part.task) for part in found] == [
        ("strength", name, "one") for name in ("1 to 2", "3 to 4", "5 to 6", "7 to 8")
    ]
    assert [part.ids.to_list() for part in found] == [
        [*pair, *negatives] for pair in (["s1", "s3"], ["s5", "s7"], ["s0", "s6"], ["s2", "s4"])
    ]
    scores = np.random.default_rng(0).random((15, 2))
    table = predictions_table(dataset, np.arange(15), scores)
    rows = strata.strata_table(align({Run("cnn", 0): table}, "binary"), found, 0.95)
    assert rows["task"].to_list() == ["one"] * 4
    for part, row in zip(found, rows.iter_rows(named=True), strict=True):
        mine = [int(name[1:]) for name in part.ids]
        expected = sklearn.roc_auc_score([labels[place] for place in mine], scores[mine, 0])
        assert row["value"] == pytest.approx(expected, abs=1e-12)
        assert (row["n"], row["n_positive"]) == (7, 2)


def test_values_of_strata_equal_plain_ones(case):
    kind, dataset, panels = case
    parts = strata.divide(dataset)
    table = strata.strata_table(panels, parts, 0.95)
    told = [panel for panel in panels if panel.split == "test" and (kind != "multiclass" or panel.kind == kind)]
    assert len(table) == len(RUNS) * len(parts) * len(told)
    for panel, part, run in itertools.product(told, parts, RUNS):
        row = table.filter(
            model=run.model, replicate=run.replicate, task=panel.task, property=part.property, stratum=part.name
        )
        mine = [place for place, name in enumerate(panel.ids) if name in set(part.ids)]
        labels, scores = panel.labels[mine], panel.scores[run][mine]
        if kind == "multiclass":
            expected = (labels == scores.argmax(axis=1)).mean()
        else:
            expected = sklearn.roc_auc_score(labels, scores) if kind == "binary" else pearsonr(labels, scores)[0]
        assert row["value"].item() == pytest.approx(expected, abs=1e-9)
        low, high = row["ci_low"].item(), row["ci_high"].item()
        assert low <= expected <= high
        assert row["n"].item() == len(mine)


def test_formulas_of_intervals():
    z = norm.ppf(0.975)
    expected = pearsonr([1, 2, 3, 4, 5, 6.5], [2, 1, 4, 3, 6, 5.0]).confidence_interval(0.95)
    found = strata.correlation_interval(pearsonr([1, 2, 3, 4, 5, 6.5], [2, 1, 4, 3, 6, 5.0])[0], 6, z)
    assert found == pytest.approx(tuple(expected), abs=1e-9)
    assert share_interval(0.8, 50, 0.95) == pytest.approx((0.66964, 0.88758), abs=1e-4)  # Wilson, 40 of 50
    assert np.isnan(strata.correlation_interval(1.0, 9, z)).all()


# ------------------------------------------------------------------------------------------------------------- errors


def test_errors_are_the_greatest_of_the_chosen_model_with_their_nearest(case):
    kind, dataset, panels = case
    table = mistakes.errors_table(panels, dataset, canonical=True)
    assert dict(table.schema) == mistakes.ERRORS_SCHEMA
    assert table["model"].unique().to_list() == ["cnn"]
    assert table["rank"].to_list() == [1, 2, 3] * (len(table) // 3)
    panel = next(panel for panel in panels if panel.split == "test" and panel.task == "task 2")
    mean = np.mean([panel.scores[run] for run in RUNS[1:]], axis=0)
    errors = sorted(abs(mean - panel.labels), reverse=True)[:10]
    found = table.filter(task="task 2", rank=1)
    expected = [error for error in errors if kind == "regression" or error > 0.5]
    assert (found["score"] - found["label"]).abs().to_list() == pytest.approx(expected)
    assert len(expected) >= 1


def test_the_nearest_training_sequences_share_most_k_mers():
    rng = np.random.default_rng(2)
    base = "".join(rng.choice(list("ACGT"), 60))
    others = ["".join(rng.choice(list("ACGT"), 60)) for _ in range(7)]
    turned = base[::-1].translate(str.maketrans("ACGT", "TGCA"))
    half = base[:30] + others[0][30:]
    sequences = [*others, half, turned, base, "N" * 60]
    dataset = dataset_of(sequences, ["train"] * 9 + ["test", "test"], {"bound": [0, 1] * 5 + [1]})
    near, similarity = mistakes.nearest(dataset, dataset.rows("train"), np.array([9, 10]), canonical=True)
    assert near[0, :2].tolist() == [8, 7]
    assert similarity[0, 0] == pytest.approx(1)
    assert 0.3 < similarity[0, 1] < 0.7
    assert near[1].tolist() == [0, 1, 2]
    assert similarity[1].tolist() == [0, 0, 0]
    on_this_strand, _ = mistakes.nearest(dataset, dataset.rows("train"), np.array([9]), canonical=False)
    assert on_this_strand[0, 0] == 7


# ---------------------------------------------------------------------------------------------------------- stability


def test_stability_equals_plain_computations(case):
    _, _, panels = case
    table = stability.stability_table(panels)
    assert dict(table.schema) == stability.STABILITY_SCHEMA
    assert table["model"].unique().to_list() == ["cnn"]
    for panel in (panel for panel in panels if panel.split == "test"):
        row = table.row(by_predicate=pl.col("task") == panel.task, named=True)
        scores = [panel.scores[run] for run in RUNS[1:]]
        pairs = list(itertools.combinations(scores, 2))
        correlations = [spearmanr(one.ravel(), other.ravel())[0] for one, other in pairs]
        assert row["correlation"] == pytest.approx(np.mean(correlations), abs=1e-9)
        assert row["least_correlation"] == pytest.approx(min(correlations), abs=1e-9)
        if panel.kind == "regression":
            assert row["flipped"] is None
        else:
            decide = (lambda s: s.argmax(axis=1)) if panel.kind == "multiclass" else (lambda s: s >= 0.5)
            flips = [(decide(one) != decide(other)).mean() for one, other in pairs]
            assert row["flipped"] == pytest.approx(np.mean(flips), abs=1e-12)
        assert row["replicates"] == 3
        assert row["least"] <= row["mean"] <= row["greatest"]
        assert 1 <= row["best_rank"] <= row["worst_rank"] <= 2
    assert row["best_rank"] == 1


def test_replicates_that_are_alike_are_wholly_stable():
    dataset = planted("binary", 200)
    one = predicted(dataset, "binary", RUNS[0])
    table = stability.stability_table(align({Run("knn", number): one for number in range(2)}, "binary"))
    assert table.select("spread", "correlation", "flipped").unique().rows() == [(0.0, 1.0, 0.0)]
    assert stability.stability_table(align({Run("knn", 0): one}, "binary")).is_empty()


# ------------------------------------------------------------------------------------------------------------ command


def test_the_command_writes_five_tables(case, tmp_path):
    kind, dataset, _ = case
    config = table_config(kind, dataset.tasks, replicates=2)
    home = tmp_path / "planted"
    home.mkdir()
    dataset.examples.write_parquet(home / "examples.parquet")
    dataset.sequences.table.write_parquet(home / "sequences.parquet")
    (home / "sequences.bin").write_bytes(dataset.sequences.packed.tobytes())
    (tmp_path / "config.yaml").write_text(dump(config))
    for model, replicates in config.scored("planted").items():
        for number in range(replicates):
            folder = home / model / str(number)
            folder.mkdir(parents=True)
            predicted(dataset, kind, Run(model, number)).write_parquet(folder / "predictions.parquet")
    parser = argparse.ArgumentParser()
    diagnose.add_arguments(parser)
    flags = ["--config", tmp_path / "config.yaml", "--dataset", "planted", "--results", tmp_path]
    flags += ["--examples", home / "examples.parquet", "--output", tmp_path / "out"]
    diagnose.run(parser.parse_args([str(flag) for flag in flags]))
    found = {path.name: pl.read_csv(path, separator="\t") for path in (tmp_path / "out").iterdir()}
    assert sorted(found) == ["calibration.tsv", "errors.tsv", "reliability.tsv", "stability.tsv", "strata.tsv"]
    assert found["calibration.tsv"].is_empty() == (kind == "regression")
    assert all(len(found[name]) for name in ("errors.tsv", "stability.tsv", "strata.tsv"))
