from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import roc_auc_score

from motifloom.evaluation.selection import choose_neighbours, main_scores, mean_main_score, sweep_table

LABELS = np.array([[1, 0], [1, 1], [0, 1], [0, 0], [0, 1.0]])
GOOD = np.array([[0.9, 0.1], [0.8, 0.7], [0.2, 0.8], [0.1, 0.2], [0.3, 0.9]])
BAD = 1 - GOOD
KINDS = ("binary", "multiclass", "regression")
N, TASKS = 43, 3


@pytest.fixture(params=KINDS)
def drawn(request):
    """A kind, labels of which a third is missing, and scores that have to do with them."""
    random = np.random.default_rng(0)
    scores = random.random((N, TASKS)).round(2)
    values = scores + random.normal(0, 0.5, (N, TASKS))
    labels = values if request.param == "regression" else (values > 0.5).astype(float)
    return request.param, np.where(random.random((N, TASKS)) < 1 / 3, np.nan, labels), scores


def test_scores_of_tasks_with_missing_labels_agree_with_others(drawn):
    kind, labels, scores = drawn
    reference = (lambda y, s: pearsonr(y, s).statistic) if kind == "regression" else roc_auc_score
    expected = []
    for task in range(TASKS):
        known = ~np.isnan(labels[:, task])
        assert 0 < known.sum() < N
        expected.append(reference(labels[known, task], scores[known, task]))
    assert main_scores(labels, scores, kind) == pytest.approx(expected)
    assert mean_main_score(labels, scores, kind) == pytest.approx(np.mean(expected))
    assert main_scores(labels.astype(np.float32), scores, kind) == pytest.approx(expected, abs=1e-6)


def test_a_missing_label_hides_its_score(drawn):
    kind, labels, scores = drawn
    changed = np.where(np.isnan(labels), 0.77, scores)
    assert (main_scores(labels, changed, kind) == main_scores(labels, scores, kind)).all()


def test_a_task_whose_labels_are_all_alike_is_left_out_of_the_mean(drawn):
    kind, labels, scores = drawn
    labels[:, 1] = np.where(np.isnan(labels[:, 1]), np.nan, 1)
    reached = main_scores(labels, scores, kind)
    assert np.isnan(reached).tolist() == [False, True, False]
    assert mean_main_score(labels, scores, kind) == pytest.approx((reached[0] + reached[2]) / 2)
    assert np.isnan(mean_main_score(np.full((N, TASKS), np.nan), scores, kind))


def test_the_best_mean_is_chosen_and_of_equals_the_greatest():
    assert choose_neighbours(LABELS, {1: BAD, 3: GOOD, 29: BAD}, "binary") == 3
    assert choose_neighbours(LABELS, {29: GOOD, 1: GOOD, 3: GOOD}, "binary") == 29
    one_each = np.column_stack([GOOD[:, 0], BAD[:, 1]])
    assert choose_neighbours(LABELS, {1: GOOD, 29: one_each}, "binary") == 1


def test_a_regression_is_chosen_by_correlation_not_by_rank():
    values = np.array([[1.0], [2], [3], [40]])
    straight, ranked = np.array([[3.0], [2], [1], [40]]), np.array([[1.0], [2], [3], [3.1]])
    assert choose_neighbours(values, {1: ranked, 3: straight}, "regression") == 3


def test_undefined_scores_do_not_count():
    labels = np.column_stack([np.ones(5), LABELS[:, 1]])
    assert choose_neighbours(labels, {1: GOOD, 3: BAD}, "binary") == 1
    assert choose_neighbours(np.ones((5, 2)), {1: GOOD, 3: BAD}, "binary") == 3
    assert choose_neighbours(LABELS, {1: BAD, 99: np.full((5, 2), 0.4)}, "regression") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_choose_from(kind):
    with pytest.raises(ValueError, match="empty"):
        choose_neighbours(LABELS, {}, kind)


@pytest.mark.parametrize(("kind", "metric"), [("binary", "auroc"), ("multiclass", "auroc"), ("regression", "pearson")])
def test_sweep_table(kind, metric):
    labels = {"train": LABELS[:4], "validation": LABELS, "test": np.ones((3, 2))}
    scores = {split: {3: GOOD[: len(y)], 1: BAD[: len(y)], 29: BAD[: len(y)]} for split, y in labels.items()}
    table = sweep_table(["bound", "open"], labels, scores, kind)
    assert table.columns == ["neighbours", "split", "task", "metric", "value", "chosen"]
    assert len(table) == 3 * 3 * 2
    assert table["metric"].unique().to_list() == [metric]
    assert table["neighbours"].unique(maintain_order=True).to_list() == [1, 3, 29]
    assert table.filter("chosen")["neighbours"].unique().to_list() == [3]
    reached = table.filter(neighbours=3, split="validation")["value"].to_list()
    assert reached == pytest.approx(main_scores(LABELS, GOOD, kind))
    assert table.filter(split="test")["value"].null_count() == 6
