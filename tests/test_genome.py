from __future__ import annotations

import gzip

import numpy as np
import pyfaidx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motifloom.errors import InputError
from motifloom.genome import Genome, decode, encode, pack, reverse_complement

FASTA = ">chrI the first\nACGTN\nacgtr\n\n>chrII\r\nGGGTTT\r\nA\r\n"
DNA = st.text("ACGTN", max_size=50)


@given(DNA)
def test_decoding_gives_back_what_was_encoded(sequence):
    assert decode(encode(sequence)) == sequence


@given(st.text("ACGTNacgtnRYKMSWBDHVU-*é", max_size=50))
def test_every_other_letter_is_unknown(sequence):
    known = sequence.upper().replace("U", "T")
    assert decode(encode(sequence)) == "".join(base if base in "ACGT" else "N" for base in known)


@given(DNA)
def test_the_reverse_complement_of_the_reverse_complement_is_the_sequence(sequence):
    codes = encode(sequence)
    assert (reverse_complement(reverse_complement(codes)) == codes).all()


def test_a_known_reverse_complement():
    assert decode(reverse_complement(encode("AACGN"))) == "NCGTT"


def test_names_end_at_the_first_blank_and_lines_may_end_in_any_way(write, tmp_path):
    genome = pack(write("g.fa", FASTA), tmp_path / "packed")
    assert genome.lengths == {"chrI": 10, "chrII": 7}
    assert genome.offsets == {"chrI": 0, "chrII": 10}
    assert decode(genome.codes) == "ACGTNACGTNGGGTTTA"


@pytest.mark.parametrize("members", [1, 3])
def test_gzip_and_bgzip_are_read_like_plain_text(write, tmp_path, members):
    raw = FASTA.encode()
    cut = [raw[i * len(raw) // members : (i + 1) * len(raw) // members] for i in range(members)]
    zipped = write("g.fa.gz", b"".join(gzip.compress(part) for part in cut))
    assert decode(pack(zipped, tmp_path / "packed").codes) == "ACGTNACGTNGGGTTTA"


def test_windows_agree_with_pyfaidx(write, tmp_path):
    random = np.random.default_rng(0)
    text = "".join(
        f">c{i}\n" + "\n".join("".join(random.choice(list("ACGTNa"), 60)) for _ in range(7)) + "\n" for i in range(3)
    )
    path = write("g.fa", text)
    genome = pack(path, tmp_path / "packed")
    with pyfaidx.Fasta(str(path)) as reference:
        for chrom, start in [("c0", 0), ("c1", 123), ("c2", 420 - 37)]:
            codes = genome.windows(np.array([genome.offsets[chrom] + start]), 37)
            assert decode(codes[0]) == str(reference[chrom][start : start + 37]).upper()


def test_a_packed_genome_is_mapped_not_read(write, tmp_path):
    pack(write("g.fa", FASTA), tmp_path / "packed")
    assert isinstance(Genome.open(tmp_path / "packed").codes, np.memmap)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is no FASTA file: no line starts with '>'"),
        ("<html><body>Not Found</body></html>", "is no FASTA file: no line starts with '>'"),
        (">a\nAC\n>a\nGT\n", "sequence 2 is called 'a' like one before it"),
        (">a\n>b\nAC\n", "sequence 1 ('a') is empty"),
        ("> \nAC\n", "sequence 1 has no name; expected a word after '>'"),
        (gzip.compress(FASTA.encode())[:-9], "cannot be read"),
        (">a\nAC\xe9\n".encode("latin-1"), "is no FASTA file"),
    ],
)
def test_what_is_wrong_with_a_fasta_file_is_said(write, tmp_path, content, problem):
    path = write("g.fa", content)
    with pytest.raises(InputError) as caught:
        pack(path, tmp_path / "packed")
    assert caught.value.problems[0].startswith(f"{path}: {problem}")
    assert list((tmp_path / "packed").iterdir()) == []


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match=r"missing\.fa: cannot be read: .*No such file"):
        pack(tmp_path / "missing.fa", tmp_path / "packed")
