from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import roc_auc_score

from motifloom.evaluation.selection import choose, main_scores, mean_main_score, sweep_table
from motifloom.models.candidates import Candidate

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


def test_the_best_mean_is_chosen_and_of_equals_the_first():
    assert choose(LABELS, [BAD, GOOD, BAD], "binary") == 1
    assert choose(LABELS, [BAD, GOOD, GOOD], "binary") == 1
    one_each = np.column_stack([GOOD[:, 0], BAD[:, 1]])
    assert choose(LABELS, [one_each, GOOD], "binary") == 1


def test_a_regression_is_chosen_by_correlation_not_by_rank():
    values = np.array([[1.0], [2], [3], [40]])
    straight, ranked = np.array([[3.0], [2], [1], [40]]), np.array([[1.0], [2], [3], [3.1]])
    assert choose(values, [ranked, straight], "regression") == 1


def test_undefined_scores_do_not_count():
    labels = np.column_stack([np.ones(5), LABELS[:, 1]])
    assert choose(labels, [BAD, GOOD], "binary") == 1
    assert choose(np.ones((5, 2)), [GOOD, BAD], "binary") == 0
    assert choose(LABELS, [np.full((5, 2), 0.4), BAD], "regression") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_choose_from(kind):
    with pytest.raises(ValueError, match="empty"):
        choose(LABELS, [], kind)


@pytest.mark.parametrize(("kind", "metric"), [("binary", "auroc"), ("multiclass", "auroc"), ("regression", "pearson")])
def test_sweep_table(kind, metric):
    labels = {"train": LABELS[:4], "validation": LABELS, "test": np.ones((3, 2))}
    tried = [("words", 29, BAD), ("words", 3, GOOD), ("letters", 3, GOOD), ("words", 1, BAD)]
    candidates = [
        Candidate(variant, "neighbours", setting, {split: scores[: len(y)] for split, y in labels.items()})
        for variant, setting, scores in tried
    ]
    table = sweep_table(["bound", "open"], labels, candidates, kind)
    assert table.columns == ["variant", "parameter", "setting", "split", "task", "metric", "value", "chosen"]
    assert len(table) == 4 * 3 * 2
    assert table["metric"].unique().to_list() == [metric]
    order = table.select("variant", "setting").unique(maintain_order=True).rows()
    assert order == [("words", 1), ("words", 3), ("words", 29), ("letters", 3)]
    assert table.filter("chosen").select("variant", "setting").unique().rows() == [("words", 3)]
    reached = table.filter(variant="words", setting=3, split="validation")["value"].to_list()
    assert reached == pytest.approx(main_scores(LABELS, GOOD, kind))
    assert table.filter(split="test")["value"].null_count() == 8
