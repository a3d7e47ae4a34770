"""Values and gradients are those of torch's own one-dimensional layers, whatever axis is a single place wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from motifloom.models.batch_norm import BatchNorm
from motifloom.models.channels_last import Conv1d
from motifloom.models.layers import Pooling, Readout

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPES = [(3, 5, 11), (2, 1, 11), (2, 5, 1), (1, 5, 11), (2, 1, 1)]  # (batch, channels, places)
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def gradients(function: Callable[[Tensor], Tensor], x: Tensor, weights: list[Tensor]) -> list[Tensor]:
    """Return the values, and the gradients of a weighted sum of them with respect to `x` and the weights."""
    x = x.clone().requires_grad_()
    y = function(x)
    factors = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    return [y, *torch.autograd.grad((y * factors).sum(), [x, *weights])]


def assert_equal(mine: list[Tensor], theirs: list[Tensor]) -> None:
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def features(shape: tuple[int, int, int]) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def leave_in_memory(value: float, size: int) -> None:
    """Fill memory and free it: a result that is never written would hold the value."""
    blocks = [torch.full((size,), value) for _ in range(5)]
    blocks.clear()


@each_shape
def test_convolution(shape: tuple[int, int, int]) -> None:
    mine, theirs = (kind(shape[1], 6, 3, 2, 4, 2) for kind in (Conv1d, nn.Conv1d))
    theirs.load_state_dict(mine.state_dict())
    x = features(shape)
    assert_equal(gradients(mine, x, [*mine.parameters()]), gradients(theirs, x, [*theirs.parameters()]))


@pytest.mark.parametrize("places", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("kernel_size", [1, 3, 7])
def test_gradients_in_bfloat16_are_those_in_float32_but_for_rounding(
    kernel_size: int, stride: int, places: int
) -> None:
    mine = Conv1d(16, 64, kernel_size, stride, kernel_size // 2, bias=False)
    x = torch.rand((36, 16, places), generator=torch.Generator().manual_seed(0))
    exact = gradients(mine, x, [*mine.parameters()])
    for _ in range(3):
        for size in (mine.weight.numel(), 4 * mine.weight.numel()):
            leave_in_memory(1e4, size)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            for one, other in zip(gradients(mine, x, [*mine.parameters()]), exact, strict=True):
                assert (one - other).abs().max() < 0.05 * other.abs().max().clamp(min=1)


@pytest.mark.parametrize(
    ("shape", "padded"),
    [(shape, padded) for shape in SHAPES for padded in (False, True) if shape[2] > 1 or (shape[0] > 1 and not padded)],
    ids=str,
)
def test_batch_norm(shape: tuple[int, int, int], padded: bool) -> None:
    batch, channels, places = shape
    own = (torch.arange(places) < torch.tensor([places, 4, 7])[:batch, None])[:, None] if padded else None
    mine, theirs = BatchNorm(channels), nn.BatchNorm1d(channels)
    with torch.no_grad():
        for values in mine.parameters():
            values.uniform_(0.5, 2)
    theirs.load_state_dict(mine.state_dict())

    def expected(x: Tensor) -> Tensor:
        if own is None:
            return torch.as_tensor(theirs(x))
        chosen = own[:, 0]
        y = torch.zeros_like(x).transpose(1, 2)
        y[chosen] = theirs(x.transpose(1, 2)[chosen])
        return y.transpose(1, 2)

    x = features(shape)
    assert_equal(
        gradients(lambda x: mine(x, own), x, [*mine.parameters()]), gradients(expected, x, [*theirs.parameters()])
    )
    assert_equal([mine.running_mean, mine.running_var], [torch.as_tensor(theirs.running_mean), theirs.running_var])


@each_shape
def test_pooling(shape: tuple[int, int, int]) -> None:
    x = features(shape).abs()
    size = min(3, shape[2])
    for mine, theirs in (
        (Pooling("max", size, 2), nn.MaxPool1d(size, 2, ceil_mode=True)),
        (Pooling("average", size, 2), nn.AvgPool1d(size, 2, ceil_mode=True)),
    ):
        assert_equal(gradients(mine, x, []), gradients(theirs, x, []))


@each_shape
def test_greatest_value_of_all_places(shape: tuple[int, int, int]) -> None:
    x = features(shape)
    readout = Readout("max", shape[1], places=0)
    assert_equal(gradients(readout, x, []), gradients(lambda x: x.amax(dim=2), x, []))
