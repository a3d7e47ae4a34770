"""Time DeepLIFT beside tangermeme's, on the same network, sequences and references, on one core.

The network is like Basset's: three convolutions of 300, 200 and 200 filters with maxima, and two dense layers. The
multipliers of both are compared first.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import torch
from tangermeme.deep_lift_shap import deep_lift_shap
from torch import Tensor, nn
from torch.nn import functional

from motifloom.motifs.deep_lift import multipliers

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH = 200
WIDTHS, POOLS = (19, 11, 7), (3, 4, 4)
BATCH = 5
"""Sequences of which ours reads the references at a time; theirs reads as many rows as are fastest of 64 and 256."""


class Layers(nn.Module):
    """The network, with the layers that tangermeme knows."""

    def __init__(self) -> None:
        super().__init__()
        channels = (4, 300, 200, 200)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels[i], channels[i + 1], WIDTHS[i], padding=WIDTHS[i] // 2) for i in range(3)
        )
        self.activations = nn.ModuleList(nn.ReLU() for _ in range(4))
        self.maxima = nn.ModuleList(nn.MaxPool1d(size) for size in POOLS)
        self.dense, self.last = nn.Linear(200 * 4, 200), nn.Linear(200, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return one number for each sequence, ``(n, 1)``."""
        for layer in range(3):
            x = self.pooled(layer, self.activations[layer](self.convolutions[layer](x)))
        return torch.as_tensor(self.last(self.activations[3](self.dense(x.flatten(1)))))

    def pooled(self, layer: int, x: Tensor) -> Tensor:
        """Return maxima of neighbouring places."""
        return torch.as_tensor(self.maxima[layer](x))


class Images(Layers):
    """The same, its maxima as motifloom's networks have them."""

    def pooled(self, layer: int, x: Tensor) -> Tensor:
        """Return maxima of neighbouring places."""
        return functional.max_pool2d(x.unsqueeze(2), (1, POOLS[layer])).squeeze(2)


def one_hot(random: torch.Generator, *shape: int) -> Tensor:
    """Return random sequences, ``(*shape, 4, LENGTH)``."""
    return functional.one_hot(torch.randint(4, (*shape, LENGTH), generator=random), 4).transpose(-1, -2).float()


def seconds(case: Callable[[], Tensor]) -> float:
    """Return the seconds of the processor that a case takes."""
    start = time.process_time()
    case()
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=100)
    parser.add_argument("--references", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    theirs = Layers().eval()
    images = Images().eval()
    images.load_state_dict(theirs.state_dict())
    random = torch.Generator().manual_seed(0)
    x, references = (one_hot(random, options.sequences, *more) for more in ((), (options.references,)))

    def tangermeme(batch: int) -> Tensor:
        return torch.as_tensor(
            deep_lift_shap(theirs, x, references=references, device="cpu", batch_size=batch, raw_outputs=True)
        )

    def ours() -> Tensor:
        beside = torch.cat([x[:, None], references], dim=1).split(BATCH)
        return torch.cat([multipliers(lambda rows: images(rows)[:, 0], part)[0] for part in beside])

    expected = tangermeme(64)
    print(f"greatest difference {(ours() - expected).abs().max():.1e}, greatest multiplier {expected.abs().max():.1e}")
    cases: dict[str, Callable[[], Tensor]] = {
        "tangermeme, 64 rows": lambda: tangermeme(64),
        "tangermeme, 256 rows": lambda: tangermeme(256),
        "motifloom": ours,
    }
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(options.repeats):
        for name, case in cases.items():
            taken[name].append(seconds(case))
    best = min(statistics.median(taken[name]) for name in cases if name != "motifloom")
    for name, times in taken.items():
        median = statistics.median(times)
        print(
            f"{name}: {median:.2f} s ({min(times):.2f} to {max(times):.2f}), {best / median:.2f} × the faster of theirs"
        )


if __name__ == "__main__":
    main()
