"""What is made of a metric on resamples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from motifloom.evaluation.metrics import Floats

DEFINED = 0.95
"""On this share of the resamples, at least, a metric must be defined: few examples, or labels that hardly differ, leave
it without a value on some."""


def defined(values: Floats) -> Floats:
    """Return what a metric is on those resamples on which it is defined; of too few, nothing."""
    there = values[~np.isnan(values)]
    return there if len(there) >= DEFINED * len(values) else values[:0]
