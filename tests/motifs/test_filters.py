from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.conftest import dataset_of

from motifloom import config
from motifloom.genome import decode, encode
from motifloom.models.cnn import Cnn
from motifloom.models.encoding import one_hot
from motifloom.models.predictor import Predictor
from motifloom.motifs.filters import (
    BACKGROUND_BELOW,
    MIN_NEGATIVES,
    Background,
    Scan,
    batches_of,
    choose_sequences,
    count_bases,
    filter_motifs,
    linear_filters,
    scan_filters,
    shuffles_of,
)
from motifloom.motifs.importance import ablated, mean_activation
from motifloom.motifs.scan import Sites, best_scores, find_sites

if TYPE_CHECKING:
    from motifloom.data.dataset import Dataset

WORD, OTHER = "GATTC", "GAATC"
"""A word and its reverse complement."""


def held_out(sequences: list[str]) -> Dataset:
    """Return a dataset of sequences, labelled by whether they hold the word."""
    words = [int(WORD in s or OTHER in s) for s in sequences]
    return dataset_of(sequences, ["test"] * len(sequences), {"word": words})


def sites_of(network: Cnn, dataset: Dataset, both_strands: bool = True) -> Sites:
    """Return the sites that match the word in 4 of its 5 bases at least."""
    matrices, _ = linear_filters(network)
    thresholds = np.full(len(matrices), 3.5, dtype=np.float32) * matrices.max()
    return find_sites(matrices, thresholds, batches_of(dataset, dataset.rows("test")), both_strands)


def of_unit(sites: Sites, unit: int) -> list[tuple[int, int, bool]]:
    """Return the sequence, start and strand of a filter's best sites."""
    mine = sites.of(sites.best & (sites.unit == unit))
    return list(zip(mine.row.tolist(), mine.start.tolist(), mine.minus.tolist(), strict=True))


def network_of(*words: str) -> Cnn:
    """Return a network of one filter a word, set by hand; a filter of an empty word likes nothing at all."""
    width = max(map(len, words))
    settings = config.Cnn(filters=len(words), kernel_size=width, pool_size=7, hidden=2, activation="relu")
    network = Cnn(settings, tasks=1, length=14).eval()
    with torch.no_grad():
        weight = torch.full((len(words), 4, width), -1.0)
        for unit, word in enumerate(words):
            for place, base in enumerate(word):
                weight[unit, "ACGT".index(base), place] = 1.0
        network.first_layer[0].weight.copy_(weight)
    return network


@pytest.fixture
def network() -> Cnn:
    """Filters of the word, of nothing at all, and of the reverse complement of the word."""
    return network_of(WORD, "", OTHER)


@pytest.fixture
def positives() -> Dataset:
    # the word inside, its reverse complement, at the start, and with its first base cut off by the start
    return held_out(["AAAAGATTCAAAAA", "AAAAGAATCAAAAA", "GATTCAAAAAAAAA", "ATTCAAAAAAAAAA"])


def test_the_linear_form_is_the_argument_of_the_activation():
    """Of a layer with batch norm that has seen something, and of one without."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, (4, 14)).astype(np.uint8)
    for batch_norm in (True, False):
        settings = config.Cnn(filters=3, kernel_size=5, pool_size=7, hidden=2, activation="relu", batch_norm=batch_norm)
        layer = (net := Cnn(settings, tasks=1, length=14)).first_layer
        net.train()
        for _ in range(3):
            layer(one_hot(torch.from_numpy(codes)))
        if batch_norm:
            with torch.no_grad():
                layer[1].weight.copy_(torch.tensor([0.5, -1.0, 2.0]))
                layer[1].bias.copy_(torch.tensor([0.1, 0.2, -0.3]))
        net.eval()
        matrices, floor = linear_filters(net)
        scores = best_scores(matrices, [codes], both_strands=False)
        greatest = layer.scan(one_hot(torch.from_numpy(codes))).amax(dim=2).detach().numpy()
        assert np.maximum(scores - floor, 0) == pytest.approx(greatest, abs=1e-4)
        assert (greatest > 0).any()


def test_an_exponential_is_never_inactive():
    settings = config.Cnn(filters=3, kernel_size=5, pool_size=7, hidden=2, activation="exponential")
    assert (linear_filters(Cnn(settings, tasks=1, length=14))[1] == -np.inf).all()


def test_the_best_site_is_found_on_either_strand(network, positives):
    sites = sites_of(network, positives)
    assert of_unit(sites, 0) == [(0, 4, False), (1, 4, True), (2, 0, False), (3, -1, False)]
    assert of_unit(sites, 1) == []
    assert of_unit(sites, 2) == [(0, 4, True), (1, 4, False), (2, 0, True), (3, -1, True)]


def test_aligned_sites_give_the_word_and_nothing_from_beyond_the_ends(network, positives):
    sites = sites_of(network, positives)
    counts = count_bases(positives, np.arange(4), sites, 5, 3)
    assert counts.shape == (3, 5, 4)
    assert decode(counts[0].argmax(axis=1).astype(np.uint8)) == WORD
    assert decode(counts[2].argmax(axis=1).astype(np.uint8)) == OTHER
    assert counts[0].max(axis=1).tolist() == [3, 4, 4, 4, 4]
    assert (counts.sum(axis=2)[0] == counts[0].max(axis=1)).all()


def test_an_ablated_filter_gives_its_mean_and_is_whole_afterwards(network, positives):
    x = torch.rand(6, 4, 14)
    before = network.scanner(x)
    means = mean_activation(network, positives, np.arange(4))
    active = network.first_layer(x)
    active[:, [0, 2]] = means[[0, 2], None]
    with ablated(network, [0, 2], means):
        during = network.scanner(x)
    assert not torch.allclose(during, before)
    assert torch.allclose(during, network.scanner[1](active))
    assert torch.equal(network.scanner(x), before)


def test_the_mean_is_taken_over_every_place(network, positives):
    x = torch.nn.functional.one_hot(torch.from_numpy(positives.codes(np.arange(4))).long(), 5)[:, :, :4]
    expected = network.first_layer(x.transpose(1, 2).float()).mean(dim=(0, 2))
    assert torch.allclose(mean_activation(network, positives, np.arange(4)), expected)


LENGTHS = (31, 44, 67, 90)


def of_many_lengths() -> tuple[Dataset, list[tuple[int, bool]]]:
    """Return sequences of many lengths with the word once, and where it begins on which strand."""
    texts, places = [], []
    for number, length in enumerate(LENGTHS):
        place = (3 + 7 * number) if number % 2 else length - 6
        word = OTHER if number % 2 else WORD
        texts.append(("A" * place + word).ljust(length, "A"))
        places.append((place, bool(number % 2)))
    return held_out(texts), places


def test_sites_lie_where_they_are_in_sequences_of_any_length(network):
    dataset, places = of_many_lengths()
    sites = sites_of(network, dataset)
    assert of_unit(sites, 0) == [(row, place, minus) for row, (place, minus) in enumerate(places)]
    mine = sites.of(sites.unit == 0)
    counts = count_bases(dataset, np.arange(len(LENGTHS)), mine, 5, 3)
    assert counts[0, np.arange(5), encode(WORD)].tolist() == [len(LENGTHS)] * 5


def test_sequences_with_a_direction_have_sites_on_their_own_strand_alone(network):
    dataset, places = of_many_lengths()
    sites = sites_of(network, dataset, both_strands=False)
    assert not sites.minus.any()
    for unit, wanted in ((0, False), (2, True)):
        expected = [(row, place, False) for row, (place, minus) in enumerate(places) if minus == wanted]
        assert of_unit(sites, unit) == expected


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
    whole = network.scanner(one_hot(torch.from_numpy(dataset.codes(np.arange(4)))), torch.tensor(LENGTHS))
    with ablated(network, [1], means):
        pooled = network.scanner(one_hot(torch.from_numpy(dataset.codes(np.arange(4)))), torch.tensor(LENGTHS))
    for row, places in enumerate(network.scanner.places(torch.tensor(LENGTHS)).tolist()):
        assert torch.allclose(pooled[row, 1, :places], expected[1])
        assert not pooled[row, :, places:].any()
        assert torch.equal(pooled[row, 0], whole[row, 0])


# ------------------------------------------------------------------------------------------------------- backgrounds


def test_so_many_like_sequences_pass_a_threshold_as_is_said():
    """The chance of as many is right: where nothing differs, p-values of at most x come at most x of the time."""
    random = np.random.default_rng(0)
    best = random.normal(size=(200, 4000)).astype(np.float32)  # a draw of the background for each of many filters
    background = Background.of(best, np.full(4000, -np.inf, dtype=np.float32), "negatives")
    assert (background.with_site == 200 - int(np.ceil(BACKGROUND_BELOW * 199)) - 1).all()
    with_site = (random.normal(size=(300, 4000)) > background.thresholds).sum(axis=0)
    p_values = background.chance(with_site, 300)
    for level in (0.01, 0.05, 0.2):
        assert (p_values <= level).mean() <= level * 1.15
    assert (p_values <= 0.2).mean() > 0.1


def test_a_threshold_is_no_less_than_what_activates_a_filter():
    best = np.array([[-3.0, 2.0], [-1.0, 4.0]], dtype=np.float32)
    background = Background.of(best, np.array([0.0, 1.0], dtype=np.float32), "negatives")
    assert background.thresholds.tolist() == [0.0, 4.0]
    assert background.inactive.tolist() == [True, False]
    empty = Background.of(np.empty((0, 2), dtype=np.float32), np.array([0.5, -np.inf], dtype=np.float32), "negatives")
    assert empty.thresholds.tolist() == [0.5, -np.inf]


def scan_with(network: Cnn, positives: list[str], negatives: list[str]) -> tuple[Scan, Dataset]:
    """Return the scan of a network set by hand."""
    labels = [1] * len(positives) + [0] * len(negatives)
    dataset = dataset_of(positives + negatives, ["test"] * len(labels), {"word": labels})
    settings = {
        "architecture": "cnn",
        "filters": 3,
        "kernel_size": 5,
        "pool_size": 7,
        "hidden": 2,
        "activation": "relu",
    }
    predictor = Predictor(settings, "binary", ["word"], 40, both_strands=True)
    predictor.network = network
    return scan_filters(predictor, dataset, np.random.default_rng(0)), dataset


def drawn(number: int, word: str, seed: int) -> list[str]:
    """Return random sequences of 40 bp with a word, none where it is empty."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        text = "".join(random.choice(list("ACGT"), 40))
        place = int(random.integers(0, 40 - len(word)))
        found.append(text[:place] + word + text[place + len(word) :])
    return found


def test_sites_are_held_against_negatives_where_these_have_fewer(network):
    scan, _ = scan_with(network, drawn(60, "", 0) + drawn(60, WORD, 1), ["ACGTACGTAC" * 4] * 100)
    assert [one.name for one in scan.against] == ["negatives", "negatives", "negatives"]
    assert scan.enriched.tolist() == [True, False, True]
    assert scan.dead.tolist() == [False, True, False]
    motif = filter_motifs(scan, 4)[0]
    assert (motif.name, motif.consensus, motif.dead) == ("r4-filter0", WORD, False)
    assert 60 <= motif.sites <= 120
    assert (scan.width, len(scan.rows), int(scan.chosen.sum())) == (5, 220, 120)


def test_decoys_with_the_same_motif_give_way_to_shuffles():
    """Where negatives have the word as well, its sites are those that exceed shuffled sequences."""
    word = "GATTCGTAACC"
    scan, _ = scan_with(network_of(word, ""), drawn(100, word, 0), drawn(100, word, 1))
    assert [one.name for one in scan.against] == ["shuffles", "negatives"]
    assert scan.enriched.tolist() == [True, False]
    assert scan.with_site.tolist() == [100, 0]


def predictor_of(kind: str, tasks: int, **changes) -> Predictor:
    network = {"architecture": "cnn", "filters": 2, "kernel_size": 3, "pool_size": 5, "hidden": 2}
    names = [f"task {task}" for task in range(tasks)]
    return Predictor(network, kind, names, 9, both_strands=True, **changes)


def test_negatives_are_negative_for_every_task():
    few = [[1, 0], [0, 1], [np.nan, 1], [np.nan, 0], [0, np.nan], [np.nan, np.nan]]
    labels = np.array([*few, *[[0, 0]] * MIN_NEGATIVES], dtype=np.float32)
    sites, negative = choose_sequences(predictor_of("binary", 2), labels)
    assert sites.tolist() == [True] * 3 + [False] * (3 + MIN_NEGATIVES)
    assert negative.tolist() == [False] * 6 + [True] * MIN_NEGATIVES


def test_with_few_negatives_all_sequences_are_held_against_their_shuffles():
    labels = np.array([[1, 0]] * 5 + [[0, 0]] * (MIN_NEGATIVES - 1), dtype=np.float32)
    sites, negative = choose_sequences(predictor_of("binary", 2), labels)
    assert sites.all()
    assert negative is None


def test_every_class_may_have_sites():
    sites, negative = choose_sequences(predictor_of("multiclass", 3), np.eye(3, dtype=np.float32)[[0, 2] * 40])
    assert sites.all()
    assert negative is None


def test_sites_of_a_regression_are_looked_for_in_the_upper_half():
    """In units of each task's own spread, and whatever is missing."""
    nan = np.nan
    labels = np.array([[0, 3], [900, -3], [nan, 2], [-300, nan], [nan, nan], [300, 0], [nan, -1]], dtype=np.float32)
    predictor = predictor_of("regression", 2, centre=[0.0, 0.0], spread=[300.0, 1.0])
    sites, negative = choose_sequences(predictor, labels)  # 1.5, 0, 2, -1, none, 0.5, -1
    assert sites.tolist() == [True, False, True, False, False, True, False]
    assert negative is None


@pytest.mark.parametrize(("number", "half"), [(8, 4), (7, 4), (1, 1)])
def test_half_of_equal_values_is_half(number, half):
    sites, _ = choose_sequences(predictor_of("regression", 1), np.zeros((number, 1), dtype=np.float32))
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
