"""The batches of one pass over a split, which can be entered in the middle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from motifloom.training.batches import Batch, Batches

    Stretch = list[tuple[int, Batch]]


STRETCH = 1 << 18
"""So many bp of batches are served at a time, and at least one batch. That is computed in a fraction of a second."""


class Epoch:
    """Serves batches in order; a training that is resumed goes on with the first batch it has not seen.

    They come as stretches, lists of batches and their numbers, each of which is one batch to Lightning: what Lightning
    does around one takes as long as a small network takes for a step.

    Lightning saves :meth:`state_dict` with every checkpoint and hands it to the epoch of the training that goes on.

    Parameters
    ----------
    process, processes
        Of so many processes that share every batch this is the one of this number, from 0.
    """

    def __init__(self, batches: Batches, process: int = 0, processes: int = 1) -> None:
        self.batches = batches
        self.span = max(1, STRETCH // (batches.batch_size * batches.dataset.length))
        self.share = slice(process, None, processes)
        self.served = 0

    def __len__(self) -> int:
        return math.ceil(len(self.batches) / self.span)

    def __iter__(self) -> Iterator[Stretch]:
        while self.served < len(self.batches):
            numbers = range(self.served, min(self.served + self.span, len(self.batches)))
            self.served = numbers.stop
            batches = self.batches.gather(numbers)
            yield [
                (number, (codes[self.share], labels[self.share]))
                for number, (codes, labels) in zip(numbers, batches, strict=True)
            ]
        self.served = 0

    def state_dict(self) -> dict[str, int]:
        """Return how many batches were served."""
        return {"served": self.served}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take up an epoch where another one was left; one that was served whole is not begun again."""
        self.served = state["served"] % len(self.batches)
