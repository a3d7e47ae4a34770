"""Penalised linear models of k-mer counts, or of the bases of aligned sequences.

Logistic regression for binary labels, multinomial for classes, and ridge regression for values (Hoerl and Kennard,
Technometrics 12:55, 1970), one for each task. What is least is the mean loss over the labelled training sequences
plus penalty/2 × the sum of the squared weights; the intercept is not penalised. Counts are replaced by their square
roots, so that a repeat does not outweigh all else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from motifloom.models.candidates import SPECTRUM, Candidate
from motifloom.models.features import kmer_counts, positions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from scipy.sparse import csr_array

    from motifloom import config
    from motifloom.genome import Codes
    from motifloom.models.candidates import Examples

    Inputs = Mapping[str, csr_array]
    Labels = npt.NDArray[np.float32]
    Scores = Mapping[str, npt.NDArray[np.float64]]

ITERATIONS = 2000
"""Of the optimiser, at most."""

TOLERANCE = 1e-6
"""Of the conjugate gradients of ridge regression, relative."""


def candidates(spec: config.KmerLogistic, examples: Examples) -> list[Candidate]:
    """Fit and predict with every kind of features and every penalty, the greatest first."""
    penalties = sorted(set(spec.penalties), reverse=True)
    found = []
    for features in examples.features(spec.features):
        inputs = {split: _inputs(spec, codes, features, examples.canonical) for split, codes in examples.codes.items()}
        fits = _FITS[examples.kind](inputs, examples.labels["train"], penalties)
        found += [
            Candidate(features, "penalty", penalty, scores) for penalty, scores in zip(penalties, fits, strict=True)
        ]
    return found


def _inputs(spec: config.KmerLogistic, codes: Codes, features: str, canonical: bool) -> csr_array:
    """Return what the model weighs, shape ``(n, columns)``, float64."""
    counts = kmer_counts(codes, spec.kmers, canonical) if features == SPECTRUM else positions(codes)
    inputs = counts.sqrt()
    inputs.sort_indices()  # so that a sequence and its reverse complement have the same sum, to the last bit
    return inputs


def _fit_binary(inputs: Inputs, labels: Labels, penalties: Sequence[float]) -> list[Scores]:
    """Fit a logistic regression per task."""
    fits = [_probabilities(inputs, task, 2, penalties) for task in labels.T]
    return [
        {split: np.column_stack([fit[step][split][:, 1] for fit in fits]) for split in inputs}
        for step in range(len(penalties))
    ]


def _fit_multiclass(inputs: Inputs, labels: Labels, penalties: Sequence[float]) -> list[Scores]:
    """Fit one multinomial regression; `labels` is 1 in the column of the class."""
    return _probabilities(inputs, labels.argmax(axis=1).astype(np.float32), labels.shape[1], penalties)


def _fit_regression(inputs: Inputs, labels: Labels, penalties: Sequence[float]) -> list[Scores]:
    """Fit a ridge regression per task."""
    known = [_labelled(inputs["train"], task) for task in labels.T]
    found: list[Scores] = []
    for penalty in penalties:
        fits = [
            Ridge(alpha=penalty * len(y), solver="sparse_cg", tol=TOLERANCE).fit(x, y) if len(y) else None
            for x, y in known
        ]
        found.append(
            {split: np.column_stack([_predicted(fit, mine) for fit in fits]) for split, mine in inputs.items()}
        )
    return found


def _predicted(fit: Ridge | None, inputs: csr_array) -> npt.NDArray[np.float64]:
    """Predict with a fit; 0 of a task that a part of a dataset has no label of."""
    return np.zeros(inputs.shape[0]) if fit is None else np.asarray(fit.predict(inputs))


_FITS = {"binary": _fit_binary, "multiclass": _fit_multiclass, "regression": _fit_regression}


def _probabilities(inputs: Inputs, labels: Labels, classes: int, penalties: Sequence[float]) -> list[Scores]:
    """Give each class's probability, shape ``(n, classes)``; every fit begins where that of the last penalty ended.

    A class without a training example has a probability of 0, as a small part of a dataset may leave a rare one.
    """
    x, y = _labelled(inputs["train"], labels)
    there = np.unique(y).astype(int)
    model = LogisticRegression(warm_start=True, max_iter=ITERATIONS)
    found: list[Scores] = []
    for penalty in penalties:
        scores = {split: np.zeros((mine.shape[0], classes)) for split, mine in inputs.items()}
        if len(there) > 1:
            model.set_params(C=1 / (penalty * len(y))).fit(x, y)
        for split, mine in inputs.items():
            scores[split][:, there] = model.predict_proba(mine) if len(there) > 1 else 1.0
        found.append(scores)
    return found


def _labelled(inputs: csr_array, labels: Labels) -> tuple[csr_array, npt.NDArray[np.float64]]:
    """Return the rows that have a label, and their labels."""
    rows = np.flatnonzero(~np.isnan(labels))
    return inputs if len(rows) == len(labels) else inputs[rows], labels[rows].astype(np.float64)
