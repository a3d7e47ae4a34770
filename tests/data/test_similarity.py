from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motifloom.data import similarity
from motifloom.data.dataset import SEQUENCE_SCHEMA, Sequences
from motifloom.data.similarity import KMER, NEAR, families, near_duplicates
from motifloom.genome import SOFT_MASKED, decode, encode, reverse_complement

if TYPE_CHECKING:
    from collections.abc import Sequence as Several


def sequences_of(texts: Several[str]) -> Sequences:
    lengths = np.array([len(text) for text in texts])
    places = {"offset": np.cumsum(lengths) - lengths, "length": lengths, "minus": False}
    table = pl.DataFrame({**places, **dict.fromkeys(("before", "after", "parent", "group"))}, schema=SEQUENCE_SCHEMA)
    return Sequences(encode("".join(texts)), table)


def pairs_of(texts: Several[str], rows: Several[int] | None = None) -> dict[tuple[int, int], float]:
    found = near_duplicates(sequences_of(texts), np.arange(len(texts)) if rows is None else np.array(rows))
    assert found.similarity.dtype == np.float32
    pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    return dict(zip(pairs, found.similarity.tolist(), strict=True))


def other_strand(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


@cache
def kmers_of(text: str, length: int) -> Counter[str]:
    every = (text[place : place + length] for place in range(len(text) - length + 1))
    return Counter(min(kmer, other_strand(kmer)) for kmer in every if "N" not in kmer)


def similarity_of(one: str, other: str, kmer: int = KMER) -> float:
    """The definition, in plain Python."""
    first, second = kmers_of(one, kmer), kmers_of(other, kmer)
    most = max(first.total(), second.total())
    if not most:
        return float(one.strip("N") in {other.strip("N"), other_strand(other).strip("N")})
    return sum(min(count, second[kmer]) for kmer, count in first.items()) / most


def brute_force(texts: Several[str]) -> dict[tuple[int, int], float]:
    kmer = min(12, max(6, int((median(map(len, texts)) + 1) // 3))) if texts else 12
    every = ((i, j, similarity_of(texts[i], texts[j], kmer)) for i, j in combinations(range(len(texts)), 2))
    return {(i, j): value for i, j, value in every if value >= NEAR}


class Letters:
    """Random sequences and what becomes of them."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def bases(self, length: int) -> str:
        return decode(self.random.integers(0, 4, length).astype(np.uint8))

    def mutated(self, text: str, rate: float) -> str:
        hit = self.random.random(len(text)) < rate
        return "".join(self.bases(1) if now else base for base, now in zip(text, hit, strict=True))

    def shifted(self, text: str, by: int) -> str:
        return text[by:] + self.bases(by)

    def unknown(self, text: str, number: int) -> str:
        place = int(self.random.integers(len(text) - number))
        return text[:place] + "N" * number + text[place + number :]


def without_equals(texts: Several[str]) -> list[str]:
    """Leave out what equals an earlier sequence on either strand."""
    kept: dict[str, str] = {}
    for text in texts:
        kept.setdefault(min(text, other_strand(text)), text)
    return list(kept.values())


def test_near_duplicates_are_those_of_the_definition():
    letters = Letters(1)
    texts = []
    for length in (12, 13, 16, 25, 40, 75, 120, 200, 310):
        for _ in range(3):
            text = letters.bases(length)
            texts += [text, letters.mutated(text, 0.02), letters.shifted(text, length // 5)]
            texts += [other_strand(letters.mutated(text, 0.01)), letters.unknown(text, 3), text[: length * 3 // 4]]
            texts += [letters.bases(length // 4) + text, letters.unknown(other_strand(text), length // 3)]
    texts += ["A" * 60, "A" * 61 + "C", "T" * 90, "A" * 150, "AC" * 40, "GT" * 33, "CA" * 25 + letters.bases(9)]
    texts = without_equals(texts)
    expected = brute_force(texts)
    assert len(expected) > 200
    found = pairs_of(texts)
    assert found == pytest.approx({pair: expected[pair] for pair in found})
    missed = {pair: value for pair, value in expected.items() if pair not in found}
    assert all(value < 0.6 for value in missed.values())
    assert len(missed) < 0.01 * len(expected)


@settings(deadline=None, max_examples=300)
@given(parts=st.lists(st.lists(st.sampled_from(["ACGT", "A", "CC", "TGCA", "N", "GATTACA"]), max_size=9), max_size=8))
def test_short_and_repetitive_sequences_are_compared_exactly(parts):
    texts = without_equals([letters for part in parts if (letters := "".join(part).strip("N"))])
    expected = brute_force(texts)
    assert pairs_of(texts) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ACGTT", "ACGTT"),  # too short for a k-mer
        ("ACGTT", "AACGT"),
        ("ACGTTNCATTNACC", "GGTNAATGNAACGT"),  # long enough, but no k-mer is known
        ("NACGTTNCATTN", "ACGTTNCATTNNN"),
        ("NNN", "NNNNN"),
    ],
)
def test_sequences_without_a_kmer_are_similar_where_they_are_equal_on_a_strand(one, other):
    assert pairs_of([one, "CCCCC", other, other[:-1] + "G"]) == {(0, 2): 1.0}


@pytest.mark.parametrize("length", [17, 20, 25, 30, 40])
def test_one_substitution_leaves_short_sequences_near_duplicates(length):
    letters = Letters(length)
    texts = [letters.bases(length) for _ in range(2 * length)]
    copies = [
        text[: (place := number // 2)] + text[place].translate(str.maketrans("ACGT", "CGTA")) + text[place + 1 :]
        for number, text in enumerate(texts)
    ]
    planted = {(number, number + len(texts)) for number in range(len(texts))}
    assert pairs_of(texts + copies).keys() == planted


def test_every_duplicate_is_paired_with_the_first_of_its_family_alone():
    letters = Letters(2)
    text, alone = letters.bases(90), letters.bases(90)
    near = letters.mutated(text, 0.02)
    texts = [alone, text, other_strand(text), near, text, other_strand(near)]
    assert pairs_of(texts) == pytest.approx({(1, 2): 1, (1, 3): similarity_of(text, near), (1, 4): 1, (3, 5): 1})


def test_of_pairs_more_similar_than_three_fifths_nearly_all_are_found():
    letters = Letters(3)
    originals = [letters.bases(150) for _ in range(3000)]
    copies = []
    for number, text in enumerate(originals):
        copy = letters.mutated(text, 0.045 * letters.random.random())
        copy = letters.shifted(copy, int(letters.random.integers(30))) if number % 3 else copy
        copies.append(other_strand(copy) if number % 2 else copy)
    planted = {
        (number, number + len(originals)): value
        for number, (text, copy) in enumerate(zip(originals, copies, strict=True))
        if (value := similarity_of(text, copy)) >= 0.6
    }
    assert len(planted) > 1500
    found = pairs_of(originals + copies)
    assert len(planted.keys() & found.keys()) >= 0.999 * len(planted)
    assert {pair: found[pair] for pair in planted.keys() & found.keys()} == pytest.approx(
        {pair: planted[pair] for pair in planted.keys() & found.keys()}
    )


def test_unrelated_sequences_are_no_pairs():
    letters = Letters(4)
    assert pairs_of([letters.bases(300) for _ in range(500)]) == {}


def test_many_repeats_are_one_family_with_few_comparisons():
    letters = Letters(5)
    repeat, other = letters.bases(120), letters.bases(120)
    texts = [letters.mutated(repeat, 0.02) for _ in range(900)] + [letters.mutated(other, 0.02) for _ in range(40)]
    pairs = pairs_of(texts)
    assert len(pairs) < 32 * 16 * len(texts)
    label = families(len(texts), tuple(np.array(list(pairs)).T))
    assert set(label[:900]) == {0}
    assert set(label[900:]) == {1}


def test_windows_of_a_genome_and_other_sequences_are_compared_as_they_read():
    letters = Letters(6)
    genome = encode(letters.bases(600))
    own = reverse_complement(genome[100:160]) | SOFT_MASKED  # as the windows below read on the minus strand
    places = {"offset": [100, 600, 400, 130, 100], "length": [60, 60, 60, 60, 60]}
    other = {"minus": [True, False, False, False, False], **dict.fromkeys(("before", "after", "parent", "group"))}
    table = pl.DataFrame({**places, **other}, schema=SEQUENCE_SCHEMA)
    found = near_duplicates(Sequences(np.concatenate([genome, own]), table), np.arange(5))
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 1), (0, 4)]


def test_pairs_name_the_rows_of_all_sequences_whatever_the_order_asked_for(monkeypatch):
    letters = Letters(7)
    texts = [letters.bases(50) for _ in range(30)]
    texts += [letters.mutated(text, 0.01) for text in texts]
    texts += [letters.bases(400), letters.bases(7)]
    every = pairs_of(texts)
    assert len(every) > 20
    some = list(range(5, 47))
    assert pairs_of(texts, some[::-1]) == {pair: value for pair, value in every.items() if set(pair) <= set(some)}
    monkeypatch.setattr(similarity, "BLOCK", 130)
    assert pairs_of(texts) == every


def test_no_sequences_are_no_pairs():
    assert pairs_of([]) == {}
    assert families(0).shape == (0,)


@settings(deadline=None)
@given(data=st.data(), number=st.integers(1, 25))
def test_families_are_what_is_reached_over_any_ties(data, number):
    row = st.integers(0, number - 1)
    edges = [data.draw(st.lists(st.tuples(row, row), max_size=12)) for _ in range(2)]
    reached = [{start} for start in range(number)]
    for _ in range(number):
        for one, other in edges[0] + edges[1]:
            both = reached[one] | reached[other]
            for member in both:
                reached[member] = both
    expected: dict[int, int] = {}
    numbered = [expected.setdefault(min(family), len(expected)) for family in reached]
    arrays = [tuple(np.array(part, dtype=np.int64).reshape(-1, 2).T) for part in edges]
    assert families(number, *arrays).tolist() == numbered
