from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from motifloom.data.shuffle import shuffled, shuffled_rows
from motifloom.genome import PADDING, decode, encode


def shuffle_of(sequence: str, seed: int | np.random.Generator = 0) -> str:
    return decode(shuffled(encode(sequence), np.random.default_rng(seed)))


def all_shuffles(sequence: str) -> set[str]:
    """Every sequence with the same first base and the same dinucleotides, one base after the other."""
    grown = [(sequence[0], Counter(pairwise(sequence)))]
    for _ in sequence[1:]:
        grown = [
            (begun + base, left - Counter([(begun[-1], base)]))
            for begun, left in grown
            for base in "ACGTN"
            if left[begun[-1], base]
        ]
    return {whole for whole, _ in grown}


@settings(deadline=None)  # the first call compiles
@given(sequence=st.text("ACGTN", max_size=80), seed=st.integers(0, 2**32))
def test_every_dinucleotide_and_both_ends_stay(sequence, seed):
    shuffle = shuffle_of(sequence, seed)
    assert Counter(pairwise(shuffle)) == Counter(pairwise(sequence))
    assert (shuffle[:1], shuffle[-1:], len(shuffle)) == (sequence[:1], sequence[-1:], len(sequence))


@pytest.mark.parametrize(
    "sequence",
    [
        "ACAGAACGA",  # ends where it begins
        "ACGTACTGAT",
        "AANCATNCAGN",  # the unknown base is a letter
        "AAAACAAAAT",  # a base that is left by a last edge alone
        "CATCATTTAGGAC",
    ],
)
def test_every_possible_sequence_is_as_likely(sequence):
    possible = sorted(all_shuffles(sequence))
    assert len(possible) > 5
    random = np.random.default_rng(8)
    drawn = Counter(shuffle_of(sequence, random) for _ in range(400 * len(possible)))
    assert set(drawn) == set(possible)
    assert chisquare([drawn[sequence] for sequence in possible]).pvalue > 0.001


def test_the_generator_alone_decides():
    sequence = decode(np.random.default_rng(2).integers(0, 5, 200))
    assert shuffle_of(sequence, 5) == shuffle_of(sequence, 5) != shuffle_of(sequence, 6)
    random = np.random.default_rng(5)
    assert shuffle_of(sequence, random) != shuffle_of(sequence, random)


def test_the_sequence_itself_is_not_changed():
    codes = encode("ACGTTGCATGCANNACG")
    before = codes.copy()
    shuffle = shuffled(codes, np.random.default_rng(1))
    assert (codes == before).all()
    assert shuffle.dtype == np.uint8
    assert shuffle.shape == codes.shape


def test_a_long_run_of_one_base_is_left_by_its_rare_edges():
    sequence = "A" * 30_000 + "CAGAT" + "A" * 30_000 + "C"
    assert Counter(pairwise(shuffle_of(sequence))) == Counter(pairwise(sequence))


def test_rows_are_shuffled_one_after_the_other_within_what_is_known():
    rows = ["ACGTTGCAACGT", "NNACGTTGCANN", "NNNNNNNNNNNN", "ACGTTN      ", "GNNNNNNNNNNN"]
    codes = np.stack([encode(row) for row in rows])
    codes[3, 6:] = PADDING
    before, random = codes.copy(), np.random.default_rng(7)
    expected = codes.copy()
    for row, (first, last) in {0: (0, 12), 1: (2, 10), 3: (0, 5)}.items():
        expected[row, first:last] = shuffled(codes[row, first:last], random)
    found = shuffled_rows(codes, np.random.default_rng(7))
    assert np.array_equal(found, expected)
    assert not np.array_equal(found[0], codes[0])
    assert np.array_equal(codes, before)
    assert np.array_equal(shuffled_rows(codes[::2], np.random.default_rng(7))[0], expected[0])
