"""One seed decides everything.

Every random choice has a generator of its own, derived from the run's seed and from the names of what it is for. So no
choice depends on the order of the jobs, on the number of cores, or on whether another model was added.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(seed: int, *names: str | int) -> int:
    """Return the seed of the purpose called `names`, 0 to 2³² − 1.

    >>> derive_seed(0, "reb1", "cnn", 0) == derive_seed(0, "reb1", "cnn", 1)
    False
    """
    text = "\x1f".join([str(seed), *(str(name) for name in names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return numpy's generator for the purpose called `names`."""
    return np.random.default_rng(derive_seed(seed, *names))
