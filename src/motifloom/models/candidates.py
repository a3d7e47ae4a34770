"""What a baseline is fitted on, and the settings that it is tried with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from motifloom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from motifloom.config import Features, Kind
    from motifloom.data.dataset import Dataset
    from motifloom.genome import Codes

SPECTRUM, POSITIONS = "spectrum", "positions"
"""The kinds of features: counts of k-mers, and the base at each position."""


@dataclass(frozen=True)
class Examples:
    """The examples of all splits.

    Attributes
    ----------
    codes
        For each split codes of shape ``(n, length)``.
    labels
        For each split 0 or 1, or values; NaN where one is missing; shape ``(n, tasks)``.
    kind
        What the labels are.
    aligned
        Whether all sequences have one length, so that positions can be compared.
    canonical
        Whether both strands are alike: a k-mer and its reverse complement are counted as one.
    """

    codes: Mapping[str, Codes]
    labels: Mapping[str, npt.NDArray[np.float32]]
    kind: Kind
    aligned: bool
    canonical: bool

    @classmethod
    def of(cls, dataset: Dataset, kind: Kind, canonical: bool, rows: Mapping[str, npt.NDArray[np.int64]]) -> Examples:
        """Gather the examples of a dataset; `rows` for each split."""
        lengths = dataset.sequences.lengths
        return cls(
            {split: dataset.codes(mine) for split, mine in rows.items()},
            {split: dataset.labels(mine) for split, mine in rows.items()},
            kind,
            bool((lengths == lengths[0]).all()),
            canonical,
        )

    def features(self, wanted: Features) -> list[str]:
        """Return the kinds of features to try.

        Raises
        ------
        InputError
            Where `wanted` are positions, but the sequences differ in length.
        """
        if wanted == POSITIONS and not self.aligned:
            raise InputError("features: positions: expected sequences of one length; found several")
        if wanted == "auto":
            return [SPECTRUM, POSITIONS] if self.aligned else [SPECTRUM]
        return [wanted]


@dataclass(frozen=True)
class Candidate:
    """A baseline with one setting.

    Attributes
    ----------
    variant
        What it reads and how, in words.
    parameter
        What `setting` is: ``neighbours``, ``penalty`` or ``cost``.
    setting
        Its value.
    scores
        For each split the probability of the label 1, or a predicted value; shape ``(n, tasks)``.
    """

    variant: str
    parameter: str
    setting: float
    scores: Mapping[str, npt.NDArray[np.float64]]
