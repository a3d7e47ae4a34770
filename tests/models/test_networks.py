from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from motifloom import config
from motifloom.models.encoding import one_hot, reverse_complement
from motifloom.models.networks import build

BATCH, LENGTH, TASKS = 7, 53, 3
SETTINGS: list[dict[str, Any]] = [
    {"architecture": "cnn", "filters": 11, "kernel_size": 9, "pool_size": 6, "hidden": 5},
    {"architecture": "cnn", "filters": 11, "kernel_size": 9, "pool_size": 60, "hidden": 5, "activation": "relu"},
    {"architecture": "dilated_cnn", "filters": 11, "kernel_size": 9, "blocks": 4},
    {"architecture": "bilstm", "hidden": 6, "layers": 2},
    {"architecture": "cnn_bilstm", "filters": 11, "kernel_size": 9, "pool_size": 4, "hidden": 6},
]


def network_of(settings: dict[str, Any], tasks: int = TASKS, length: int = LENGTH) -> torch.nn.Module:
    torch.manual_seed(0)
    return build(TypeAdapter(config.Model).validate_python(settings), tasks, length)


@pytest.fixture(params=SETTINGS, ids=lambda settings: settings["architecture"])
def network(request: pytest.FixtureRequest) -> torch.nn.Module:
    return network_of(request.param).eval()


@pytest.fixture
def x() -> torch.Tensor:
    codes = torch.randint(0, 5, (BATCH, LENGTH), generator=torch.Generator().manual_seed(1))
    return one_hot(codes.to(torch.uint8))


def test_one_hot_leaves_unknown_bases_empty():
    x = one_hot(torch.tensor([[0, 1, 2, 3, 4, 1]], dtype=torch.uint8))
    assert x.shape == (1, 4, 6)
    assert x[0].T.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_one_hot_of_the_reverse_complement_is_the_reverse_complement_of_one_hot(x):
    from motifloom import genome

    codes = torch.randint(0, 5, (BATCH, LENGTH), dtype=torch.uint8)
    other = torch.from_numpy(genome.reverse_complement(codes.numpy()).copy())
    assert torch.equal(reverse_complement(one_hot(codes)), one_hot(other))
    assert torch.equal(reverse_complement(reverse_complement(x)), x)


def test_a_network_gives_one_logit_a_task(network, x):
    logits = network(x)
    assert logits.shape == (BATCH, TASKS)
    assert torch.isfinite(logits).all()


def test_a_prediction_does_not_depend_on_its_batch_mates(network, x):
    together = network(x)
    alone = torch.cat([network(x[i : i + 1]) for i in range(BATCH)])
    shuffled = network(x.flip(0)).flip(0)
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together, shuffled, atol=1e-5)


def test_every_weight_gets_a_gradient(network, x):
    network.train()
    network(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize(
    ("settings", "weights"),
    [
        # convolution + batch norm + convolution + batch norm + dense over ceil(53 / 6) places
        (SETTINGS[0], 4 * 9 * 11 + 22 + 11 * 3 * 5 + 10 + (5 * 9 + 1) * TASKS),
        # convolution + batch norm + 4 blocks of convolution + batch norm + dense
        (SETTINGS[2], 4 * 9 * 11 + 22 + 4 * (11 * 3 * 11 + 22) + (11 + 1) * TASKS),
        # two directions of two layers: 4 gates of input, state and two biases
        (SETTINGS[3], 2 * 4 * 6 * (4 + 6 + 2) + 2 * 4 * 6 * (12 + 6 + 2) + (12 + 1) * TASKS),
        (SETTINGS[4], 4 * 9 * 11 + 22 + 2 * 4 * 6 * (11 + 6 + 2) + (12 + 1) * TASKS),
    ],
)
def test_the_number_of_weights_is_what_the_architecture_says(settings, weights):
    assert sum(p.numel() for p in network_of(settings).parameters()) == weights


def test_the_dilated_network_sees_as_far_as_its_dilations_say():
    """1 base, 4 to each side of a filter of 9, and 1 + 2 + 4 + 8 to each side by the blocks."""
    network = network_of({**SETTINGS[2], "activation": "relu"}).eval()
    x = torch.rand(1, 4, 101, requires_grad=True)
    network.blocks(network.first_layer(x))[0, :, 50].sum().backward()
    seen = x.grad[0].abs().sum(dim=0).nonzero().flatten()
    assert (int(seen.min()), int(seen.max())) == (50 - 19, 50 + 19)


def test_the_lstm_reads_both_directions():
    """The last output of the forward direction has seen the first base, the first of the backward one the last base."""
    network = network_of(SETTINGS[3]).eval()
    x = torch.rand(1, 4, 9)
    changed = x.clone()
    changed[:, :, 0] += 1
    one, other = (network.lstm(sequence.transpose(1, 2))[0] for sequence in (x, changed))
    assert (one[0, -1] != other[0, -1]).any()
    changed = x.clone()
    changed[:, :, -1] += 1
    other = network.lstm(changed.transpose(1, 2))[0]
    assert (one[0, 0] != other[0, 0]).any()


def test_a_baseline_is_no_network():
    with pytest.raises(TypeError):
        network_of({"architecture": "knn"})
