"""Motifs that are the same motif put together: filters of a network, networks of several trainings and models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from motifloom.motifs.matching import Likeness
    from motifloom.motifs.motif import Motif


@dataclass(frozen=True)
class Member:
    """A motif of a group, and how it lies on the group's leader.

    Attributes
    ----------
    motif
        The motif.
    offset
        Where it begins, in bp from the leader's start, once it is turned to the leader's strand.
    minus
        Whether it has to be turned: it is the leader's reverse complement.
    """

    motif: Motif
    offset: int
    minus: bool


Group = list[Member]
"""The leader first; each of the others is alike to it."""


def groups(motifs: Sequence[Motif], likeness: Likeness) -> list[Group]:
    """Put motifs together that are alike, on either strand.

    The first motif leads a group of all that are like it, the next that is in no group yet leads the next group, and so
    on. So every member is like its leader, and no chain of half-alike motifs joins two different ones.

    Parameters
    ----------
    motifs
        Those that shall lead come first.
    likeness
        Of the same motifs.
    """
    left = np.ones(len(motifs), dtype=bool)
    found = []
    for leader in range(len(motifs)):
        if left[leader]:
            others = np.flatnonzero(likeness.same[leader] & left).tolist()
            members = [leader, *(place for place in others if place != leader)]
            left[members] = False
            lying = zip(
                likeness.offset[leader, members].tolist(), likeness.minus[leader, members].tolist(), strict=True
            )
            found.append([Member(motifs[m], offset, minus) for m, (offset, minus) in zip(members, lying, strict=True)])
    return found


def strongest_first(motifs: Sequence[Motif]) -> list[Motif]:
    """Sort motifs by how much their sites tell together: the number of sites × bits."""
    return sorted(motifs, key=lambda motif: (-motif.sites * motif.information_content, motif.name))
