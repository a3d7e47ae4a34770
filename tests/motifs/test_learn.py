from __future__ import annotations

import numpy as np
import pytest

from motifloom.motifs.learn import filter_motifs, importances, motif_table
from motifloom.motifs.matching import equivalents, match, read_database
from motifloom.training.fit import fit


@pytest.fixture(scope="module")
def learned(toy, toy_config, tmp_path_factory):
    """A network trained on a planted CTCF, its motifs, and how much each matters."""
    module, _ = fit(toy_config, "toy", "cnn", 0, toy, tmp_path_factory.mktemp("learned") / "checkpoints")
    motifs = filter_motifs(module, toy, 0)
    families = equivalents(motifs, read_database("jaspar-vertebrates"), 0)
    groups = {name: [other.unit for other in alike] for name, alike in families.items()}
    return module, motifs, families, importances(module, toy, groups)


def test_the_planted_motif_is_the_most_important_one_and_has_its_name(learned):
    _, motifs, _, importance = learned
    best = max(motifs, key=lambda motif: importance[motif.name])
    found = match(motifs, read_database("jaspar-vertebrates"), 0)[best.name]
    assert found.known.name == "CTCF"
    assert found.q_value < 0.05
    assert importance[best.name] > 0.05


def test_there_is_one_motif_a_filter(learned):
    _, motifs, _, _ = learned
    assert [motif.name for motif in motifs] == [f"r0-filter{unit}" for unit in range(16)]
    assert all(motif.ppm.shape[1] == 4 and 1 <= len(motif.ppm) <= 15 for motif in motifs)


def test_ablating_nothing_costs_nothing_and_all_filters_cost_most(learned, toy):
    module = learned[0]
    drops = importances(module, toy, {"none": [], "all": list(range(16)), "first": [0]})
    assert drops["none"] == 0
    assert drops["all"] == max(drops.values()) > 0.2


def test_the_table_follows_the_order_given(learned):
    _, motifs, families, importance = learned
    table = motif_table(motifs[::-1], importance, {}, families, 1)
    assert table["motif"].to_list() == [motif.name for motif in motifs[::-1]]
    assert table["match"].is_null().all()
    assert np.allclose(table["importance"], [importance[motif.name] for motif in motifs[::-1]])
