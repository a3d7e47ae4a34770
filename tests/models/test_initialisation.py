"""Filters that begin as enriched motifs: planted motifs are found, and each step agrees with a naive one."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats
from tests.conftest import dataset_of
from torch.nn.utils import parameters_to_vector

from motifloom import config
from motifloom.genome import PADDING, UNKNOWN, decode, encode, reverse_complement
from motifloom.models import initialisation
from motifloom.models.initialisation import (
    FLANK,
    MOST_EXPECTED,
    aligned_counts,
    best_places,
    centred,
    enriched_motifs,
    erased,
    initialise,
    kmer_matrix,
    log_odds,
    most_enriched,
    scan,
    seed_filters,
    shuffles,
)
from motifloom.models.kmers import kmer_columns
from motifloom.models.networks import build

WIDTH = 13
WORDS = ("TTACCGATAAC", "GGCAATTTGC")


def plant(words, copies, *, mutated=0.1, length=47, seed=0):
    """Return random sequences; row i holds word j where ``copies[i, j]``, on a random strand, a share of it mutated."""
    random = np.random.default_rng(seed)
    codes = random.integers(4, size=(len(copies), length)).astype(np.uint8)
    for row, has in zip(codes, copies, strict=True):
        first = int(random.integers(3))
        for word in np.flatnonzero(has):
            bases = encode(words[word])
            changed = random.random(len(bases)) < mutated
            bases = np.where(changed, random.integers(4, size=len(bases)), bases).astype(np.uint8)
            row[first : first + len(bases)] = bases if random.random() < 0.5 else reverse_complement(bases)
            first += len(bases) + int(random.integers(12))
    return codes


def consensus(matrix):
    """Return the preferred base of each clear column."""
    clear = matrix.max(axis=0) > matrix.max() / 2
    return "".join(
        "ACGT"[base] if is_clear else "." for base, is_clear in zip(matrix.argmax(axis=0), clear, strict=True)
    )


def holds(matrix, word):
    """Return whether the columns read `word` on one strand, perhaps without its outermost bases."""
    text = consensus(matrix)
    return any(decode(strand)[1:-1] in text for strand in (encode(word), reverse_complement(encode(word))))


def network_of(filters=12, tasks=1, batch_norm=True):
    torch.manual_seed(0)
    settings = {"architecture": "cnn", "filters": filters, "kernel_size": WIDTH, "hidden": 5, "batch_norm": batch_norm}
    return build(TypeAdapter(config.Model).validate_python(settings), tasks, 47)


def weights_of(network):
    return network.first_layer.get_parameter("0.weight").detach().numpy().copy()


def test_a_planted_motif_is_found_and_nothing_else():
    positive = np.arange(300) % 2 == 0
    motifs, _ = enriched_motifs(plant(WORDS, positive[:, None]), positive, ~positive, WIDTH, 6, both_strands=True)
    assert len(motifs) == 1
    assert motifs[0].shape == (4, WIDTH)
    assert holds(motifs[0], WORDS[0])


def test_the_shares_of_a_motif_are_those_it_was_planted_with():
    positive = np.arange(2000) % 2 == 0
    (motif,), _ = enriched_motifs(
        plant(WORDS, positive[:, None], mutated=0.2), positive, ~positive, len(WORDS[0]), 6, both_strands=True
    )
    shares = np.exp(motif) / 4
    assert np.median(shares.max(axis=0)) == pytest.approx(0.8 + 0.2 / 4, abs=0.05)


def test_motifs_of_different_sequences_are_all_found():
    kind = np.arange(600) % 4  # the first word, the second one, none, none
    copies = np.stack([kind == 0, kind == 1], axis=1)
    motifs, _ = enriched_motifs(plant(WORDS, copies), kind < 2, kind >= 2, WIDTH, 6, both_strands=True)
    assert all(any(holds(motif, word) for motif in motifs[:2]) for word in WORDS)


def test_without_a_difference_nothing_is_found():
    random = np.random.default_rng(1)
    codes = random.integers(4, size=(400, 47)).astype(np.uint8)
    assert enriched_motifs(codes, np.arange(400) < 170, np.arange(400) >= 170, WIDTH, 6, both_strands=True)[0] == []
    network = network_of()
    before = weights_of(network)
    assert (
        seed_filters(
            network, codes, np.ones((400, 1), dtype=np.float32), both_strands=True, random=np.random.default_rng(9)
        )
        == 0
    )
    assert (weights_of(network) == before).all()


def test_a_motif_becomes_a_filter_for_each_strand():
    labels = (np.arange(300) % 2 == 0).astype(np.float32)[:, None]
    codes = plant(WORDS, labels == 1)
    network = network_of()
    before = weights_of(network)
    assert seed_filters(network, codes, labels, both_strands=True, random=np.random.default_rng(9)) == 1
    after = weights_of(network)
    assert holds(after[0], WORDS[0])
    assert (after[1] == after[0, ::-1, ::-1]).all()
    assert (after[2:] == before[2:]).all()
    assert np.linalg.norm(after[0]) == pytest.approx(np.linalg.norm(before, axis=(1, 2)).mean(), rel=1e-5)


def test_of_sequences_with_a_direction_one_strand_is_read():
    labels = (np.arange(300) % 2 == 0).astype(np.float32)[:, None]
    codes = np.random.default_rng(8).integers(4, size=(300, 47)).astype(np.uint8)
    codes[labels[:, 0] == 1, 9 : 9 + len(WORDS[0])] = encode(WORDS[0])
    codes[labels[:, 0] == 0, 20 : 20 + len(WORDS[0])] = reverse_complement(encode(WORDS[0]))
    (motif,), _ = enriched_motifs(codes, labels[:, 0] == 1, labels[:, 0] == 0, WIDTH, 6, both_strands=False)
    assert WORDS[0][1:-1] in consensus(motif)
    assert enriched_motifs(codes, labels[:, 0] == 1, labels[:, 0] == 0, WIDTH, 6, both_strands=True)[0] == []
    network = network_of()
    before = weights_of(network)
    assert seed_filters(network, codes, labels, both_strands=False, random=np.random.default_rng(9)) == 2
    forward, backward, *others = weights_of(network)
    assert WORDS[0][1:-1] in consensus(forward)
    assert decode(reverse_complement(encode(WORDS[0])))[1:-1] in consensus(backward)
    assert (np.stack(others) == before[2:]).all()


def test_motifs_that_both_labels_have_alike_are_found_against_shuffles():
    """As where the order of two motifs, or how far apart they are, tells the labels."""
    copies = np.ones((300, 2), dtype=bool)
    codes = plant(WORDS, copies)
    labels = (np.arange(300) % 2 == 0).astype(np.float32)[:, None]
    assert enriched_motifs(codes, labels[:, 0] == 1, labels[:, 0] == 0, WIDTH, 6, both_strands=True)[0] == []
    network = network_of()
    assert seed_filters(network, codes, labels, both_strands=True, random=np.random.default_rng(9)) == 2
    filters = weights_of(network)
    assert all(any(holds(filters[strand], word) for strand in (0, 2)) for word in WORDS)


def test_what_is_left_has_none_of_the_motifs_and_is_else_unchanged():
    positive = np.arange(300) % 2 == 0
    codes = plant(WORDS, positive[:, None], mutated=0.0)
    _, rest = enriched_motifs(codes, positive, ~positive, WIDTH, 6, both_strands=True)
    texts = [decode(row) for row in rest]
    strands = WORDS[0], decode(reverse_complement(encode(WORDS[0])))
    assert not any(strand in text for strand in strands for text in texts)
    same = rest == codes
    assert (rest[~same] == UNKNOWN).all()
    assert same[~positive].mean() > 0.95
    assert not same[positive].all(axis=1).any()


def test_shuffles_keep_dinucleotides_and_what_is_beyond_the_ends():
    random = np.random.default_rng(11)
    codes = random.integers(5, size=(9, 40)).astype(np.uint8)
    codes[:, 31:] = PADDING
    codes[3] = PADDING
    turned = shuffles(codes, random)
    assert (turned[:, 31:] == PADDING).all()
    assert (turned[3] == PADDING).all()
    for one, other in zip(codes, turned, strict=True):
        assert Counter(pairwise(one)) == Counter(pairwise(other))
    assert (turned[:, :31] != codes[:, :31]).mean() > 0.5


@pytest.mark.parametrize("both_strands", [True, False])
def test_sites_are_erased_where_the_motif_has_information(both_strands):
    random = np.random.default_rng(10)
    codes = random.integers(5, size=(14, 33)).astype(np.uint8)
    motif = random.normal(size=(4, 7))
    motif[:, [0, 4]] *= 0.01
    columns = np.ptp(motif, axis=0) > 1
    assert 1 < columns.sum() < 7
    padded = np.vstack([motif, np.zeros(7)])
    expected = codes.copy()
    for row, left in zip(codes, expected, strict=True):
        for first in range(33 - 7 + 1):
            site, place = row[first : first + 7], left[first : first + 7]
            if padded[site, range(7)].sum() > 2:
                place[columns] = UNKNOWN
            if both_strands and padded[reverse_complement(site), range(7)].sum() > 2:
                place[columns[::-1]] = UNKNOWN
    assert (expected != codes).any()
    sites = (scan(codes, motif, both_strands) > 2).numpy()
    assert (erased(codes, motif, sites) == expected).all()


def test_the_same_sequences_give_the_same_filters():
    labels = (np.arange(300) % 2 == 0).astype(np.float32)[:, None]
    codes = plant(WORDS, labels == 1)
    first, second = network_of(), network_of()
    seed_filters(first, codes, labels, both_strands=True, random=np.random.default_rng(9))
    seed_filters(second, codes, labels, both_strands=True, random=np.random.default_rng(9))
    assert (weights_of(first) == weights_of(second)).all()


def test_the_order_of_tasks_does_not_matter():
    copies = np.random.default_rng(2).random((700, 2)) < (0.5, 0.3)
    codes, labels = plant(WORDS, copies), copies.astype(np.float32)
    first, second = network_of(tasks=2), network_of(tasks=2)
    seed_filters(first, codes, labels, both_strands=True, random=np.random.default_rng(9))
    seed_filters(second, codes, labels[:, ::-1], both_strands=True, random=np.random.default_rng(9))
    assert (weights_of(first) == weights_of(second)).all()


def test_every_task_gives_its_motifs_and_a_missing_label_is_not_looked_at():
    random = np.random.default_rng(2)
    copies = random.random((700, 2)) < 0.5
    labels = copies.astype(np.float32)
    labels[random.random(labels.shape) < 0.2] = np.nan
    network = network_of(tasks=2)
    assert seed_filters(network, plant(WORDS, copies), labels, both_strands=True, random=np.random.default_rng(9)) == 2
    filters = weights_of(network)
    most, fewest = np.argsort(-np.nansum(labels, axis=0))
    assert holds(filters[0], WORDS[most])
    assert holds(filters[2], WORDS[fewest])


def test_of_values_those_above_the_median_are_positive():
    copies = np.arange(301)[:, None] % 2 == 0
    values = np.where(copies, 7.0, 6.5) + np.random.default_rng(3).normal(scale=0.1, size=copies.shape)
    network = network_of()
    assert (
        seed_filters(
            network, plant(WORDS, copies), values.astype(np.float32), both_strands=True, random=np.random.default_rng(9)
        )
        == 1
    )
    assert holds(weights_of(network)[0], WORDS[0])


@pytest.mark.parametrize("width", [5, 61])
def test_filters_narrower_than_a_kmer_and_wider_than_the_sequences_begin_with_motifs(width):
    positive = np.arange(300) % 2 == 0
    (motif, *_), _ = enriched_motifs(
        plant(("TATATATATATA",), positive[:, None]), positive, ~positive, width, 6, both_strands=True
    )
    assert motif.shape == (4, width)
    assert np.isfinite(motif).all()
    assert set(consensus(motif)) - {"."} <= set("AT")


def test_a_task_without_both_labels_is_passed_over():
    copies = np.arange(300)[:, None] % 2 == 0
    labels = np.concatenate([np.full((300, 1), np.nan), np.zeros((300, 1)), copies], axis=1).astype(np.float32)
    network = network_of(tasks=3)
    assert seed_filters(network, plant(WORDS, copies), labels, both_strands=True, random=np.random.default_rng(9)) == 1


def test_no_more_than_half_of_the_filters_are_replaced():
    random = np.random.default_rng(4)
    words = ["".join(random.choice(list("ACGT"), 9)) for _ in range(7)]
    kind = np.arange(1400) % 14
    labels = (kind < 7).astype(np.float32)[:, None]
    codes = plant(words, kind[:, None] == np.arange(7), mutated=0.0)
    network = network_of(filters=8)
    before = weights_of(network)
    assert seed_filters(network, codes, labels, both_strands=True, random=np.random.default_rng(9)) == 2
    assert (weights_of(network)[4:] == before[4:]).all()


def test_enrichment_is_fishers_exact_test():
    random = np.random.default_rng(5)
    positive = random.random(240) < 0.4
    present = random.random((240, 9)) < np.linspace(0.1, 0.9, 9)
    present[:, 4] = positive ^ (random.random(240) < 0.35)
    present[:, 6] = ~positive
    tables = [[[(c & g).sum(), (~c & g).sum()] for g in (positive, ~positive)] for c in present.T]
    p = [stats.fisher_exact(table, alternative="greater").pvalue for table in tables]
    assert most_enriched(present, positive) == np.argmin(p) == 4
    assert p[4] * 9 < 0.05 < min(np.delete(p, 4)) * 8
    assert most_enriched(np.delete(present, 4, axis=1), positive) is None
    assert most_enriched(present, np.ones(240, dtype=bool)) is None


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_no_kmer_is_clearer_than_the_one_that_is_taken(seed, kmers):
    random = np.random.default_rng(seed)
    positive = np.arange(73) < 29
    share = np.where(positive, *random.random((2, kmers, 1))).T
    present = random.random((73, kmers)) < share
    of_all, of_positive = present.sum(axis=0), present[positive].sum(axis=0)
    p = stats.hypergeom.sf(of_positive - 1, 73, 29, of_all)
    best = most_enriched(present, positive)
    assert (best is None) == (p.min() * kmers >= MOST_EXPECTED)
    assert best is None or p[best] == p.min()


def test_of_kmers_whose_p_is_too_small_for_a_number_the_most_frequent_is_taken():
    positive = np.arange(4000) < 2000
    present = np.stack([np.arange(4000) < number for number in (1700, 1900, 1800)], axis=1)
    assert most_enriched(present, positive) == 1


def test_the_best_place_is_that_of_a_naive_scan():
    random = np.random.default_rng(6)
    codes = random.integers(5, size=(17, 29)).astype(np.uint8)
    motif = random.normal(size=(4, 7))
    places, scores = best_places(scan(codes, motif, both_strands=True))
    padded = np.vstack([motif, np.zeros(7)])
    for row, place, score in zip(codes, places, scores, strict=True):
        strands = [row, reverse_complement(row)]
        naive = [padded[strand[first : first + 7], range(7)].sum() for strand in strands for first in range(29 - 7 + 1)]
        assert place == np.argmax(naive)
        assert score == pytest.approx(max(naive), rel=1e-4)


def test_sites_are_counted_as_they_read_on_their_strand():
    random = np.random.default_rng(7)
    codes = random.integers(5, size=(19, 31)).astype(np.uint8)
    places = random.integers(2 * (31 - 7 + 1), size=19)
    expected = np.zeros((4, 7 + 2 * FLANK))
    for row in range(19):
        strand, first = divmod(places[row], 31 - 7 + 1)
        bases = reverse_complement(codes[row]) if strand else codes[row]
        for column, place in enumerate(range(first - FLANK, first + 7 + FLANK)):
            if 0 <= place < 31 and bases[place] != UNKNOWN:
                expected[bases[place], column] += 1
    assert (aligned_counts(codes, places, 7) == expected).all()


def test_a_kmer_matrix_scores_its_kmer_alone_in_full():
    column = int(kmer_columns(5, canonical=True)[int("".join(str(base) for base in encode("GATTC")), 4)])
    matrix = kmer_matrix(5, column, 9, both_strands=True)
    assert matrix.shape == (4, 9)
    codes = np.stack([encode(text) for text in ("AAAGATTCAAAAAA", "AAAAAGAATCAAAA", "AAAGATACAAAAAA")])
    _, scores = best_places(scan(codes, matrix, both_strands=True))
    assert scores.tolist() == [5, 5, 3]


def test_the_most_informative_columns_are_kept():
    counts = np.full((4, 11), 5.0)
    counts[2, 6:9] += 100
    assert (centred(counts, 3) == counts[:, 6:9]).all()
    assert centred(counts, 5).shape == (4, 5)


def test_log_odds_are_of_shares_with_one_pseudocount():
    background = np.array([0.3, 0.2, 0.2, 0.3])
    matrix = log_odds(np.array([[8.0], [0.0], [1.0], [0.0]]), background)
    assert np.exp(matrix[:, 0]) * background == pytest.approx([0.83, 0.02, 0.12, 0.03])


def test_networks_begin_with_motifs_unless_told_otherwise():
    positive = np.arange(300) % 2 == 0
    codes = plant(WORDS, positive[:, None])
    split = np.where(np.arange(300) % 3 == 0, "test", "train")
    sequences = [decode(row) for row in codes]
    dataset = dataset_of(sequences, split, {"bound": positive.astype(float).tolist()})
    filters = {"architecture": "dilated_cnn", "kernel_size": WIDTH, "filters": 12}
    sections = (filters, {**filters, "initialise": "random"}, {"architecture": "bilstm", "hidden": 5})
    kmers, random, recurrent = (
        build(TypeAdapter(config.Model).validate_python(section), 1, 47) for section in sections
    )
    for network, changed in ((kmers, True), (random, False), (recurrent, False)):
        before = parameters_to_vector(network.parameters()).detach().clone()
        initialise(network, dataset, seed=3, both_strands=True)
        assert (parameters_to_vector(network.parameters()) != before).any() == changed
    assert holds(weights_of(kmers)[0], WORDS[0])
    train = split == "train"  # the test split is not looked at
    seed_filters(
        random,
        codes[train],
        positive[train].astype(np.float32)[:, None],
        both_strands=True,
        random=np.random.default_rng(9),
    )
    (one, other) = (weights_of(network)[0] / np.linalg.norm(weights_of(network)[0]) for network in (kmers, random))
    assert one == pytest.approx(other, abs=1e-6)


def test_of_many_sequences_the_seed_chooses_some(monkeypatch):
    monkeypatch.setattr(initialisation, "SEQUENCES", 150)
    positive = np.arange(300) % 2 == 0
    sequences = [decode(row) for row in plant(WORDS, positive[:, None])]
    dataset = dataset_of(sequences, ["train"] * 300, {"bound": positive.astype(float).tolist()})
    filters = []
    for seed in (1, 1, 2):
        network = network_of()
        initialise(network, dataset, seed, both_strands=True)
        filters.append(weights_of(network)[0])
    assert (filters[0] == filters[1]).all()
    assert (filters[0] != filters[2]).any()
    assert all(holds(matrix, WORDS[0]) for matrix in filters)
