from __future__ import annotations

import re
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
from motifloom.errors import InputError
from motifloom.genome import (
    PACKED_OF_BYTE,
    PADDING,
    SOFT_MASKED,
    UNKNOWN,
    Composition,
    Genome,
    check_inside,
    decode,
    encode,
    gather,
    map_codes,
    one_hot,
    pack,
    reverse_complement,
    sequence_lengths,
    unknown_stretches,
    write_stretches,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DNA = st.text("ACGTN", max_size=50)
BASES = st.text("ACGTNacgtn", min_size=1, max_size=80)


def packed_of(text: str) -> np.ndarray:
    lower = np.array([letter.islower() for letter in text], dtype=bool)
    return encode(text) | np.where(lower, SOFT_MASKED, 0).astype(np.uint8)


stores = pytest.mark.parametrize("kind", ["in memory", "mapped", "large"])


@contextmanager
def stored(kind: str, packed: np.ndarray, folders: pytest.TempPathFactory) -> Iterator[np.ndarray]:
    """Store packed bases; what stands in a file is mapped, and given back block by block where it is large."""
    if kind == "in memory":
        yield packed
        return
    path = folders.mktemp("store") / "codes.bin"
    packed.tofile(path)
    with pytest.MonkeyPatch.context() as patch:
        small = {"RESIDENT_BASES": 0, "BLOCK_BASES": 25, "BLOCK_SEQUENCES": 3}
        for name, size in small.items() if kind == "large" else ():
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


def test_the_other_strand_of_a_shorter_sequence_begins_at_the_first_place_too():
    codes = np.full((4, 7), PADDING, dtype=np.uint8)
    texts = ("AACGN", "", "T", "NNACGTA")
    for row, text in zip(codes, texts, strict=True):
        row[: len(text)] = encode(text)
    lengths = sequence_lengths(codes)
    assert lengths.tolist() == [5, 0, 1, 7]
    assert [decode(row) for row in reverse_complement(codes, lengths)] == ["NCGTT  ", " " * 7, "A      ", "TACGTNN"]


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


HEADER = "contig\toffset\tlength\n"


@pytest.mark.parametrize(
    ("contigs", "told"),
    [
        ("", "is empty; expected the columns contig, offset, length"),
        (HEADER, "holds no contigs one after another, each with a name of its own"),
        ("<!DOCTYPE html>\n<html></html>\n", "expected the columns contig, offset, length; found <!DOCTYPE html>"),
        (f"{HEADER}chr1\t0\tx7\n", "is no tab-separated table: could not parse `x7` "),
        (f"{HEADER}chré\t0\t4\n".encode("latin-1"), "is no tab-separated table: invalid utf-8 sequence"),
        (f"{HEADER}a\t0\t2\nb\t2\t2", "breaks off within its last line; is it the whole file?"),
        (f"{HEADER}a\t0\t2\nb\t3\t2\n", "holds no contigs one after another, each with a name of its own"),
        (f"{HEADER}a\t0\t2\na\t2\t2\n", "holds no contigs one after another, each with a name of its own"),
        (f"{HEADER}a\t0\t4\nb\t4\n", "holds no contigs one after another, each with a name of its own"),
    ],
)
def test_a_damaged_table_of_contigs_is_told(write, tmp_path, contigs, told):
    pack(write("g.fa", ">a\nACGT\n"), tmp_path / "packed")
    write("packed/contigs.tsv", contigs)
    with pytest.raises(InputError) as caught:
        Genome.open(tmp_path / "packed")
    (line,) = caught.value.problems
    assert line.startswith(f"{tmp_path}/packed/contigs.tsv: {told}")
    assert line.endswith("; remove the folder, and the genome is packed anew")


def test_what_is_no_fasta_leaves_no_folder(write, tmp_path):
    fasta = write("regions.bed", "chr1\t1\t2\n")
    with pytest.raises(InputError, match=r"regions\.bed: line 1"):
        pack(fasta, tmp_path / "new" / "deep")
    assert list(tmp_path.iterdir()) == [fasta]


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
@given(drawn=windows())
def test_gathered_windows_are_the_text_on_its_strand(kind, drawn, tmp_path_factory):
    text, starts, lengths, minus, width = drawn
    with stored(kind, packed_of(text), tmp_path_factory) as packed:
        codes = gather(packed, starts, lengths, minus, width)
    assert codes.shape == (len(starts), width)
    for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        window = text[start : start + length].upper()
        if minus[row]:
            window = window[::-1].translate(str.maketrans("ACGT", "TGCA"))
        assert decode(codes[row]) == window.ljust(width)


@given(drawn=windows())
def test_stretches_are_appended_to_a_file(drawn, tmp_path_factory):
    text, starts, lengths, _, _ = drawn
    path = tmp_path_factory.mktemp("store") / "sequences.bin"
    path.write_bytes(b"\x01")
    write_stretches(packed_of(text), starts, starts + lengths, path)
    ends = starts + lengths
    expected = b"\x01" + b"".join(packed_of(text)[s:e].tobytes() for s, e in zip(starts, ends, strict=True))
    assert path.read_bytes() == expected


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


@settings(deadline=None)
@given(text=st.text("ANn", max_size=40), longer=st.integers(0, 5), block=st.integers(1, 9))
def test_stretches_of_unknown_bases_are_those_of_a_regular_expression(text, longer, block):
    packed = PACKED_OF_BYTE[np.frombuffer(text.encode(), dtype=np.uint8)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("motifloom.genome.BLOCK_BASES", block)
        starts, ends = unknown_stretches(packed, longer)
    expected = [match.span() for match in re.finditer(f"[Nn]{{{longer + 1},}}", text)]
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == expected


def test_a_map_of_a_part_of_a_file_is_that_part(monkeypatch, tmp_path):
    monkeypatch.setattr(genome, "RESIDENT_BASES", 0)
    packed_of("ACGT" * 3000 + "GGC").tofile(tmp_path / "codes.bin")
    part = np.memmap(tmp_path / "codes.bin", dtype=np.uint8, mode="r", offset=12_000)
    whole = map_codes(tmp_path / "codes.bin")
    for packed in (part, whole[12_000:]):
        assert Composition.of(packed, np.array([0]), np.array([3])).gc.tolist() == [3]
        assert gather(packed, np.array([1]), np.array([2]), np.array([False]), 3).tolist() == [[2, 1, PADDING]]


@stores
@pytest.mark.parametrize(("start", "length"), [(-1, 3), (5, 6), (11, 0), (0, -1), (2**62, 2**62)])
def test_what_lies_outside_is_refused(kind, start, length, tmp_path_factory):
    starts, lengths = np.array([2, start]), np.array([3, length])
    with stored(kind, packed_of("ACGTACGTAC"), tmp_path_factory) as packed:
        for check in (check_inside, Composition.of):
            with pytest.raises(IndexError, match=rf"^sequence 1: {length} bp from {start} on, of 10$"):
                check(packed, starts, lengths)
    check_inside(packed, np.array([0, 10]), np.array([10, 0]))


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
from pathlib import Path
import numpy as np
from motifloom.genome import Composition, gather, map_codes, unknown_stretches, write_stretches

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096

packed = map_codes(sys.argv[1])
random = np.random.default_rng(0)
starts = random.integers(0, len(packed) - 100, 20_000)
lengths, minus = np.full(len(starts), 100), np.zeros(len(starts), dtype=bool)
few = slice(0, 300)
gather(packed, starts[few], lengths[few], minus[few], 100)
Composition.of(packed, starts[few], lengths[few])
before = resident()
codes = gather(packed, starts, lengths, minus, 100)
write_stretches(packed, starts, starts + 100, Path(sys.argv[2]))
tiles = np.arange(0, len(packed) - 1000, 1000)
Composition.of(packed, tiles, np.full(len(tiles), 1000))
unknown_stretches(packed, 100)
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/statm is of Linux")
def test_memory_does_not_grow_with_the_genome(tmp_path):
    """Windows all over half a gigabase, and all of its tiles, which would map every page of it."""
    path = tmp_path / "codes.bin"
    with path.open("wb") as file:
        file.truncate(1 << 29)
    command = [sys.executable, "-c", GATHER, path, tmp_path / "sequences.bin"]
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
    codes = np.array([[0, 1, 2, PADDING], [3, UNKNOWN, 0, 0]], dtype=np.uint8)[:, ::-1]
    out = np.full((2, 4, 4), np.nan, dtype=np.float32)
    assert one_hot(codes, out) is out
    assert np.array_equal(out, one_hot(codes))
    assert not out[0, :, 0].any()
    with pytest.raises(ValueError, match="broadcast"):
        one_hot(codes, out[:, :, :3])


def test_batches_import_nothing_that_is_compiled():
    """A training imports numba for nothing: it takes a quarter of a second and 100 MB."""
    code = "import sys, motifloom.data.dataset, motifloom.training.fit, motifloom.cli.train; print(*sys.modules)"
    modules = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert "torch" in modules
    assert "numba" not in modules
