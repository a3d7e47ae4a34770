"""Every self-test on healthy networks, and on networks that were sabotaged in just the way that it looks for."""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import torch
from tests.conftest import KINDS, dataset_of
from torch import Tensor, nn

from motifloom.models.cnn import Cnn
from motifloom.models.encoding import one_hot, reverse_complement
from motifloom.models.predictor import Predictor
from motifloom.training.selftests import (
    DEAD,
    GRADIENTS_SCHEMA,
    ROUNDING,
    SELFTESTS_SCHEMA,
    Sample,
    draw,
    gradient_ratio,
    selftests,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from motifloom.config import Kind

N, LENGTH, TASKS = 23, 47, ["a", "b", "c"]
FILTERS = {"filters": 6, "kernel_size": 9}
NETWORKS: dict[str, dict[str, Any]] = {
    "cnn": {**FILTERS, "pool_size": 8, "hidden": 5},
    "resnet": {**FILTERS, "pool_size": 3, "hidden": 5, "blocks": 2},
    "dilated_cnn": {**FILTERS, "blocks": 2},
    "rnn": {"hidden": 7},
    "lstm": {"hidden": 7},
    "bilstm": {"hidden": 7},
    "cnn_bilstm": {**FILTERS, "pool_size": 4, "hidden": 7},
}
RECURRENT = ("rnn", "lstm", "bilstm", "cnn_bilstm")


def predictor_of(name: str, kind: Kind = "binary", length: int = LENGTH, **changes: Any) -> Predictor:
    torch.manual_seed(0)
    network = {"architecture": name, **NETWORKS[name], **changes}
    return Predictor(network, kind, TASKS, length, both_strands=True).eval()


def sample_of(number: int = N, length: int = LENGTH, shortest: int = 31) -> Sample:
    """Return random sequences of `shortest` to `length` bp, some bases unknown; the first is the longest."""
    random = torch.Generator().manual_seed(1)
    lengths = torch.randint(shortest, length + 1, (number,), generator=random)
    lengths[0] = length
    codes = torch.randint(0, 9, (number, length), generator=random)
    x = one_hot(torch.where(codes < 8, codes // 2, 4).to(torch.uint8))
    return Sample(x * (torch.arange(length) < lengths[:, None, None]), lengths)


def found(predictor: Predictor, sample: Sample | None = None) -> dict[str, float]:
    tests, _ = selftests(predictor, sample or sample_of())
    return dict(tests.select("test", "value").iter_rows())


def failed(predictor: Predictor, sample: Sample | None = None) -> list[str]:
    tests, _ = selftests(predictor, sample or sample_of())
    return tests.filter(~pl.col("passed"))["test"].to_list()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_healthy_network_passes(name: str, kind: Kind) -> None:
    tests, gradients = selftests(predictor_of(name, kind), sample_of())
    assert dict(tests.schema) == SELFTESTS_SCHEMA
    expected: dict[str, float | None] = {
        "not_finite": 0, "constant_tasks": 0, "batch_dependence": ROUNDING, "padding_dependence": ROUNDING,
        "strand_gap_mean": None, "strand_gap_max": None,
    }  # fmt: skip
    if name not in ("rnn", "lstm", "bilstm"):
        expected["dead_filters"] = DEAD
    if name in RECURRENT:
        expected["gradient_ratio"] = None
    assert dict(tests.select("test", "limit").iter_rows()) == expected
    assert tests["passed"].to_list() == [True if limit is not None else None for limit in expected.values()]
    assert tests["value"].null_count() == 0
    assert dict(gradients.schema) == GRADIENTS_SCHEMA
    assert (len(gradients) > 0) == (name in RECURRENT)


def test_few_places_that_are_passed_over_in_strides_are_no_hindrance() -> None:
    predictor = predictor_of("cnn_bilstm", length=17, kernel_size=15, stride=3)
    assert not failed(predictor, sample_of(length=17, shortest=17))


@pytest.mark.parametrize("name", NETWORKS)
def test_shared_strands_leave_no_gap(name: str) -> None:
    predictor = predictor_of(name, shared_strands=True)
    tests, _ = selftests(predictor, sample_of())
    assert tests.row(by_predicate=pl.col("test") == "strand_gap_max", named=True)["passed"]
    predictor.network.shared_strands = False
    assert found(predictor)["strand_gap_max"] > ROUNDING


# --------------------------------------------------------------------------------------------------------- sabotage


class OneStrand(Cnn):
    """A network that reads one strand, whatever it was told."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.logits(x, lengths)


class Blind(nn.Module):
    """A readout that takes places after a sequence's end for its own."""

    def forward(self, x: Tensor, _: Tensor | None = None) -> Tensor:
        return x.mean(dim=2)


def batch_norm_trains(predictor: Predictor) -> None:
    predictor.network.first_layer[1].train()


def dropout_stays_on(predictor: Predictor) -> None:
    predictor.network.get_submodule("head.0").train()


def weight_is_lost(predictor: Predictor) -> None:
    predictor.network.get_parameter("head.1.bias").data[1] = torch.nan


def padding_is_read(predictor: Predictor) -> None:
    predictor.network.readout = Blind()


def task_is_flat(predictor: Predictor) -> None:
    predictor.network.get_parameter("head.1.weight").data[2] = 0


def strands_are_not_shared(predictor: Predictor) -> None:
    predictor.network.shared_strands = True
    predictor.network.__class__ = OneStrand


@pytest.mark.parametrize(
    ("sabotage", "caught"),
    [
        (batch_norm_trains, ["batch_dependence", "padding_dependence"]),
        (dropout_stays_on, ["batch_dependence", "padding_dependence"]),
        (weight_is_lost, ["not_finite", "constant_tasks", "batch_dependence", "padding_dependence"]),
        (padding_is_read, ["padding_dependence"]),
        (task_is_flat, ["constant_tasks"]),
        (strands_are_not_shared, ["strand_gap_max"]),
    ],
)
@pytest.mark.parametrize("shortest", [31, LENGTH])
def test_a_sabotaged_network_is_caught(sabotage: Callable[[Predictor], None], caught: list[str], shortest: int) -> None:
    predictor, sample = predictor_of("cnn", readout="mean", dropout=0.5), sample_of(shortest=shortest)
    assert failed(predictor, sample) == []
    sabotage(predictor)
    assert failed(predictor, sample) == caught


def test_how_much_is_wrong_is_counted() -> None:
    predictor = predictor_of("cnn", readout="mean")
    weight_is_lost(predictor)
    values = found(predictor)
    assert values["not_finite"] == 1 + N
    assert values["constant_tasks"] == pytest.approx(1 / 3)
    assert values["batch_dependence"] is None


def test_one_output_that_is_no_number_is_enough() -> None:
    """Of a sequence that is not among those that are also looked at alone."""
    predictor, sample = predictor_of("cnn"), sample_of()
    sample.x[-1, 0, 0] = torch.nan
    values = found(predictor, sample)
    assert values["not_finite"] == len(TASKS)
    assert values["batch_dependence"] is None
    assert values["padding_dependence"] < ROUNDING


@pytest.mark.parametrize("activation", ["relu", "exponential"])
@pytest.mark.parametrize("name", ["cnn", "resnet", "dilated_cnn", "cnn_bilstm"])
@pytest.mark.parametrize("dead", [0, 3, 4, 6])
def test_filters_that_are_active_nowhere_are_counted(name: str, activation: str, dead: int) -> None:
    predictor = predictor_of(name, activation=activation, batch_norm=False)
    with torch.no_grad():
        predictor.network.first_layer.get_parameter("0.bias")[:dead] = -60
    assert found(predictor)["dead_filters"] == pytest.approx(dead / 6)
    assert ("dead_filters" in failed(predictor)) == (dead > 3)


@pytest.mark.parametrize("both_strands", [False, True])
def test_a_filter_that_is_active_on_one_strand_alone_is_dead_if_that_is_never_read(both_strands: bool) -> None:
    """Of the only sequence, a long G on the other strand."""
    predictor = predictor_of("cnn", batch_norm=False, activation="relu")
    predictor.both_strands = both_strands
    weight, bias = (predictor.network.first_layer.get_parameter(f"0.{part}").data for part in ("weight", "bias"))
    weight.zero_(), bias.fill_(-0.5)
    weight[:, 2] = 1  # G
    codes = torch.ones((4, LENGTH), dtype=torch.uint8)  # C
    sample = Sample(one_hot(codes), torch.full((4,), LENGTH))
    assert found(predictor, sample)["dead_filters"] == (0 if both_strands else 1)


# ------------------------------------------------------------------------------------------------- what is only told


@pytest.mark.parametrize("kind", KINDS)
def test_the_strand_gap_is_that_of_the_predictions(kind: Kind) -> None:
    predictor, (x, lengths) = predictor_of("cnn", kind), sample_of()
    with torch.inference_mode():
        one, other = (predictor.network(each, lengths) for each in (x, reverse_complement(x, lengths)))
    if kind == "binary":
        one, other = 1 / (1 + (-one).exp()), 1 / (1 + (-other).exp())
    elif kind == "multiclass":
        one, other = (each.exp() / each.exp().sum(dim=1, keepdim=True) for each in (one, other))
    gap, values = (one - other).abs().numpy(), found(predictor)
    assert values["strand_gap_mean"] == pytest.approx(gap.mean(), rel=1e-4)
    assert values["strand_gap_max"] == pytest.approx(gap.max(), rel=1e-4)


def test_gradients_vanish_in_simple_units_and_less_so_in_an_lstm() -> None:
    """150 bp: far less is left in simple units than in an LSTM, and most where its forget gates begin wide open."""
    sample = sample_of(9, 150, 150)
    ratios = {
        (name, str(changes)): found(predictor_of(name, length=150, hidden=32, **changes), sample)["gradient_ratio"]
        for name, changes in (("rnn", {}), ("lstm", {"forget_bias": 0.0}), ("lstm", {"forget_bias": 3.0}))
    }
    simple, half_open, open_gates = ratios.values()
    assert simple < 1e-6 * half_open
    assert half_open < 1e-6 * open_gates
    assert 0.001 < open_gates < 1


def test_a_gradient_that_explodes_is_seen() -> None:
    predictor = predictor_of("rnn", length=150)
    with torch.no_grad():
        predictor.network.get_parameter("recurrent.layers.0.0.weight_hh_l0").copy_(1.1 * torch.eye(7))
        for name in ("weight_ih_l0", "bias_ih_l0", "bias_hh_l0"):
            predictor.network.get_parameter(f"recurrent.layers.0.0.{name}").mul_(1e-9)
    assert found(predictor, sample_of(9, 150, 150))["gradient_ratio"] == pytest.approx(1.1**135, rel=1e-3)


def test_the_ratio_compares_the_farthest_tenth_with_the_nearest() -> None:
    profile = torch.arange(1.0, 31.0)
    assert gradient_ratio(profile) == pytest.approx(29 / 2)
    assert gradient_ratio(torch.tensor([4.0, 1.0])) == 0.25


def test_gradients_of_sequences_of_several_lengths_reach_to_their_median() -> None:
    sample = sample_of()
    _, gradients = selftests(predictor_of("lstm"), sample)
    assert gradients["distance"].to_list() == list(range(int(sample.lengths.median())))
    assert (gradients["gradient"] > 0).all()


# -------------------------------------------------------------------------------------------------- around the tests


def test_a_failure_is_told_and_the_network_stays_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    predictor = predictor_of("cnn")
    batch_norm_trains(predictor)
    task_is_flat(predictor)
    before = copy.deepcopy(predictor.state_dict())
    training = [part.training for part in predictor.modules()]
    with caplog.at_level(logging.WARNING, "motifloom"):
        selftests(predictor, sample_of())
    assert caplog.messages[0] == "self-test constant_tasks failed: 0.333, expected at most 0"
    assert [message.split()[1] for message in caplog.messages] == [
        "constant_tasks", "batch_dependence", "padding_dependence"
    ]  # fmt: skip
    assert all(torch.equal(values, before[name]) for name, values in predictor.state_dict().items())
    assert [part.training for part in predictor.modules()] == training


def test_the_sample_is_drawn_from_validation_by_the_seed_alone() -> None:
    random = np.random.default_rng(0)
    sequences = ["".join(random.choice(list("ACGT"), 20)) for _ in range(300)]
    split = ["train"] * 100 + ["validation"] * 100 + ["test"] * 100
    dataset = dataset_of(sequences, split, {"a": [0.0, 1.0] * 150})
    sample, again, other = (draw(dataset, seed) for seed in (3, 3, 4))
    assert sample.x.shape == (64, 4, 20)
    assert torch.equal(sample.x, again.x)
    assert not torch.equal(sample.x, other.x)
    assert drawn(sample) <= set(sequences[100:200])
    assert len(drawn(sample)) == 64


def test_where_validation_has_too_few_training_is_drawn_from_as_well() -> None:
    random = np.random.default_rng(0)
    sequences = ["".join(random.choice(list("ACGT"), 20)) for _ in range(40)]
    dataset = dataset_of(sequences, ["train"] * 20 + ["validation"] * 5 + ["test"] * 15, {"a": [0.0, 1.0] * 20})
    assert drawn(draw(dataset, 0)) == set(sequences[:25])


@pytest.mark.parametrize(("length", "number"), [(2_000, 25), (40_000, 4)])
def test_of_long_sequences_fewer_are_drawn(length: int, number: int) -> None:
    dataset = dataset_of(["A" * length] * 70, ["validation"] * 70, {"a": [0.0, 1.0] * 35})
    assert len(draw(dataset, 0).x) == number


def drawn(sample: Sample) -> set[str]:
    """Return the sequences of a sample."""
    letters = np.array(list("ACGT"))
    return {"".join(letters[row.argmax(axis=0)]) for row in sample.x.numpy()}
