"""The rules of a simulation: how motif sites may stand in a region.

The simulation draws by them, and the oracle sums over them. Each class of regions is an even mixture of
:class:`Scattered` and :class:`Paired` arrangements. Places count from a region's centre: the bp before it is −1. The
centre of anything of `width` bp that begins at `start` is `start + width // 2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from motifloom.config import SimulatedDataset

    Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sites:
    """The sites of n regions, k in each; arrays of shape ``(n, k)``.

    Attributes
    ----------
    motif
        The number of the motif that each is a site of.
    start
        Its first base, in bp from the region's centre.
    minus
        Whether the motif reads on the other strand.
    """

    motif: Integers
    start: Integers
    minus: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scattered:
    """A number of sites, of motifs and on strands drawn evenly and independently.

    The motifs are drawn first, from left to right. All places are then equally likely at which these sites, in this
    order, do not overlap and have their centres at most `jitter` bp from the region's.
    """

    number: int

    def draw(self, widths: Integers, jitter: int, regions: int, random: np.random.Generator) -> Sites:
        """Draw the sites of `regions` regions, of motifs of `widths` bp."""
        motif = random.integers(len(widths), size=(regions, self.number))
        minus = random.random((regions, self.number)) < 0.5
        if not self.number:
            return Sites(motif, motif, minus)
        steps = least_distance(widths[motif[:, :-1]], widths[motif[:, 1:]])
        least = np.cumsum(np.pad(steps, ((0, 0), (1, 0))), axis=1)
        centre = least + draw_ascending(2 * jitter - least[:, -1], self.number, random) - jitter
        return Sites(motif, centre - widths[motif] // 2, minus)


@dataclass(frozen=True)
class Paired:
    """A site of each of two motifs, on one strand, the first of `order` upstream.

    Their centres, which are the motifs' columns `width // 2`, are `spacing` (least, most) bp apart. All distances, both
    strands and all places at which the pair's centre is within `jitter` bp of the region's are equally likely.
    """

    order: tuple[int, int]
    spacing: tuple[int, int]

    def draw(self, widths: Integers, jitter: int, regions: int, random: np.random.Generator) -> Sites:
        """Draw the sites of `regions` regions, of motifs of `widths` bp."""
        spacing = random.integers(self.spacing[0], self.spacing[1] + 1, size=regions)
        minus = random.random((regions, 1)) < 0.5
        shift = random.integers(-jitter, jitter + 1, size=(regions, 1))
        motif, start = self.place(widths, spacing, minus[:, 0])
        return Sites(motif, start + shift, minus.repeat(2, axis=1))

    def length(self, widths: Integers, spacing: Integers | int) -> Integers:
        """Return the bp from the first base of a pair to its last."""
        first, second = widths[list(self.order)]
        return np.asarray(spacing) + first // 2 - second // 2 + second

    def place(self, widths: Integers, spacing: Integers, minus: npt.NDArray[np.bool_]) -> tuple[Integers, Integers]:
        """Place pairs with their centre on the region's.

        Parameters
        ----------
        spacing, minus
            The distance between the sites of each pair, and whether it reads on the other strand; shape ``(n,)``.

        Returns
        -------
        Motif and first base of both sites of each pair, shape ``(n, 2)``.
        """
        first, second = widths[list(self.order)]
        length = self.length(widths, spacing)
        downstream = length - second
        ahead = np.column_stack([np.zeros_like(length), downstream])
        mirrored = np.column_stack([length - first, length - downstream - second])
        start = np.where(minus[:, None], mirrored, ahead) - (length // 2)[:, None]
        return np.broadcast_to(self.order, start.shape), start


Arrangement = Scattered | Paired


def arrangements(section: SimulatedDataset) -> dict[int, list[Arrangement]]:
    """Return what a region of each class, 0 and 1, holds: one of these arrangements, each equally likely."""
    spec = section.simulate
    match spec.rule:
        case "any":
            return {1: [Scattered(1)], 0: [Scattered(0)]}
        case "count":
            return {1: [Scattered(spec.sites)], 0: [Scattered(spec.decoy_sites)]}
        case "pair":
            decoys: list[Arrangement] = [Paired((1, 0), spec.spacing), Paired((0, 1), spec.decoy_spacing)]
            return {1: [Paired((0, 1), spec.spacing)], 0: decoys}


def least_distance(left: Integers, right: Integers) -> Integers:
    """Return how far apart, in bp, the centres of neighbouring sites of these widths are at the least."""
    return left - left // 2 + right // 2


def draw_ascending(most: Integers, number: int, random: np.random.Generator) -> Integers:
    """Draw rows of `number` integers that never fall, from 0 to `most`; all such rows are equally likely.

    A row is a subset of the integers below most + number, less 0, 1, 2, …; subsets are drawn by Floyd's algorithm
    (Bentley and Floyd, Communications of the ACM 30:754, 1987).

    Parameters
    ----------
    most
        Of each row, shape ``(n,)``.

    Returns
    -------
    Shape ``(n, number)``.
    """
    subset = np.empty((len(most), number), dtype=np.int64)
    for place in range(number):
        last = most + place
        drawn = random.integers(last + 1)
        taken = (subset[:, :place] == drawn[:, None]).any(axis=1)
        subset[:, place] = np.where(taken, last, drawn)
    return np.sort(subset, axis=1) - np.arange(number)
