"""lsgkm's programs, for which small ones stand in that read and write the same files."""

from __future__ import annotations

import json
import stat
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.conftest import planted

from motifloom.config import GkmSvm as Spec
from motifloom.errors import InputError
from motifloom.evaluation.selection import main_scores
from motifloom.genome import decode
from motifloom.models.candidates import Examples
from motifloom.models.gkm_svm import candidates, find_programs

if TYPE_CHECKING:
    from pathlib import Path

STAND_IN = '''#!{python}
"""Scores by the 6-mers of train; takes the arguments of gkmtrain and gkmpredict."""
import json, sys
from pathlib import Path

def records(path):
    parts = Path(path).read_text().split(">")[1:]
    return [(part.split()[0], "".join(part.split()[1:])) for part in parts]

def words(sequence):
    other = sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))
    return {{s[i : i + 6] for s in (sequence, other) for i in range(len(s) - 5)}}

program, *arguments = Path(sys.argv[0]).name, *sys.argv[1:]
with open(Path(sys.argv[0]).parent / "calls.json", "a") as log:
    log.write(json.dumps([program, *arguments]) + "\\n")
{fault}
if program == "gkmtrain":
    positives, negatives, prefix = arguments[-3:]
    weights = {{}}
    for path, sign in ((positives, 1), (negatives, -1)):
        found = records(path)
        for _, sequence in found:
            for word in words(sequence):
                weights[word] = weights.get(word, 0) + sign / len(found)
    Path(prefix + ".model.txt").write_text(json.dumps(weights))
else:
    sequences, model, output = arguments[-3:]
    weights = json.loads(Path(model).read_text())
    lines = [f"{{name}}\\t{{sum(weights.get(w, 0) for w in words(s)):.6g}}\\n" for name, s in records(sequences)]
    Path(output).write_text("".join(lines[{dropped}:]))
'''

SPLITS = ("train", "validation", "test")


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, fault: str = "", dropped: int = 0) -> Path:
    """Put the stand-ins alone on the PATH; return the file that they note their calls in."""
    for program in ("gkmtrain", "gkmpredict"):
        path = folder / program
        path.write_text(STAND_IN.format(python=sys.executable, fault=fault, dropped=dropped))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder))
    return folder / "calls.json"


@pytest.fixture(scope="module")
def examples() -> Examples:
    dataset = planted("binary", number=400)
    return Examples.of(dataset, "binary", True, {split: dataset.rows(split) for split in SPLITS})


def test_planted_words_are_found_by_either_task(examples, tmp_path, monkeypatch):
    install(tmp_path, monkeypatch)
    one, other = candidates(Spec(cost=[10.0, 0.5]), examples)
    assert (one.variant, one.parameter, one.setting, other.setting) == ("wgkm kernel", "cost", 0.5, 10)
    for split in SPLITS:
        assert one.scores[split].shape == examples.labels[split].shape
        assert ((one.scores[split] > 0) & (one.scores[split] < 1)).all()
    assert (main_scores(examples.labels["test"], one.scores["test"], "binary") > 0.85).all()
    known = examples.labels["validation"][:, 0]
    mean = one.scores["validation"][~np.isnan(known), 0].mean()
    assert mean == pytest.approx(np.nanmean(known), abs=0.01)  # what logistic regression makes of scores


def test_programs_are_called_as_their_manual_says(examples, tmp_path, monkeypatch):
    calls = install(tmp_path, monkeypatch)
    spec = Spec(kernel="gkm", word_length=10, informative=6, mismatches=2, cost=[0.25])
    candidates(spec, Examples(examples.codes, examples.labels, "binary", False, canonical=False))
    trains, predictions = [], []
    for line in calls.read_text().splitlines():
        program, *arguments = json.loads(line)
        (trains if program == "gkmtrain" else predictions).append(arguments)
    options = ["-t", "2", "-l", "10", "-k", "6", "-d", "2", "-c", "0.25", "-T", "1", "-R"]
    assert [arguments[:-3] for arguments in trains] == [options] * 2
    assert [arguments[:-3] for arguments in predictions] == [["-T", "1"]] * 6
    calls.unlink()
    candidates(spec, examples)
    assert json.loads(calls.read_text().splitlines()[0])[1:-3] == options[:-1]


def test_only_labelled_rows_are_trained_on_without_their_padding(examples, tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    seen.mkdir()
    copy = (
        f"[Path({str(seen)!r}, Path(a).name).write_text(Path(a).read_text()) for a in arguments[-3:-1]]"
        " if program == 'gkmtrain' else None"
    )
    install(tmp_path, monkeypatch, fault=copy)
    candidates(
        Spec(), Examples(examples.codes, {s: y[:, :1] for s, y in examples.labels.items()}, "binary", False, True)
    )
    for name, label in (("positives", 1), ("negatives", 0)):
        rows = np.flatnonzero(examples.labels["train"][:, 0] == label)
        expected = [decode(examples.codes["train"][row]).rstrip(" N") for row in rows]
        assert (seen / f"{name}.fa").read_text().split("\n")[1::2] == expected


def test_without_both_labels_there_is_a_constant_or_no_calibration(examples, tmp_path, monkeypatch):
    """As a small part of a dataset may leave one label of a task alone."""
    install(tmp_path, monkeypatch)
    labels = {split: values.copy() for split, values in examples.labels.items()}
    labels["train"][:, 0] = 1
    labels["validation"][:, 1] = 0
    (one,) = candidates(Spec(), Examples(examples.codes, labels, "binary", False, True))
    for split in SPLITS:
        assert set(one.scores[split][:, 0]) == {1.0}
        assert np.ptp(one.scores[split][:, 1]) > 0
    assert main_scores(examples.labels["test"], one.scores["test"], "binary")[1] > 0.85


def test_absent_programs_are_told_in_one_line(examples, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        InputError, match="gkmtrain and gkmpredict not found on the PATH; build lsgkm from https"
    ) as told:
        candidates(Spec(), examples)
    assert len(told.value.problems) == 1
    install(tmp_path, monkeypatch)
    find_programs()
    (tmp_path / "gkmtrain").unlink()
    with pytest.raises(InputError, match="gkm_svm: gkmtrain not found"):
        find_programs()


@pytest.mark.parametrize(
    ("fault", "dropped", "problem"),
    [
        ("print('started'); sys.exit('no memory')", 0, "gkmtrain ended with status 1: no memory"),
        ("program == 'gkmpredict' and sys.exit(3)", 0, "gkmpredict ended with status 3: it told nothing"),
        ("", 1, "gkmpredict: expected a name and a score for each of"),
    ],
)
def test_a_program_that_fails_is_told_of(examples, tmp_path, monkeypatch, fault, dropped, problem):
    install(tmp_path, monkeypatch, fault, dropped)
    with pytest.raises(InputError, match=problem):
        candidates(Spec(), examples)


def test_a_sequence_shorter_than_the_word_is_told_of(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch)
    codes = {split: np.zeros((2, 9), dtype=np.uint8) for split in SPLITS}
    labels = {split: np.array([[0], [1]], dtype=np.float32) for split in SPLITS}
    with pytest.raises(InputError, match="at most the length of the shortest sequence, 9 bp; found 11"):
        candidates(Spec(), Examples(codes, labels, "binary", True, True))
