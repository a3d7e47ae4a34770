import numpy as np
import pytest

from motifloom.evaluation.selection import aurocs, choose_neighbours, sweep_table

LABELS = np.array([[1, 0], [1, 1], [0, 1], [0, 0], [0, 1.0]])
GOOD = np.array([[0.9, 0.1], [0.8, 0.7], [0.2, 0.8], [0.1, 0.2], [0.3, 0.9]])
BAD = 1 - GOOD


def test_aurocs_by_task():
    np.testing.assert_array_equal(aurocs(LABELS.astype(np.float32), GOOD), [1, 1])
    mixed = np.column_stack([GOOD[:, 0], BAD[:, 1]])
    np.testing.assert_array_equal(aurocs(LABELS, mixed), [1, 0])


def test_the_best_mean_is_chosen_and_of_equals_the_greatest():
    assert choose_neighbours(LABELS, {1: BAD, 3: GOOD, 29: BAD}) == 3
    assert choose_neighbours(LABELS, {29: GOOD, 1: GOOD, 3: GOOD}) == 29
    one_each = np.column_stack([GOOD[:, 0], BAD[:, 1]])
    assert choose_neighbours(LABELS, {1: GOOD, 29: one_each}) == 1


def test_undefined_tasks_do_not_count():
    labels = np.column_stack([np.ones(5), LABELS[:, 1]])
    assert choose_neighbours(labels, {1: GOOD, 3: BAD}) == 1
    assert choose_neighbours(np.ones((5, 2)), {1: GOOD, 3: BAD}) == 3


def test_nothing_to_choose_from():
    with pytest.raises(ValueError, match="empty"):
        choose_neighbours(LABELS, {})


def test_sweep_table():
    labels = {"train": LABELS[:4], "validation": LABELS, "test": np.ones((3, 2))}
    scores = {split: {3: GOOD[: len(y)], 1: BAD[: len(y)], 29: BAD[: len(y)]} for split, y in labels.items()}
    table = sweep_table(["bound", "open"], labels, scores)
    assert table.columns == ["neighbours", "split", "task", "auroc", "chosen"]
    assert len(table) == 3 * 3 * 2
    assert table["neighbours"].unique(maintain_order=True).to_list() == [1, 3, 29]
    assert table.filter("chosen")["neighbours"].unique().to_list() == [3]
    assert table.filter(neighbours=3, split="validation")["auroc"].to_list() == [1.0, 1.0]
    assert table.filter(split="test")["auroc"].null_count() == 6
