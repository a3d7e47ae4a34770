"""How strong the peaks are that positive windows were made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from motifloom.config import GenomeDataset
from motifloom.data.chromosomes import rename
from motifloom.data.regions import read_regions

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from motifloom.config import Config

    Floats = npt.NDArray[np.float64]


def peak_strengths(config: Config, name: str, examples: pl.DataFrame) -> dict[str, Floats]:
    """Look up the strength of the peaks in windows, in the files that a dataset's regions come from.

    Parameters
    ----------
    name
        The dataset.
    examples
        Its windows: ``chrom``, ``start``, ``end``.

    Returns
    -------
    For each task the greatest ``strength`` of the regions whose centre lies in each window, as
    :func:`~motifloom.data.regions.read_regions` tells it; NaN where no region does, or none has a strength; shape
    ``(n,)``. No task where labels are no peaks of a file: signals, simulations, sequences without a place.

    Raises
    ------
    InputError
        Where a file of regions cannot be read.
    """
    section = config.datasets[name]
    if not isinstance(section, GenomeDataset) or section.signal:
        return {}
    return {
        task: strongest(examples, rename(read_regions(path), section.aliases))
        for task, path in config.regions(name).items()
    }


def strongest(windows: pl.DataFrame, regions: pl.DataFrame) -> Floats:
    """Return the greatest ``strength`` of the regions whose ``centre`` lies in each window; NaN where there is none."""
    chroms = windows["chrom"].unique(maintain_order=True).to_list()
    found = np.full(len(windows), np.nan)
    of_window = windows["chrom"].to_numpy()
    by_chrom = regions.drop_nulls("strength").sort("centre").partition_by("chrom", as_dict=True)
    for chrom in chroms:
        mine = by_chrom.get((chrom,))
        if mine is None:
            continue
        rows = np.flatnonzero(of_window == chrom)
        centres = mine["centre"].to_numpy()
        first, last = (np.searchsorted(centres, windows[name].to_numpy()[rows]) for name in ("start", "end"))
        rows, first, last = (values[first < last] for values in (rows, first, last))
        if len(rows):
            padded = np.append(mine["strength"].to_numpy(), -np.inf)
            found[rows] = np.maximum.reduceat(padded, np.column_stack([first, last]).ravel())[::2]
    return found
