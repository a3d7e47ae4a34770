"""A support vector machine on gapped k-mers, by lsgkm's programs where they are installed.

Ghandi et al., PLoS Computational Biology 10:e1003711 (2014); Lee, Bioinformatics 32:2196 (2016). The programs are no
part of motifloom: ``gkmtrain`` and ``gkmpredict`` are started as they are found on the PATH, and read and write FASTA
files and tables. Their scores become probabilities by logistic regression on validation (Platt, in *Advances in Large
Margin Classifiers*, 1999).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from motifloom.errors import InputError
from motifloom.genome import UNKNOWN, decode
from motifloom.models.candidates import Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from motifloom import config
    from motifloom.genome import Codes
    from motifloom.models.candidates import Examples

    Floats = npt.NDArray[np.float64]

TRAIN, PREDICT = "gkmtrain", "gkmpredict"
SOURCE = "https://github.com/Dongwon-Lee/lsgkm"

KERNELS = {"gkm": 2, "wgkm": 4}
"""The numbers of lsgkm's kernels: truncated filter, the same weighted by the distance to the centre."""


def find_programs() -> None:
    """Raise InputError where a program of lsgkm is not on the PATH."""
    absent = [program for program in (TRAIN, PREDICT) if shutil.which(program) is None]
    if absent:
        raise InputError(
            f"gkm_svm: {' and '.join(absent)} not found on the PATH; build lsgkm from {SOURCE} and add the folder of "
            "its programs to PATH, or leave gkm_svm out of models"
        )


def candidates(spec: config.GkmSvm, examples: Examples) -> list[Candidate]:
    """Train and predict with every cost, the least first, one machine per task.

    Raises
    ------
    InputError
        Where a program is not there or fails, or a sequence is shorter than the word.
    """
    find_programs()
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sequences = {split: [_bases(row) for row in codes] for split, codes in examples.codes.items()}
        _check_lengths(spec, [sequence for mine in sequences.values() for sequence in mine])
        for split, mine in sequences.items():
            _write_fasta(folder / f"{split}.fa", mine, range(len(mine)))
        for cost in sorted(set(spec.cost)):
            scores: dict[str, list[Floats]] = {split: [] for split in sequences}
            for task in range(examples.labels["train"].shape[1]):
                labels = examples.labels["train"][:, task]
                if not {0.0, 1.0} <= {*labels.tolist()}:  # a small part of a dataset may lack a label
                    constant = float((labels == 1).any())
                    calibrated = {split: np.full(len(mine), constant) for split, mine in sequences.items()}
                else:
                    _train(spec, cost, labels, sequences["train"], examples.canonical, folder)
                    raw = {split: _predict(folder, split, len(mine)) for split, mine in sequences.items()}
                    calibrated = _calibrate(raw, examples.labels["validation"][:, task])
                for split, values in calibrated.items():
                    scores[split].append(values)
            by_split = {split: np.column_stack(columns) for split, columns in scores.items()}
            found.append(Candidate(f"{spec.kernel} kernel", "cost", cost, by_split))
    return found


def _bases(codes: Codes) -> str:
    """Return one sequence without the unknown bases around it."""
    known = np.flatnonzero(codes < UNKNOWN)
    return decode(np.minimum(codes[known[0] : known[-1] + 1], UNKNOWN)) if len(known) else ""


def _check_lengths(spec: config.GkmSvm, sequences: Sequence[str]) -> None:
    shortest = min(map(len, sequences))
    if shortest < spec.word_length:
        raise InputError(
            f"gkm_svm: word_length: expected at most the length of the shortest sequence, {shortest} bp; "
            f"found {spec.word_length}"
        )


def _write_fasta(path: Path, sequences: Sequence[str], rows: Sequence[int]) -> None:
    path.write_text("".join(f">{row}\n{sequences[row]}\n" for row in rows))


def _train(
    spec: config.GkmSvm,
    cost: float,
    labels: npt.NDArray[np.float32],
    sequences: Sequence[str],
    canonical: bool,
    folder: Path,
) -> None:
    """Train a machine on the sequences that have a label, and leave it in `folder`."""
    for name, label in (("positives.fa", 1), ("negatives.fa", 0)):
        _write_fasta(folder / name, sequences, np.flatnonzero(labels == label).tolist())
    _run(
        TRAIN,
        *("-t", str(KERNELS[spec.kernel]), "-l", str(spec.word_length), "-k", str(spec.informative)),
        *("-d", str(spec.mismatches), "-c", f"{cost:g}", "-T", "1"),
        *([] if canonical else ["-R"]),
        *(str(folder / "positives.fa"), str(folder / "negatives.fa"), str(folder / "machine")),
    )


def _predict(folder: Path, split: str, number: int) -> Floats:
    """Return the machine's score of each sequence of a split, shape ``(number,)``."""
    output = folder / f"{split}.txt"
    _run(PREDICT, "-T", "1", str(folder / f"{split}.fa"), str(folder / "machine.model.txt"), str(output))
    fields = [line.split("\t") for line in output.read_text().splitlines()]
    try:
        scores = [float(field[1]) for field in fields]
    except (IndexError, ValueError):
        scores = []
    if [field[0] for field in fields] != [str(row) for row in range(number)] or len(scores) != number:
        raise InputError(f"gkm_svm: {PREDICT}: expected a name and a score for each of {number} sequences")
    return np.array(scores)


def _run(program: str, *arguments: str) -> None:
    """Start a program and wait for its end."""
    ended = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if ended.returncode:
        told = (ended.stderr.strip() or ended.stdout.strip() or "it told nothing").splitlines()[-1]
        raise InputError(f"gkm_svm: {program} ended with status {ended.returncode}: {told}")


def _calibrate(raw: dict[str, Floats], labels: npt.NDArray[np.float32]) -> dict[str, Floats]:
    """Turn scores into probabilities; `labels` are those of validation, NaN where one is missing.

    Of one label alone nothing can be told; then the scores are taken for logits.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow, and not needed to look for the programs

    known = np.flatnonzero(~np.isnan(labels))
    if len(np.unique(labels[known])) < 2:
        return {split: expit(scores) for split, scores in raw.items()}
    model = LogisticRegression().fit(raw["validation"][known, None], labels[known])
    return {split: model.predict_proba(scores[:, None])[:, 1] for split, scores in raw.items()}
