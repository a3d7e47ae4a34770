from __future__ import annotations

import os
import subprocess
import sys

import pytest

from motifloom.errors import InputError
from motifloom.files import bytes_below, missing, whole_file, write_text
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


def test_folders_made_for_a_file_that_fails_do_not_stay(tmp_path):
    def fail(path) -> None:
        with whole_file(path):
            raise RuntimeError

    (tmp_path / "there").mkdir()
    for path in (tmp_path / "new" / "deep" / "x", tmp_path / "there" / "deep" / "x"):
        with pytest.raises(RuntimeError):
            fail(path)
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]


def test_a_written_file_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").touch()
    write_text(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_files_that_vanish_while_they_are_counted_hold_nothing(tmp_path, monkeypatch):
    assert bytes_below(tmp_path / "absent") == 0
    (tmp_path / "below").mkdir()
    (tmp_path / "a").write_bytes(bytes(5))
    (tmp_path / "below" / "b").write_bytes(bytes(7))
    (tmp_path / "below" / "link").symlink_to(tmp_path / "nothing")
    link = (tmp_path / "below" / "link").lstat().st_size
    assert bytes_below(tmp_path) == 12 + link
    walk = os.walk
    monkeypatch.setattr(
        os, "walk", lambda folder: [(home, below, [*names, "gone"]) for home, below, names in walk(folder)]
    )
    assert bytes_below(tmp_path) == 12 + link


def test_every_purpose_has_its_own_seed():
    names = [("a", "b"), ("ab",), ("b", "a"), ("a", "b", 0), ("a", "b", 1)]
    assert len({derive_seed(7, *name) for name in names}) == len(names)
    assert derive_seed(7, "a") != derive_seed(8, "a")


def test_a_seed_is_the_same_in_every_process():
    code = "from motifloom.seeds import generator; print(generator(3, 'x').integers(10**9))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(other) == generator(3, "x").integers(10**9)


def test_why_a_path_is_no_file_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text("there.fa", "")
    os.mkfifo("pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "astray").symlink_to("nowhere")
    pipe = "is a device or a pipe; expected a file, which can be read more than once"
    told = {
        "there.fa": None,
        "ther.fa": "no such file; the nearest there is 'there.fa'",
        "no/there.fa": "no such file; there is no folder no",
        "there.fa/x": "no such file; there is no folder there.fa",
        "folder": "is a folder; expected a file",
        "pipe": pipe,
        os.devnull: pipe,
        "loop": "cannot be read: Too many levels of symbolic links",
        "astray": "no such file; it is a link to 'nowhere', where nothing is",
        "x" * 300: "cannot be read: File name too long",
    }
    assert {path: missing(path) for path in told} == {
        path: reason and f"{path}: {reason}" for path, reason in told.items()
    }


def test_a_problem_is_one_line_that_a_terminal_shows_as_it_is():
    error = InputError(["a\nb\x1b[31m\u2028\x00\udcff", "é <b> '\t"])
    assert error.problems == ["a\\nb\\x1b[31m\\u2028\\x00\\udcff", "é <b> '\t"]
