"""The training of one network."""

from __future__ import annotations

import logging
import math
import os
import shutil
import sys
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.plugins.environments import LightningEnvironment

from motifloom.errors import InputError
from motifloom.models.base import FilterNetwork
from motifloom.models.checkpoints import read
from motifloom.models.initialisation import initialise
from motifloom.models.predictor import Predictor
from motifloom.seeds import derive_seed
from motifloom.training import checkpoints
from motifloom.training.batches import SequenceDataModule
from motifloom.training.history import METRICS, MONITOR, History
from motifloom.training.interruption import Interruption
from motifloom.training.losses import balancing_weights
from motifloom.training.module import SequenceModule
from motifloom.training.precision import LIGHTNING_NAMES, Precision, choose_precision
from motifloom.training.schedule import LearningRate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt
    import polars as pl

    from motifloom.config import Config, Training
    from motifloom.data.dataset import Dataset

logger = logging.getLogger(__name__)


def fit(
    config: Config, name: str, model: str, replicate: int, dataset: Dataset, folder: Path
) -> tuple[Predictor, pl.DataFrame]:
    """Train one network, or go on with a training that was interrupted.

    Parameters
    ----------
    name, model, replicate
        The dataset, the model and the number of the training, from which its seed derives.
    folder
        Where checkpoints are kept; whoever has saved what this returns may remove it.

    Returns
    -------
    The network with the weights of the epoch of least validation loss, ready to predict, and the history of all epochs.
    Of several processes only the first has these weights: see :func:`is_first_process`.

    Raises
    ------
    Interrupted
        Where a signal asked for it; `folder` holds where the training stands.
    InputError
        Where a file in `folder` is no checkpoint, there is too little to train on, or no loss is a number.
    """
    settings = config.training
    module = new_module(config, name, model, replicate, dataset)
    predictor = module.predictor
    device = available_device()
    precision = choose_precision(settings, device)
    history = History(settings.max_epochs, METRICS[predictor.kind], precision)
    last = folder / "last.ckpt"
    trainer = _trainer(
        settings,
        device,
        precision,
        [
            history,
            LearningRate(settings, history),
            Patience(settings.patience, history),
            checkpoints.Kept(folder, "best", monitor=MONITOR, enable_version_counter=False),
            checkpoints.Kept(folder, last.stem, enable_version_counter=False),
            Interruption(last),
        ],
    )
    _check_numbers(name, settings, len(dataset.rows("train")), trainer.num_devices)
    _tell(predictor, model, dataset, trainer, precision)
    resumed = checkpoints.resumable(last, module)
    if resumed:
        logger.info("going on with a training that was interrupted")
    else:
        initialise(predictor.network, dataset, module.seed, predictor.both_strands)
        if trainer.is_global_zero:
            shutil.rmtree(folder, ignore_errors=True)
    started = time.monotonic()
    with _without_hints():
        data = SequenceDataModule(dataset, settings, module.seed, predictor.both_strands)
        trainer.fit(module, datamodule=data, ckpt_path=last if resumed else None, weights_only=True)
    logger.info("trained %d epochs in %.1f s", len(history.rows), time.monotonic() - started)
    _check_losses(name, model, history.validation_losses)
    if is_first_process():  # which may remove the file before others come to it
        module.load_state_dict(read(folder / "best.ckpt")["state_dict"])
    return predictor.to(trainer.strategy.root_device).eval(), history.table()


def is_first_process() -> bool:
    """Return whether this is the one of a training's processes that writes down what it ended in."""
    return LightningEnvironment().local_rank() == 0


def new_module(config: Config, name: str, model: str, replicate: int, dataset: Dataset) -> SequenceModule:
    """Return the untrained network of a training: its weights follow from the seed and the names alone."""
    seed = derive_seed(config.seed, name, model, "replicate", replicate)
    kind, settings = config.kind(name), config.training
    labels = dataset.labels(dataset.rows("train"))
    centre, spread = standardisation(labels) if kind == "regression" else (None, None)
    torch.manual_seed(derive_seed(seed, "weights"))
    weights = balancing_weights(kind, labels) if settings.class_weights == "balanced" else None
    predictor = Predictor(
        network=config.models[model].model_dump(),
        kind=kind,
        tasks=dataset.tasks,
        length=dataset.length,
        both_strands=config.datasets[name].strand == "both",
        centre=centre,
        spread=spread,
        origin={
            "dataset": name,
            "model": model,
            "replicate": replicate,
            "seed": seed,
            "data": dataset.fingerprint,
            "training": settings.model_dump(),
            "weights": weights,
        },
    )
    if settings.compile:
        require_compiler()
        predictor.network.compile()
    return SequenceModule(predictor, settings, seed, weights)


def require_compiler() -> None:
    """Raise `InputError` where torch would find no C++ compiler: the one that $CXX names, or the system's usual one."""
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if not shutil.which(compiler):
        raise InputError(
            f"training.compile: expected a C++ compiler, found no {compiler}: install one, or set compile to false"
        )


class Patience(EarlyStopping):
    """Ends a training once and for all when the validation loss has not improved for so many epochs or is no number."""

    def __init__(self, patience: int, history: History) -> None:
        super().__init__(MONITOR, patience=patience)
        self.history = history

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 - Lightning's
        """Train no further where a training that was interrupted had come to its end already."""
        diverged = not all(map(math.isfinite, self.history.validation_losses))
        trainer.should_stop = trainer.should_stop or diverged or self.wait_count >= self.patience


def _check_numbers(name: str, settings: Training, sequences: int, devices: int) -> None:
    """Raise where a device would have a share of no batch."""
    problems = []
    if settings.batch_size < 2 * devices:
        problems.append(
            f"training.batch_size: expected at least 2 sequences for each of {devices} devices, "
            f"found {settings.batch_size}"
        )
    if sequences < max(2, devices):
        problems.append(f"datasets.{name}: train has {sequences} sequences; expected at least {max(2, devices)}")
    if problems:
        raise InputError(problems)


def _check_losses(name: str, model: str, losses: list[float]) -> None:
    """Raise where a network has learned nothing but infinities; tell of one that ended so."""
    if math.isfinite(losses[-1]):
        return
    if not any(map(math.isfinite, losses)):
        raise InputError(
            f"datasets.{name}, models.{model}: the training diverged in its first epoch: its validation loss is no "
            "finite number; expected one: lower training.learning_rate"
        )
    logger.warning("the training diverged in epoch %d: the best epoch before it is kept", len(losses))


def standardisation(labels: npt.NDArray[np.float32]) -> tuple[list[float], list[float]]:
    """Return the mean and the standard deviation of each task's labels, of those that are there.

    Parameters
    ----------
    labels
        Shape ``(n, tasks)``, NaN where one is missing.

    Returns
    -------
    Two lists with a value per task. The standard deviation of labels that are all alike is given as 1, and a task
    without any, as a small part of a dataset may leave one, has the mean 0.
    """
    tasks = [task[~np.isnan(task)].astype(np.float64) for task in labels.T]
    centre = [float(task.mean()) if len(task) else 0.0 for task in tasks]
    spread = [float(task.std()) if len(task) else 0.0 for task in tasks]
    return centre, [value or 1.0 for value in spread]


def available_device() -> str:
    """Return the type of the device that networks are trained on: ``cuda``, ``mps`` or ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def _trainer(
    settings: Training, device: str, precision: Precision, callbacks: list[lightning.Callback]
) -> lightning.Trainer:
    """Return Lightning's loop with nothing left to its defaults that a result depends on."""
    # A guard of torch's deterministic mode: it would fill every result before it is computed.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.allow_tf32 = False  # float32 is not to be 10 bits of it on a GPU
    devices = settings.devices if settings.devices != "auto" else max(1, torch.cuda.device_count())
    if device == "cpu":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # processes on one machine talk to each other alone
    with _without_hints():
        return lightning.Trainer(
            accelerator=device,
            devices=devices,
            strategy="ddp" if devices > 1 else "auto",
            precision=LIGHTNING_NAMES[precision],
            max_epochs=settings.max_epochs,
            deterministic=True,
            callbacks=callbacks,
            # A Slurm job is one process to Lightning as well.
            plugins=[LightningEnvironment(), checkpoints.WholeFiles()],
            reload_dataloaders_every_n_epochs=1,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )


def _tell(predictor: Predictor, model: str, dataset: Dataset, trainer: lightning.Trainer, precision: Precision) -> None:
    """Tell what is trained on what."""
    logger.info(
        "%s with %d weights on %d sequences of %d bp (%s, %s)",
        model, sum(weights.numel() for weights in predictor.parameters()), len(dataset.rows("train")), dataset.length,
        f"{trainer.num_devices} × {trainer.accelerator.name()}", precision,
    )  # fmt: skip
    if isinstance(predictor.network, FilterNetwork):
        logger.info("a place after its convolutions sees %d bp", predictor.network.receptive_field)


@contextmanager
def _without_hints() -> Iterator[None]:
    """Keep Lightning's advice on what was decided here, and its own use of what is deprecated, from the log."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for message in (
            "The '.*_dataloader' does not have many workers",
            "The `srun` command is available",
            ".*LeafSpec.* is deprecated",
            "The number of training batches",
            "Checkpoint directory .* exists and is not empty",
            "It is recommended to use `self.log.*sync_dist=True",  # every process validates all
        ):
            warnings.filterwarnings("ignore", message)
        yield
