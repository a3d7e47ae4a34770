from __future__ import annotations

import numpy as np
import torch

from motifloom.config import Training
from motifloom.genome import reverse_complement
from motifloom.training import epoch
from motifloom.training.batches import Batches, SequenceDataModule
from motifloom.training.epoch import Epoch

SEED = 11


def epoch_of(
    module: SequenceDataModule, epoch: int, process: int = 0, processes: int = 1
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    class Trainer:
        current_epoch = epoch
        global_rank = process
        world_size = processes

    module.trainer = Trainer()  # type: ignore[assignment]
    return [batch for stretch in module.train_dataloader() for _, batch in stretch]


def test_batches_serve_every_row_once_and_in_order(toy):
    rows = toy.rows("validation")
    batches = Batches(toy, rows, 50)
    assert [len(batches[i][0]) for i in range(len(batches))] == [50, 50, 32]
    codes = torch.cat([codes for codes, _ in batches])
    assert (codes.numpy() == toy.codes(rows)).all()
    assert (torch.cat([labels for _, labels in batches]).numpy() == toy.labels(rows)).all()


def test_an_epoch_follows_from_its_seed_and_number_alone(toy):
    epochs = [
        epoch_of(SequenceDataModule(toy, Training(), seed, True), epoch)
        for seed, epoch in ((SEED, 3), (SEED, 3), (SEED, 4), (12, 3))
    ]
    codes = [torch.cat([codes for codes, _ in epoch]) for epoch in epochs]
    assert torch.equal(codes[0], codes[1])
    assert not torch.equal(codes[0], codes[2])
    assert not torch.equal(codes[0], codes[3])


def test_an_epoch_holds_every_training_sequence_on_one_strand_or_the_other(toy):
    epoch = epoch_of(SequenceDataModule(toy, Training(), SEED, True), 0)
    served = torch.cat([codes for codes, _ in epoch]).numpy()
    labels = torch.cat([labels for _, labels in epoch]).numpy()
    train = toy.codes(toy.rows("train"))
    either = {codes.tobytes(): i for i, codes in enumerate(train)} | {
        codes.tobytes(): i for i, codes in enumerate(reverse_complement(train))
    }
    found = [either[codes.tobytes()] for codes in np.ascontiguousarray(served)]
    assert sorted(found) == list(range(len(train)))
    assert (toy.labels(toy.rows("train"))[found] == labels).all()
    flipped = sum((train[i] != codes).any() for i, codes in zip(found, served, strict=True))
    assert 0.4 < flipped / len(train) < 0.6


def test_stranded_data_are_never_flipped(toy):
    module = SequenceDataModule(toy, Training(), SEED, False)
    served = {codes.numpy().tobytes() for batch, _ in epoch_of(module, 0) for codes in batch}
    assert served == {codes.tobytes() for codes in toy.codes(toy.rows("train"))}


def test_no_batch_holds_a_single_sequence(toy):
    settings = Training(batch_size=len(toy.rows("train")) - 1)
    module = SequenceDataModule(toy, settings, SEED, True)
    assert [len(codes) for codes, _ in epoch_of(module, 0)] == [settings.batch_size]


def test_processes_share_every_batch(toy):
    """Together they see each sequence of it once, those that one process would see, though a share is of one alone."""
    number = len(toy.rows("train"))
    settings = Training(batch_size=next(size for size in range(50, number) if number % size == 4))
    shares = [epoch_of(SequenceDataModule(toy, settings, SEED, True), 2, process, 3) for process in range(3)]
    (whole,) = (epoch_of(SequenceDataModule(toy, settings, SEED, True), 2),)
    assert [len(part[-1][0]) for part in (whole, *shares)] == [4, 2, 1, 1]
    for batch, *parts in zip(whole, *shares, strict=True):
        together = torch.cat([codes for codes, _ in parts])
        assert sorted(map(bytes, together.numpy())) == sorted(map(bytes, batch[0].numpy()))


def test_an_epoch_is_entered_where_another_one_was_left(toy, monkeypatch):
    batches = Batches(toy, toy.rows("train"), 64)
    monkeypatch.setattr(epoch, "STRETCH", 3 * 64 * toy.length)
    left, entered = Epoch(batches), Epoch(batches)
    served = [next(iterator) for iterator in [iter(left)] for _ in range(2)]
    entered.load_state_dict(left.state_dict())
    both = [*served, *entered]
    assert [len(stretch) for stretch in both[:-1]] == [3] * (len(both) - 1)
    numbers, parts = zip(*[numbered for stretch in both for numbered in stretch], strict=True)
    assert list(numbers) == list(range(len(batches)))
    assert torch.equal(torch.cat([codes for codes, _ in parts]), torch.cat([codes for codes, _ in batches]))
    whole = Epoch(batches)
    assert len(list(whole)) == len(list(whole)) == len(whole) == len(both)


def test_a_batch_longer_than_a_stretch_is_served_alone(toy, monkeypatch):
    monkeypatch.setattr(epoch, "STRETCH", toy.length)
    batches = Batches(toy, toy.rows("train"), 64)
    assert [len(stretch) for stretch in Epoch(batches)] == [1] * len(batches)
