from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.conftest import dataset_of

from motifloom import config
from motifloom.genome import decode, encode
from motifloom.models.cnn import Cnn
from motifloom.models.encoding import one_hot
from motifloom.motifs import filters
from motifloom.motifs.filters import (
    NOWHERE,
    BestSites,
    ablated,
    active_sites,
    batches_of,
    best_sites,
    count_bases,
    dead_filters,
    mean_activation,
)

if TYPE_CHECKING:
    from motifloom.data.dataset import Dataset

WORD, OTHER = "GATTC", "GAATC"
"""A word and its reverse complement."""


def held_out(sequences: list[str]) -> Dataset:
    """Return a dataset of sequences, labelled by whether they hold the word."""
    words = [int(WORD in s or OTHER in s) for s in sequences]
    return dataset_of(sequences, ["test"] * len(sequences), {"word": words})


def scan(network: Cnn, dataset: Dataset, both_strands: bool = True) -> BestSites:
    return best_sites(network, batches_of(dataset, dataset.rows("test")), len(dataset.examples), both_strands)


@pytest.fixture
def network() -> Cnn:
    """A network of 3 filters set by hand: the word, nothing at all, and the reverse complement of the word."""
    settings = config.Cnn(filters=3, kernel_size=5, pool_size=7, hidden=2, activation="relu")
    network = Cnn(settings, tasks=1, length=14).eval()
    with torch.no_grad():
        weight = torch.full((3, 4, 5), -1.0)
        for unit, word in ((0, WORD), (2, OTHER)):
            for place, base in enumerate(word):
                weight[unit, "ACGT".index(base), place] = 1.0
        network.first_layer[0].weight.copy_(weight)
    return network


@pytest.fixture
def positives() -> Dataset:
    # the word inside, its reverse complement, at the start, and with its first base cut off by the start
    return held_out(["AAAAGATTCAAAAA", "AAAAGAATCAAAAA", "GATTCAAAAAAAAA", "ATTCAAAAAAAAAA"])


@pytest.fixture
def negatives() -> Dataset:
    return held_out(["AAAAAAAAAAAAAA", "AAAAGAATAAAAAA", "CCCCCCCCCCNCCC"])


def test_the_best_site_is_found_on_either_strand(network, positives):
    sites = scan(network, positives)
    assert sites.activation[:, 0] == pytest.approx([5, 5, 5, 4], abs=1e-3)
    assert sites.position[:, 0].tolist() == [6, 14 - 1 - 6, 2, 1]
    assert sites.minus[:, 0].tolist() == [False, True, False, False]
    assert sites.minus[:, 2].tolist() == [True, False, True, True]


def test_only_sites_better_than_those_of_negatives_count(network, positives, negatives):
    of_positives = scan(network, positives)
    of_negatives = scan(network, negatives)
    assert of_negatives.activation[:, 0].max() == pytest.approx(3, abs=1e-3)
    active = active_sites(of_positives, of_negatives)
    assert active.T.tolist() == [[True] * 4, [False] * 4, [True] * 4]


def test_a_filter_that_is_never_active_is_dead(network, positives, negatives):
    scans = scan(network, positives), scan(network, negatives)
    assert dead_filters(*scans).tolist() == [False, True, False]


def test_aligned_sites_give_the_word_and_nothing_from_beyond_the_ends(network, positives):
    sites = scan(network, positives)
    counts = count_bases(positives, np.arange(4), sites, np.ones((4, 3), dtype=bool), 5)
    assert counts.shape == (3, 5, 4)
    assert decode(counts[0].argmax(axis=1).astype(np.uint8)) == WORD
    assert decode(counts[2].argmax(axis=1).astype(np.uint8)) == OTHER
    assert counts[0].max(axis=1).tolist() == [3, 4, 4, 4, 4]
    assert (counts.sum(axis=2)[0] == counts[0].max(axis=1)).all()


def test_a_site_lies_on_known_bases_for_the_half_of_it_at_least(network):
    """The filters that like nothing are most active where nothing is known: beyond the ends, or on N."""
    with torch.no_grad():
        network.first_layer[0].weight[1] = -1.0
        network.first_layer[1].bias.copy_(torch.tensor([1.0, 9.0, 1.0]))
    dataset = held_out(["NNNAAAAAACCNNN", "CCAAA", "AANNNNNNNNNNAA", "AC", "N"])
    sites = scan(network, dataset)
    padded = np.pad(dataset.codes(np.arange(2)), ((0, 0), (2, 2)), constant_values=4)
    for row, position, minus in zip(padded, sites.position[:2, 1], sites.minus[:2, 1], strict=True):
        strand = row[::-1] if minus else row
        assert (strand[position : position + 5] != 4).sum() == 3
    assert sites.activation[:2, 1] == pytest.approx([6, 6], abs=1e-3)  # 9 less the 3 known bases there must be
    assert (sites.activation[2:] == NOWHERE).all()


def test_sequences_without_a_place_for_a_site_count_for_nothing(network, positives, negatives):
    with torch.no_grad():
        network.first_layer[0].weight[1] = 0.0
        network.first_layer[1].bias[1] = 2.0
    nowhere = scan(network, held_out(["NNNNNNNNNNNNNN", "NNNNNNANNNNNNN"]))
    assert (nowhere.activation == NOWHERE).all()
    of_positives, of_negatives = scan(network, positives), scan(network, negatives)
    assert dead_filters(of_positives, of_negatives).tolist() == [False, True, False]  # the same everywhere
    assert dead_filters(of_positives, nowhere).tolist() == [False, True, False]
    assert dead_filters(nowhere).all()
    assert not active_sites(nowhere, of_negatives).any()
    assert active_sites(of_positives, nowhere).all()
    assert not active_sites(nowhere, nowhere).any()


def test_a_filter_that_is_inactive_has_no_site_whatever_the_background(network, positives):
    assert not active_sites(scan(network, positives), scan(network, held_out(["N" * 14])))[:, 1].any()


def test_batches_do_not_show(network, positives, monkeypatch):
    whole = scan(network, positives)
    counts = count_bases(positives, np.arange(4), whole, np.ones((4, 3), dtype=bool), 5)
    monkeypatch.setattr(filters, "BATCH", 3)
    parts = scan(network, positives)
    for name in ("activation", "position", "minus"):
        assert (getattr(whole, name) == getattr(parts, name)).all()
    assert (count_bases(positives, np.arange(4), parts, np.ones((4, 3), dtype=bool), 5) == counts).all()


def test_bases_of_short_sequences_are_counted_where_they_lie(network):
    dataset = held_out(["AGATTCA", "GAATC", "CCCCAGATTCACCC", "GATT"])
    sites = scan(network, dataset)
    counts = count_bases(dataset, np.arange(4), sites, np.ones((4, 3), dtype=bool), 5)
    assert counts[0, np.arange(5), encode(WORD)].tolist() == [4, 4, 4, 4, 3]
    assert counts[0].sum() == 19


def test_an_ablated_filter_gives_its_mean_and_is_whole_afterwards(network, positives):
    x = torch.rand(6, 4, 14)
    before = network.first_layer(x)
    means = mean_activation(network, positives, np.arange(4))
    with ablated(network, [0, 2], means):
        during = network.first_layer(x)
    assert torch.allclose(during[:, 0], means[0].expand(6, 14))
    assert torch.equal(during[:, 1], before[:, 1])
    assert torch.allclose(during[:, 2], means[2].expand(6, 14))
    assert torch.equal(network.first_layer(x), before)


def test_the_mean_is_taken_over_every_place(network, positives):
    x = torch.nn.functional.one_hot(torch.from_numpy(positives.codes(np.arange(4))).long(), 5)[:, :, :4]
    expected = network.first_layer(x.transpose(1, 2).float()).mean(dim=(0, 2))
    assert torch.allclose(mean_activation(network, positives, np.arange(4)), expected)


LENGTHS = (31, 44, 67, 90)


def of_many_lengths() -> tuple[Dataset, list[tuple[int, bool]]]:
    """Return sequences of many lengths with the word once, and where its centre is on which strand."""
    texts, places = [], []
    for number, length in enumerate(LENGTHS):
        place = (3 + 7 * number) if number % 2 else length - 6
        word = OTHER if number % 2 else WORD
        texts.append(("A" * place + word).ljust(length, "A"))
        places.append((length - 1 - (place + 2) if number % 2 else place + 2, bool(number % 2)))
    return held_out(texts), places


def test_sites_lie_where_they_are_in_sequences_of_any_length(network):
    dataset, places = of_many_lengths()
    sites = scan(network, dataset)
    assert list(zip(sites.position[:, 0].tolist(), sites.minus[:, 0].tolist(), strict=True)) == places
    active = np.zeros((len(LENGTHS), 3), dtype=bool)
    active[:, 0] = True
    counts = count_bases(dataset, np.arange(len(LENGTHS)), sites, active, 5)
    assert counts[0, np.arange(5), encode(WORD)].tolist() == [len(LENGTHS)] * 5


def test_sequences_with_a_direction_have_sites_on_their_own_strand_alone(network):
    dataset, places = of_many_lengths()
    sites = scan(network, dataset, both_strands=False)
    assert not sites.minus.any()
    for unit, wanted in ((0, False), (2, True)):
        for row, (place, minus) in enumerate(places):
            own = LENGTHS[row] - 1 - place if minus else place
            assert (sites.activation[row, unit] > 4.9) == (minus == wanted)
            if minus == wanted:
                assert sites.position[row, unit] == own


def test_means_and_ablation_know_where_sequences_end(network):
    """A filter that likes nothing is active behind the ends too; neither its mean nor its place in a batch may tell."""
    with torch.no_grad():
        network.first_layer[1].bias.copy_(torch.tensor([0.5, 2.0, 0.0]))
        network.first_layer[0].weight[1] = 0.25
    dataset, _ = of_many_lengths()
    alone = [network.first_layer(one_hot(torch.from_numpy(dataset.codes(np.array([row]))[:, :length])))
             for row, length in enumerate(LENGTHS)]  # fmt: skip
    expected = torch.cat(alone, dim=2).mean(dim=(0, 2))
    means = mean_activation(network, dataset, np.arange(len(LENGTHS)))
    assert torch.allclose(means, expected)
    with ablated(network, [1], means):
        together = network.first_layer(one_hot(torch.from_numpy(dataset.codes(np.arange(4)))), torch.tensor(LENGTHS))
    for row, length in enumerate(LENGTHS):
        assert torch.allclose(together[row, 1, :length], expected[1])
        assert not together[row, :, length:].any()
        assert torch.allclose(together[row, 0, :length], alone[row][0, 0])
