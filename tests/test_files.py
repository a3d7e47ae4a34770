from __future__ import annotations

import subprocess
import sys

import pytest

from motifloom.files import whole_file, write_text
from motifloom.seeds import derive_seed, generator


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "table.tsv"
    write_text(path, "old")

    def fail_halfway() -> None:
        with whole_file(path) as beside:
            beside.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    write_text(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_every_purpose_has_its_own_seed():
    names = [("a", "b"), ("ab",), ("b", "a"), ("a", "b", 0), ("a", "b", 1)]
    assert len({derive_seed(7, *name) for name in names}) == len(names)
    assert derive_seed(7, "a") != derive_seed(8, "a")


def test_a_seed_is_the_same_in_every_process():
    code = "from motifloom.seeds import generator; print(generator(3, 'x').integers(10**9))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(other) == generator(3, "x").integers(10**9)
