from __future__ import annotations

import os
import shutil

import pytest
import torch
from scipy import stats

from motifloom.models.dropout import Dropout, random_16_bits


def mask(share: float, *shape: int, seed: int = 0) -> torch.Tensor:
    """Return what dropout makes of ones."""
    torch.manual_seed(seed)
    return Dropout(share).train()(torch.ones(shape))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9])
def test_the_share_of_the_values_is_dropped_and_the_expectation_stays(share: float) -> None:
    dropped = mask(share, 50, 40, 100)
    number = int((dropped == 0).sum())
    assert stats.binomtest(number, dropped.numel(), share).pvalue > 1e-3
    assert dropped.max() == pytest.approx(1 / (1 - share), rel=1e-4)
    assert set(dropped.unique().tolist()) == {0.0, dropped.max().item()}


def test_values_are_dropped_independently_of_their_neighbours() -> None:
    """Four values share 64 bits: none of them tells anything of the next one, nor of the same one of the next 64."""
    dropped = (mask(0.5, 2**20) == 0).double()
    for distance in range(1, 9):
        pairs = torch.stack([dropped[:-distance], dropped[distance:]])
        assert abs(torch.corrcoef(pairs)[0, 1]) < 4 / 2**10


def test_all_integers_of_16_bits_are_equally_likely() -> None:
    torch.manual_seed(0)
    counts = torch.bincount(random_16_bits(torch.empty(3, 2**21)).flatten().int() + 2**15, minlength=2**16)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_the_generator_of_torch_decides() -> None:
    assert torch.equal(mask(0.3, 5, 7, 11), mask(0.3, 5, 7, 11))
    assert not torch.equal(mask(0.3, 5, 7, 11), mask(0.3, 5, 7, 11, seed=1))
    dropout, x = Dropout(0.3), torch.ones(5, 7, 11)
    assert not torch.equal(dropout(x), dropout(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gradient_passes_where_a_value_was_kept(dtype: torch.dtype) -> None:
    """Also of features whose channels lie side by side in memory, and of a number of values that four do not divide."""
    x = (torch.rand(3, 7, 5) + 0.5).to(dtype).transpose(1, 2).requires_grad_()
    y = Dropout(0.25)(x)
    y.sum().backward()
    assert y.stride() == x.stride()
    assert x.grad is not None
    assert torch.equal(x.grad != 0, y != 0)
    assert 0 < int((y == 0).sum()) < y.numel()
    assert torch.allclose(x.grad[y != 0], torch.tensor(4 / 3, dtype=dtype))


def test_nothing_is_dropped_in_evaluation() -> None:
    x = torch.rand(2, 3)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0).train()(x), x)


@pytest.mark.skipif(shutil.which(os.environ.get("CXX") or "g++") is None, reason="no C++ compiler")
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")  # torch's compiler imports it
def test_a_compiled_network_drops_as_many_values():
    dropout, x = torch.compile(Dropout(0.3).train()), torch.ones(50, 7, 110)
    y = dropout(x)
    assert float((y == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert y[y != 0].unique().tolist() == pytest.approx([1 / 0.7])
