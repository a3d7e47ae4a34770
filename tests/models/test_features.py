from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motifloom.genome import encode, reverse_complement
from motifloom.models.features import kmer_counts, positions
from motifloom.models.kmers import kmer_columns

PADDING = 5


def complement(word: str) -> str:
    return word[::-1].translate(str.maketrans("ACGT", "TGCA"))


def reference(sequence: str, kmer: int, canonical: bool) -> dict[str, int]:
    """Count k-mers with strings."""
    counts: dict[str, int] = {}
    for place in range(len(sequence) - kmer + 1):
        word = sequence[place : place + kmer]
        if "N" not in word:
            name = min(word, complement(word)) if canonical else word
            counts[name] = counts.get(name, 0) + 1
    return counts


@settings(deadline=None)  # the first call compiles
@given(
    sequences=st.integers(1, 40).flatmap(
        lambda length: st.lists(st.text("ACGTN", min_size=length, max_size=length), min_size=1, max_size=3)
    ),
    kmer=st.integers(1, 4),
    canonical=st.booleans(),
)
def test_counts_are_those_of_strings(sequences, kmer, canonical):
    words = list(map("".join, product("ACGT", repeat=kmer)))
    names = sorted({min(word, complement(word)) if canonical else word for word in words})
    counted = kmer_counts(np.stack([encode(s) for s in sequences]), [kmer], canonical).toarray()
    assert counted.shape == (len(sequences), len(names))
    for row, sequence in zip(counted.tolist(), sequences, strict=True):
        expected = reference(sequence, kmer, canonical)
        assert dict(zip(names, row, strict=True)) == {name: expected.get(name, 0) for name in names}


@settings(deadline=None)  # the first call compiles
@given(sequence=st.text("ACGTN", min_size=1, max_size=40))
def test_a_sequence_and_its_reverse_complement_have_one_spectrum(sequence):
    codes = encode(sequence)[None]
    assert (kmer_counts(codes, [3], True) != kmer_counts(reverse_complement(codes), [3], True)).nnz == 0


def test_counts_of_several_lengths_stand_side_by_side():
    codes = np.random.default_rng(0).integers(0, 5, (7, 30)).astype(np.uint8)
    both = kmer_counts(codes, [2, 4], True).toarray()
    assert (both == np.hstack([kmer_counts(codes, [k], True).toarray() for k in (2, 4)])).all()


@pytest.mark.parametrize(("kmer", "columns"), [(1, 2), (2, 10), (3, 32), (6, 2080)])
def test_the_number_of_columns(kmer, columns):
    assert kmer_columns(kmer, canonical=True).max() + 1 == columns
    assert kmer_columns(kmer, canonical=False).max() + 1 == 4**kmer


def test_padding_and_unknown_bases_are_no_bases():
    bare = kmer_counts(encode("ACGTT")[None], [3], True).toarray()
    padded = encode("NNNACGTTNN")[None]
    assert (kmer_counts(padded, [3], True).toarray() == bare).all()
    padded[:, -1] = PADDING
    assert (kmer_counts(padded, [3], True).toarray() == bare).all()
    assert positions(padded).sum() == len("ACGTT")


def test_sequences_shorter_than_a_kmer_have_none():
    assert kmer_counts(encode("ACG")[None], [4], True).nnz == 0


@settings(deadline=None)  # the first call compiles
@given(sequence=st.text("ACGTN", min_size=1, max_size=30))
def test_positions_are_one_hot(sequence):
    found = positions(np.stack([encode(sequence), encode("A" * len(sequence))])).toarray().reshape(2, len(sequence), 4)
    assert found[0].tolist() == [[int(base == letter) for letter in "ACGT"] for base in sequence]
    assert (found[1] == [1, 0, 0, 0]).all()
