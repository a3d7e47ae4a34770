"""How far attributions are from adding up to what they share out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

GREAT_DELTA = 0.01
"""A greater relative delta is told of."""


def relative_delta(attributions: pl.DataFrame) -> float | None:
    """Return the greatest convergence delta as a share of the mean difference between outputs and references.

    Parameters
    ----------
    attributions
        The columns ``output``, ``reference`` and ``delta`` of ``attributions.parquet``.

    Returns
    -------
    At least 0; None where the method has no delta, or nothing differs.
    """
    known = attributions.drop_nulls("delta").select("output", "reference", "delta").to_numpy()
    difference = np.abs(known[:, 0] - known[:, 1]).mean() if len(known) else 0.0
    return float(known[:, 2].max() / difference) if difference else None
