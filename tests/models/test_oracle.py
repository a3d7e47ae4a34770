from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from motifloom.data.simulate import base_frequencies
from motifloom.models.oracle import gc_distributions, log_likelihood_ratio, posterior

BACKGROUND = base_frequencies(0.3)
WINDOW, JITTER = 6, 1


def ppms() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.dirichlet(np.ones(4), size=width) for width in (2, 3)]


def brute_force_positive(window: tuple[int, ...]) -> float:
    """Sum over motif, place and strand the probability of every base of a window."""
    total, ways = 0.0, 0
    for ppm in ppms():
        for shift in range(-JITTER, JITTER + 1):
            start = WINDOW // 2 + shift - len(ppm) // 2
            for minus in (False, True):
                ways += 1
                likelihood = 1.0
                for place, base in enumerate(window):
                    inside = place - start
                    if 0 <= inside < len(ppm):
                        likelihood *= ppm[len(ppm) - 1 - inside][3 - base] if minus else ppm[inside][base]
                    else:
                        likelihood *= BACKGROUND[base]
                total += likelihood
    return total / ways


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    """Every window of 6 bp there is."""
    return np.array(list(product(range(4), repeat=WINDOW)), dtype=np.uint8)


def test_the_likelihood_ratio_agrees_with_enumeration(windows):
    some = windows[::37]
    ratio = np.exp(log_likelihood_ratio(some, ppms(), BACKGROUND, JITTER))
    expected = [brute_force_positive(tuple(w)) / BACKGROUND[w].prod() for w in some]
    assert ratio == pytest.approx(expected, rel=1e-9)


def test_the_positive_windows_of_a_length_have_probability_one(windows):
    ratio = np.exp(log_likelihood_ratio(windows, ppms(), BACKGROUND, JITTER))
    assert (ratio * BACKGROUND[windows].prod(axis=1)).sum() == pytest.approx(1)


def test_the_gc_distributions_agree_with_enumeration(windows):
    of_background, of_positives = gc_distributions(WINDOW, ppms(), BACKGROUND)
    count = np.isin(windows, (1, 2)).sum(axis=1)
    background = BACKGROUND[windows].prod(axis=1)
    positive = background * np.exp(log_likelihood_ratio(windows, ppms(), BACKGROUND, JITTER))
    assert of_background == pytest.approx(np.bincount(count, background))
    assert of_background == pytest.approx(binom.pmf(np.arange(WINDOW + 1), WINDOW, 0.3))
    assert of_positives == pytest.approx(np.bincount(count, positive))


def test_the_oracle_is_calibrated_and_beats_its_parts(toy, toy_config):
    """Over the simulated examples the posterior means what it says: its mean is the share of positives."""
    rows = toy.rows("train", "validation", "test")
    labels = toy.labels(rows)[:, 0]
    codes = toy.codes(rows)
    scores = posterior(codes, toy_config.datasets["toy"])
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores.mean() == pytest.approx(labels.mean(), abs=0.03)
    gc = np.isin(codes, (1, 2)).mean(axis=1)
    assert roc_auc_score(labels, scores) > 0.97
    assert roc_auc_score(labels, gc) < 0.6


def test_random_negatives_need_no_correction_for_gc(toy, toy_config):
    section = toy_config.datasets["toy"]
    codes = toy.codes(toy.rows("test"))
    matched = posterior(codes, section)
    random = posterior(codes, section.model_copy(update={"negatives": "random"}))
    assert (matched != random).any()
