"""Known motifs as the package that carries JASPAR gives them."""

from __future__ import annotations

import numpy as np
import pytest
from pyjaspar import jaspardb

from motifloom.errors import InputError
from motifloom.jaspar import RELEASE, fetch, fetch_taxon


def test_a_taxon_is_what_pyjaspar_itself_fetches():
    database = jaspardb(release=RELEASE)
    expected = {motif.matrix_id: motif for motif in database.fetch_motifs(collection="CORE", tax_group=["nematodes"])}
    database.conn.close()
    found = fetch_taxon("nematodes")
    assert [motif.identifier for motif in found] == sorted(expected)
    for motif in found:
        assert motif.name == expected[motif.identifier].name
        counts = np.array([expected[motif.identifier].counts[base] for base in "ACGT"])
        assert motif.ppm == pytest.approx((counts / counts.sum(axis=0)).T)


def test_matrices_come_in_the_order_asked_for_and_absent_ones_are_told_at_once():
    assert [motif.name for motif in fetch(["MA0138.3", "MA0139.2"])] == ["REST", "CTCF"]
    with pytest.raises(InputError) as caught:
        fetch(["MA0139.2", "MA0139.99", "CTCF.1"])
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        f"'{name}' is no matrix of {RELEASE}" for name in ("MA0139.99", "CTCF.1")
    ]
