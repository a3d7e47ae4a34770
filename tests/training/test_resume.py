"""A training that is killed or asked to stop goes on where it was, and ends with the bytes of one that was not."""

from __future__ import annotations

import io
import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import polars as pl
import pytest
import torch
from tests.conftest import planted, simulated_config, table_config

from motifloom.config import dump
from motifloom.errors import InputError
from motifloom.models.checkpoints import read, save
from motifloom.training import checkpoints, epoch, interruption
from motifloom.training.checkpoints import WholeFiles
from motifloom.training.fit import fit, new_module
from motifloom.training.interruption import Interrupted
from motifloom.training.module import SequenceModule

EPOCHS = 4
TRAINING = {"max_epochs": EPOCHS, "batch_size": 64, "patience": 4, "warm_up": 1.5, "decay": "plateau"}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A training of a network with dropout and batch norm, whose learning rate changes."""
    return simulated_config(tmp_path_factory.mktemp("resume"), training=TRAINING)


def outcome(config, toy, folder) -> tuple[bytes, bytes, str]:
    """Train, or go on, and return the bytes of all that is kept."""
    folder.mkdir(exist_ok=True)
    predictor, history = fit(config, "toy", "cnn", 0, toy, folder / "checkpoints")
    save(predictor, folder / "model.ckpt")
    return (folder / "model.ckpt").read_bytes(), (folder / "model.safetensors").read_bytes(), history.write_csv()


@pytest.fixture(scope="module")
def whole(config, toy, tmp_path_factory):
    """What a training leaves that nothing interrupts."""
    return outcome(config, toy, tmp_path_factory.mktemp("whole"))


def steps_of(toy) -> int:
    return -(-len(toy.rows("train")) // 64)


@pytest.fixture
def short_stretches(monkeypatch, toy):
    """Four batches at a time, so that an epoch has several stretches; what is trained does not depend on it."""
    monkeypatch.setattr(epoch, "STRETCH", 4 * 64 * toy.length)


def stretches_of(toy) -> int:
    return -(-steps_of(toy) // 4)


@pytest.mark.usefixtures("short_stretches")
def test_the_length_of_stretches_changes_nothing(config, toy, whole, tmp_path):
    assert outcome(config, toy, tmp_path) == whole


def at_call(monkeypatch, name: str, number: int, do) -> None:
    """Have the module do something in the call of a hook of this number, from 0."""
    hook, calls = getattr(SequenceModule, name), iter(range(10**6))

    def watched(self, *args):
        if next(calls) == number:
            do()
        return hook(self, *args)

    monkeypatch.setattr(SequenceModule, name, watched)


@pytest.mark.parametrize(
    ("number", "hook", "call"),
    [
        (signal.SIGTERM, "training_step", 0),
        (signal.SIGUSR1, "training_step", 4),
        (signal.SIGINT, "training_step", -1),
        (signal.SIGTERM, "validation_step", 1),
        (signal.SIGUSR1, "on_validation_epoch_end", EPOCHS - 1),
    ],
    ids=["first batch", "within an epoch", "last batch of an epoch", "validation", "last validation"],
)
@pytest.mark.usefixtures("short_stretches")
def test_a_signal_ends_a_training_that_goes_on_later(number, hook, call, config, toy, whole, tmp_path, monkeypatch):
    listening = [signal.getsignal(each) for each in interruption.SIGNALS]
    call = 2 * stretches_of(toy) - 1 if call < 0 else call
    with monkeypatch.context() as patched:
        at_call(patched, hook, call, lambda: os.kill(os.getpid(), number))
        with pytest.raises(Interrupted) as stopped:
            outcome(config, toy, tmp_path)
    assert stopped.value.code == 128 + number
    assert [signal.getsignal(each) for each in interruption.SIGNALS] == listening
    assert not (tmp_path / "model.ckpt").exists()
    assert outcome(config, toy, tmp_path) == whole


class Killed(BaseException):
    """Ends a training as a kill does: nothing is saved any more."""


def kill() -> None:
    raise Killed


@pytest.mark.usefixtures("short_stretches")
@pytest.mark.parametrize("call", [2, 5])
def test_a_long_epoch_is_saved_on_its_way(call, config, toy, whole, tmp_path, monkeypatch):
    """The training that goes on computes again no stretch that was saved."""
    monkeypatch.setattr(interruption, "SAVE_SECONDS", 0.0)
    with monkeypatch.context() as patched:
        at_call(patched, "training_step", call, kill)
        with pytest.raises(Killed):
            outcome(config, toy, tmp_path)
    step, done = SequenceModule.training_step, []
    monkeypatch.setattr(SequenceModule, "training_step", lambda self, *args: (done.append(1), step(self, *args))[1])
    assert outcome(config, toy, tmp_path) == whole
    assert len(done) == EPOCHS * stretches_of(toy) - call


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(config, toy, whole, tmp_path, monkeypatch):
    write, written = torch.save, iter(range(10**6))

    def half(content, file):
        if next(written) == 5:
            file.write(b"PK half of a checkpoint")
            raise Killed
        write(content, file)

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", half)
        with pytest.raises(Killed):
            outcome(config, toy, tmp_path)
    assert (tmp_path / "checkpoints" / "last.ckpt").exists()
    assert outcome(config, toy, tmp_path) == whole


def test_a_training_that_had_ended_is_not_trained_on(config, toy, whole, tmp_path, monkeypatch):
    """Killed when all epochs were done, but nothing was predicted yet."""
    assert outcome(config, toy, tmp_path) == whole
    at_call(monkeypatch, "training_step", 0, kill)
    assert outcome(config, toy, tmp_path) == whole


def test_a_training_whose_patience_had_ended_is_not_trained_on(toy, tmp_path, monkeypatch):
    training = TRAINING | {"max_epochs": 50, "patience": 1, "learning_rate": 0.05}
    config = simulated_config(tmp_path, training=training)
    before = outcome(config, toy, tmp_path)
    assert before[2].count("\n") < 50
    at_call(monkeypatch, "training_step", 0, kill)
    assert outcome(config, toy, tmp_path) == before


def test_a_training_that_diverged_is_not_trained_on(toy, tmp_path):
    config = simulated_config(tmp_path, training=TRAINING | {"learning_rate": 1e30})
    kept = []
    for _ in range(2):
        with pytest.raises(InputError, match=r"toy, models\.cnn: .*no finite number; expected one: lower training\.l"):
            outcome(config, toy, tmp_path)
        kept.append(read(tmp_path / "checkpoints" / "last.ckpt")["epoch"])
    assert kept == [0, 0]


def test_a_training_that_diverges_later_keeps_the_best_epoch_before(config, toy, tmp_path, monkeypatch, caplog):
    short = simulated_config(tmp_path, training=TRAINING | {"max_epochs": 1})
    before, history = fit(short, "toy", "cnn", 0, toy, tmp_path / "a")
    step, calls = SequenceModule.training_step, iter(range(10**6))

    def diverging(self, *args):
        if next(calls) >= 1:  # all batches of an epoch are one stretch
            self.rates = dict.fromkeys(self.rates, 1e30)
        return step(self, *args)

    monkeypatch.setattr(SequenceModule, "training_step", diverging)
    after, spoiled = fit(config, "toy", "cnn", 0, toy, tmp_path / "b")
    assert "the training diverged in epoch 2: the best epoch before it is kept" in caplog.text
    assert spoiled["validation_loss"].is_null().to_list() == [False, True]
    assert history["validation_loss"][0] == spoiled["validation_loss"][0]
    for name, weights in before.state_dict().items():
        assert torch.equal(weights, after.state_dict()[name])


def test_a_folder_that_was_moved_meanwhile_makes_no_difference(toy, tmp_path, monkeypatch):
    """The best epoch stays known: a worse one that comes later does not take its place."""
    config = simulated_config(tmp_path, training=TRAINING | {"max_epochs": 50, "patience": 2, "learning_rate": 0.05})
    whole = outcome(config, toy, tmp_path / "whole")
    epochs = whole[2].count("\n") - 1
    with monkeypatch.context() as patched:
        at_call(patched, "training_step", epochs - 1, kill)
        with pytest.raises(Killed):
            outcome(config, toy, tmp_path / "before")
    assert 2 < epochs < 50
    (tmp_path / "before").rename(tmp_path / "after")
    (tmp_path / "before").mkdir()
    assert outcome(config, toy, tmp_path / "after") == whole
    assert not any((tmp_path / "before").iterdir())


def test_what_the_next_run_would_go_on_from_goes_first_when_a_training_is_over(config, toy, tmp_path, monkeypatch):
    fit(config, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.shutil, "rmtree", lambda _: kill())
        with pytest.raises(Killed):
            checkpoints.remove(tmp_path / "checkpoints")
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best.ckpt"]
    module = new_module(config, "toy", "cnn", 0, toy)
    assert not checkpoints.resumable(tmp_path / "checkpoints" / "last.ckpt", module)


def test_a_checkpoint_of_other_settings_is_not_gone_on_with(config, toy, whole, tmp_path, caplog):
    other = simulated_config(tmp_path, training=TRAINING | {"learning_rate": 0.002, "max_epochs": 1})
    fit(other, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
    with caplog.at_level(logging.INFO, "motifloom"):
        assert outcome(config, toy, tmp_path) == whole
    assert "settings, data or the network have changed; trained anew" in caplog.text


def test_a_checkpoint_of_other_data_is_not_gone_on_with(config, toy, whole, tmp_path, caplog):
    (task,) = toy.tasks
    other = replace(toy, examples=toy.examples.with_columns((1 - pl.col(task)).alias(task)))
    config_of_one = simulated_config(tmp_path, training=TRAINING | {"max_epochs": 1})
    fit(config_of_one, "toy", "cnn", 0, other, tmp_path / "checkpoints")
    content = read(tmp_path / "checkpoints" / "last.ckpt")
    content["hyper_parameters"]["origin"]["training"] = config.training.model_dump()
    WholeFiles().save_checkpoint(content, tmp_path / "checkpoints" / "last.ckpt")
    with caplog.at_level(logging.INFO, "motifloom"):
        assert outcome(config, toy, tmp_path) == whole
    assert "settings, data or the network have changed; trained anew" in caplog.text


@pytest.mark.parametrize(
    "remade",
    [
        pytest.param(lambda name, weights: (f"older.{name}", weights), id="names"),
        pytest.param(lambda name, weights: (name, weights[None]), id="shapes"),
    ],
)
def test_a_checkpoint_of_a_network_that_was_built_otherwise_is_not_gone_on_with(
    config, toy, whole, tmp_path, caplog, remade
):
    last = tmp_path / "checkpoints" / "last.ckpt"
    fit(config, "toy", "cnn", 0, toy, last.parent)
    content = read(last)
    content["state_dict"] = dict(remade(*item) for item in content["state_dict"].items())
    WholeFiles().save_checkpoint(content, last)
    with caplog.at_level(logging.INFO, "motifloom"):
        assert outcome(config, toy, tmp_path) == whole
    assert "settings, data or the network have changed; trained anew" in caplog.text


@pytest.mark.parametrize("lost", ["gone", "another network's"])
def test_a_training_whose_best_epoch_is_lost_begins_anew(config, toy, whole, tmp_path, caplog, lost):
    fit(config, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
    (tmp_path / "checkpoints" / "best.ckpt").write_bytes(b"cut off")
    with pytest.raises(InputError, match=r"best\.ckpt: is no checkpoint"):
        outcome(config, toy, tmp_path)
    if lost == "another network's":
        torch.save({"state_dict": {"w": torch.ones(3)}, "hyper_parameters": {}}, tmp_path / "checkpoints" / "best.ckpt")
    else:
        (tmp_path / "checkpoints" / "best.ckpt").unlink()
    with caplog.at_level(logging.INFO, "motifloom"):
        assert outcome(config, toy, tmp_path) == whole
    assert "last.ckpt is lost; trained anew" in caplog.text


class Bomb:
    """What runs code where it is unpickled."""

    went_off = False

    def __reduce__(self):
        return setattr, (Bomb, "went_off", True)


def test_a_checkpoint_that_is_none_is_refused(config, toy, tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    bomb = io.BytesIO()
    torch.save({"state_dict": Bomb()}, bomb)
    for content in (b"", b"PK\x03\x04 cut off", b"<html>", bomb.getvalue()):
        (folder / "last.ckpt").write_bytes(content)
        with pytest.raises(InputError, match=r"last\.ckpt: is no checkpoint of tensors and plain values"):
            fit(config, "toy", "cnn", 0, toy, folder)
    assert not Bomb.went_off
    WholeFiles().save_checkpoint({"weights": 1}, folder / "last.ckpt")
    with pytest.raises(InputError, match=r"last\.ckpt: is no checkpoint of motifloom train"):
        fit(config, "toy", "cnn", 0, toy, folder)


def test_a_job_that_is_killed_again_and_again_ends_with_the_same_files(tmp_path):
    """SIGKILL, as a cluster sends it, wherever it meets the job."""
    dataset = planted("binary", number=400)
    dataset.examples.write_parquet(tmp_path / "examples.parquet")
    dataset.sequences.table.write_parquet(tmp_path / "sequences.parquet")
    dataset.sequences.packed.tofile(tmp_path / "sequences.bin")
    training = {"max_epochs": 12, "batch_size": 8, "patience": 12}
    (tmp_path / "config.yaml").write_text(dump(table_config("binary", dataset.tasks, training=training)))

    def job(folder: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "motifloom", "train", "--dataset", "planted", "--model", "cnn"]
        for flag, path in {"config": "config.yaml", "examples": "examples.parquet", "output": folder}.items():
            command += [f"--{flag}", str(tmp_path / path)]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def files(folder: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}

    assert job("whole").wait() == 0
    last = tmp_path / "killed" / "checkpoints" / "last.ckpt"
    for _ in range(2):
        before = last.stat().st_mtime_ns if last.exists() else 0
        killed = job("killed")
        while not last.exists() or last.stat().st_mtime_ns == before:
            assert killed.poll() is None
            time.sleep(0.002)
        killed.kill()
        assert killed.wait() == -signal.SIGKILL
        assert {path.name for path in (tmp_path / "killed").iterdir()} == {"checkpoints"}
    assert job("killed").wait() == 0
    assert files("killed") == files("whole")
    assert set(files("whole")) == {
        "gradients.tsv", "history.csv", "model.ckpt", "model.safetensors", "predictions.parquet", "selftests.tsv",
        "train_predictions.parquet",
    }  # fmt: skip
