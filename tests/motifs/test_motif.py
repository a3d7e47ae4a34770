from __future__ import annotations

import io

import numpy as np
import pytest
from Bio import motifs as bio_motifs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from motifloom.motifs.meme import meme_text
from motifloom.motifs.motif import Motif, column_information, probabilities, trim

COUNTS = arrays(float, st.tuples(st.integers(1, 9), st.just(4)), elements=st.integers(0, 500).map(float))


def motif_of(ppm: np.ndarray, **changes) -> Motif:
    return Motif(**{"name": "m", "replicate": 0, "unit": 0, "ppm": ppm, "sites": 50, "dead": False} | changes)


@given(COUNTS)
def test_probabilities_sum_to_one_and_are_never_zero(counts):
    ppm = probabilities(counts)
    assert ppm.sum(axis=1) == pytest.approx(np.ones(len(counts)))
    assert (ppm > 0).all()


@given(COUNTS)
def test_information_lies_between_zero_and_two_bits(counts):
    bits = column_information(probabilities(counts))
    assert bits.min() >= -1e-9
    assert bits.max() <= 2


def test_known_information():
    ppm = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.5, 0.25, 0.125, 0.125]])
    assert column_information(ppm).tolist() == pytest.approx([2, 1, 0, 0.25])
    assert motif_of(ppm).information_content == pytest.approx(3.25)


def test_flanks_without_information_are_cut_and_the_middle_stays():
    flat, sharp = np.full((1, 4), 0.25), np.eye(4)[[2]]
    ppm = np.vstack([flat, flat, sharp, flat, sharp, flat])
    assert (trim(ppm) == ppm[2:5]).all()
    assert (trim(np.repeat(flat, 3, axis=0)) == 0.25).all()
    assert len(trim(np.repeat(flat, 3, axis=0))) == 3


@pytest.mark.parametrize(
    ("column", "letter"),
    [
        ([1, 0, 0, 0], "A"),
        ([0.4, 0, 0.4, 0.2], "R"),
        ([0, 0.5, 0, 0.5], "Y"),
        ([0.25] * 4, "N"),
        ([0.3, 0.3, 0.3, 0.1], "V"),
        ([0.1, 0.1, 0.1, 0.7], "T"),
    ],
)
def test_a_consensus_letter_is_the_fewest_bases_that_are_likely(column, letter):
    assert motif_of(np.array([column])).consensus == letter


@given(st.lists(COUNTS, min_size=1, max_size=4))
def test_a_meme_file_gives_its_motifs_back_through_biopython(counts):
    ppms = [probabilities(c) for c in counts]
    text = meme_text((f"r0-filter{i}", ppm, 10**6) for i, ppm in enumerate(ppms))
    found = bio_motifs.parse(io.StringIO(text), "minimal")
    assert [motif.name for motif in found] == [f"r0-filter{i}" for i in range(len(ppms))]
    for motif, ppm in zip(found, ppms, strict=True):
        assert pytest.approx(ppm, abs=2e-6) == np.array([motif.pwm[base] for base in "ACGT"]).T
