from __future__ import annotations

import torch

from motifloom.models.encoding import one_hot, reverse_complement, sequence_lengths


def codes(*shape: int) -> torch.Tensor:
    return torch.randint(0, 6, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_one_hot_is_where_the_codes_equal_the_base():
    drawn = codes(5, 7)
    expected = torch.stack([(drawn == base).float() for base in range(4)], dim=1)
    x = one_hot(drawn)
    assert x.dtype == torch.float32
    assert x.shape == (5, 4, 7)
    assert torch.equal(x, expected)


def test_codes_may_be_a_view():
    drawn = codes(7, 5)
    assert torch.equal(one_hot(drawn.T), one_hot(drawn.T.contiguous()))
    assert torch.equal(one_hot(drawn[:, 1:3]), one_hot(drawn)[:, :, 1:3])


def test_devices_agree_on_one_hot():
    """The meta device computes shapes alone, by the expression that accelerators compute."""
    x = one_hot(codes(5, 7).to("meta"))
    assert (x.shape, x.dtype) == ((5, 4, 7), torch.float32)


def test_the_reverse_complement_reverses_both_axes():
    known = torch.tensor([[0, 0, 1, 2, 4]], dtype=torch.uint8)  # AACGN, and NCGTT
    assert torch.equal(reverse_complement(one_hot(known)), one_hot(torch.tensor([[4, 1, 2, 3, 3]], dtype=torch.uint8)))


def test_padding_is_no_base_and_tells_the_lengths():
    known = torch.tensor([[0, 4, 1, 5], [4, 4, 4, 4], [2, 5, 5, 5]], dtype=torch.uint8)
    assert sequence_lengths(known).tolist() == [3, 4, 1]
    assert sequence_lengths(known[1:2]) is None
    assert sequence_lengths(known[:, :1]) is None
    assert not one_hot(known)[:, :, 3].any()
