from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from motifloom import config
from motifloom.data.dataset import Dataset
from motifloom.genome import Genome, decode, encode
from motifloom.models.cnn import Cnn
from motifloom.motifs.filters import (
    ablated,
    active_sites,
    best_sites,
    count_bases,
    dead_filters,
    mean_activation,
)

WORD, OTHER = "GATTC", "GAATC"
"""A word and its reverse complement."""


def dataset_of(sequences: list[str]) -> Dataset:
    """Return a dataset of sequences of one length, each a contig."""
    length = len(sequences[0])
    names = [f"s{i}" for i in range(len(sequences))]
    offsets = {name: i * length for i, name in enumerate(names)}
    table = pl.DataFrame(
        {
            "id": names,
            "split": "test",
            "chrom": names,
            "start": 0,
            "end": length,
            "strand": ".",
            "word": [int(WORD in s or OTHER in s) for s in sequences],
        }
    )
    genome = Genome(encode("".join(sequences)), offsets, dict.fromkeys(names, length))
    return Dataset(table, genome, np.array(list(offsets.values())))


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
    return dataset_of(["AAAAGATTCAAAAA", "AAAAGAATCAAAAA", "GATTCAAAAAAAAA", "ATTCAAAAAAAAAA"])


@pytest.fixture
def negatives() -> Dataset:
    return dataset_of(["AAAAAAAAAAAAAA", "AAAAGAATAAAAAA", "CCCCCCCCCCNCCC"])


def test_the_best_site_is_found_on_either_strand(network, positives):
    sites = best_sites(network, positives, np.arange(4))
    assert sites.activation[:, 0] == pytest.approx([5, 5, 5, 4], abs=1e-3)
    assert sites.position[:, 0].tolist() == [6, 14 - 1 - 6, 2, 1]
    assert sites.minus[:, 0].tolist() == [False, True, False, False]
    assert sites.minus[:, 2].tolist() == [True, False, True, True]


def test_only_sites_better_than_those_of_negatives_count(network, positives, negatives):
    of_positives = best_sites(network, positives, np.arange(4))
    of_negatives = best_sites(network, negatives, np.arange(3))
    assert of_negatives.activation[:, 0].max() == pytest.approx(3, abs=1e-3)
    active = active_sites(of_positives, of_negatives)
    assert active.T.tolist() == [[True] * 4, [False] * 4, [True] * 4]


def test_a_filter_that_is_never_active_is_dead(network, positives, negatives):
    scans = best_sites(network, positives, np.arange(4)), best_sites(network, negatives, np.arange(3))
    assert dead_filters(*scans).tolist() == [False, True, False]


def test_aligned_sites_give_the_word_and_nothing_from_beyond_the_ends(network, positives):
    sites = best_sites(network, positives, np.arange(4))
    counts = count_bases(positives, np.arange(4), sites, np.ones((4, 3), dtype=bool), 5)
    assert counts.shape == (3, 5, 4)
    assert decode(counts[0].argmax(axis=1).astype(np.uint8)) == WORD
    assert decode(counts[2].argmax(axis=1).astype(np.uint8)) == OTHER
    assert counts[0].max(axis=1).tolist() == [3, 4, 4, 4, 4]
    assert (counts.sum(axis=2)[0] == counts[0].max(axis=1)).all()


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
