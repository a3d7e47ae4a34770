from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from tests.conftest import KINDS, WORDS, dataset_of, planted, table_config

from motifloom.genome import decode, encode
from motifloom.jaspar import KnownMotif
from motifloom.motifs.learn import (
    MIN_NEGATIVES,
    choose_sequences,
    filter_motifs,
    importances,
    motif_table,
    shuffles_of,
)
from motifloom.motifs.matching import equivalents, match, read_database
from motifloom.training.fit import fit
from motifloom.training.module import SequenceModule


@pytest.fixture(scope="module")
def learned(toy, toy_config, tmp_path_factory):
    """A network trained on a planted CTCF, its motifs, and how much each matters."""
    module, _ = fit(toy_config, "toy", "cnn", 0, toy, tmp_path_factory.mktemp("learned") / "checkpoints")
    motifs = filter_motifs(module, toy, 0, np.random.default_rng(0))
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


# -------------------------------------------------------------------------------------------------- every kind of label


@pytest.fixture(scope="module", params=KINDS)
def of_kind(request, tmp_path_factory):
    """A network trained on two planted words, and its dataset."""
    dataset = planted(request.param)
    config = table_config(request.param, dataset.tasks, seed=2)
    folder = tmp_path_factory.mktemp(request.param)
    return fit(config, "planted", "cnn", 0, dataset, folder / "checkpoints")[0], dataset


def test_planted_words_are_found_whatever_the_kind(of_kind):
    """The most important motif is one of the words, and each word is a motif that matters."""
    module, dataset = of_kind
    motifs = filter_motifs(module, dataset, 0, np.random.default_rng(0))
    database = [KnownMotif(word, word, np.eye(4)[encode(word)]) for word in WORDS] + read_database("jaspar-fungi")
    families = equivalents(motifs, database, 0)
    importance = importances(module, dataset, {n: [o.unit for o in alike] for n, alike in families.items()})
    named = {name: found.known.name for name, found in match(motifs, database, 0).items() if found.q_value < 0.05}
    assert named[max(motifs, key=lambda motif: importance[motif.name]).name] in WORDS
    for word in WORDS:
        mine = [motif for motif in motifs if named.get(motif.name) == word]
        assert max(importance[motif.name] for motif in mine) > 0.02
        assert max(motif.sites for motif in mine) > 40


def test_motifs_follow_from_the_seed(of_kind):
    module, dataset = of_kind
    one, same = (filter_motifs(module, dataset, 0, np.random.default_rng(3)) for _ in range(2))
    assert all((a.ppm == b.ppm).all() for a, b in zip(one, same, strict=True))


def test_without_any_filter_every_kind_is_left_to_chance(of_kind):
    """Nearly: a word is 2 bp longer than what it stands in place of, so a sequence's length tells a little."""
    module, dataset = of_kind
    drops = importances(module, dataset, {"none": [], "all": list(range(16))})
    assert drops["none"] == 0
    assert drops["all"] > (0.7 if module.kind == "regression" else 0.4)


def module_of(kind: str, tasks: int, **changes) -> SequenceModule:
    network = {"architecture": "cnn", "filters": 2, "kernel_size": 3, "pool_size": 5, "hidden": 2}
    names = [f"task {task}" for task in range(tasks)]
    return SequenceModule(network, {}, kind, names, 9, both_strands=True, **changes)


def test_negatives_are_negative_for_every_task():
    few = [[1, 0], [0, 1], [np.nan, 1], [np.nan, 0], [0, np.nan], [np.nan, np.nan]]
    labels = np.array([*few, *[[0, 0]] * MIN_NEGATIVES], dtype=np.float32)
    sites, negative = choose_sequences(module_of("binary", 2), labels)
    assert sites.tolist() == [True] * 3 + [False] * (3 + MIN_NEGATIVES)
    assert negative.tolist() == [False] * 6 + [True] * MIN_NEGATIVES


def test_with_few_negatives_all_sequences_are_held_against_their_shuffles():
    labels = np.array([[1, 0]] * 5 + [[0, 0]] * (MIN_NEGATIVES - 1), dtype=np.float32)
    sites, negative = choose_sequences(module_of("binary", 2), labels)
    assert sites.all()
    assert negative is None


def test_every_class_may_have_sites():
    sites, negative = choose_sequences(module_of("multiclass", 3), np.eye(3, dtype=np.float32)[[0, 2] * 40])
    assert sites.all()
    assert negative is None


def test_sites_of_a_regression_are_looked_for_in_the_upper_half():
    """In units of each task's own spread, and whatever is missing."""
    nan = np.nan
    labels = np.array([[0, 3], [900, -3], [nan, 2], [-300, nan], [nan, nan], [300, 0], [nan, -1]], dtype=np.float32)
    module = module_of("regression", 2, centre=[0.0, 0.0], spread=[300.0, 1.0])
    sites, negative = choose_sequences(module, labels)  # 1.5, 0, 2, -1, none, 0.5, -1
    assert sites.tolist() == [True, False, True, False, False, True, False]
    assert negative is None


@pytest.mark.parametrize(("number", "half"), [(8, 4), (7, 4), (1, 1)])
def test_half_of_equal_values_is_half(number, half):
    sites, _ = choose_sequences(module_of("regression", 1), np.zeros((number, 1), dtype=np.float32))
    assert sites.sum() == half


def test_shuffles_keep_the_dinucleotides_and_the_padding():
    random = np.random.default_rng(0)
    sequences = ["".join(random.choice(list("ACGT"), length)) for length in (31, 60, 44, 3)] + ["NN"]
    dataset = dataset_of(sequences, ["test"] * 5, {"y": [0] * 5})
    rows = dataset.rows("test")
    (codes,), (again,) = (list(shuffles_of(dataset, rows, np.random.default_rng(1))) for _ in range(2))
    assert (codes == again).all()
    before = dataset.codes(rows)
    assert ((codes == 4) == (before == 4)).all()
    for old, new in zip(before, codes, strict=True):
        pairs = [Counter(zip(decode(c), decode(c)[1:], strict=False)) for c in (old, new)]
        assert pairs[0] == pairs[1]
    assert [(old != new).any() for old, new in zip(before, codes, strict=True)] == [True, True, True, False, False]
