"""Batch norm over the places that belong to sequences, wherever in a training's processes they are."""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_reduce

from motifloom.models.channels_last import as_image


class BatchNorm(nn.BatchNorm2d):
    """Batch norm that takes its statistics in training from the places that belong to sequences.

    Ioffe and Szegedy, ICML (2015). Where several processes share a batch, the statistics are those of the whole batch.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, x: Tensor, own: Tensor | None = None) -> Tensor:
        """Normalise features ``(batch, channels, places)``.

        Parameters
        ----------
        own
            Which places belong to their sequence, shape ``(batch, 1, places)``; None where all do.
        """
        shared = self.training and distributed.is_available() and distributed.is_initialized()
        if not self.training or (own is None and not shared):
            return super().forward(as_image(x)).squeeze(2)
        rows = x.transpose(1, 2)  # (batch, places, channels)
        chosen = torch.ones_like(rows[:, :, :1], dtype=torch.bool) if own is None else own.transpose(1, 2)
        values = rows[chosen[:, :, 0]]  # (n, channels)
        # As images of one place: of one image, torch mistakes the order in memory and with it the gradient.
        normed = self._across_processes(values) if shared else super().forward(values[:, :, None, None])[:, :, 0, 0]
        return torch.zeros_like(rows).masked_scatter(chosen, normed.to(rows.dtype)).transpose(1, 2)

    def _across_processes(self, values: Tensor) -> Tensor:
        """Normalise ``(n, channels)`` with the mean and the variance over the values of all processes."""
        values = values.float()
        number = torch.tensor(float(len(values)), device=values.device)
        distributed.all_reduce(number)
        mean = all_reduce(values.sum(dim=0)) / number
        variance = all_reduce((values - mean).square().sum(dim=0)) / number
        with torch.no_grad():
            momentum = self.momentum or 0.0
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * number / (number - 1), momentum)
            self.num_batches_tracked += 1
        return (values - mean) * (variance + self.eps).rsqrt() * self.weight + self.bias
