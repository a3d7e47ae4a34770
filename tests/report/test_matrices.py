"""MEME files: probabilities as they stand, and errors that say where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from motifloom.errors import InputError
from motifloom.motifs.meme import read_meme

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "MEME version 4\n\nALPHABET= ACGT\n\nBackground letter frequencies\nA 0.3 C 0.2 G 0.2 T 0.3\n\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "motifs.meme"
    path.write_text(text)
    return path


def test_probabilities_are_not_rounded(tmp_path: Path) -> None:
    text = (
        HEAD
        + "MOTIF f1 CTCF\nletter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0\n"
        + "0.123 0.877 0 0\n0 0 0 1\n\n"
        + "URL http://example.org\nMOTIF f2\nletter-probability matrix: w= 1\n 0.1 0.2 0.3 0.4"
    )
    found = read_meme(write(tmp_path, text))
    assert list(found) == ["f1", "f2"]
    np.testing.assert_array_equal(found["f1"], [[0.123, 0.877, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_array_equal(found["f2"], [[0.1, 0.2, 0.3, 0.4]])


def test_a_file_may_hold_no_motif(tmp_path: Path) -> None:
    assert read_meme(write(tmp_path, HEAD)) == {}


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("0.5 0.5 0", "0.5 0.5 0"),
        ("0.5 x 0 0", "0.5 x 0 0"),
        ("0.5 2 0 0", "0.5 2 0 0"),
        ("nan 0 0 1", "nan 0 0 1"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, found: str) -> None:
    path = write(tmp_path, HEAD + f"MOTIF f1\nletter-probability matrix:\n{row}\n")
    with pytest.raises(InputError, match=f"row 10: expected four probabilities, found '{found}'"):
        read_meme(path)


def test_a_name_comes_once(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "MOTIF f1\nMOTIF f1\n")
    with pytest.raises(InputError, match="row 9: expected a new name after MOTIF, found 'MOTIF f1'"):
        read_meme(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.meme: cannot be read"):
        read_meme(tmp_path / "absent.meme")
