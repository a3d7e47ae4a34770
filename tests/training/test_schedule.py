from __future__ import annotations

import math

import pytest
import torch

from motifloom.config import Training
from motifloom.training import precision
from motifloom.training.precision import choose_precision, multiplies_bfloat16
from motifloom.training.schedule import learning_rate, plateaus

STEPS = 8
FALLING = [5.0, 4.0, 3.0]


def rates(losses=(), steps=range(40), **settings) -> list[float]:
    training = Training(learning_rate=0.5, **settings)
    return [learning_rate(training, step, STEPS, list(losses)) for step in steps]


def test_without_warm_up_and_decay_the_rate_is_constant():
    assert set(rates(FALLING)) == {0.5}


def test_a_warm_up_grows_by_the_same_at_every_step():
    found = rates(warm_up=1.5)
    assert found[:12] == pytest.approx([0.5 * (step + 1) / 12 for step in range(12)])
    assert set(found[12:]) == {0.5}


def test_a_cosine_ends_at_0_and_is_what_torch_computes():
    found = rates(decay="cosine", max_epochs=5)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5 * STEPS)
    expected = []
    for _ in found:
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cosine.step()
    assert found == pytest.approx(expected, rel=1e-9)
    assert learning_rate(Training(decay="cosine", max_epochs=5), 5 * STEPS, STEPS, []) == pytest.approx(0, abs=1e-12)


def test_a_cosine_begins_at_the_top_of_the_warm_up():
    found = rates(decay="cosine", warm_up=1.5, max_epochs=5)
    assert found[:12] == rates(warm_up=1.5)[:12]
    assert found[12:] == pytest.approx([0.25 * (1 + math.cos(math.pi * step / 28)) for step in range(28)])
    assert rates(decay="cosine", warm_up=9, max_epochs=5) == rates(warm_up=9)


def test_the_rate_falls_at_the_end_of_every_plateau():
    losses = [*FALLING, 3.0, 3.5, 2.9, 3.0, 3.0, 3.0, 3.0, 3.0]
    assert [plateaus(losses[:epoch], 2) for epoch in range(len(losses) + 1)] == [0] * 5 + [1] * 3 + [2] * 2 + [3] * 2
    (last,) = rates(losses, [99], decay="plateau", patience=6)
    assert last == pytest.approx(0.5 * 0.3**3)


def test_plateaus_are_those_of_torch():
    """Its scheduler with a patience of one epoch less, as it counts the epochs that it forgives."""
    losses = torch.rand(60, generator=torch.Generator().manual_seed(5)).cumsum(0).flip(0) / torch.linspace(1, 30, 60)
    losses = losses + torch.rand(60, generator=torch.Generator().manual_seed(6)) * 3
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=3, threshold=0, eps=0)
    for epoch, loss in enumerate(losses.tolist(), start=1):
        reference.step(loss)
        (found,) = rates(losses[:epoch].tolist(), [0], decay="plateau", patience=12)
        assert found == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
    assert plateaus(losses.tolist(), 4) > 1


def test_the_precision_is_what_the_settings_say_or_what_the_device_can(monkeypatch):
    for told in ("float32", "bfloat16"):
        assert choose_precision(Training(precision=told), "cpu") == told
    for can, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(precision, "multiplies_bfloat16", lambda _, can=can: can)
        assert choose_precision(Training(), "cpu") == expected
    assert not multiplies_bfloat16("mps")


def test_a_processor_without_instructions_for_bfloat16_computes_in_float32(monkeypatch):
    for avx, amx in ((False, False), (True, False), (False, True)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx=avx: avx)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx)
        assert multiplies_bfloat16("cpu") == (avx or amx)
