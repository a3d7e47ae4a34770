"""FASTA files as they come, against other readers of them, and each thing that can be wrong with one."""

from __future__ import annotations

import gzip
import io
import logging
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyfaidx
import pytest
from Bio.bgzf import BgzfWriter
from Bio.SeqIO.FastaIO import SimpleFastaParser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from motifloom import fasta
from motifloom.errors import InputError
from motifloom.genome import SOFT_MASKED, UNKNOWN, Genome, pack, read_records, scan

if TYPE_CHECKING:
    from pathlib import Path

LETTERS = "ACGTUNRYSWKMBDHVXacgtunryswkmbdhvx-*."


def packed_by_hand(sequence: str) -> list[int]:
    codes = {"A": 0, "C": 1, "G": 2, "T": 3, "U": 3}
    return [codes.get(letter.upper(), UNKNOWN) | (SOFT_MASKED if letter.islower() else 0) for letter in sequence]


@st.composite
def fasta_texts(draw: st.DrawFn) -> str:
    """Return FASTA in as many ways as there are: line ends, empty lines, blanks, comments, descriptions."""
    ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", " \n", "\t\r\n"])
    lines = ["\n"] * draw(st.integers(0, 2)) + draw(st.lists(st.just("; told by nobody > 1\n"), max_size=1))
    for number in range(draw(st.integers(1, 4))):
        description = draw(st.sampled_from(["", " the first", "\tof 2 > 1", "  "]))
        blank = draw(st.sampled_from(["", " "]))
        lines.append(f">{blank}{draw(st.sampled_from(['chr', 'é|', 'a.b>']))}{number}{description}{draw(ends)}")
        sequences = draw(st.lists(st.text(LETTERS, max_size=20), max_size=4))
        lines += [sequence + draw(ends) for sequence in sequences]
    text = "".join(lines)
    return text.rstrip() if draw(st.booleans()) else text


def in_members(raw: bytes, number: int) -> bytes:
    """Return gzip of several members, as bgzip and cat make it."""
    return b"".join(
        gzip.compress(raw[i * len(raw) // number : (i + 1) * len(raw) // number], mtime=0) for i in range(number)
    )


@settings(deadline=None)
@given(text=fasta_texts(), chunk_bytes=st.integers(1, 40), members=st.integers(0, 3))
@example(text=">a\r\nAC\r\n>b\nG\r>c", chunk_bytes=4, members=0)
def test_records_agree_with_biopython_wherever_chunks_end(text, chunk_bytes, members, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "hypothesis.fa"
    path.write_bytes(in_members(text.encode(), members) if members else text.encode())
    lines = re.split("\r\n|\r|\n", text)
    headers = [row for row, line in enumerate(lines, start=1) if line.startswith(">")]
    expected = list(SimpleFastaParser(io.StringIO("\n".join(lines[headers[0] - 1 :]))))
    records = read_records(path, {}, chunk_bytes)
    assert records.names == [title.split()[0] for title, _ in expected]
    assert records.rows.tolist() == headers
    assert records.lengths.tolist() == [len(sequence) for _, sequence in expected]
    assert records.packed.tolist() == packed_by_hand("".join(sequence for _, sequence in expected))


@settings(deadline=None)
@given(
    sequences=st.lists(st.text("ACGTNacgtnRy", min_size=1, max_size=50), min_size=1, max_size=3),
    width=st.integers(1, 20),
    end=st.sampled_from(["\n", "\r\n"]),
    chunk_bytes=st.integers(1, 64),
)
def test_a_packed_genome_agrees_with_pyfaidx(sequences, width, end, chunk_bytes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faidx")
    lines = []
    for number, sequence in enumerate(sequences):
        lines += [f">c{number} of {len(sequences)}", *(sequence[i : i + width] for i in range(0, len(sequence), width))]
    (folder / "g.fa").write_bytes("".join(line + end for line in lines).encode())
    genome = pack(folder / "g.fa", folder / "packed", chunk_bytes)
    with pyfaidx.Fasta(str(folder / "g.fa")) as reference:
        assert list(genome.lengths.items()) == [(name, len(reference[name])) for name in reference.keys()]  # noqa: SIM118
        for name, length in genome.lengths.items():
            bases = genome.packed[genome.offsets[name] : genome.offsets[name] + length]
            assert bases.tolist() == packed_by_hand(str(reference[name][:]))


def test_a_scan_tells_the_lengths_and_writes_nothing(write, tmp_path):
    path = write("g.fa", ">a x\nACG\nT\n>b\nNN\n")
    assert scan(path) == {"a": 4, "b": 2}
    assert list(tmp_path.iterdir()) == [path]
    assert pack(path, tmp_path / "packed").lengths == scan(path)


def test_empty_records_are_left_to_the_caller(write):
    records = read_records(write("r.fa", ">a\n>b\nAC\n>c\n"), {})
    assert (records.names, records.rows.tolist(), records.lengths.tolist()) == (["a", "b", "c"], [1, 2, 4], [0, 2, 0])


def test_bad_names_of_records_are_told_with_their_bad_letters_and_across_files(write):
    first, second = write("1.fa", ">a\nAC\n>b\nAC\n"), write("2.fa", ">b\nA!\n>\nAC\n>c\nAC\n>c\nA")
    known: dict[str, str] = {}
    read_records(first, known)
    assert problems_of(second, read_records, known) == [
        f"line 1: the name 'b' stands in line 3 of {first} already; rename one of them, or leave one out",
        "line 2: '!' is no base; expected A C G T U N, another IUPAC code, or a gap - . *",
        "line 3: a sequence without a name; expected a word after '>'",
        f"line 7: the name 'c' stands in line 5 of {second} already; rename one of them, or leave one out",
    ]


@pytest.mark.parametrize("chunk_bytes", [3, 1 << 16])
def test_a_byte_order_mark_is_passed_over(write, chunk_bytes):
    assert read_records(write("r.fa", b"\xef\xbb\xbf>a\nAC\n"), {}, chunk_bytes).names == ["a"]


def test_bgzip_is_read(tmp_path):
    with BgzfWriter(str(tmp_path / "g.fa.gz")) as out:
        out.write(">a\n" + "ACGT\n" * 50_000)
    assert scan(tmp_path / "g.fa.gz") == {"a": 200_000}


GOOD = b">a\nACGT\n"
REFUSED = {
    "empty": (b"", ["is empty; expected FASTA"]),
    "empty gzip": (gzip.compress(b"", mtime=0), ["is empty; expected FASTA"]),
    "blank": (b"\n \n", ["holds no sequence: no line starts with '>'"]),
    "HTML": (
        b"\n<!DOCTYPE html>\n<html>",
        ["line 2: is HTML, not FASTA; was it downloaded from a web page? ('<!DOCTYPE html>')"],
    ),
    "FASTQ": (b"@r1\nAC\n+\nII\n", ["line 1: is FASTQ, not FASTA; 'seqtk seq -A' converts it ('@r1')"]),
    "SAM": (b"@HD\tVN:1.6\n", ["line 1: is SAM, not FASTA ('@HD\\tVN:1.6')"]),
    "BED": (b"chr1\t5\t90\n", ["line 1: is BED, not FASTA ('chr1\\t5\\t90')"]),
    "BED of a browser": (b"track name=x\nchr1 5 90\n", ["line 1: is BED, not FASTA ('track name=x')"]),
    "2bit": (b"\x43\x27\x41\x1a\1", ["line 1: is 2bit, not FASTA; 'twoBitToFa' converts it (\"C'A\\x1a\\x01\")"]),
    "zip": (b"PK\x03\x04\0", ["line 1: is a zip archive; unzip it, or use gzip ('PK\\x03\\x04\\x00')"]),
    "gzip in gzip": (
        gzip.compress(b"\x1f\x8b", mtime=0),
        ["line 1: is gzip within gzip; unzip it once ('\\x1f\\x8b')"],
    ),
    "UTF-16": (">a".encode("utf-16"), ["line 1: is text in UTF-16; save it as UTF-8 ('\\xff\\xfe>\\x00a\\x00')"]),
    "no header": (
        b"\nACGT\nAC\n",
        ["line 2: 'A' stands before any header; expected FASTA: a line '>name', then bases"],
    ),
    "bases before the first header": (
        b"# x\nACGT\n" + GOOD,
        ["line 1: '#' stands before any header; expected FASTA: a line '>name', then bases"],
    ),
    "digits": (
        b">a\nACGT\n  1 ACGT\n",
        ["line 3: '1' is no base; expected A C G T U N, another IUPAC code, or a gap - . *"],
    ),
    "control byte": (
        b">a\nAC\x00GT\n",
        ["line 2: the byte 0x00 is no base; expected A C G T U N, another IUPAC code, or a gap - . *"],
    ),
    "no ASCII": (
        ">a\nACé\n".encode(),
        ["line 2: the byte 0xc3 is no base; expected A C G T U N, another IUPAC code, or a gap - . *"],
    ),
    "protein": (
        b">p\nMKLE\nacgt\nipq\n",
        [
            "line 2: 'L' is no nucleotide; expected DNA or RNA: is this a protein?",
            "line 4: 'i' is no nucleotide; expected DNA or RNA: is this a protein?",
        ],
    ),
    "header within a line": (
        b">a\nAC>b\nAC\n",
        ["line 2: '>' stands within a line; expected it to begin a header's line"],
    ),
    "header that is indented": (
        b"\n  >a\nAC\n",
        ["line 2: '>' stands within a line; expected it to begin a header's line"],
    ),
    "no line end behind the name": (
        b">a\nAC\n>" + b"ACGT" * 251 + b" x\nAC\n",
        ["line 3: a name of more than 1000 letters; is the line end behind it missing?"],
    ),
    "name of other bytes": (b">a\xe9\nAC\n", ["line 1: the name 'a\\xe9' is no text in UTF-8"]),
}  # fmt: skip

REFUSED_CONTIGS = {
    "name twice": (
        b">a x\nAC\n>b\nC\n>a y\nGT\n>a\nT\n",
        [f"line {line}: a second sequence is called 'a'; the first stands on line 1" for line in (5, 7)],
    ),
    "empty": (b">a\n\n>b\nAC\n", ["line 1: the sequence 'a' is empty; expected bases below its header"]),
    "empty at the end": (b">a\nAC\n>b", ["line 3: the sequence 'b' is empty; expected bases below its header"]),
    "no name": (b"> \nAC\n", ["line 1: a sequence without a name; expected a word after '>'"]),
    "all at once": (
        b">a\nA!\n>\n>a\nE\n",
        [
            "line 2: '!' is no base; expected A C G T U N, another IUPAC code, or a gap - . *",
            "line 3: a sequence without a name; expected a word after '>'",
            "line 3: the sequence '' is empty; expected bases below its header",
            "line 4: a second sequence is called 'a'; the first stands on line 1",
            "line 4: the sequence 'a' is empty; expected bases below its header",
            "line 5: 'E' is no nucleotide; expected DNA or RNA: is this a protein?",
        ],
    ),
}  # fmt: skip


def problems_of(path: Path, function: Any, *more: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        function(path, *more)
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


@pytest.mark.parametrize("title", REFUSED)
def test_what_is_no_fasta_file_is_told(title, write, tmp_path):
    content, expected = REFUSED[title]
    path = write("g.fa", content)
    assert problems_of(path, pack, tmp_path / "packed") == expected
    assert problems_of(path, scan) == expected
    assert problems_of(path, read_records, {}) == expected
    assert not (tmp_path / "packed").exists()


@pytest.mark.parametrize("title", REFUSED_CONTIGS)
def test_contigs_that_cannot_be_told_apart_are_told(title, write, tmp_path):
    content, expected = REFUSED_CONTIGS[title]
    path = write("g.fa", content)
    assert problems_of(path, pack, tmp_path / "packed") == expected
    assert problems_of(path, scan) == expected
    assert not (tmp_path / "packed").exists()


@pytest.mark.parametrize("chunk_bytes", [3, 1 << 20])
def test_many_problems_are_counted(write, tmp_path, chunk_bytes):
    path = write("g.fa", ">a\n" + "AC!!\n" * 30 + ">b\n")
    told = problems_of(path, pack, tmp_path / "packed", chunk_bytes)
    assert told[0].startswith("line 2: '!'")
    assert told[19].startswith("line 21: '!'")
    assert told[20:] == ["11 more such rows"]


@pytest.mark.parametrize("chunk_bytes", [7, 999, 1001, 1 << 20])
@pytest.mark.parametrize("end", ["", "\nAC\n", " x\nAC\n"])
def test_a_name_without_end_is_told_once_wherever_chunks_end(write, chunk_bytes, end):
    path = write("g.fa", ">a\nAC\n>" + "ACGT" * 1000 + end)
    told = "line 3: a name of more than 1000 letters; is the line end behind it missing?"
    assert problems_of(path, read_records, {}, chunk_bytes) == [told]


def test_a_packed_genome_stays_when_the_next_file_is_refused(write, tmp_path):
    pack(write("g.fa", GOOD), tmp_path / "packed")
    problems_of(write("bad.fa", ">a\nA1\n"), pack, tmp_path / "packed")
    assert Genome.open(tmp_path / "packed").lengths == {"a": 4}
    assert sorted(path.name for path in (tmp_path / "packed").iterdir()) == ["codes.bin", "contigs.tsv"]


def test_gzip_that_breaks_off_anywhere_is_refused(write, tmp_path):
    whole = gzip.compress(b">a\n" + b"ACGTTGCA\n" * 9, mtime=0)
    for length in range(1, len(whole)):
        (told,) = problems_of(write("g.fa.gz", whole[:length]), pack, tmp_path / "packed")
        if length > 1:
            assert told.startswith("line ")
            assert "the file is truncated" in told
    assert not (tmp_path / "packed").exists()


def test_gzip_that_breaks_off_within_its_second_member_is_refused(write):
    first, second = gzip.compress(b">a\nAC\n", mtime=0), gzip.compress(b"GT\n", mtime=0)
    (told,) = problems_of(write("g.fa.gz", first + second[:-3]), scan)
    assert told == "line 4: the file is truncated: its gzip data break off here; fetch or copy it again"


def test_gzip_with_a_wrong_byte_is_refused(write):
    whole = bytearray(gzip.compress(b">a\n" + b"ACGTTGCA\n" * 9, mtime=0))
    for place in (14, len(whole) - 8, len(whole) - 1):
        broken = whole.copy()
        broken[place] ^= 0x10
        told = problems_of(write("g.fa.gz", broken), scan)
        assert any(re.match(r"line \d+: the file (cannot be read on from here|is truncated): ", one) for one in told)


def test_bgzip_without_its_last_block_is_refused(tmp_path, write):
    with BgzfWriter(str(tmp_path / "g.fa.gz")) as out:
        out.write(">a\nACGT\n")
    whole = (tmp_path / "g.fa.gz").read_bytes()
    (told,) = problems_of(write("cut.fa.gz", whole[:-28]), scan)
    assert told.startswith("line 3: the file is truncated")
    assert scan(write("padded.fa.gz", whole + bytes(1000))) == {"a": 4}


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert problems_of(tmp_path / "missing.fa", scan) == ["no such file"]
    assert problems_of(tmp_path, scan) == ["is a folder; expected a file"]


def test_who_waits_is_told(write, monkeypatch, caplog):
    monkeypatch.setattr(fasta, "QUIET_SECONDS", -1.0)
    path = write("g.fa", ">a\n" + "ACGT\n" * 500_000)
    with caplog.at_level(logging.INFO, "motifloom.fasta"):
        scan(path)
    assert caplog.messages[-1] == f"{path}: 2 Mb read"
    assert all(record.progress for record in caplog.records)


MEASURE = """
import resource, sys
from motifloom.genome import pack
pack(sys.argv[1], sys.argv[3])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pack(sys.argv[2], sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux")
def test_memory_does_not_grow_with_a_contig(write, tmp_path):
    small, large = write("small.fa", GOOD), tmp_path / "large.fa"
    with large.open("wb") as out:
        out.write(b">a\n")
        for _ in range(80):
            out.write(b"ACgt" * 250_000)
    command = [sys.executable, "-c", MEASURE, small, large, tmp_path / "packed"]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 20_000
    assert Genome.open(tmp_path / "packed").lengths == {"a": 80_000_000}
    assert np.array_equal(Genome.open(tmp_path / "packed").packed[-4:], [0, 1, 2 | SOFT_MASKED, 3 | SOFT_MASKED])
