"""The penalised linear models: their optimum, known answers, planted words."""

from __future__ import annotations

import numpy as np
import pytest
from tests.conftest import KINDS, planted

from motifloom.config import KmerLogistic as Spec
from motifloom.evaluation.selection import choose, mean_main_score
from motifloom.genome import reverse_complement
from motifloom.models.candidates import Examples
from motifloom.models.features import kmer_counts, positions
from motifloom.models.kmer_logistic import candidates

SIZES = {"train": 61, "validation": 23, "test": 11}
LENGTH, TASKS = 30, 3
PENALTY = 0.05


def drawn(kind: str) -> Examples:
    """Sequences of one length; three labels of ten are missing where they may be."""
    random = np.random.default_rng(0)
    codes = {split: random.integers(0, 5, (n, LENGTH)).astype(np.uint8) for split, n in SIZES.items()}
    labels = {}
    for split, n in SIZES.items():
        if kind == "multiclass":
            values = np.eye(TASKS)[random.integers(TASKS, size=n)]
        else:
            drawn = random.normal([50, -0.2, 0], [3, 0.03, 1], (n, TASKS)) if kind == "regression" else None
            values = drawn if drawn is not None else random.integers(0, 2, (n, TASKS)).astype(float)
            values = np.where(random.random((n, TASKS)) < 0.3, np.nan, values)
        labels[split] = values.astype(np.float32)
    return Examples(codes, labels, kind, aligned=True, canonical=True)


def design(codes: np.ndarray, features: str) -> np.ndarray:
    return np.sqrt((kmer_counts(codes, [2, 3], True) if features == "spectrum" else positions(codes)).toarray())


def fitted(examples: Examples, features: str) -> dict[str, np.ndarray]:
    (one,) = candidates(Spec(kmers=[2, 3], features=features, penalties=[PENALTY]), examples)
    assert (one.variant, one.parameter, one.setting) == (features, "penalty", PENALTY)
    return one.scores


@pytest.mark.parametrize("features", ["spectrum", "positions"])
def test_ridge_regression_has_its_closed_form(features):
    """Of centred inputs and values: (XᵀX + n · penalty)⁻¹ Xᵀy."""
    examples = drawn("regression")
    scores = fitted(examples, features)
    train = design(examples.codes["train"], features)
    for task, values in enumerate(examples.labels["train"].T.astype(float)):
        known = ~np.isnan(values)
        x, y = train[known] - train[known].mean(axis=0), values[known] - values[known].mean()
        weights = np.linalg.solve(x.T @ x + PENALTY * len(y) * np.eye(x.shape[1]), x.T @ y)
        for split, found in scores.items():
            inputs = design(examples.codes[split], features) - train[known].mean(axis=0)
            assert found[:, task] == pytest.approx(inputs @ weights + values[known].mean(), rel=1e-4)


@pytest.mark.parametrize("features", ["spectrum", "positions"])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_objective_cannot_be_lowered(kind, features):
    """At the optimum the gradients of loss and penalty cancel: the scores are those of weights −Xᵀr / (n · penalty)."""
    examples = drawn(kind)
    scores = fitted(examples, features)
    logits = []
    for task in range(TASKS):
        labels = examples.labels["train"][:, task].astype(float)
        known = ~np.isnan(labels)
        x = design(examples.codes["train"], features)[known]
        residual = scores["train"][known, task] - labels[known]
        assert residual.mean() == pytest.approx(0, abs=1e-3)
        weights = -x.T @ residual / (PENALTY * known.sum())
        logits.append(design(examples.codes["test"], features) @ weights)
    expected = np.stack(logits, axis=1)
    found = np.log(scores["test"])
    if kind == "binary":
        found -= np.log(1 - scores["test"])
    else:
        assert all(values.sum(axis=1) == pytest.approx(np.ones(len(values))) for values in scores.values())
        found, expected = (values[:, 1:] - values[:, :1] for values in (found, expected))
    assert found - found.mean(axis=0) == pytest.approx(expected - expected.mean(axis=0), abs=0.02)


def test_less_penalty_fits_train_better():
    examples = drawn("binary")
    spec = Spec(kmers=[3], features="spectrum", penalties=[1e-4, 10.0, 0.1])
    tried = candidates(spec, examples)
    assert [one.setting for one in tried] == [10, 0.1, 1e-4]
    reached = [mean_main_score(examples.labels["train"], one.scores["train"], "binary") for one in tried]
    assert reached == sorted(reached)
    assert reached[-1] == 1


def test_both_strands_have_one_score_to_the_last_bit():
    examples = drawn("binary")
    turned = Examples(
        {**examples.codes, "test": reverse_complement(examples.codes["test"])}, examples.labels, "binary", True, True
    )
    spec = Spec(kmers=[3, 4], features="spectrum", penalties=[0.01])
    (one,), (other,) = candidates(spec, examples), candidates(spec, turned)
    assert (one.scores["test"] == other.scores["test"]).all()
    (forward,) = candidates(spec, Examples(turned.codes, turned.labels, "binary", True, canonical=False))
    assert (forward.scores["test"] != one.scores["test"]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_planted_words_are_learned_and_chance_is_not(kind):
    dataset = planted(kind, number=600)
    rows = {split: dataset.rows(split) for split in SIZES}
    examples = Examples.of(dataset, kind, True, rows)
    assert not examples.aligned
    for shuffled in (False, True):
        labels = dict(examples.labels)
        if shuffled:
            labels["train"] = np.random.default_rng(5).permutation(labels["train"])
        tried = candidates(Spec(), Examples(examples.codes, labels, kind, False, True))
        best = tried[choose(labels["validation"], [one.scores["validation"] for one in tried], kind)]
        reached = mean_main_score(labels["test"], best.scores["test"], kind)
        assert abs(reached - (0 if kind == "regression" else 0.5)) < 0.25 if shuffled else reached > 0.9


def test_a_word_at_one_place_needs_positions():
    random = np.random.default_rng(1)
    labels = {split: random.integers(0, 2, (10 * n, 1)).astype(np.float32) for split, n in SIZES.items()}
    codes = {}
    for split, values in labels.items():
        drawn_codes = random.integers(0, 4, (len(values), 20)).astype(np.uint8)
        place = np.where(values[:, 0] == 1, 4, 12)  # the same word here or there
        for offset, base in enumerate((0, 1, 2, 0)):
            drawn_codes[np.arange(len(values)), place + offset] = base
        codes[split] = drawn_codes
    tried = candidates(Spec(), Examples(codes, labels, "binary", True, True))
    best = tried[choose(labels["validation"], [one.scores["validation"] for one in tried], "binary")]
    assert best.variant == "positions"
    assert mean_main_score(labels["test"], best.scores["test"], "binary") > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_a_label_that_no_training_example_has_is_never_predicted(kind):
    """A small part of a dataset may have lost it, or all labels of a task."""
    examples = drawn(kind)
    labels = examples.labels["train"]
    if kind == "multiclass":
        labels[labels[:, 1] == 1] = [0, 0, 1]
    else:
        labels[:, 1] = np.nan
        labels[labels[:, 2] == 1, 2] = 0
    scores = fitted(examples, "spectrum")
    for split, number in SIZES.items():
        assert scores[split].shape == (number, TASKS)
        assert (scores[split][:, 1] == 0).all()
        assert np.ptp(scores[split][:, 0]) > 0
    if kind == "multiclass":
        assert scores["test"].sum(axis=1) == pytest.approx(1)
    if kind == "binary":
        assert (scores["test"][:, 2] == 0).all()
