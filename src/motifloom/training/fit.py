"""The training loop: early stopping on validation, the best weights kept, a history of every epoch."""

from __future__ import annotations

import logging
import shutil
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytorch_lightning as lightning
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from pytorch_lightning.plugins.environments import LightningEnvironment

from motifloom.files import whole_file
from motifloom.models.base import FilterNetwork
from motifloom.models.initialisation import initialise
from motifloom.seeds import derive_seed
from motifloom.training.batches import Batches, SequenceDataModule
from motifloom.training.module import MAIN_METRICS, SequenceModule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from motifloom.config import Config, Training
    from motifloom.data.dataset import Dataset

logger = logging.getLogger(__name__)

MONITOR = "validation_loss"
GRADIENT_NORM = 1.0
"""A longer gradient is shortened to this: one bad batch cannot throw an LSTM off."""

PREDICT_BATCH = 512
HISTORY_SCHEMA = {
    "epoch": pl.Int64,
    "train_loss": pl.Float64,
    "validation_loss": pl.Float64,
    "validation_auroc": pl.Float64,
    "validation_pearson": pl.Float64,
}
"""The columns of a history; of the last two it has the one of the main metric."""

METRIC_NAMES = {"auroc": "AUROC", "pearson": "Pearson's r"}


class History(lightning.Callback):
    """Keeps every epoch's metrics and tells of them.

    Parameters
    ----------
    metric
        ``auroc`` or ``pearson``: what validation is told by, beside the loss.
    """

    def __init__(self, max_epochs: int, metric: str) -> None:
        self.max_epochs, self.metric = max_epochs, metric
        self.columns = ("train_loss", MONITOR, f"validation_{metric}")
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:  # noqa: ARG002 - Lightning's
        """Record the epoch that ends."""
        row = {name: float(trainer.callback_metrics[name]) for name in self.columns}
        self.rows.append({"epoch": trainer.current_epoch, **row})
        best = min(r[MONITOR] for r in self.rows)
        logger.info(
            "epoch %d of at most %d: loss %.4f, validation loss %.4f (best %.4f), validation %s %.4f",
            len(self.rows), self.max_epochs, row["train_loss"], row[MONITOR], best,
            METRIC_NAMES[self.metric], row[f"validation_{self.metric}"],
            extra={"progress": True},
        )  # fmt: skip

    def table(self) -> pl.DataFrame:
        """Return a row per epoch.

        Its columns are ``epoch`` from 0, ``train_loss``, ``validation_loss``, and ``validation_auroc`` or
        ``validation_pearson``, null where undefined.
        """
        schema = {name: HISTORY_SCHEMA[name] for name in ("epoch", *self.columns)}
        return pl.DataFrame(self.rows, schema=schema).fill_nan(None)


def fit(
    config: Config, name: str, model: str, replicate: int, dataset: Dataset, folder: Path
) -> tuple[SequenceModule, pl.DataFrame]:
    """Train one network.

    Parameters
    ----------
    name, model, replicate
        The dataset, the model and the number of the training, from which its seed derives.
    folder
        Where checkpoints are kept while it trains.

    Returns
    -------
    The network with the weights of the epoch of least validation loss, ready to predict, and the history of all epochs.
    """
    seed = derive_seed(config.seed, name, model, "replicate", replicate)
    lightning.seed_everything(seed, workers=True, verbose=False)
    settings = config.training
    kind = config.kind(name)
    centre, spread = standardisation(dataset.labels(dataset.rows("train"))) if kind == "regression" else (None, None)
    module = SequenceModule(
        network=config.models[model].model_dump(),
        kind=kind,
        tasks=dataset.tasks,
        length=dataset.length,
        learning_rate=settings.learning_rate,
        both_strands=settings.reverse_complement,
        centre=centre,
        spread=spread,
    )
    initialise(module.network, dataset, seed)
    history = History(settings.max_epochs, MAIN_METRICS[kind])
    shutil.rmtree(folder, ignore_errors=True)
    best = ModelCheckpoint(dirpath=folder, filename="best", monitor=MONITOR, enable_version_counter=False)
    trainer = _trainer(settings, [history, EarlyStopping(MONITOR, patience=settings.patience), best])
    logger.info(
        "%s with %d weights on %d sequences of %d bp (%s)",
        model, sum(p.numel() for p in module.parameters()), len(dataset.rows("train")), dataset.length,
        trainer.accelerator.name(),
    )  # fmt: skip
    if isinstance(module.network, FilterNetwork):
        logger.info("a place after its convolutions sees %d bp", module.network.receptive_field)
    started = time.monotonic()
    with _without_hints():
        trainer.fit(module, datamodule=SequenceDataModule(dataset, settings, seed))
    logger.info("trained %d epochs in %.1f s", len(history.rows), time.monotonic() - started)
    module.load_state_dict(torch.load(best.best_model_path, weights_only=True, map_location="cpu")["state_dict"])
    shutil.rmtree(folder)
    return module.to(trainer.strategy.root_device).eval(), history.table()


def standardisation(labels: npt.NDArray[np.float32]) -> tuple[list[float], list[float]]:
    """Return the mean and the standard deviation of each task's labels, of those that are there.

    Parameters
    ----------
    labels
        Shape ``(n, tasks)``, NaN where one is missing; every task has at least one.

    Returns
    -------
    Two lists with a value per task. The standard deviation of labels that are all alike is given as 1.
    """
    values = labels.astype(np.float64)
    spread = np.nanstd(values, axis=0)
    return np.nanmean(values, axis=0).tolist(), np.where(spread > 0, spread, 1.0).tolist()


def _trainer(settings: Training, callbacks: list[lightning.Callback]) -> lightning.Trainer:
    """Return Lightning's loop with nothing left to its defaults that a result depends on."""
    with _without_hints():
        return lightning.Trainer(
            accelerator="auto",
            devices=1,
            max_epochs=settings.max_epochs,
            deterministic=True,
            gradient_clip_val=GRADIENT_NORM,
            callbacks=callbacks,
            plugins=[LightningEnvironment()],  # a Slurm job is one process to Lightning as well
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )


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
        ):
            warnings.filterwarnings("ignore", message)
        yield


def save(module: SequenceModule, path: Path) -> None:
    """Write a checkpoint of the weights and of plain hyperparameters; it loads with ``weights_only=True``."""
    checkpoint = {
        "state_dict": {name: tensor.cpu() for name, tensor in module.state_dict().items()},
        "hyper_parameters": dict(module.hparams),
        "pytorch-lightning_version": lightning.__version__,
    }
    with whole_file(path) as beside, beside.open("wb") as out:
        torch.save(checkpoint, out)


def load(path: Path) -> SequenceModule:
    """Read a checkpoint that :func:`save` wrote, without executing anything in it; ready to predict, on the CPU."""
    module: Any = SequenceModule.load_from_checkpoint(path, map_location="cpu", weights_only=True)
    loaded: SequenceModule = module.eval()
    return loaded


def predict(module: SequenceModule, dataset: Dataset, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Predict `rows`, computed where the network is.

    Returns
    -------
    Probabilities or, of a regression, values in the labels' own units; shape ``(len(rows), tasks)``.
    """
    module.eval()
    batches = Batches(dataset, rows, PREDICT_BATCH)
    scores = np.empty((len(rows), len(dataset.tasks)))
    with torch.inference_mode():
        for number in range(len(batches)):
            codes, labels = batches[number]
            part = slice(number * PREDICT_BATCH, (number + 1) * PREDICT_BATCH)
            scores[part] = module.predict_step((codes.to(module.device), labels)).cpu()
    return scores
