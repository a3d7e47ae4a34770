"""Stretches of sequences that matter to a network, and the patterns that they repeat: TF-MoDISco.

Shrikumar et al., arXiv:1811.00416 (2018), as modisco-lite implements it. Stretches whose contributions are greater than
a null distribution explains, seqlets, are aligned and clustered by what they contribute and would contribute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom.files import read_tsv
from motifloom.genome import BASES, UNKNOWN, encode, reverse_complement
from motifloom.motifs.motif import Motif, probabilities, trim

if TYPE_CHECKING:
    from pathlib import Path

    from motifloom.data.dataset import Dataset

WINDOW, FLANK, PATTERN = 12, 5, 20
"""The core of a seqlet, what is added on either side of it, and the core of a pattern, in bp."""

MIN_SEQLETS = 20
"""Patterns of fewer seqlets, and clusterings of fewer, are left out."""

SETTINGS = {
    "sliding_window_size": WINDOW,
    "flank_size": FLANK,
    "trim_to_window_size": PATTERN,
    "initial_flank_to_add": FLANK,
    "target_seqlet_fdr": 0.2,
    "n_leiden_runs": 2,
    "min_metacluster_size": MIN_SEQLETS,
    "final_min_cluster_size": MIN_SEQLETS,
}
"""What modisco-lite's own command sets, but for these. A core of 12 instead of 20 bp: of 200 sequences of 100 bp more
sites have room for one. A false discovery rate of 0.2, which is that of its function, instead of 0.05: of windows of 60
bp hardly any seqlet is left by that. Least numbers of 20, for fewer sequences than it expects."""

ATTRIBUTED_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "id": pl.String,
    "chosen": pl.String,
    "sequence": pl.String,
    "hypothetical": pl.List(pl.Float32),
}
"""The columns of ``attributions.parquet`` that patterns are found by."""

SEQLET_SCHEMA = {
    "pattern": pl.Int64,
    "id": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "strand": pl.String,
    "contribution": pl.Float64,
}
"""The columns of ``seqlets.tsv``: 0-based, half-open places on the sequence; the strand that the pattern reads; the sum
of the contributions."""


def find_seqlets(attributions: pl.DataFrame) -> pl.DataFrame:
    """Find the patterns of positive contributions.

    Parameters
    ----------
    attributions
        The columns of ``attributions.parquet``, a row per sequence.

    Returns
    -------
    Table with the columns of :data:`SEQLET_SCHEMA`: the seqlets of pattern 0, which has most of them, then of pattern 1
    and so on. It is empty where there are too few sequences, or none as long as a seqlet.
    """
    none = pl.DataFrame(schema=SEQLET_SCHEMA)
    sequences = attributions["sequence"].to_list()
    length = max(map(len, sequences), default=0)
    if len(sequences) < MIN_SEQLETS or length < WINDOW + 4 * FLANK:
        return none
    one_hot = np.zeros((len(sequences), length, 4), dtype=np.float32)
    hypothetical = np.zeros_like(one_hot)
    for row, (sequence, values) in enumerate(zip(sequences, attributions["hypothetical"], strict=True)):
        codes = encode(sequence)
        known = np.flatnonzero(codes < UNKNOWN)
        one_hot[row, known, codes[known]] = 1
        hypothetical[row, : len(codes)] = values.to_numpy().reshape(-1, 4)
    if not hypothetical.any():
        return none
    from modiscolite.tfmodisco import TFMoDISco  # noqa: PLC0415 - it compiles as it is imported

    patterns, _ = TFMoDISco(one_hot, hypothetical, **SETTINGS)
    patterns = sorted(patterns or [], key=lambda pattern: -len(pattern.seqlets))
    ids = attributions["id"].to_list()
    rows = [
        (number, ids[s.example_idx], s.start, s.end, "-" if s.is_revcomp else "+", float(s.contrib_scores.sum()))
        for number, pattern in enumerate(patterns)
        for s in pattern.seqlets
    ]
    return pl.DataFrame(rows, schema=SEQLET_SCHEMA, orient="row")


def read_seqlets(path: Path) -> pl.DataFrame:
    """Read the table that :func:`find_seqlets` made.

    Raises
    ------
    InputError
        Where it cannot be read, or is no such table.
    """
    return read_tsv(path, SEQLET_SCHEMA)


def attribution_motifs(seqlets: pl.DataFrame, dataset: Dataset, replicate: int) -> list[Motif]:
    """Count the bases of each pattern's seqlets.

    Parameters
    ----------
    seqlets
        As :func:`find_seqlets` returns them, of sequences of `dataset`.

    Returns
    -------
    Motifs in the order of the patterns, named ``r{replicate}-pattern{number}``, their outer columns of little
    information cut off.
    """
    row_of = {name: row for row, name in enumerate(dataset.examples["id"])}
    found = []
    for (number,), rows in seqlets.group_by("pattern", maintain_order=True):
        sequences = dataset.codes(np.array([row_of[name] for name in rows["id"]]))
        width = rows["end"][0] - rows["start"][0]  # of all seqlets of a pattern
        bases = np.take_along_axis(sequences, rows["start"].to_numpy()[:, None] + np.arange(width), axis=1)
        minus = (rows["strand"] == "-").to_numpy()
        bases[minus] = reverse_complement(bases[minus])
        found.append(
            Motif(
                name=f"r{replicate}-pattern{number}",
                replicate=replicate,
                unit=int(str(number)),
                ppm=trim(probabilities((bases[:, :, None] == np.arange(len(BASES))).sum(axis=0))),
                sites=len(rows),
                dead=False,
                source="attribution",
            )
        )
    return found
