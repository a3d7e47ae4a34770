from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from motifloom import genome
from motifloom.compiled import compiled
from motifloom.genome import (
    SOFT_MASKED,
    UNKNOWN,
    Composition,
    Genome,
    decode,
    encode,
    gather,
    map_codes,
    one_hot,
    pack,
    reverse_complement,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DNA = st.text("ACGTN", max_size=50)
BASES = st.text("ACGTNacgtn", min_size=1, max_size=80)


def packed_of(text: str) -> np.ndarray:
    lower = np.array([letter.islower() for letter in text], dtype=bool)
    return encode(text) | np.where(lower, SOFT_MASKED, 0).astype(np.uint8)


SMALL = {"RESIDENT_BYTES": 0, "BLOCK_BYTES": 25, "SPAN_BYTES": 30, "CALL_BYTES": 9}
"""Sizes that send a few bases every way that those of a large genome take."""

stores = pytest.mark.parametrize("kind", ["in memory", "mapped", "read"])


@contextmanager
def stored(kind: str, packed: np.ndarray, folders: pytest.TempPathFactory) -> Iterator[np.ndarray]:
    """Store packed bases; what stands in a file is mapped, and read where it is large."""
    if kind == "in memory":
        yield packed
        return
    path = folders.mktemp("store") / "codes.bin"
    packed.tofile(path)
    with pytest.MonkeyPatch.context() as patch:
        for name, size in SMALL.items() if kind == "read" else ():
            patch.setattr(genome, name, size)
        yield map_codes(path)


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


def test_contigs_lie_one_after_another(write, tmp_path):
    packed = pack(write("g.fa", ">chrI the first\nACGTN\nacgtr\n\n>1\r\nGGGTTT\r\nA\r\n"), tmp_path / "packed")
    assert packed.lengths == {"chrI": 10, "1": 7}
    assert packed.offsets == {"chrI": 0, "1": 10}
    assert packed.packed.tolist() == packed_of("ACGTNacgtrGGGTTTA").tolist()
    assert (tmp_path / "packed" / "contigs.tsv").read_text() == "contig\toffset\tlength\nchrI\t0\t10\n1\t10\t7\n"


def test_a_packed_genome_is_mapped_not_read(write, tmp_path):
    pack(write("g.fa", ">a\nACGT\n"), tmp_path / "packed")
    opened = Genome.open(tmp_path / "packed")
    assert isinstance(opened.packed, np.memmap)
    assert opened.lengths == {"a": 4}


def test_opening_a_genome_imports_nothing_slow(write, tmp_path):
    pack(write("g.fa", ">a\nACGT\n"), tmp_path / "packed")
    code = "import sys; from motifloom.genome import Genome; Genome.open(sys.argv[1]); print(*sys.modules)"
    command = [sys.executable, "-c", code, tmp_path / "packed"]
    modules = set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    assert "polars" in modules
    assert not modules & {"torch", "numba", "Bio", "pandas"}


@st.composite
def windows(draw):
    """Return bases and windows of them: starts, lengths, strands, and a width that holds the longest."""
    text = draw(BASES)
    places = draw(st.lists(st.tuples(st.integers(0, len(text)), st.integers(0, 30), st.booleans()), max_size=12))
    starts = np.array([start for start, _, _ in places], dtype=np.int64)
    lengths = np.array([min(length, len(text) - start) for start, length, _ in places], dtype=np.int64)
    minus = np.array([strand for _, _, strand in places], dtype=bool)
    return text, starts, lengths, minus, int(lengths.max(initial=0)) + draw(st.integers(0, 3))


@stores
@settings(deadline=None)  # the first call compiles
@given(drawn=windows())
def test_gathered_windows_are_the_text_on_its_strand(kind, drawn, tmp_path_factory):
    text, starts, lengths, minus, width = drawn
    out = np.full((len(starts), width), 77, dtype=np.uint8)
    with stored(kind, packed_of(text), tmp_path_factory) as packed:
        gather(packed, starts, lengths, minus, out)
    for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        window = text[start : start + length].upper()
        if minus[row]:
            window = window[::-1].translate(str.maketrans("ACGT", "TGCA"))
        before = (width - length) // 2
        assert decode(out[row]) == "N" * before + window + "N" * (width - length - before)


@stores
@settings(deadline=None)
@given(drawn=windows())
def test_composition_counts_letters(kind, drawn, tmp_path_factory):
    text, starts, lengths, _, _ = drawn
    with stored(kind, packed_of(text), tmp_path_factory) as packed:
        counted = Composition.of(packed, starts, lengths)
    found = [text[start : start + length] for start, length in zip(starts, lengths, strict=True)]
    assert counted.gc.tolist() == [sum(letter in "CGcg" for letter in window) for window in found]
    assert counted.unknown.tolist() == [sum(letter in "Nn" for letter in window) for window in found]
    assert counted.soft_masked.tolist() == [sum(letter.islower() for letter in window) for window in found]


def test_sequences_that_lie_apart_or_together_are_read_alike(monkeypatch, tmp_path):
    """Tiles, which are read as one stretch, and places far from each other, which are read one by one."""
    random = np.random.default_rng(0)
    packed = random.integers(0, 5, 3_000_000).astype(np.uint8)
    packed.tofile(tmp_path / "codes.bin")
    monkeypatch.setattr(genome, "RESIDENT_BYTES", 1 << 20)
    mapped = map_codes(tmp_path / "codes.bin")
    for starts in (np.arange(0, 3_000_000, 1000), random.integers(0, 3_000_000 - 100, 50)):
        lengths = np.full(len(starts), 100)
        minus = random.random(len(starts)) < 0.5
        out, expected = np.empty((2, len(starts), 100), dtype=np.uint8)
        gather(mapped, starts, lengths, minus, out)
        gather(packed, starts, lengths, minus, expected)
        assert np.array_equal(out, expected)


def test_a_map_of_a_part_of_a_file_is_that_part(monkeypatch, tmp_path):
    monkeypatch.setattr(genome, "RESIDENT_BYTES", 0)
    packed_of("ACGT" * 3000 + "GGC").tofile(tmp_path / "codes.bin")
    part = np.memmap(tmp_path / "codes.bin", dtype=np.uint8, mode="r", offset=12_000)
    whole = map_codes(tmp_path / "codes.bin")
    for packed in (part, whole[12_000:]):
        assert Composition.of(packed, np.array([0]), np.array([3])).gc.tolist() == [3]


@stores
@pytest.mark.parametrize(("start", "length"), [(-1, 3), (5, 6), (11, 0), (0, -1), (2**62, 2**62), (0, 9)])
def test_what_lies_outside_is_refused(kind, start, length, tmp_path_factory):
    starts, lengths, minus = np.array([2, start]), np.array([3, length]), np.zeros(2, dtype=bool)
    out = np.empty((2, 8), dtype=np.uint8)
    with stored(kind, packed_of("ACGTACGTAC"), tmp_path_factory) as packed:
        with pytest.raises(IndexError, match=rf"^sequence 1: {length} bp from {start} on, of 10, in 8 columns"):
            gather(packed, starts, lengths, minus, out)
        if length != 9:
            with pytest.raises(IndexError, match=rf"^sequence 1: {length} bp from {start} on, of 10$"):
                Composition.of(packed, starts, lengths)


def test_as_many_rows_as_sequences_are_expected():
    two = np.array([0, 1])
    with pytest.raises(ValueError, match="2 starts, 2 lengths, 2 strands for 3 rows"):
        gather(packed_of("ACGTA"), two, two, two > 0, np.empty((3, 4), dtype=np.uint8))


def test_a_file_that_became_shorter_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(genome, "RESIDENT_BYTES", 0)
    packed_of("ACGT" * 10_000).tofile(tmp_path / "codes.bin")
    mapped = map_codes(tmp_path / "codes.bin")
    with (tmp_path / "codes.bin").open("r+b") as file:
        file.truncate(5)
    with pytest.raises(OSError, match=r"codes\.bin.*: 4 of 9 bases are missing"):
        Composition.of(mapped, np.array([0]), np.array([9]))


def test_loops_compile_where_nothing_can_be_kept():
    """Numba finds a folder to keep machine code in by the file that a function stands in."""

    def double(x: int) -> int:
        return 2 * x

    double.__code__ = double.__code__.replace(co_filename="/nowhere/at/all.py")
    with pytest.raises(RuntimeError, match="cannot cache function"):
        njit(cache=True)(double)
    assert compiled(double)(4) == 8


GATHER = """
import sys
import numpy as np
from motifloom.genome import Composition, gather, map_codes

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096

packed = map_codes(sys.argv[1])
random = np.random.default_rng(0)
starts = random.integers(0, len(packed) - 100, 20_000)
lengths, minus = np.full(len(starts), 100), np.zeros(len(starts), dtype=bool)
out = np.empty((len(starts), 100), dtype=np.uint8)
few = slice(0, 300)
gather(packed, starts[few], lengths[few], minus[few], out[few])
Composition.of(packed, starts[few], lengths[few])
before = resident()
gather(packed, starts, lengths, minus, out)
tiles = np.arange(0, len(packed) - 1000, 1000)
Composition.of(packed, tiles, np.full(len(tiles), 1000))
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/statm is of Linux")
def test_memory_does_not_grow_with_the_genome(tmp_path):
    """Windows all over half a gigabase, and all of its tiles, which would map every page of it."""
    path = tmp_path / "codes.bin"
    with path.open("wb") as file:
        file.truncate(1 << 29)
    command = [sys.executable, "-c", GATHER, path]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 1 << 26


@settings(deadline=None)
@given(st.lists(st.text("ACGTN", min_size=7, max_size=7), min_size=1, max_size=5))
def test_one_hot_has_a_row_per_base_and_nothing_where_it_is_unknown(texts):
    codes = np.stack([encode(text) for text in texts])
    x = one_hot(codes)
    assert x.dtype == np.float32
    assert x.shape == (len(texts), 4, 7)
    for row, text in enumerate(texts):
        for place, letter in enumerate(text):
            assert x[row, :, place].tolist() == [float(letter == base) for base in "ACGT"]


def test_one_hot_fills_what_it_is_given():
    codes = np.array([[0, 1, 2], [3, UNKNOWN, 0]], dtype=np.uint8)[:, ::-1]
    out = np.full((2, 4, 3), np.nan, dtype=np.float32)
    assert one_hot(codes, out) is out
    assert np.array_equal(out, one_hot(codes))
    with pytest.raises(ValueError, match="shape"):
        one_hot(codes, out[:, :3])
