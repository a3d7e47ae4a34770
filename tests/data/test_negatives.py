from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from motifloom.config import BlockSplit
from motifloom.data import negatives as module
from motifloom.data.negatives import GC_TOLERANCE, MAX_UNKNOWN, count_bases, sample_negatives, tile, unknown_intervals
from motifloom.data.territory import Intervals, blocks_of_splits, chromosomes
from motifloom.errors import InputError
from motifloom.genome import UNKNOWN, Genome, encode

if TYPE_CHECKING:
    import numpy.typing as npt

WINDOW = 20
STRETCHES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12)


def genome_of(**contigs: npt.NDArray[np.uint8]) -> Genome:
    lengths = {name: len(codes) for name, codes in contigs.items()}
    offsets = dict(zip(lengths, np.cumsum([0, *lengths.values()])[:-1].tolist(), strict=True))
    return Genome(np.concatenate(list(contigs.values())), offsets, lengths)


def intervals(stretches: list[tuple[int, int]]) -> Intervals:
    return Intervals.of(np.array([s for s, _ in stretches], dtype=np.int64),
                        np.array([s + w for s, w in stretches], dtype=np.int64))  # fmt: skip


def bases(stretches: Intervals) -> set[int]:
    found = [p for s, e in zip(stretches.starts.tolist(), stretches.ends.tolist(), strict=True) for p in range(s, e)]
    assert len(set(found)) == len(found)
    assert (np.diff(stretches.starts) > 0).all()
    assert (stretches.starts < stretches.ends).all()
    return set(found)


def bases_of(stretches: list[tuple[int, int]]) -> set[int]:
    return {place for start, width in stretches for place in range(start, start + width)}


# ---------------------------------------------------------------------------------------------------------- intervals


@given(some=STRETCHES, others=STRETCHES)
@settings(deadline=None)
def test_sets_of_stretches_are_sets_of_bases(some, others):
    assert bases(intervals(some)) == bases_of(some)
    assert bases(intervals(some).minus(intervals(others))) == bases_of(some) - bases_of(others)
    assert bases(intervals(some).union(intervals(others))) == bases_of(some) | bases_of(others)


@given(taken=STRETCHES, asked=STRETCHES)
@settings(deadline=None)
def test_overlap_agrees_with_comparing_every_base(taken, asked):
    asked = [(start, width) for start, width in asked if width]
    starts = np.array([start for start, _ in asked], dtype=np.int64)
    ends = np.array([start + width for start, width in asked], dtype=np.int64)
    assert intervals(taken).overlap(starts, ends).tolist() == [bool(bases_of(taken) & bases_of([a])) for a in asked]
    assert not Intervals.none().overlap(starts, ends).any()


@given(taken=STRETCHES, asked=STRETCHES)
@settings(deadline=None)
def test_a_window_is_held_by_one_stretch(taken, asked):
    stretches = intervals(taken)
    asked = [(start, width) for start, width in asked if width]
    starts = np.array([start for start, _ in asked], dtype=np.int64)
    ends = np.array([start + width for start, width in asked], dtype=np.int64)
    pairs = list(zip(stretches.starts.tolist(), stretches.ends.tolist(), strict=True))
    expected = [any(s <= start < e and end <= e for s, e in pairs) for start, end in zip(starts, ends, strict=True)]
    assert stretches.hold(starts, ends).tolist() == expected


def test_chromosomes_that_touch_stay_apart():
    genome = genome_of(a=encode("A" * 30), b=encode("C" * 50), c=encode("G" * 7))
    whole = chromosomes(genome, ["b", "a"])
    assert (whole.starts.tolist(), whole.ends.tolist()) == ([0, 30], [30, 80])
    assert whole.minus(intervals([(10, 5)])).starts.tolist() == [0, 15, 30]


# -------------------------------------------------------------------------------------------------------------- tiles


@given(taken=STRETCHES, window=st.integers(1, 25), seed=st.integers(0, 5))
@settings(deadline=None)
def test_tiles_are_as_many_as_fit_and_overlap_nothing(taken, window, seed):
    free = chromosomes(genome_of(a=encode("A" * 41), b=encode("C" * 33)), ["a", "b"]).minus(intervals(taken))
    starts = tile(free, window, np.random.default_rng(seed))
    assert len(starts) == sum((e - s) // window for s, e in zip(free.starts, free.ends, strict=True))
    assert free.hold(starts, starts + window).all()
    assert (np.diff(starts) >= window).all()


def test_every_offset_of_the_tiles_is_drawn():
    free = intervals([(100, 2 * WINDOW + 5)])
    random = np.random.default_rng(0)
    first = [tile(free, WINDOW, random)[0] - 100 for _ in range(200)]
    assert set(first) == set(range(6))


# ----------------------------------------------------------------------------------------------------------- sampling


def test_pieces_between_unknown_bases_each_hold_their_windows():
    """Of a genome in pieces that are a little longer than a window, no piece is lost to where tiles happen to lie."""
    pieces, piece = 50, WINDOW + 5
    base = np.random.default_rng(3).integers(0, 4, (pieces, piece + 30)).astype(np.uint8)
    base[:, piece:] = UNKNOWN
    genome = genome_of(a=base.reshape(-1))
    free = chromosomes(genome, ["a"]).minus(unknown_intervals(genome.packed, WINDOW))
    asked = {"gc": np.full(pieces, WINDOW // 2), "per_positive": 1, "match_gc": False, "where": "tf"}
    starts = sample_negatives(genome.packed, free, WINDOW, random=np.random.default_rng(0), **asked)
    assert ((starts + WINDOW // 2) // (piece + 30)).tolist() == list(range(pieces))
    assert count_bases(genome.packed, starts, WINDOW)[1].all()
    with pytest.raises(InputError, match=f"too few negatives: {pieces} windows"):
        sample_negatives(genome.packed, free, WINDOW, random=np.random.default_rng(0), **asked | {"per_positive": 2})


@pytest.fixture
def genome() -> Genome:
    """Two chromosomes whose GC content rises from one end to the other, with a stretch of N."""
    random = np.random.default_rng(1)
    contigs = {}
    for name, length in (("a", 6000), ("b", 4000)):
        gc = np.linspace(0.1, 0.9, length)
        strong = random.random(length) < gc
        contigs[name] = np.where(strong, random.integers(1, 3, length), random.choice([0, 3], length)).astype(np.uint8)
    contigs["a"][3000:3203] = 4
    contigs["b"][::2] |= 8  # soft-masked
    return genome_of(**contigs)


TAKEN = intervals([(start, 100) for start in range(1000, 5500, 150)])


def draw(genome, seed=0, per_positive=1, match_gc=True, chroms=("a", "b")) -> npt.NDArray[np.int64]:
    free = chromosomes(genome, chroms).minus(TAKEN)
    return sample_negatives(
        genome.packed, free, WINDOW, gc_of_positives(genome), per_positive, match_gc, np.random.default_rng(seed), "tf"
    )


def gc_of_positives(genome) -> npt.NDArray[np.int32]:
    gc, usable = count_bases(genome.packed, TAKEN.starts, WINDOW)
    return gc[usable]


@pytest.mark.parametrize("match_gc", [True, False])
@pytest.mark.parametrize("chroms", [("a",), ("a", "b")])
def test_negatives_overlap_nothing_and_stay_in_their_territory(genome, match_gc, chroms):
    starts = draw(genome, match_gc=match_gc, chroms=chroms)
    assert len(starts) == len(gc_of_positives(genome))
    assert chromosomes(genome, chroms).hold(starts, starts + WINDOW).all()
    assert not TAKEN.overlap(starts, starts + WINDOW).any()
    assert (np.diff(starts) >= WINDOW).all()
    assert count_bases(genome.packed, starts, WINDOW)[1].all()


def test_gc_matched_negatives_have_the_gc_content_of_the_positives(genome):
    gc = gc_of_positives(genome)
    matched = np.sort(count_bases(genome.packed, draw(genome), WINDOW)[0])
    assert np.abs(matched - np.sort(gc)).max() <= GC_TOLERANCE * WINDOW
    assert stats.ks_2samp(matched, gc).pvalue > 0.5
    unmatched = count_bases(genome.packed, draw(genome, match_gc=False), WINDOW)[0]
    assert stats.ks_2samp(unmatched, gc).pvalue < stats.ks_2samp(matched, gc).pvalue


def test_an_equal_gc_count_is_taken_before_a_near_one():
    codes = encode("G" * 4 + "A" * 6) * np.ones((300, 1), dtype=np.uint8)
    codes[100:] = encode("G" * 5 + "A" * 5)
    packed = codes.reshape(-1)
    whole = Intervals(np.arange(0, 3000, 10), np.arange(10, 3001, 10))
    for wanted, expected in ((90, 90), (100, 100), (130, 100)):
        starts = sample_negatives(packed, whole, 10, np.full(wanted, 4), 1, True, np.random.default_rng(0), "tf")
        assert (starts < 1000).sum() == expected
        assert len(starts) == wanted


def test_what_is_drawn_among_equals_is_drawn_evenly():
    packed = np.tile(encode("GA" * 5), 40)
    whole = Intervals(np.arange(0, 400, 10), np.arange(10, 401, 10))
    random = np.random.default_rng(0)
    for match_gc in (True, False):
        drawn = [sample_negatives(packed, whole, 10, np.full(10, 5), 1, match_gc, random, "tf") for _ in range(400)]
        counts = np.bincount(np.concatenate(drawn) // 10, minlength=40)
        assert stats.chisquare(counts).pvalue > 1e-3


def test_too_few_negatives_is_an_error_that_says_how_many_there_are():
    genome = genome_of(a=encode("ACGT" * 50))
    whole = chromosomes(genome, ["a"])
    for match_gc, told in ((False, "region;"), (True, r"region and a GC content within 0\.1 of a positive's;")):
        with pytest.raises(
            InputError, match=rf"^tf: too few negatives: 10 windows of 20 bp .*{told} 12 are wanted \(2 per"
        ):
            sample_negatives(genome.packed, whole, 20, np.full(6, 10), 2, match_gc, np.random.default_rng(0), "tf")
    with pytest.raises(InputError, match="0 windows of 20 bp"):
        sample_negatives(genome.packed, whole, 20, np.full(6, 17), 2, True, np.random.default_rng(0), "tf")


def test_bases_are_counted_over_blocks_as_at_once(genome, monkeypatch):
    starts = np.arange(2900, 3300)
    at_once = count_bases(genome.packed, starts, WINDOW)
    monkeypatch.setattr(module, "BLOCK", 7)
    in_blocks = count_bases(genome.packed, starts, WINDOW)
    windows = genome.packed[starts[:, None] + np.arange(WINDOW)] & 7
    for gc, usable in (at_once, in_blocks):
        assert gc.tolist() == ((windows == 1) | (windows == 2)).sum(axis=1).tolist()
        assert usable.tolist() == ((windows == 4).mean(axis=1) <= MAX_UNKNOWN).tolist()
    assert 0 < usable.sum() < len(starts)


def test_the_same_generator_gives_the_same_negatives(genome):
    one, other, different = (draw(genome, seed).tolist() for seed in (5, 5, 6))
    assert one == other
    assert one != different


# ------------------------------------------------------------------------------------------------------------- blocks


@given(
    lengths=st.lists(st.integers(1, 25_000), min_size=1, max_size=4),
    blocks=st.integers(1000, 9000),
    shares=st.sampled_from([(0.1, 0.2), (0.05, 0.05), (0.3, 0.6)]),
    positives=st.lists(st.floats(0, 1, exclude_max=True), max_size=60),
    seed=st.integers(0, 3),
)
@settings(deadline=None)
def test_blocks_are_dealt_whole_and_by_the_shares(lengths, blocks, shares, positives, seed):
    genome = genome_of(**{f"c{i}": np.zeros(length, dtype=np.uint8) for i, length in enumerate(lengths)})
    centres = np.sort((np.array(positives) * sum(lengths)).astype(np.int64))
    split = BlockSplit(blocks=blocks, validation=shares[0], test=shares[1])
    parts = blocks_of_splits(split, genome, centres, np.random.default_rng(seed))
    owner = np.full(sum(lengths), -1)
    for number, part in enumerate(parts.values()):
        for start, end in zip(part.starts, part.ends, strict=True):
            assert (owner[start:end] == -1).all()
            owner[start:end] = number
            name = next(n for n in genome.lengths if genome.offsets[n] <= start < genome.offsets[n] + genome.lengths[n])
            assert (start - genome.offsets[name]) % blocks == 0
            assert end <= genome.offsets[name] + genome.lengths[name]
            assert (end - genome.offsets[name]) % blocks == 0 or end == genome.offsets[name] + genome.lengths[name]
    assert (owner >= 0).all()
    assert list(parts) == ["train", "validation", "test"]
    held = [part.hold(centres, centres + 1).sum() for part in parts.values()]
    assert sum(held) == len(centres)
    on = [(name, (place - genome.offsets[name]) // blocks) for place in centres for name in genome.lengths
          if 0 <= place - genome.offsets[name] < genome.lengths[name]]  # fmt: skip
    heaviest = max(Counter(on).values(), default=0)
    for number, share in zip(held, (1 - sum(shares), *shares), strict=True):
        assert number <= share * len(centres) + heaviest


def test_neighbouring_blocks_of_a_split_are_one_stretch():
    genome = genome_of(a=np.zeros(50_000, dtype=np.uint8))
    split = BlockSplit(blocks=1000, validation=0.1, test=0.1)
    parts = blocks_of_splits(split, genome, np.arange(0, 50_000, 100), np.random.default_rng(0))
    assert [sum(part.ends - part.starts) for part in parts.values()] == [40_000, 5000, 5000]
    assert (parts["train"].ends - parts["train"].starts).max() > 1000
    different = blocks_of_splits(split, genome, np.arange(0, 50_000, 100), np.random.default_rng(1))
    assert parts["test"].starts.tolist() != different["test"].starts.tolist()
