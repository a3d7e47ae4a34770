"""The networks against formulas, numpy and scipy. Every axis has another length."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from scipy import signal
from torch import nn
from torch.nn import functional

from motifloom import config
from motifloom.models.base import FilterNetwork, Network
from motifloom.models.dilated_cnn import DilatedBlock
from motifloom.models.encoding import one_hot, reverse_complement
from motifloom.models.layers import BatchNorm, Chain, Convolution, Exponential, Layer, Pooling, Readout, own_places
from motifloom.models.networks import build
from motifloom.models.recurrent import Recurrent, RecurrentLayers, gradient_by_distance
from motifloom.models.resnet import ResidualBlock

BATCH, LENGTH, TASKS = 7, 53, 3
LENGTHS = torch.tensor([53, 31, 1, 17, 52, 8, 40])
FILTERS = {"filters": 11, "kernel_size": 9}
SETTINGS: dict[str, dict[str, Any]] = {
    "cnn": {**FILTERS, "pool_size": 6, "hidden": 5},
    "deep_cnn": {"architecture": "cnn", **FILTERS, "pool_size": 2, "hidden": 5, "layers": 6},
    "resnet": {**FILTERS, "pool_size": 3, "hidden": 5, "blocks": 3},
    "dilated_cnn": {**FILTERS, "blocks": 4},
    "rnn": {"hidden": 6, "layers": 2},
    "lstm": {"hidden": 6, "layers": 2},
    "bilstm": {"hidden": 6, "layers": 2},
    "cnn_bilstm": {**FILTERS, "pool_size": 4, "hidden": 6},
}
VARIANTS: dict[str, dict[str, Any]] = {
    **SETTINGS,
    "valid": {**SETTINGS["cnn"], "padding": "valid", "readout": "mean"},
    "full": {**SETTINGS["resnet"], "architecture": "resnet", "padding": "full", "readout": "attention"},
    "strided": {**SETTINGS["dilated_cnn"], "architecture": "dilated_cnn", "stride": 3, "padding": "valid"},
    "flat": {**SETTINGS["dilated_cnn"], "architecture": "dilated_cnn", "readout": "flatten", "batch_norm": False},
    "average": {**SETTINGS["cnn"], "pooling": "average", "pool_stride": 4, "readout": "max", "dilation": 2},
    "short": {**SETTINGS["cnn_bilstm"], "architecture": "cnn_bilstm", "padding": "valid", "readout": "final"},
    "final": {**SETTINGS["bilstm"], "architecture": "bilstm", "readout": "final"},
    "mean": {**SETTINGS["rnn"], "architecture": "rnn", "readout": "mean"},
    "attentive": {**SETTINGS["lstm"], "architecture": "lstm", "readout": "attention"},
    "both_strands": {**SETTINGS["cnn"], "shared_strands": True},
    "both_strands_lstm": {**SETTINGS["lstm"], "architecture": "lstm", "shared_strands": True},
}
for _name, _settings in VARIANTS.items():
    _settings.setdefault("architecture", _name if _name in SETTINGS else "cnn")
WITH_FILTERS = ["cnn", "resnet", "dilated_cnn", "cnn_bilstm", "strided", "both_strands"]
each_architecture = pytest.mark.parametrize("name", SETTINGS)
each_variant = pytest.mark.parametrize("name", VARIANTS)


def settings_of(name: str, **changes: Any) -> Any:
    return TypeAdapter(config.Model).validate_python({**VARIANTS[name], **changes})


def network_of(name: str, *, tasks: int = TASKS, length: int = LENGTH, seed: int = 0, **changes: Any) -> Network:
    torch.manual_seed(seed)
    return build(settings_of(name, **changes), tasks, length).eval()


def sequences(number: int = BATCH, length: int = LENGTH, seed: int = 1) -> torch.Tensor:
    """Return one-hot sequences with some unknown bases."""
    codes = torch.randint(0, 9, (number, length), generator=torch.Generator().manual_seed(seed))
    return one_hot(torch.where(codes < 8, codes // 2, 4).to(torch.uint8))


def padded(x: torch.Tensor, lengths: torch.Tensor, width: int | None = None) -> torch.Tensor:
    """Return sequences cut to their lengths, with zeros after the end up to `width`."""
    x = x * (torch.arange(x.shape[2]) < lengths[:, None, None])
    return functional.pad(x, (0, (width or x.shape[2]) - x.shape[2]))


def close(one: torch.Tensor, other: Any, within: float = 1e-6) -> bool:
    return torch.allclose(one, torch.as_tensor(other, dtype=one.dtype), rtol=within, atol=within)


# ----------------------------------------------------------------------------------------------------- every network


@each_variant
def test_a_network_gives_one_logit_a_task(name: str) -> None:
    logits = network_of(name)(sequences())
    assert logits.shape == (BATCH, TASKS)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("cut", [False, True])
@each_variant
def test_layers_keep_the_order_in_memory_that_a_network_is_given(name: str, cut: bool) -> None:
    network = network_of(name, dropout=0).train()
    given: list[torch.Tensor] = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d | BatchNorm | Pooling | Readout):
            layer.register_forward_pre_hook(lambda _, arguments: given.append(arguments[0]))
    x, lengths = sequences(), LENGTHS if cut else None
    x = x if lengths is None else x.where(own_places(x, lengths), 0.0)
    logits = network(x, lengths)
    assert given or isinstance(network, Recurrent)
    assert all(1 in features.shape[1:] or features.stride(1) == 1 for features in given)
    assert close(network(x.contiguous(), lengths), logits, within=1e-5)


def lstm_weights(inputs: int, hidden: int, directions: int, layers: int) -> int:
    """4 gates of input, state and two biases; the inputs of a later layer are the outputs of the one before."""
    later = (layers - 1) * (directions * hidden + hidden + 2)
    return directions * 4 * hidden * (inputs + hidden + 2 + later)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        # a convolution and its batch norm; another one; dense over ceil(53 / 6) places
        ("cnn", 4 * 9 * 11 + 22 + 11 * 3 * 5 + 10 + (5 * 9 + 1) * TASKS),
        ("deep_cnn", 4 * 9 * 11 + 22 + 11 * 3 * 5 + 10 + 4 * (5 * 3 * 5 + 10) + (5 * 27 + 1) * TASKS),
        # three blocks of two convolutions; the first projects to 5 channels, the second to half the places
        (
            "resnet",
            4 * 9 * 11 + 22 + 11 * 3 * 5 + 5 * 5 * 3 * 5 + 6 * 10 + 11 * 5 + 10 + 5 * 5 + 10 + (5 + 1) * TASKS,
        ),
        ("dilated_cnn", 4 * 9 * 11 + 22 + 4 * (11 * 3 * 11 + 22) + (11 + 1) * TASKS),
        ("rnn", 6 * (4 + 6 + 2) + 6 * (6 + 6 + 2) + (6 + 1) * TASKS),
        ("lstm", lstm_weights(4, 6, 1, 2) + (6 + 1) * TASKS),
        ("bilstm", lstm_weights(4, 6, 2, 2) + (12 + 1) * TASKS),
        ("cnn_bilstm", 4 * 9 * 11 + 22 + lstm_weights(11, 6, 2, 1) + (12 + 1) * TASKS),
        # biases in place of batch norm; every place to the dense layer
        ("flat", (4 * 9 + 1) * 11 + 4 * (11 * 3 + 1) * 11 + (11 * 53 + 1) * TASKS),
        # (53 + 2 · 8 - 9) / 1 + 1 places by a full convolution; a score of each of 5 channels
        ("full", 4 * 9 * 11 + 22 + 11 * 3 * 5 + 5 * 5 * 3 * 5 + 60 + 55 + 10 + 25 + 10 + 5 + (5 + 1) * TASKS),
    ],
)
def test_the_number_of_weights_is_what_the_architecture_says(name: str, weights: int) -> None:
    assert sum(p.numel() for p in network_of(name).parameters()) == weights


@each_architecture
def test_the_same_seed_gives_the_same_weights_to_the_byte(name: str) -> None:
    one, same, other = (network_of(name, seed=seed).state_dict() for seed in (4, 4, 5))
    assert all(one[key].numpy().tobytes() == same[key].numpy().tobytes() for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@each_variant
def test_a_prediction_does_not_depend_on_its_batch(name: str) -> None:
    network, x = network_of(name), sequences()
    together = network(x)
    assert close(torch.cat([network(x[i : i + 1]) for i in range(BATCH)]), together)
    assert close(torch.cat([network(part) for part in x.split(3)]), together)
    assert close(network(x.flip(0)).flip(0), together)
    assert torch.equal(network(x), together)


@each_architecture
def test_every_weight_gets_a_gradient(name: str) -> None:
    network = network_of(name).train()
    network(sequences()).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@each_architecture
def test_the_order_of_tasks_does_not_matter(name: str) -> None:
    """Weights of the dense layer in another order give outputs in that order, and all else the same gradient."""
    order = torch.tensor([2, 0, 1])
    network, x, targets = network_of(name, dropout=0).double(), sequences().double(), torch.rand(BATCH, TASKS)
    other = copy.deepcopy(network)
    head = other.head[1]
    head.load_state_dict({key: values[order] for key, values in head.state_dict().items()})
    assert close(other(x), network(x)[:, order])
    for each, wanted in ((network, targets), (other, targets[:, order])):
        (each.train()(x) - wanted).square().mean().backward()
    for (key, p), q in zip(network.named_parameters(), other.parameters(), strict=True):
        assert close(q.grad, p.grad[order] if key.startswith("head") else p.grad, 1e-9), key


@each_architecture
def test_a_network_can_learn_32_examples_by_heart(name: str) -> None:
    network = network_of(name, length=24, dropout=0).train()
    x = sequences(32, 24)
    labels = torch.randint(0, 2, (32, TASKS), generator=torch.Generator().manual_seed(2)).float()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(1000):  # how many it takes depends on the processor's rounding
        loss = functional.binary_cross_entropy_with_logits(network(x), labels)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if loss < 0.05:
            break
    assert loss < 0.05
    assert ((network(x) > 0) == (labels > 0)).all()


def test_a_baseline_is_no_network() -> None:
    with pytest.raises(TypeError):
        build(config.Knn(), TASKS, LENGTH)  # type: ignore[arg-type]


@each_architecture
def test_dropout_stands_between_layers_and_before_the_dense_one(name: str) -> None:
    for dropout in (0.0, 0.5):
        network, x = network_of(name, dropout=dropout), sequences()
        before = network.trunk if isinstance(network, FilterNetwork) else network.recurrent
        for part, features in ((before, x), (network.head, torch.rand(BATCH, network.head[1].in_features))):
            assert torch.equal(part.eval()(features), part(features))
            assert torch.equal(part.train()(features), part(features)) == (dropout == 0)


CHANGES: dict[str, Any] = {
    "filters": 6,
    "kernel_size": 5,
    "stride": 2,
    "padding": "valid",
    "batch_norm": False,
    "pooling": "average",
    "pool_size": 9,
    "pool_stride": 1,
    "hidden": 4,
    "layers": 3,
    "blocks": 2,
    "dilation": 2,
    "readout": "mean",
    "forget_bias": 2.0,
    "dropout": 0.9,
    "l1": 0.1,
    "l2": 0.1,
    "shared_strands": True,
}
ELSEWHERE = {"architecture", "weight_decay", "initialise"}
"""Settings that do not change the network: its name, the optimiser's, and what the filters begin with."""

EFFECTS = [(name, key) for name in SETTINGS for key in type(settings_of(name)).model_fields if key not in ELSEWHERE]


@pytest.mark.parametrize(("name", "key"), EFFECTS)
def test_every_setting_has_an_effect(name: str, key: str) -> None:
    """On the weights or, with the same weights, on the output or the penalty."""
    before = settings_of(name)
    choices = {"activation": {"relu": "exponential", "exponential": "relu"}, "directions": {1: 2, 2: 1}}
    change = choices[key][getattr(before, key)] if key in choices else CHANGES[key]
    assert change != getattr(before, key)

    def effect(network: Network) -> torch.Tensor:
        torch.manual_seed(8)
        return torch.cat([network.train()(sequences()).flatten(), network.penalty()[None]])

    one, other = network_of(name), network_of(name, **{key: change})
    shapes = [[p.shape for p in network.parameters()] for network in (one, other)]
    if shapes[0] == shapes[1]:
        if key != "forget_bias":
            other.load_state_dict(one.state_dict())
        assert not close(effect(one), effect(other), 1e-4)


KERNELS = {
    "cnn": ["trunk.0.0.0.weight", "trunk.1.1.0.weight"],
    "lstm": [f"recurrent.layers.{layer}.0.weight_{part}_l0" for layer in (0, 1) for part in ("ih", "hh")],
}


@pytest.mark.parametrize("name", KERNELS)
def test_the_penalty_is_that_of_the_weights_alone(name: str) -> None:
    network = network_of(name, l1=0.3, l2=0.07)
    kernels = [*KERNELS[name], "head.1.weight"]
    flat = np.concatenate([network.get_parameter(kernel).detach().double().numpy().ravel() for kernel in kernels])
    penalty = network.penalty()
    assert penalty.item() == pytest.approx(0.3 * np.abs(flat).sum() + 0.07 * (flat**2).sum(), rel=1e-5)
    penalty.backward()
    assert [key for key, p in network.named_parameters() if p.grad is not None] == kernels
    assert network_of(name).penalty().item() == 0


# ------------------------------------------------------------------------------------------------- sequences' lengths


@each_variant
def test_a_prediction_does_not_depend_on_padding(name: str) -> None:
    network = network_of(name, length=60)
    x = sequences()
    together = network(padded(x, LENGTHS), LENGTHS)
    assert close(network(padded(x, LENGTHS, 60), LENGTHS), together)
    alone = [network(row[None, :, :length]) for row, length in zip(x, LENGTHS.tolist(), strict=True)]
    assert close(torch.cat(alone), together)
    assert not close(network(padded(x, LENGTHS)), together, 1e-4)


@each_variant
def test_training_does_not_depend_on_padding(name: str) -> None:
    """Neither outputs nor gradients nor the statistics that batch norm keeps."""
    x = sequences()
    found = []
    for width in (53, 60):
        network = network_of(name, length=60, dropout=0).train()
        output = network(padded(x, LENGTHS, width), LENGTHS)
        output.square().sum().backward()
        gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
        found.append(torch.cat([output.flatten(), *gradients, *(b.flatten() for b in network.buffers())]))
    scale = found[0].abs().max()
    assert close(found[0] / scale, found[1] / scale)


@each_variant
def test_lengths_that_are_all_alike_change_nothing(name: str) -> None:
    x, lengths = sequences(), torch.full((BATCH,), LENGTH)
    for training in (False, True):
        one, other = (network_of(name, dropout=0).train(training) for _ in range(2))
        assert close(one(x), other(x, lengths))
        assert all(close(p.float(), q.float()) for p, q in zip(one.buffers(), other.buffers(), strict=True))


def test_the_other_strand_is_read_within_the_sequence() -> None:
    x = padded(sequences(), LENGTHS)
    other = reverse_complement(x, LENGTHS)
    for row, turned, length in zip(x, other, LENGTHS.tolist(), strict=True):
        assert torch.equal(turned[:, :length], row[:, :length].flip(0, 1))
        assert not turned[:, length:].any()
    assert torch.equal(reverse_complement(other, LENGTHS), x)
    assert torch.equal(reverse_complement(x, torch.full((BATCH,), LENGTH)), reverse_complement(x))


@pytest.mark.parametrize("name", [*SETTINGS, "valid", "strided", "average"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["one length", "many lengths"])
def test_shared_strands_make_both_strands_alike(name: str, lengths: torch.Tensor | None) -> None:
    """In training too, where batch norm sees the whole batch: whichever sequences of it are reversed.

    In double precision: exponentials and a sum over blocks make roundings of single precision greater than 1e-6.
    """
    x = (sequences() if lengths is None else padded(sequences(), LENGTHS)).double()
    turned = torch.tensor([True, False, True, True, False, False, True])
    mixed = torch.where(turned[:, None, None], reverse_complement(x, lengths), x)
    network = network_of(name, shared_strands=True, dropout=0).double()
    one_strand = network_of(name, dropout=0).double()
    assert not close(one_strand(mixed, lengths), one_strand(x, lengths), 1e-4)
    mean = (one_strand(x, lengths) + one_strand(reverse_complement(x, lengths), lengths)) / 2
    assert close(network(x, lengths), mean)
    assert close(network(mixed, lengths), mean)
    assert close(copy.deepcopy(network).train()(mixed, lengths), network.train()(x, lengths))


# ------------------------------------------------------------------------------------------------------ convolutions


@pytest.mark.parametrize("padding", ["valid", "same", "full"])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_a_convolution_is_that_of_scipy(padding: Any, stride: int, dilation: int) -> None:
    torch.manual_seed(0)
    layer = Convolution(
        4, 6, 5, nn.Identity(), stride=stride, padding=padding, dilation=dilation, batch_norm=False
    ).double()
    x = torch.rand(3, 4, 29, dtype=torch.double)
    weight, bias = (p.detach().numpy() for p in layer[0].parameters())
    spread = np.zeros((6, 4, 4 * dilation + 1))
    spread[:, :, ::dilation] = weight
    expected = [
        [
            sum(signal.correlate(row[c], kernel[c], mode=padding) for c in range(4)) + bias[f]
            for f, kernel in enumerate(spread)
        ]
        for row in x.numpy()
    ]
    output = layer(x).detach()
    assert close(output, np.array(expected)[:, :, ::stride], 1e-12)
    assert output.shape[2] == int(layer.places(torch.tensor(29)))


@pytest.mark.parametrize("padding", ["valid", "same", "full"])
@pytest.mark.parametrize("stride", [1, 3])
def test_a_filter_can_be_scanned_at_every_base(padding: Any, stride: int) -> None:
    """However it is moved in the network, its activations there are among those of the scan."""
    torch.manual_seed(0)
    layer = Convolution(4, 6, 5, Exponential(), stride=stride, padding=padding).eval()
    layer[1].running_mean.normal_()
    x = sequences(3, 29)
    scanned, output = layer.scan(x), layer(x)
    assert scanned.shape == (3, 6, 29)
    centres = np.arange(output.shape[2]) * stride + {"valid": 2, "same": 0, "full": -2}[padding]
    inside = (centres >= 0) & (centres < 29)
    assert inside.sum() >= 9
    assert close(output[:, :, inside], scanned[:, :, centres[inside]])


def test_batch_norm_takes_the_statistics_of_sequences_own_places() -> None:
    norm, plain = BatchNorm(4), nn.BatchNorm1d(4)
    x, own = torch.rand(BATCH, 4, LENGTH), torch.arange(LENGTH) < LENGTHS[:, None, None]
    values = torch.cat([row[:, :length] for row, length in zip(x, LENGTHS.tolist(), strict=True)], dim=1)
    expected = plain(values[None])[0]
    output = norm(x, own)
    assert close(torch.cat([r[:, :n] for r, n in zip(output, LENGTHS.tolist(), strict=True)], dim=1), expected)
    assert close(norm.running_mean, plain.running_mean)
    assert close(norm.running_var, plain.running_var)


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize(("size", "stride"), [(6, None), (5, 2), (4, 1), (60, 7)])
def test_pooling_is_that_of_numpy(kind: Any, size: int, stride: int | None) -> None:
    """Windows from the start on until one reaches the end; what is beyond the end of the sequence does not count."""
    layer, x = Pooling(kind, size, stride), torch.randn(BATCH, 5, LENGTH).double()
    step = stride or size
    reduce = np.max if kind == "max" else np.mean

    def windows(row: np.ndarray) -> np.ndarray:
        starts = [start for start in range(0, row.shape[1], step) if start == 0 or start + size - step < row.shape[1]]
        return np.stack([reduce(row[:, start : start + size], axis=1) for start in starts], axis=1)

    assert close(layer(x), np.stack([windows(row) for row in x.numpy()]), 1e-12)
    pooled = layer(x * (torch.arange(LENGTH) < LENGTHS[:, None, None]), LENGTHS)
    for row, output, length in zip(x.numpy(), pooled, LENGTHS.tolist(), strict=True):
        expected = windows(row[:, :length])
        assert int(layer.places(torch.tensor(length))) == expected.shape[1]
        assert close(output[:, : expected.shape[1]], expected, 1e-12)
        assert not output[:, expected.shape[1] :].any()


@pytest.mark.parametrize("kind", ["flatten", "max", "mean", "attention"])
def test_a_readout_is_that_of_numpy(kind: Any) -> None:
    torch.manual_seed(0)
    readout = Readout(kind, 5, LENGTH)
    x = torch.randn(BATCH, 5, LENGTH)
    lengths = LENGTHS.clamp(max=LENGTH - 1)
    output = readout(x * (torch.arange(LENGTH) < lengths[:, None, None]), lengths).detach()
    assert output.shape == (BATCH, readout.features)
    for row, found, length in zip(x.numpy(), output, lengths.tolist(), strict=True):
        own = row[:, :length]
        if kind == "flatten":
            expected = np.pad(own, ((0, 0), (0, LENGTH - length))).ravel()
        elif kind == "attention":
            odds = np.exp(readout.score.weight.detach().numpy()[0] @ own)
            expected = own @ (odds / odds.sum())
        else:
            expected = (np.max if kind == "max" else np.mean)(own, axis=1)
        assert close(found, expected)


def test_a_chain_of_layers_counts_places_and_spans() -> None:
    """Two convolutions of 5 and 3 with strides 2 and 3: from 1 + 4 + 2 · 2 bp, every 6 bp."""
    parts = [Convolution(4, 6, 5, nn.ReLU(), stride=2), Convolution(6, 2, 3, nn.ReLU(), stride=3, padding="valid")]
    chain = Chain(*parts)
    assert (chain.span, chain.stride) == (9, 6)
    assert chain(torch.rand(1, 4, LENGTH)).shape[2] == int(chain.places(torch.tensor(LENGTH))) == (27 - 3) // 3 + 1
    assert Chain().places(LENGTHS) is LENGTHS


def seen_by(trunk: Layer, places: int, place: int) -> tuple[int, int]:
    """Return the first and the last base that a place after the trunk has a gradient to, over several sequences."""
    x = torch.rand(40, 4, places, requires_grad=True)
    trunk(x)[:, :, place].sum().backward()
    seen = x.grad.abs().sum(dim=(0, 1)).nonzero().flatten()
    return int(seen.min()), int(seen.max())


@pytest.mark.parametrize(
    ("name", "field"),
    [
        # a filter of 9, a window of 6, two more taps 6 bp apart
        ("cnn", 9 + 5 + 2 * 6),
        ("deep_cnn", 9 + 1 + 5 * 2 * 2),
        # a filter of 9, a window of 3; taps 3 bp apart in three convolutions, 6 bp apart in the three after the stride
        ("resnet", 9 + 2 + 3 * 2 * 3 + 3 * 2 * 6),
        ("dilated_cnn", 9 + 2 * (1 + 2 + 4 + 8)),
        ("cnn_bilstm", 9 + 3),
        ("strided", 9 + 3 * 2 * (1 + 2 + 4 + 8)),
        ("average", 9 + 5 + 2 * 4 * 2),
    ],
)
def test_the_receptive_field_is_what_the_gradient_sees(name: str, field: int) -> None:
    network = network_of(name, length=299, activation="exponential")
    assert isinstance(network, FilterNetwork)
    assert network.receptive_field == field
    places = int(network.trunk.places(torch.tensor(299)))
    first, last = seen_by(network.trunk, 299, places // 2)
    assert last - first + 1 == field
    if name == "dilated_cnn":
        assert (first, last) == (149 - 19, 149 + 19)


def test_a_residual_block_passes_its_input_on() -> None:
    """With nothing from its convolutions it is the identity, or the projection where the shape changes."""
    torch.manual_seed(0)
    x = torch.rand(BATCH, 5, 19)
    for block in (ResidualBlock(5, 5, 1, 0.0, batch_norm=True), DilatedBlock(5, 4, 0.0, batch_norm=True)):
        for norm in (m for m in block.modules() if isinstance(m, BatchNorm)):
            nn.init.zeros_(norm.weight)
        assert torch.equal(block(x), x)
    for filters, stride in ((6, 1), (5, 2), (6, 2)):
        block = ResidualBlock(5, filters, stride, 0.0, batch_norm=True).eval()
        nn.init.zeros_(block.layers[2][1].weight)
        projected = torch.einsum("fc,bcp->bfp", block.projection[0].weight[:, :, 0], x[:, :, ::stride])
        assert close(block(x), torch.relu(projected / np.sqrt(1 + 1e-5)))
        assert int(block.places(torch.tensor(19))) == projected.shape[2]


def test_a_residual_block_is_two_convolutions_and_a_sum() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(5, 5, 1, 0.0, batch_norm=False)
    x = torch.rand(2, 5, 19)
    (w, b), (v, c) = ((m[0].weight, m[0].bias) for m in block.layers if isinstance(m, Convolution))
    inner = torch.relu(functional.conv1d(x, w, b, padding=1))
    assert close(block(x), torch.relu(x + functional.conv1d(inner, v, c, padding=1)))


@pytest.mark.parametrize("name", WITH_FILTERS)
@pytest.mark.parametrize("activation", ["relu", "exponential"])
def test_filters_are_where_motifs_are_read_from(name: str, activation: str) -> None:
    network = network_of(name, activation=activation)
    first_layer = network.get_submodule("first_layer")
    assert first_layer.get_parameter("0.weight").shape == (11, 4, 9)
    scanned = first_layer.scan(sequences())
    assert scanned.shape == (BATCH, 11, LENGTH)
    assert (scanned >= 0).all()
    seen: list[torch.Tensor] = []
    handle = first_layer.get_submodule("2").register_forward_hook(lambda *found: seen.append(found[2]))
    x = padded(sequences(), LENGTHS)
    network(x, LENGTHS)
    handle.remove()
    strands = 2 if name == "both_strands" else 1
    assert [len(found) for found in seen] == [strands * BATCH]


@pytest.mark.parametrize("activation", ["relu", "exponential"])
@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize(("size", "stride"), [(6, None), (5, 2), (60, 7)])
@pytest.mark.parametrize("some_shorter", [False, True])
def test_pooled_filters_are_their_activations_pooled(
    activation: str, pooling: str, size: int, stride: int | None, some_shorter: bool
) -> None:
    """In whatever order the two are computed: the same values, gradients and statistics."""
    settings = {"activation": activation, "pooling": pooling, "pool_size": size, "pool_stride": stride}
    found = []
    for together in (True, False):
        network = network_of("cnn", **settings).double().train()
        x = padded(sequences(), LENGTHS).double().requires_grad_()
        lengths = LENGTHS if some_shorter else None
        if together:
            output = network.scanner(x, lengths)
        else:
            active = network.first_layer(x, lengths)
            output = network.scanner[1](active, lengths)
        kept = [*network.scanner.parameters()]
        gradients = torch.autograd.grad(output.cos().sum(), [x, *kept])
        found.append([output, *gradients, *network.scanner.buffers()])
    assert all(close(one, other, 1e-12) for one, other in zip(*found, strict=True))


def test_a_pooling_stride_that_leaves_gaps_is_refused() -> None:
    with pytest.raises(ValidationError, match="pool_stride: expected at most the pool_size 6, found 7"):
        settings_of("cnn", pool_stride=7)
    assert settings_of("cnn", pool_stride=6).pool_stride == 6


# --------------------------------------------------------------------------------------------------------- recurrence


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def step_of(kind: str, weights: list[np.ndarray], x: np.ndarray, h: np.ndarray, c: np.ndarray) -> Any:
    w, u, b, d = weights
    total = w @ x + b + u @ h + d
    if kind == "rnn":
        return np.tanh(total), c
    i, f, g, o = total.reshape(4, -1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def read_by_numpy(layers: RecurrentLayers, kind: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the outputs ``(places, features)`` and the final states of one sequence ``(places, channels)``."""
    hidden, finals = layers.hidden, []
    for layer in layers.layers:
        outputs, finals = [], []
        for direction, units in enumerate(layer):
            weights = [p.detach().double().numpy() for p in units.parameters()]
            h, c, states = np.zeros(hidden), np.zeros(hidden), []
            for base in x[::-1] if direction else x:
                h, c = step_of(kind, weights, base, h, c)
                states.append(h)
            outputs.append(np.array(states[::-1] if direction else states))
            finals.append(h)
        x = np.concatenate(outputs, axis=1)
    return x, np.concatenate(finals)


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("readout", ["final", "max", "mean"])
def test_recurrent_layers_follow_their_equations(kind: str, directions: int, layers: int, readout: str) -> None:
    torch.manual_seed(0)
    settings = settings_of(kind, hidden=6, layers=layers, directions=directions, readout=readout)
    recurrent = RecurrentLayers(settings, 5, lstm=kind == "lstm").eval()
    x, lengths = torch.randn(BATCH, 5, 19), LENGTHS.clamp(max=19)
    with_lengths, without = recurrent(x, lengths).detach(), recurrent(x).detach()
    for row, length, short, full in zip(x.double().numpy(), lengths.tolist(), with_lengths, without, strict=True):
        for bases, found in ((row[:, :length], short), (row, full)):
            outputs, final = read_by_numpy(recurrent, kind, bases.T)
            expected = {"final": final, "max": outputs.max(axis=0), "mean": outputs.mean(axis=0)}[readout]
            assert close(found, expected)


def test_the_forget_gates_begin_open() -> None:
    one, other = (network_of("bilstm", forget_bias=bias).state_dict() for bias in (0.0, 1.5))
    for key, values in one.items():
        moved = torch.zeros_like(values)
        if "bias_ih" in key:
            moved[6:12] = 1.5
        assert close(other[key], values + moved), key


def decay(name: str, **changes: Any) -> float:
    """Return by what factor a base the gradient shrinks, from 10 to 40 bp before the end; median of 9 networks."""
    factors = []
    for seed in range(9):
        network = network_of(name, seed=seed, layers=1, hidden=64, readout="final", tasks=1, **changes)
        gradient = gradient_by_distance(network, sequences(19, LENGTH))
        assert gradient.shape == (LENGTH,)
        factors.append(float(gradient[40] / gradient[10]) ** (1 / 30))
    return float(np.median(factors))


def test_gradients_vanish_faster_in_simple_units_than_in_an_lstm() -> None:
    """The figures of docs/science.md. An LSTM whose forget gates begin half open is not much better."""
    assert decay("rnn") == pytest.approx(0.56, abs=0.02)
    assert decay("lstm", forget_bias=0) == pytest.approx(0.64, abs=0.02)
    assert decay("lstm", forget_bias=1) == pytest.approx(0.86, abs=0.02)


@pytest.mark.parametrize("name", ["rnn", "cnn_bilstm"])
def test_the_gradient_by_distance_is_that_of_finite_differences(name: str) -> None:
    """Read out at the final states, one direction is the network without the dense weights of the other one."""
    network = network_of(name, length=9, tasks=1, readout="final", dropout=0.5).double()
    x, hidden = sequences(2, 9).double(), network.recurrent.hidden
    directions = network.recurrent.features // hidden
    expected = np.zeros(9)
    for direction in range(directions):
        one = copy.deepcopy(network)
        with torch.no_grad():
            one.head[1].weight[:, : direction * hidden] = 0
            one.head[1].weight[:, (direction + 1) * hidden :] = 0
        for row in x:
            norms = np.empty(9)
            for place in range(9):
                differences = []
                for base in range(4):
                    moved = row.clone()[None]
                    moved[0, base, place] += 1e-6
                    differences.append((one(moved) - one(row[None])).item() / 1e-6)
                norms[place] = np.linalg.norm(differences)
            expected += (norms if direction else norms[::-1]) / 2 / directions
    network.train()
    assert gradient_by_distance(network, x).numpy() == pytest.approx(expected, rel=1e-3, abs=1e-7)
    assert network.training


@pytest.mark.parametrize("name", ["rnn", "bilstm", "cnn_bilstm"])
def test_the_gradient_by_distance_does_not_depend_on_the_readout(name: str) -> None:
    final, other = (network_of(name, readout=readout) for readout in ("final", "max"))
    other.load_state_dict(final.state_dict())
    assert torch.equal(gradient_by_distance(final, sequences()), gradient_by_distance(other, sequences()))
