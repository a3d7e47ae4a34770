"""The oracle against the generating process written out way by way, and against what it says of simulated data."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from motifloom.config import SimulatedDataset
from motifloom.data.arrangements import Arrangement, Paired, Scattered
from motifloom.data.simulate import base_frequencies, simulate
from motifloom.genome import encode, reverse_complement
from motifloom.jaspar import KnownMotif
from motifloom.models import oracle
from motifloom.models.oracle import Evidence, gc_distributions, log_ratio, posterior

BACKGROUND = base_frequencies(0.3)


def ppms(*widths: int) -> list[np.ndarray]:
    """Return made-up motifs; the first base of each is never one of the four."""
    random = np.random.default_rng(sum(widths))
    motifs = [random.dirichlet(np.ones(4), size=width) for width in widths]
    for number, motif in enumerate(motifs):
        motif[0] = np.insert(random.dirichlet(np.ones(3)), number % 4, 0)
    return motifs


# ----------------------------------------------------------------------------------- every way, written out one by one


def other_strand(columns: np.ndarray) -> np.ndarray:
    """Return what the reverse complement's bases are distributed as."""
    return columns[::-1, [3, 2, 1, 0]]


def lay(window: int, pieces: list[tuple[int, np.ndarray]]) -> np.ndarray:
    """Return the base distributions of a window, shape ``(window, 4)``, background but where pieces begin."""
    columns = np.tile(BACKGROUND, (window, 1))
    for start, piece in pieces:
        assert 0 <= start <= window - len(piece)
        columns[start : start + len(piece)] = piece
    return columns


def scattered_ways(motifs: list[np.ndarray], number: int, window: int, jitter: int) -> list[tuple[float, np.ndarray]]:
    ways = []
    for chosen in product(motifs, repeat=number):
        fitting = []
        for shifts in product(range(-jitter, jitter + 1), repeat=number):
            starts = [window // 2 + shift - len(motif) // 2 for shift, motif in zip(shifts, chosen, strict=True)]
            taken = [range(start, start + len(motif)) for start, motif in zip(starts, chosen, strict=True)]
            if all(taken[i].stop <= taken[i + 1].start for i in range(number - 1)):
                fitting.append(starts)
        for starts in fitting:
            for strands in product((np.asarray, other_strand), repeat=number):
                read = [strand(motif) for strand, motif in zip(strands, chosen, strict=True)]
                probability = 1 / len(motifs) ** number / len(fitting) / 2**number
                ways.append((probability, lay(window, list(zip(starts, read, strict=True)))))
    return ways


def paired_ways(motifs: list[np.ndarray], pair: Paired, window: int, jitter: int) -> list[tuple[float, np.ndarray]]:
    ways = []
    first, second = (motifs[number] for number in pair.order)
    spacings = range(pair.spacing[0], pair.spacing[1] + 1)
    for spacing in spacings:
        gap = len(first) // 2 + spacing - len(second) // 2 - len(first)
        whole = np.vstack([first, np.tile(BACKGROUND, (gap, 1)), second])
        for read in (whole, other_strand(whole)):
            for shift in range(-jitter, jitter + 1):
                probability = 1 / len(spacings) / 2 / (2 * jitter + 1)
                ways.append((probability, lay(window, [(window // 2 + shift - len(whole) // 2, read)])))
    return ways


def ways_of(kinds: list[Arrangement], motifs: list[np.ndarray], window: int, jitter: int):
    """Return each way that a window of a class comes about: its probability, and its bases' distributions."""
    return [
        (probability / len(kinds), columns)
        for kind in kinds
        for probability, columns in (
            scattered_ways(motifs, kind.number, window, jitter)
            if isinstance(kind, Scattered)
            else paired_ways(motifs, kind, window, jitter)
        )
    ]


def likelihood(codes: np.ndarray, ways: list[tuple[float, np.ndarray]]) -> np.ndarray:
    """Return P(x | class) of each window."""
    places = np.arange(codes.shape[1])
    return sum(probability * columns[places, codes].prod(axis=1) for probability, columns in ways)


CLASSES: dict[str, tuple[list[Arrangement], list[np.ndarray], int, int]] = {
    "nothing": ([Scattered(0)], ppms(2, 3), 7, 1),
    "one motif": ([Scattered(1)], ppms(3), 7, 1),
    "one of several": ([Scattered(1)], ppms(2, 5, 1), 12, 3),
    "one, odd window": ([Scattered(1)], ppms(4, 3), 11, 3),
    "two": ([Scattered(2)], ppms(2, 5), 13, 4),
    "three": ([Scattered(3)], ppms(3, 2), 12, 4),
    "four, no room left": ([Scattered(4)], ppms(2), 8, 3),
    "pair": ([Paired((0, 1), (4, 7))], ppms(2, 5), 15, 2),
    "pair, even": ([Paired((0, 1), (3, 3))], ppms(4, 2), 12, 3),
    "pair in either order": ([Paired((1, 0), (4, 6)), Paired((0, 1), (7, 7))], ppms(3, 4), 16, 2),
}
"""Arrangements, motifs, window and jitter."""


@pytest.mark.parametrize("name", CLASSES)
def test_the_likelihood_is_that_of_all_ways_summed(name):
    kinds, motifs, window, jitter = CLASSES[name]
    ways = ways_of(kinds, motifs, window, jitter)
    assert sum(probability for probability, _ in ways) == pytest.approx(1)
    random = np.random.default_rng(0)
    of_background = random.choice(4, p=BACKGROUND, size=(200, window))
    chosen = random.choice(len(ways), p=[probability for probability, _ in ways], size=200)
    of_class = np.array([[random.choice(4, p=column) for column in ways[way][1]] for way in chosen])
    codes = np.concatenate([of_background, of_class]).astype(np.uint8)
    ratio = np.exp(log_ratio(Evidence.of(codes, motifs, BACKGROUND, jitter), kinds))
    expected = likelihood(codes, ways) / BACKGROUND[codes].prod(axis=1)
    assert (expected[200:] > 0).all()
    assert ratio == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("kinds", "widths", "jitter"),
    [
        ([Scattered(1)], (2, 3), 1),
        ([Scattered(2)], (1, 3), 2),
        ([Scattered(3)], (2, 1), 2),
        ([Paired((0, 1), (2, 3))], (2, 1), 1),
        ([Paired((1, 0), (3, 3)), Paired((0, 1), (2, 2))], (2, 3), 1),
    ],
)
def test_the_windows_of_a_class_have_probability_one_together(kinds, widths, jitter):
    codes = np.array(list(product(range(4), repeat=8)), dtype=np.uint8)
    ratio = np.exp(log_ratio(Evidence.of(codes, ppms(*widths), BACKGROUND, jitter), kinds))
    assert (ratio * BACKGROUND[codes].prod(axis=1)).sum() == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("name", ["one of several", "three", "pair"])
def test_an_unknown_base_stands_for_all_four(name):
    kinds, motifs, window, jitter = CLASSES[name]
    codes = np.random.default_rng(1).integers(4, size=(50, window)).astype(np.uint8)
    place = window // 2
    versions = np.repeat(codes[None], 5, axis=0)
    versions[:, :, place] = np.arange(5)[:, None]
    *known, unknown = (np.exp(log_ratio(Evidence.of(x, motifs, BACKGROUND, jitter), kinds)) for x in versions)
    assert unknown == pytest.approx(BACKGROUND @ known, rel=1e-9)


@pytest.mark.parametrize(("kind", "jitter"), [(Paired((0, 1), (42, 44)), 2), (Scattered(2), 20)])
def test_what_is_all_but_impossible_does_not_underflow(kind, jitter):
    """Each way to have two sites of 40 bp where there are C's alone: 10⁻⁶⁴⁰, less than a number can be."""
    rare = np.tile([1 - 3e-8, 1e-8, 1e-8, 1e-8], (40, 1))
    codes = np.full((1, 90), 1, dtype=np.uint8)
    ratio = log_ratio(Evidence.of(codes, [rare, rare], BACKGROUND, jitter), [kind])
    assert ratio == pytest.approx([80 * np.log(1e-8 / BACKGROUND[1])], rel=1e-12)


# ------------------------------------------------------------------------------------------------------- the posterior


def dataset(negatives: str = "decoys", per_positive: int = 1, window: int = 100, **simulation: Any) -> SimulatedDataset:
    settings = {"motifs": ["M0", "M1"], "positives": 4000, "chromosomes": 4, "chromosome_length": 700_000}
    return SimulatedDataset.model_validate(
        {
            "simulate": settings | simulation,
            "window": window,
            "negatives": negatives,
            "negatives_per_positive": per_positive,
            "split": {"validation": ["chr3"], "test": ["chr4"]},
        }
    )


@pytest.fixture
def made_up(monkeypatch):
    """Have motifs of 3 and 2 bp instead of JASPAR's."""
    motifs = ppms(3, 2)
    known = [KnownMotif(f"M{number}", "", motif) for number, motif in enumerate(motifs)]
    monkeypatch.setattr(oracle.jaspar, "fetch", lambda identifiers: known[: len(identifiers)])
    return motifs


RULES: dict[str, tuple[dict[str, Any], list[Arrangement], list[Arrangement]]] = {
    "any": ({"jitter": 3}, [Scattered(1)], [Scattered(0)]),
    "count": ({"rule": "count", "sites": 3, "decoy_sites": 1, "jitter": 4}, [Scattered(3)], [Scattered(1)]),
    "pair": (
        {"rule": "pair", "spacing": (3, 4), "decoy_spacing": (6, 7), "jitter": 1},
        [Paired((0, 1), (3, 4))],
        [Paired((1, 0), (3, 4)), Paired((0, 1), (6, 7))],
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_posterior_weighs_classes_by_prior_and_noise(made_up, rule):
    simulation, positive, decoy = RULES[rule]
    section = dataset(per_positive=3, gc=0.3, noise=0.05, window=12, **simulation)
    codes = np.random.default_rng(2).integers(4, size=(300, 12)).astype(np.uint8)
    of_class = [likelihood(codes, ways_of(k, made_up, 12, simulation["jitter"])) for k in (positive, decoy)]
    joint = np.array([0.25, 0.75])[:, None] * of_class
    expected = (0.95 * joint[0] + 0.05 * joint[1]) / joint.sum(axis=0)
    assert posterior(codes, section) == pytest.approx(expected, rel=1e-9)


def test_matched_negatives_are_background_of_the_positives_gc(made_up):
    """Of all windows of 10 bp, with the numbers of G and C counted in each."""
    codes = np.array(list(product(range(4), repeat=10)), dtype=np.uint8)
    gc = ((codes == 1) | (codes == 2)).sum(axis=1)
    background = BACKGROUND[codes].prod(axis=1)
    positive = background * np.exp(log_ratio(Evidence.of(codes, made_up, BACKGROUND, 2), [Scattered(1)]))
    of_background, of_positives = (np.bincount(gc, weights) for weights in (background, positive))
    assert of_background == pytest.approx(binom.pmf(np.arange(11), 10, 0.3))
    for mine, expected in zip(gc_distributions(10, made_up, BACKGROUND), (of_background, of_positives), strict=True):
        assert mine == pytest.approx(expected)
    negative = background * (of_positives / of_background)[gc]
    assert negative.sum() == pytest.approx(1)
    some = np.arange(0, len(codes), 997)
    for negatives, expected in (("gc-matched", negative), ("random", background)):
        section = dataset(negatives, per_positive=2, gc=0.3, jitter=2, window=10)
        odds = positive[some] / (2 * expected[some])
        assert posterior(codes[some], section) == pytest.approx(odds / (1 + odds), rel=1e-9)


def test_a_window_that_no_class_can_have_made_gets_the_prior(monkeypatch):
    certain = [KnownMotif(f"M{number}", "", np.eye(4)[[number] * 3]) for number in range(2)]  # AAA and CCC
    monkeypatch.setattr(oracle.jaspar, "fetch", lambda _: certain)
    spacings = {"rule": "pair", "spacing": (3, 4), "decoy_spacing": (6, 7), "jitter": 1}
    section = dataset(per_positive=3, window=12, **spacings)
    codes = np.array([encode("GTGTGTGTGTGT"), encode("TTTAAACCCTTT"), encode("TTTCCCAAATTT")])
    assert posterior(codes, section) == pytest.approx([0.25, 1, 0])


@pytest.mark.usefixtures("made_up")
def test_windows_are_scored_block_by_block(monkeypatch):
    section = dataset(window=12, jitter=3)
    codes = np.random.default_rng(3).integers(4, size=(23, 12)).astype(np.uint8)
    at_once = posterior(codes, section)
    monkeypatch.setattr(oracle, "BLOCK", 7)
    assert posterior(codes, section).tolist() == at_once.tolist()
    assert posterior(codes[:0], section).shape == (0,)


# ------------------------------------------------------------------------------------------ what it says of simulations

CTCF, GABPA, AP1 = "MA0139.2", "MA0062.4", "MA0099.4"
SPACINGS = {"spacing": (12, 20), "decoy_spacing": (25, 35), "jitter": 25}
SIMULATED = {
    "any": dataset(motifs=[CTCF, GABPA, AP1]),
    "odd window": dataset(motifs=[AP1], window=81, jitter=35),
    "three decoys": dataset(motifs=[GABPA], per_positive=3, chromosome_length=1_000_000),
    "pair": dataset(rule="pair", motifs=[GABPA, AP1], **SPACINGS),
    "count": dataset(rule="count", motifs=[CTCF, AP1], sites=3, decoy_sites=2),
    "noise": dataset(motifs=[GABPA, AP1], noise=0.1),
    "pair with noise": dataset(rule="pair", motifs=[GABPA, AP1], noise=0.2, **SPACINGS),
}
LEAST_AUROC = {
    "any": 0.96,
    "odd window": 0.94,
    "three decoys": 0.95,
    "pair": 0.98,
    "count": 0.90,
    "noise": 0.84,
    "pair with noise": 0.78,
}


@pytest.fixture(scope="module")
def windows(tmp_path_factory):
    """Simulate every dataset: codes, labels and truths of its windows."""
    return {name: _simulated(section, tmp_path_factory.mktemp("made")) for name, section in SIMULATED.items()}


def _simulated(section, folder):
    simulate("toy", section, 0, folder)
    records = (folder / "genome.fa").read_text().split(">")[1:]
    genome = {name: encode(bases.replace("\n", "")) for name, _, bases in (text.partition("\n") for text in records)}
    codes, labels, truths = [], [], []
    for label, file in ((1, "regions.bed"), (0, "negatives.bed")):
        for chrom, start, end, truth in pl.read_csv(folder / file, separator="\t", has_header=False).iter_rows():
            first = (start + end) // 2 - section.window // 2
            codes.append(genome[chrom][first : first + section.window])
            labels.append(label)
            truths.append(truth == "positive")
    return np.array(codes), np.array(labels), np.array(truths)


def surprise(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return by how many standard errors the labels of any decile of the scores differ, at most, from what they say."""
    order = np.argsort(scores)
    deciles = np.array_split(order, 10)
    errors = [np.sqrt((scores[part] * (1 - scores[part])).sum()) for part in deciles]
    return max(
        abs((labels[part] - scores[part]).sum()) / max(error, 1) for part, error in zip(deciles, errors, strict=True)
    )


@pytest.mark.parametrize("name", SIMULATED)
def test_the_probabilities_are_frequencies_and_tell_the_classes_apart(windows, name):
    codes, labels, _ = windows[name]
    scores = posterior(codes, SIMULATED[name])
    assert surprise(scores, labels) < 4
    assert roc_auc_score(labels, scores) > LEAST_AUROC[name]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("any", {"motifs": [CTCF, GABPA]}),
        ("odd window", {"jitter": 5}),
        ("odd window", {"gc": 0.6}),
        ("pair", {"decoy_spacing": (25, 28)}),
        ("pair", {"spacing": (17, 20)}),
        ("count", {"sites": 4}),
        ("noise", {"noise": 0.05}),
    ],
)
def test_the_probabilities_of_another_process_are_no_frequencies(windows, name, wrong):
    """The control: what the test above would say if a likelihood were wrong."""
    codes, labels, _ = windows[name]
    section = SIMULATED[name]
    section = section.model_copy(update={"simulate": section.simulate.model_copy(update=wrong)})
    assert surprise(posterior(codes, section), labels) > 6


@pytest.mark.parametrize("name", ["noise", "pair with noise"])
def test_noise_bounds_what_can_be_known(windows, name):
    codes, labels, truths = windows[name]
    noise = SIMULATED[name].simulate.noise
    scores = posterior(codes, SIMULATED[name])
    assert scores.min() >= noise
    assert scores.max() <= 1 - noise
    assert scores.min() == pytest.approx(noise, abs=0.01)
    assert scores.max() == pytest.approx(1 - noise, abs=0.01)
    accuracy, of_truth = ((scores > 0.5) == labels).mean(), ((scores > 0.5) == truths).mean()
    error = np.sqrt(noise * (1 - noise) / len(labels))
    assert accuracy < 1 - noise + 4 * error
    assert accuracy == pytest.approx(of_truth * (1 - noise) + (1 - of_truth) * noise, abs=4 * error)
    assert of_truth > 0.88


def test_of_a_pair_its_composition_tells_nothing(windows):
    """Positives and decoys have the same sites: the order and the distance alone tell them apart."""
    codes, labels, _ = windows["pair"]
    bases = (codes[:, :, None] == np.arange(4)).mean(axis=1)
    assert [roc_auc_score(labels, share) for share in bases.T] == pytest.approx([0.5] * 4, abs=0.025)


@pytest.mark.parametrize(
    "simulation", [{}, {"rule": "count", "sites": 2}, {"rule": "pair", "spacing": (13, 13), "decoy_spacing": (15, 15)}]
)
def test_both_strands_of_a_window_are_equally_likely(simulation):
    """Where windows, sites and pairs have a base in their middle."""
    section = dataset(window=81, motifs=[CTCF, AP1], jitter=20, **simulation)
    codes = np.random.default_rng(4).integers(4, size=(100, 81)).astype(np.uint8)
    assert posterior(reverse_complement(codes), section) == pytest.approx(posterior(codes, section), rel=1e-9)
