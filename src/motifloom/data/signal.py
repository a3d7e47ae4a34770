"""Coverage of windows from bigWig files: the labels of regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from motifloom.data.bigwig import read_chromosomes, read_coverage
from motifloom.data.chromosomes import check_names
from motifloom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from motifloom.data.territory import Places
    from motifloom.genome import Genome


@dataclass(frozen=True)
class Signal:
    """A bigWig file of values along a genome.

    Attributes
    ----------
    path
        Where it lies.
    names
        For each of the genome's chromosomes that the file has, what the file calls it.
    """

    path: Path
    names: dict[str, str]

    @classmethod
    def open(cls, path: Path, genome: Genome, aliases: Mapping[str, str], where: str) -> Signal:
        """Read a file's header and hold it against the genome.

        Parameters
        ----------
        aliases
            Names of chromosomes in files: names in the genome.
        where
            The dataset's key in the configuration, for the messages.

        Raises
        ------
        InputError
            Where the file is no bigWig file, has none of the genome's chromosomes, or has one of another length.
        """
        lengths = read_chromosomes(path)
        names = {aliases.get(name, name): name for name in lengths}
        check_names(names, genome, path, where)
        names = {chrom: name for chrom, name in names.items() if chrom in genome.lengths}
        others = [chrom for chrom, name in names.items() if lengths[name] != genome.lengths[chrom]]
        if others:
            chrom = others[0]
            raise InputError(
                f"{path}: '{names[chrom]}' has {lengths[names[chrom]]} bp, the genome's '{chrom}' "
                f"{genome.lengths[chrom]}; {len(others)} of {len(names)} chromosomes differ; expected the same assembly"
            )
        return cls(path, names)

    def coverage(self, genome: Genome, starts: Places, window: int, how: str) -> npt.NDArray[np.float64]:
        """Sum up the values in windows.

        Bases without a value, or with NaN, count as 0. Memory does not grow with the file.

        Parameters
        ----------
        starts
            The windows' first places in the packed genome, ascending, shape ``(n,)``.
        window
            In bp.
        how
            ``mean`` or ``max`` over the window's bases; after ``log1p-``, the natural logarithm of 1 + that.

        Returns
        -------
        Array of shape ``(n,)``; NaN for windows on chromosomes that the file does not have.

        Raises
        ------
        InputError
            Where the file cannot be read, a value is infinite, or a logarithm of a negative value is asked for.
        """
        parts, places = {}, {}
        for chrom, name in self.names.items():
            offset = genome.offsets[chrom]
            parts[name] = slice(*np.searchsorted(starts, [offset, offset + genome.lengths[chrom]]))
            places[name] = starts[parts[name]] - offset
        values = np.full(len(starts), np.nan)
        for name, found in read_coverage(self.path, places, window, how.removeprefix("log1p-")).items():
            values[parts[name]] = found
        if np.isinf(values).any():
            where = _place(genome, starts[np.isinf(values).argmax()], window)
            raise InputError(f"{self.path}: has infinite values, the first in {where}; expected numbers")
        if not how.startswith("log1p-"):
            return values
        if (values < 0).any():
            least = np.nanargmin(values)
            where = _place(genome, starts[least], window)
            raise InputError(
                f"{self.path}: the coverage of {where} is {values[least]:g}; 'coverage: {how}' needs values of 0 or "
                f"more, expected 'coverage: {how.removeprefix('log1p-')}'"
            )
        return np.log1p(values)


def _place(genome: Genome, start: int, window: int) -> str:
    """Return what to call the window that begins at `start` in the packed genome."""
    chrom = max((name for name in genome.offsets if genome.offsets[name] <= start), key=genome.offsets.__getitem__)
    return f"{chrom}:{start - genome.offsets[chrom]}-{start - genome.offsets[chrom] + window}"
