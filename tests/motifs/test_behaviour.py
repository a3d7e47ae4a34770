from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from motifloom.motifs.behaviour import ratio_interval, share_interval


@pytest.mark.parametrize(("count", "number"), [(0, 7), (3, 7), (7, 7), (120, 400)])
def test_a_share_has_wilsons_interval(count, number):
    share, low, high = share_interval(count, number, 0.9)
    expected = binomtest(count, number).proportion_ci(0.9, method="wilson")
    assert share == count / number
    assert (low, high) == (pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high, abs=1e-12))


def test_a_ratio_lies_within_its_interval_as_often_as_is_said():
    """Coverage of the ratio of shares of 0.3 and 0.1, from the exact distribution of both counts."""
    covered = 0.0
    for count in range(41):
        for other in range(121):
            _, low, high = ratio_interval(count, 40, other, 120, 0.95)
            covered += binom.pmf(count, 40, 0.3) * binom.pmf(other, 120, 0.1) * (low <= 3 <= high)
    assert 0.93 < covered < 0.98


def test_a_ratio_without_any_site_is_finite():
    ratio, low, high = ratio_interval(0, 40, 0, 120, 0.95)
    assert 0 < low < ratio < high < np.inf
