"""From attributions to motifs, and what they are worth, on planted truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from scipy import stats
from tests.conftest import WORDS, dataset_of, planted, table_config

from motifloom.data.dataset import Dataset
from motifloom.errors import InputError
from motifloom.files import write_tsv
from motifloom.genome import UNKNOWN, decode, encode, reverse_complement
from motifloom.motifs.attribution import attribute, attribution_table
from motifloom.motifs.importance import Importance, drops, with_intervals
from motifloom.motifs.matching import match, read_database
from motifloom.motifs.modisco import SEQLET_SCHEMA, attribution_motifs, find_seqlets, read_seqlets
from motifloom.motifs.scrambling import scrambling_importances, sites
from motifloom.motifs.targets import choose_examples, output_weights
from motifloom.training.fit import fit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from motifloom.config import Kind
    from motifloom.models.predictor import Predictor
    from motifloom.motifs.motif import Motif


def attributed(
    number: int = 90, length: int = 72, words: tuple[str, ...] = WORDS, signs: tuple[int, ...] = (1, 1)
) -> pl.DataFrame:
    """Return attributions of which one word a sequence, on either strand, stands out from noise by its sign."""
    random = np.random.default_rng(4)
    sequences, hypothetical = [], []
    for row in range(number):
        codes = random.integers(4, size=length).astype(np.uint8)
        values = random.normal(0, 0.05, size=(length, 4))
        word = encode(words[row % len(words)]) if words else codes[:0]
        word = word if row % 3 else reverse_complement(word)
        place = random.integers(12, length - 12 - len(word))
        codes[place : place + len(word)] = word
        values[place + np.arange(len(word)), word] += signs[row % len(signs)]
        sequences.append(decode(codes))
        hypothetical.append((values - values.mean(axis=1, keepdims=True)).astype(np.float32).ravel())
    ids = [f"s{row}" for row in range(number)]
    return pl.DataFrame({"id": ids, "sequence": sequences, "hypothetical": hypothetical})


def of_table(table: pl.DataFrame) -> Dataset:
    number = len(table)
    return dataset_of(table["sequence"].to_list(), ["test"] * number, {"y": [1] * number})


def holds(motif: Motif, word: str) -> bool:
    """Return whether a motif has a word on either strand, its outer bases aside."""
    strands = motif.consensus, decode(reverse_complement(encode(motif.consensus)))
    return any(word[1:-1] in strand for strand in strands)


def test_planted_words_are_the_patterns() -> None:
    table = attributed()
    seqlets = find_seqlets(table)
    motifs = attribution_motifs(seqlets, of_table(table), 2)
    assert [motif.name for motif in motifs] == ["r2-pattern0", "r2-pattern1"]
    assert seqlets["pattern"].is_sorted()
    for motif in motifs:
        assert motif.sites > 25
        assert (motif.source, motif.replicate, motif.dead) == ("attribution", 2, False)
    assert all(any(holds(motif, word) for motif in motifs) for word in WORDS)


def test_what_lowers_the_output_is_no_pattern() -> None:
    table = attributed(number=120, signs=(-1, 1))
    seqlets = find_seqlets(table)
    (motif,) = attribution_motifs(seqlets, of_table(table), 0)
    assert holds(motif, WORDS[1])
    assert (seqlets["contribution"] > 0).all()
    assert find_seqlets(attributed(signs=(-1, -1))).is_empty()


def test_the_same_attributions_give_the_same_seqlets() -> None:
    assert find_seqlets(attributed()).equals(find_seqlets(attributed()))


def test_where_there_is_nothing_no_pattern_is_found() -> None:
    table = attributed()
    silent = table.with_columns(hypothetical=pl.Series([np.zeros(72 * 4, np.float32)] * 90))
    for none in (table.head(19), attributed(length=31, words=()), silent, table.clear()):
        found = find_seqlets(none)
        assert found.is_empty()
        assert dict(found.schema) == SEQLET_SCHEMA


def test_seqlets_are_counted_on_their_strand(tmp_path: Path) -> None:
    dataset = dataset_of(["TTACGCANNN", "TTTGCGTCCC"], ["test"] * 2, {"y": [1, 1]})
    rows = [(3, "s0", 2, 7, "+", 1.5), (3, "s1", 2, 7, "-", 0.5), (8, "s0", 5, 9, "+", 0.25)]
    seqlets = pl.DataFrame(rows, schema=SEQLET_SCHEMA, orient="row")
    write_tsv(tmp_path / "seqlets.tsv", seqlets)
    assert read_seqlets(tmp_path / "seqlets.tsv").equals(seqlets)
    one, other = attribution_motifs(read_seqlets(tmp_path / "seqlets.tsv"), dataset, 0)
    assert (one.consensus, one.sites, one.name) == ("ACGCA", 2, "r0-pattern3")
    assert one.ppm[0] == pytest.approx([2.25 / 3, 0.25 / 3, 0.25 / 3, 0.25 / 3])
    assert other.ppm == pytest.approx(np.array([[0.125, 0.625, 0.125, 0.125], [0.625, 0.125, 0.125, 0.125]]))


def test_what_is_no_table_of_seqlets_is_told(write: Callable[[str, str | bytes], Path]) -> None:
    path = write("seqlets.tsv", "pattern\tid\tstart\tend\tstrand\tcontribution\nx\ty\tz\t1\t+\t2\n")
    with pytest.raises(InputError, match=r"seqlets.tsv: is no tab-separated table: "):
        read_seqlets(path)


# --------------------------------------------------------------------------------------------------------- scrambling


def test_sites_are_where_a_motif_fits() -> None:
    random = np.random.default_rng(1)
    codes = random.integers(4, size=(300, 41)).astype(np.uint8)
    shuffles = random.integers(4, size=codes.shape).astype(np.uint8)
    codes[0, 20:30], codes[1, 4:14] = encode(WORDS[0]), reverse_complement(encode(WORDS[0]))
    codes[2, 4:14] = encode(WORDS[0])
    codes[2, 7] = UNKNOWN
    ppm = np.full((10, 4), 0.01)
    ppm[np.arange(10), encode(WORDS[0])] = 0.97
    both, one = (sites(ppm, codes, shuffles, both_strands) for both_strands in (True, False))
    assert np.flatnonzero(both[0]).tolist() == list(range(20, 30))
    assert np.flatnonzero(both[1]).tolist() == list(range(4, 14))
    assert not one[1].any()
    assert not both[2].any()
    assert both[3:].any(axis=1).mean() < 0.05
    assert not sites(np.full((42, 4), 0.25), codes, shuffles, both_strands=True).any()


def lost(labels: np.ndarray, whole: np.ndarray, **without: np.ndarray) -> dict[str, Importance]:
    scores = [whole, *without.values()]
    found = drops(labels, scores, "binary", 1000, np.random.default_rng(0))
    return dict(zip(without, with_intervals(found, 0.95), strict=True))


def test_drops_are_differences_of_the_main_metric() -> None:
    """With an interval near that of DeLong's variance of the difference, which is what is resampled."""
    random = np.random.default_rng(2)
    labels = (np.arange(400) % 2)[:, None].astype(np.float64)
    whole = labels + random.normal(0, 0.8, size=labels.shape)
    worse = whole + random.normal(0, 1.2, size=labels.shape)
    found = lost(labels, whole, worse=worse, same=whole)

    def placed(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        positive, negative = scores[labels == 1], scores[labels == 0]
        wins = positive[:, None] > negative
        return wins.mean(axis=1), wins.mean(axis=0)

    pairs = [a - b for a, b in zip(placed(whole), placed(worse), strict=True)]
    assert found["worse"].drop == pytest.approx(pairs[0].mean())
    error = np.sqrt(sum(part.var(ddof=1) / len(part) for part in pairs))
    width = 2 * stats.norm.ppf(0.975) * error
    assert found["worse"].high - found["worse"].low == pytest.approx(width, rel=0.15)
    assert found["worse"].low > 0
    assert (found["same"].drop, found["same"].low, found["same"].high) == (0, 0, 0)


def test_tasks_without_two_labels_count_nothing() -> None:
    random = np.random.default_rng(2)
    labels = np.column_stack([np.arange(60) % 2, np.ones(60), [np.nan] * 30 + [0, 1] * 15])
    whole, worse = random.normal(size=(2, 60, 3)) + labels[:, :1]
    one, all_tasks, none = (lost(labels[:, t], whole[:, t], worse=worse[:, t])["worse"] for t in ([0], [0, 1], [1]))
    assert one.drop == all_tasks.drop != 0
    assert (none.drop, none.low, none.high) == (0, 0, 0)


@pytest.mark.parametrize("labels", ["true", "shuffled"])
def test_a_trained_network_is_read(labels: str, toy: Dataset, toy_config, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Its pattern is the planted CTCF, and matters; with shuffled labels nothing that is found does."""
    if labels == "shuffled":
        shuffled = toy.examples.select("toy").sample(fraction=1, shuffle=True, seed=0)
        toy = Dataset(toy.examples.with_columns(shuffled), toy.sequences)
    predictor, _ = fit(toy_config, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
    motifs = motifs_of(predictor, toy)
    found = scrambling_importances(predictor, toy, motifs, 1000, 0.95, np.random.default_rng(0))
    if labels == "true":
        named = match(motifs, read_database("jaspar-vertebrates"), 0)
        assert named[motifs[0].name].known.name == "CTCF"
        assert named[motifs[0].name].q_value < 1e-3
        assert found[motifs[0].name].low > 0.1
    else:
        assert all(drop.low <= 0 for drop in found.values())


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_planted_words_are_found_whatever_the_kind(kind: Kind, tmp_path: Path) -> None:
    dataset = planted(kind)  # of regression, words fill half of a sequence: nothing is left for the null distribution
    predictor, _ = fit(
        table_config(kind, dataset.tasks, seed=2), "planted", "cnn", 0, dataset, tmp_path / "checkpoints"
    )
    motifs = motifs_of(predictor, dataset)
    assert all(any(holds(motif, word) for motif in motifs) for word in WORDS)
    worth = scrambling_importances(predictor, dataset, motifs, 100, 0.95, np.random.default_rng(0))
    assert sum(one.low > 0.02 for one in worth.values()) >= 2


def test_of_a_value_what_raises_it_is_found(tmp_path: Path) -> None:
    """One word raises the value and another lowers it; the latter is no pattern, and no part of one."""
    random = np.random.default_rng(1)
    number = 800
    codes = random.integers(4, size=(number, 100)).astype(np.uint8)
    copies = random.integers(2, size=(number, 2))
    starts = random.permuted(np.tile([5, 28, 51, 74], (number, 1)), axis=1) + random.integers(6, size=(number, 4))
    for row, column in zip(*np.nonzero(copies), strict=True):
        word = encode(WORDS[column])
        start = starts[row, column]
        codes[row, start : start + len(word)] = word if random.random() < 0.5 else reverse_complement(word)
    values = 100 + 10 * (copies @ [1, -1]) + random.normal(0, 3, size=number)
    split = random.choice(["train", "validation", "test"], number, p=[0.5, 0.25, 0.25])
    dataset = dataset_of([decode(row) for row in codes], split, {"y": values.tolist()})
    config = table_config("regression", dataset.tasks, seed=2)
    predictor, _ = fit(config, "planted", "cnn", 0, dataset, tmp_path / "checkpoints")
    motifs = motifs_of(predictor, dataset)
    assert holds(motifs[0], WORDS[0])
    assert not any(holds(motif, WORDS[1]) for motif in motifs)
    worth = scrambling_importances(predictor, dataset, motifs, 100, 0.95, np.random.default_rng(0))
    assert worth[motifs[0].name].low > 0.1


def motifs_of(predictor: Predictor, dataset: Dataset) -> list[Motif]:
    predictions = pl.DataFrame({"id": dataset.examples["id"], "score": 0.5})
    rows, chosen = choose_examples(predictor, dataset, predictions, 200, np.random.default_rng(0))
    codes = dataset.codes(rows)
    found = attribute(predictor, codes, output_weights(dataset.labels(rows), predictor.kind), np.random.default_rng(0))
    table = attribution_table(dataset.examples["id"][rows].to_list(), chosen, "deep_lift", codes, found)
    return attribution_motifs(find_seqlets(table.filter(chosen="sample")), dataset, 0)
