"""The batches of one pass over a split, which can be entered in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from motifloom.training.batches import Batch, Batches


class Epoch:
    """Serves batches in order; a training that is resumed goes on with the first batch it has not seen.

    Lightning saves :meth:`state_dict` with every checkpoint and hands it to the epoch of the training that goes on.

    Parameters
    ----------
    process, processes
        Of so many processes that share every batch this is the one of this number, from 0.
    """

    def __init__(self, batches: Batches, process: int = 0, processes: int = 1) -> None:
        self.batches = batches
        self.share = slice(process, None, processes)
        self.served = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        for index in range(self.served, len(self)):
            self.served = index + 1
            codes, labels = self.batches[index]
            yield codes[self.share], labels[self.share]
        self.served = 0

    def state_dict(self) -> dict[str, int]:
        """Return how many batches were served."""
        return {"served": self.served}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take up an epoch where another one was left; one that was served whole is not begun again."""
        self.served = state["served"] % len(self)
