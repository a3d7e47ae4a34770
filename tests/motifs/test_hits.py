"""Sites as BED, where their sequences lie in a genome and where they lie in none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl

from motifloom.motifs.hits import hits
from motifloom.motifs.motif import Motif


def test_places_are_the_genomes_but_of_shuffles() -> None:
    """A shuffle has the place of what it is a shuffle of, but none of its bases there."""
    examples = pl.DataFrame({
        "id": ["plus", "minus", "plus:shuffle1", "nowhere"],
        "chrom": ["chr1", "chr1", "chr1", None],
        "start": [100, 300, 100, None],
        "end": [140, 340, 140, None],
        "strand": ["+", "-", "+", None],
    })  # fmt: skip
    table = pl.DataFrame({"parent": [None, None, "plus", None]}, schema={"parent": pl.String})
    dataset: Any = SimpleNamespace(examples=examples, sequences=SimpleNamespace(table=table))
    sites = SimpleNamespace(
        row=np.array([0, 1, 2, 3]), unit=np.zeros(4, dtype=int), score=np.arange(4.0), minus=np.array([0, 0, 1, 0]) > 0
    )
    scan: Any = SimpleNamespace(
        sites=sites,
        rows=np.arange(4),
        lengths=np.full(4, 40),
        extent=lambda sites: (np.full(len(sites.row), 5), np.full(len(sites.row), 12)),
    )
    motif = Motif("m", 0, 0, np.full((7, 4), 0.25), 50, dead=False)
    assert hits([motif], scan, dataset).select("chrom", "start", "end", "strand", "id").rows() == [
        ("chr1", 105, 112, "+", "plus"),
        ("chr1", 328, 335, "-", "minus"),
        ("plus:shuffle1", 5, 12, "-", "plus:shuffle1"),
        ("nowhere", 5, 12, "+", "nowhere"),
    ]
