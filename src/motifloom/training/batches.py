"""Batches gathered from the dataset as codes; one-hot form is made on the device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.utils import data

from motifloom.seeds import generator
from motifloom.training.epoch import Epoch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from motifloom.config import Training
    from motifloom.data.dataset import Dataset

Batch = tuple[Tensor, Tensor]
"""Codes, uint8 ``(batch, length)``, and labels, float32 ``(batch, tasks)``, NaN where one is missing."""


class Batches(data.Dataset[Batch]):
    """The rows of a dataset cut into batches: item i is the whole batch i.

    Parameters
    ----------
    rows
        In the order in which they are served.
    flipped
        Which of them are served as their reverse complement, shape ``(len(rows),)``; None for none.
    shifts
        By how many bp each is served nearer to the genome's end, shape ``(len(rows),)``; None for none.
    """

    def __init__(
        self,
        dataset: Dataset,
        rows: npt.NDArray[np.int64],
        batch_size: int,
        flipped: npt.NDArray[np.bool_] | None = None,
        shifts: npt.NDArray[np.int64] | None = None,
    ) -> None:
        self.dataset, self.rows, self.batch_size = dataset, rows, batch_size
        self.flipped, self.shifts = flipped, shifts
        self.labels = torch.tensor(dataset.labels(rows))

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch_size)

    def __getitem__(self, index: int) -> Batch:
        (batch,) = self.gather(range(index, index + 1))
        return batch

    def gather(self, numbers: range) -> list[Batch]:
        """Return successive batches; their sequences are gathered in one go, which takes less time than one by one.

        Raises
        ------
        IndexError
            Where there is no batch of one of the numbers.
        """
        if not 0 <= numbers.start <= numbers.stop <= len(self):
            raise IndexError(f"batches {numbers.start} to {numbers.stop}, of {len(self)}")
        part = slice(numbers.start * self.batch_size, numbers.stop * self.batch_size)
        flipped = None if self.flipped is None else self.flipped[part]
        shifts = None if self.shifts is None else self.shifts[part]
        codes = torch.from_numpy(self.dataset.codes(self.rows[part], flipped=flipped, shifts=shifts))
        return list(zip(*(torch.split(rows, self.batch_size) for rows in (codes, self.labels[part])), strict=True))


class SequenceDataModule(lightning.LightningDataModule):
    """The splits of a dataset as batches.

    The order of an epoch, and each training example's strand and shift, follow from the seed and the epoch's number
    alone.

    Parameters
    ----------
    seed
        Of this training.
    both_strands
        Whether training examples are served as their reverse complement with a chance of one half.
    """

    def __init__(self, dataset: Dataset, settings: Training, seed: int, both_strands: bool) -> None:
        super().__init__()
        self.dataset, self.settings, self.seed, self.both_strands = dataset, settings, seed, both_strands

    def train_dataloader(self) -> Epoch:
        """Return the batches of the trainer's current epoch; it is asked anew for every epoch."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        process, processes = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        random = generator(self.seed, "epoch", epoch)
        rows = random.permutation(self.dataset.rows("train"))
        left_over = len(rows) % self.settings.batch_size
        if left_over < max(2, processes):  # one sequence has no spread to be normalised by
            rows = rows[: len(rows) - left_over]
        flipped = random.random(len(rows)) < 0.5 if self.both_strands else None
        before, after = (room[rows] for room in self.dataset.sequences.room)
        shifts = random.integers(-before, after + 1) if before.any() or after.any() else None
        return Epoch(Batches(self.dataset, rows, self.settings.batch_size, flipped, shifts), process, processes)

    def val_dataloader(self) -> Epoch:
        """Return the validation split in the table's order; every process validates all of it."""
        rows = self.dataset.rows("validation")
        return Epoch(Batches(self.dataset, rows, self.settings.batch_size))
