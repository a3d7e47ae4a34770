from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.metrics import roc_auc_score
from tests.conftest import KINDS, dataset_of, planted, simulated_config, table_config
from torch.optim.optimizer import register_optimizer_step_pre_hook

from motifloom.config import Lstm, Training
from motifloom.data.dataset import Dataset
from motifloom.errors import InputError, Problems
from motifloom.evaluation.selection import main_scores, mean_main_score
from motifloom.models import prediction
from motifloom.models.checkpoints import load, load_for, save
from motifloom.models.oracle import posterior
from motifloom.models.prediction import predict
from motifloom.training.fit import _check_numbers, fit, standardisation
from motifloom.training.losses import LOSSES


def auroc_of(dataset, scores, split="test"):
    rows = dataset.rows(split)
    return roc_auc_score(dataset.labels(rows)[:, 0], scores[:, 0])


@pytest.fixture(scope="module")
def trained(toy, toy_config, tmp_path_factory):
    """A network trained on the planted motif, its history, and where it is saved."""
    folder = tmp_path_factory.mktemp("trained")
    predictor, history = fit(toy_config, "toy", "cnn", 0, toy, folder / "checkpoints")
    save(predictor, folder / "model.ckpt")
    return predictor, history, folder


def test_a_planted_motif_is_learned(toy, toy_config, trained):
    """The network comes near the best that is possible, and not beyond it."""
    rows = toy.rows("test")
    network = auroc_of(toy, predict(trained[0], toy, rows))
    ceiling = auroc_of(toy, posterior(toy.codes(rows), toy_config.datasets["toy"])[:, None])
    assert 0.9 < network <= ceiling + 0.02


def test_shuffled_labels_give_chance(toy, tmp_path):
    """The same sequences with labels that mean nothing: whatever is found on the test split would be a leak."""
    random = np.random.default_rng(0)
    reached = []
    for repeat in range(3):
        shuffled = toy.examples.with_columns(
            pl.col("toy").shuffle(int(random.integers(2**31))).over("split").alias("toy")
        )
        dataset = Dataset(shuffled, toy.sequences)
        config = simulated_config(tmp_path, seed=repeat, training={"max_epochs": 5})
        predictor, _ = fit(config, "toy", "cnn", 0, dataset, tmp_path / "checkpoints")
        held_out = dataset.rows("validation", "test")
        scores = predict(predictor, dataset, held_out)[:, 0]
        reached.append(roc_auc_score(dataset.labels(held_out)[:, 0], scores))
    assert np.mean(reached) == pytest.approx(0.5, abs=0.05)


def test_the_history_tells_every_epoch_and_the_best_is_kept(toy, trained):
    predictor, history, _ = trained
    assert history["epoch"].to_list() == list(range(len(history)))
    assert history.null_count().sum_horizontal().item() == 0
    rows = toy.rows("validation")
    scores = torch.tensor(predict(predictor, toy, rows)[:, 0])
    loss = torch.nn.functional.binary_cross_entropy(scores, torch.tensor(toy.labels(rows)[:, 0]).double())
    assert float(loss) == pytest.approx(history["validation_loss"].min(), rel=1e-4)
    best = history["validation_auroc"][history["validation_loss"].arg_min()]
    assert best == pytest.approx(auroc_of(toy, scores[:, None].numpy(), "validation"), abs=1e-4)


def test_training_stops_when_validation_no_longer_improves(toy, tmp_path):
    config = simulated_config(tmp_path, training={"max_epochs": 60, "patience": 2, "learning_rate": 0.05})
    _, history = fit(config, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
    assert len(history) == history["validation_loss"].arg_min() + 1 + 2 < 60


def test_the_same_seed_gives_the_same_bytes(toy, toy_config, trained, tmp_path):
    again, history = fit(toy_config, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
    save(again, tmp_path / "model.ckpt")
    assert (tmp_path / "model.ckpt").read_bytes() == (trained[2] / "model.ckpt").read_bytes()
    assert history.equals(trained[1])


def test_the_same_seed_gives_the_same_bytes_in_bfloat16(toy, tmp_path):
    """And weights other than in float32, to which they are close."""
    written = []
    for repeat, precision in enumerate(["bfloat16", "bfloat16", "float32"]):
        config = simulated_config(tmp_path, training={"max_epochs": 2, "precision": precision})
        predictor, _ = fit(config, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
        save(predictor, tmp_path / f"{repeat}.ckpt")
        written.append((tmp_path / f"{repeat}.safetensors").read_bytes())
    assert written[0] == written[1]
    one, other = (load(tmp_path / f"{repeat}.ckpt").network.first_layer.get_parameter("0.weight") for repeat in (1, 2))
    assert 0 < (one - other).abs().max() < 0.1 * other.abs().max()


def test_a_step_is_no_longer_than_the_norm_of_its_gradients_may_be(toy, tmp_path):
    norms = []

    def step(optimiser, *_):
        gradients = [values.grad.flatten() for group in optimiser.param_groups for values in group["params"]]
        norms.append(float(torch.cat(gradients).norm()))

    hook = register_optimizer_step_pre_hook(step)
    config = simulated_config(tmp_path, training={"max_epochs": 1, "gradient_norm": 0.01})
    fit(config, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
    hook.remove()
    assert norms == pytest.approx([0.01] * len(norms), rel=1e-3)


def test_another_replicate_is_another_network(toy, toy_config, trained, tmp_path):
    other, _ = fit(toy_config, "toy", "cnn", 1, toy, tmp_path / "checkpoints")
    rows = toy.rows("test")
    assert (predict(other, toy, rows) != predict(trained[0], toy, rows)).all()


def test_a_checkpoint_gives_the_same_predictions(toy, trained):
    rows = toy.rows("test")
    assert (predict(load(trained[2] / "model.ckpt"), toy, rows) == predict(trained[0], toy, rows)).all()


def test_a_checkpoint_holds_plain_values_alone(trained):
    content = torch.load(trained[2] / "model.ckpt", weights_only=True)
    assert content["hyper_parameters"]["network"]["architecture"] == "cnn"
    assert content["hyper_parameters"]["tasks"] == ["toy"]
    assert set(map(type, content["hyper_parameters"]["network"].values())) <= {str, int, float, bool, type(None)}


def test_a_checkpoint_that_would_execute_code_is_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    with (tmp_path / "model.ckpt").open("wb") as out:
        torch.save({"state_dict": {}, "hyper_parameters": Bomb()}, out)
    with pytest.raises(InputError, match=r"model\.ckpt: is no checkpoint of tensors and plain values"):
        load(tmp_path / "model.ckpt")
    assert not (tmp_path / "exploded").exists()


def test_a_checkpoint_of_another_training_is_refused(toy, toy_config, trained, tmp_path):
    """Its labels, its lengths or its layers are others than those of the dataset and the model that ask for it."""
    save(trained[0], path := tmp_path / "model.ckpt")
    cnn = toy_config.models["cnn"]
    assert load_for(path, toy, "binary", cnn).kind == "binary"
    with pytest.raises(InputError) as refused:
        load_for(path, toy, "regression", cnn.model_copy(update={"filters": 9}))
    told = f"model.ckpt: is of another training: filters: expected 9, found {cnn.filters}; kind: expected regression"
    assert told in refused.value.problems[0]
    with pytest.raises(InputError, match=r"is of another training: .*architecture: expected lstm, found cnn"):
        load_for(path, toy, "binary", Lstm())
    with pytest.raises(
        InputError, match=r"tasks: expected \['task 1', .*\], found \['toy'\]; length: expected \d+, found"
    ):
        load_for(path, planted("binary", 60), "binary", cnn)


def test_weights_that_are_no_numbers_are_refused(trained, tmp_path):
    save(trained[0], path := tmp_path / "model.ckpt")
    content = torch.load(path, weights_only=True)
    name = next(iter(content["state_dict"]))
    content["state_dict"][name].view(-1)[3] = float("nan")
    torch.save(content, path)
    with pytest.raises(InputError, match=rf"model\.ckpt: holds weights that are no numbers \({name}\)"):
        load(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "foo"},
        {"kind": ["binary"]},
        {"tasks": "toy"},
        {"length": 60.0},
        {"both_strands": "no"},
        {"both_strands": torch.ones(2)},
        {"alphabet": "TGCA"},
        {"centre": [0.0, 1.0]},
        {"spread": [0.0]},
        {"more": 1},
        {"network": {"architecture": "cnn", "filters": -1}},
    ],
    ids=lambda changes: "-".join(f"{key} {type(value).__name__}" for key, value in changes.items()),
)
def test_hyperparameters_of_another_kind_are_refused(trained, tmp_path, changes):
    save(trained[0], path := tmp_path / "model.ckpt")
    content = torch.load(path, weights_only=True)
    content["hyper_parameters"] |= changes
    torch.save(content, path)
    with pytest.raises(InputError, match="is no checkpoint of tensors and plain values"):
        load(path)


def test_a_missing_checkpoint_is_told(tmp_path):
    with pytest.raises(InputError, match=r"model\.ckpt: no such file"):
        load(tmp_path / "model.ckpt")


@pytest.mark.parametrize("content", [b"\x80\x02J\x01", b"\x80\x02X\x01", b"\x80\x02}q"])
def test_what_ends_within_a_number_is_refused(tmp_path, content):
    (tmp_path / "model.ckpt").write_bytes(content)
    with pytest.raises(InputError, match="is no checkpoint of tensors and plain values"):
        load(tmp_path / "model.ckpt")


def test_a_damaged_checkpoint_is_refused_or_read(trained, tmp_path):
    """Whatever byte is another, or wherever the file ends."""
    save(trained[0], tmp_path / "model.ckpt")
    whole, random = (tmp_path / "model.ckpt").read_bytes(), np.random.default_rng(0)
    pickled = whole.index(b"PK", 1)  # before it the plain values, behind it weights, which hold any number
    refused = 0
    for place in random.integers(0, pickled, 300).tolist():
        damaged = bytearray(whole)
        damaged[place] = int(random.integers(256))
        (tmp_path / "model.ckpt").write_bytes(damaged if place % 4 else whole[:place])
        problems = Problems()
        with problems.gathered():
            load(tmp_path / "model.ckpt")
        assert all("is no checkpoint of" in problem for problem in problems.found)
        refused += len(problems.found)
    assert 100 < refused <= 300


def test_long_sequences_are_predicted_a_few_at_a_time(toy, trained, monkeypatch):
    rows = toy.rows("test")
    whole = predict(trained[0], toy, rows)
    monkeypatch.setattr(prediction, "TOTAL_BP", 7 * toy.length)
    sizes = [len(codes) for codes in prediction.batches(toy, rows)]
    assert sizes == [7] * (len(rows) // 7) + [len(rows) % 7]
    assert predict(trained[0], toy, rows) == pytest.approx(whole, abs=1e-6)
    monkeypatch.setattr(prediction, "TOTAL_BP", toy.length - 1)
    assert {len(codes) for codes in prediction.batches(toy, rows)} == {1}


def test_codes_are_predicted_as_the_rows_that_have_them(toy, trained):
    rows = toy.rows("test")
    assert (prediction.predict_codes(trained[0], toy.codes(rows)) == predict(trained[0], toy, rows)).all()
    assert prediction.predict_codes(trained[0], toy.codes(rows[:0])).shape == (0, 1)


@pytest.mark.parametrize(("number", "devices"), [(1, 1), (2, 3)])
def test_too_few_sequences_to_train_on_are_refused(number, devices):
    with pytest.raises(InputError) as refused:
        _check_numbers("toy", Training(batch_size=2 * devices), number, devices)
    least = max(2, devices)
    assert refused.value.problems == [f"datasets.toy: train has {number} sequences; expected at least {least}"]


def test_a_prediction_is_the_same_for_either_strand(toy, trained):
    """Both strands are averaged, so reading the other one changes nothing."""
    from motifloom.genome import reverse_complement

    codes = torch.from_numpy(toy.codes(toy.rows("test")))
    other = torch.from_numpy(reverse_complement(codes.numpy()).copy())
    predictor = trained[0]
    with torch.inference_mode():
        assert torch.allclose(predictor(codes), predictor(other), atol=1e-5)


# ------------------------------------------------------------------------ labels of every kind, sequences of any length


@pytest.fixture(scope="module", params=KINDS)
def of_kind(request, tmp_path_factory):
    """A kind, a dataset of it, a network trained on it, its history, and where it is saved."""
    folder = tmp_path_factory.mktemp(request.param)
    dataset = planted(request.param)
    config = table_config(request.param, dataset.tasks)
    predictor, history = fit(config, "planted", "cnn", 0, dataset, folder / "checkpoints")
    save(predictor, folder / "model.ckpt")
    return request.param, dataset, predictor, history, folder


def test_every_kind_of_label_is_learned(of_kind):
    kind, dataset, predictor, _, _ = of_kind
    rows = dataset.rows("test")
    assert main_scores(dataset.labels(rows), predict(predictor, dataset, rows), kind).min() > 0.85


@pytest.mark.parametrize("kind", KINDS)
def test_shuffled_labels_of_every_kind_give_chance(kind, tmp_path):
    dataset = planted(kind, number=900)
    together = dataset.examples.select(dataset.tasks).sample(fraction=1, shuffle=True, seed=0)
    dataset = Dataset(dataset.examples.with_columns(together), dataset.sequences)
    config = table_config(kind, dataset.tasks, training={"max_epochs": 5})
    predictor, _ = fit(config, "planted", "cnn", 0, dataset, tmp_path / "checkpoints")
    rows = dataset.rows("validation", "test")
    chance = 0 if kind == "regression" else 0.5
    assert mean_main_score(dataset.labels(rows), predict(predictor, dataset, rows), kind) == pytest.approx(
        chance, abs=0.1
    )


def test_the_validation_loss_is_the_mean_over_all_labels_of_the_split(of_kind):
    """Not the mean of the batches' means: batches differ in how many labels they have."""
    kind, dataset, predictor, history, _ = of_kind
    rows = dataset.rows("validation")
    labels, codes = torch.tensor(dataset.labels(rows)), torch.from_numpy(dataset.codes(rows))
    with torch.inference_mode():
        total, number = LOSSES[kind](predictor(codes), predictor.targets(labels), torch.ones(2, len(dataset.tasks)))
    assert float(total / number) == pytest.approx(history["validation_loss"].min(), rel=1e-3)
    metric = "pearson" if kind == "regression" else "auroc"
    assert history.columns == [
        "epoch",
        "precision",
        "learning_rate",
        "train_loss",
        "validation_loss",
        f"validation_{metric}",
    ]
    reached = mean_main_score(labels.numpy(), predict(predictor, dataset, rows), kind)
    assert history[f"validation_{metric}"][history["validation_loss"].arg_min()] == pytest.approx(reached, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes_for_every_kind(kind, tmp_path):
    dataset = planted(kind, number=150)
    config = table_config(kind, dataset.tasks, training={"max_epochs": 3})
    runs = []
    for _ in range(2):
        predictor, history = fit(config, "planted", "cnn", 0, dataset, tmp_path / "checkpoints")
        save(predictor, tmp_path / "model.ckpt")
        runs.append(((tmp_path / "model.ckpt").read_bytes(), history.write_csv()))
    assert runs[0] == runs[1]


def test_a_checkpoint_knows_its_kind(of_kind):
    kind, dataset, predictor, _, folder = of_kind
    hyperparameters = torch.load(folder / "model.ckpt", weights_only=True)["hyper_parameters"]
    assert hyperparameters["kind"] == kind
    known = dataset.examples.filter(split="train").select(dataset.tasks)
    for name, values in (("centre", known.mean().row(0)), ("spread", known.select(pl.all().std(ddof=0)).row(0))):
        if kind == "regression":
            assert hyperparameters[name] == pytest.approx(values, rel=1e-6)
            assert set(map(type, hyperparameters[name])) == {float}
        else:
            assert hyperparameters[name] is None
    rows = dataset.rows("test")
    assert (predict(load(folder / "model.ckpt"), dataset, rows) == predict(predictor, dataset, rows)).all()


def test_a_prediction_does_not_depend_on_sequences_of_other_lengths(of_kind):
    _, dataset, predictor, _, _ = of_kind
    rows = dataset.rows("test")[:20]
    assert len(set(dataset.sequences.lengths[rows])) >= 3
    together = predict(predictor, dataset, rows)
    alone = np.concatenate([predict(predictor, dataset, rows[[i]]) for i in range(len(rows))])
    assert alone == pytest.approx(together, rel=1e-4, abs=1e-4)
    assert predict(predictor, dataset, rows[::-1])[::-1] == pytest.approx(together, rel=1e-4, abs=1e-4)


def test_a_regression_learns_32_examples_by_heart(tmp_path):
    """Values far from 0 and of a spread far from 1 are no harder than others."""
    random = np.random.default_rng(0)
    sequences = ["".join(random.choice(list("ACGT"), random.integers(40, 61))) for _ in range(32)]
    values = random.normal([5000, -0.02], [300, 0.003], size=(32, 2))
    labels = {"far": values[:, 0].tolist(), "small": values[:, 1].tolist()}
    twice = {task: column * 2 for task, column in labels.items()}
    dataset = dataset_of(sequences * 2, ["train"] * 32 + ["validation"] * 32, twice)
    network = {"filters": 32, "kernel_size": 11, "pool_size": 10, "hidden": 64, "dropout": 0, "weight_decay": 0}
    training = {"max_epochs": 150, "patience": 150, "batch_size": 8}
    config = table_config("regression", dataset.tasks, models={"cnn": network}, training=training)
    predictor, _ = fit(config, "planted", "cnn", 0, dataset, tmp_path / "checkpoints")
    errors = predict(predictor, dataset, dataset.rows("train")) - values
    assert (errors.std(axis=0) < 0.2 * values.std(axis=0)).all()
    assert (np.abs(errors.mean(axis=0)) < 0.2 * values.std(axis=0)).all()


def test_labels_are_standardised_by_those_that_are_there():
    none = np.nan
    labels = np.array([[1, none, 7, none], [3, 5, 7, none], [none, 9, 7, none]], dtype=np.float32)
    centre, spread = standardisation(labels)
    assert centre == [2, 7, 7, 0]
    assert spread == [1, 2, 1, 1]  # labels that are all alike are only moved


def test_a_batch_without_any_label_changes_no_loss(tmp_path):
    """One of three batches, of validation as well, has labels of one task alone, and one has none."""
    dataset = planted("binary", number=96)
    gone = pl.int_range(pl.len()) % 2 == 0
    examples = dataset.examples.with_columns(
        pl.Series("split", ["train"] * 48 + ["validation"] * 48),
        pl.when(gone).then(None).otherwise(pl.col("task 1")).alias("task 1"),
    )
    empty = pl.int_range(pl.len()) >= 80
    examples = examples.with_columns(pl.when(empty).then(None).otherwise(pl.col(dataset.tasks)).name.keep())
    dataset = Dataset(examples, dataset.sequences)
    assert np.isnan(dataset.labels(dataset.rows("validation"))[-16:]).all()
    config = table_config("binary", dataset.tasks, training={"max_epochs": 3, "batch_size": 16})
    predictor, history = fit(config, "planted", "cnn", 0, dataset, tmp_path / "checkpoints")
    assert np.isfinite(history.drop("precision").to_numpy()).all()
    rows = dataset.rows("validation")
    labels = torch.tensor(dataset.labels(rows))
    with torch.inference_mode():
        total, number = LOSSES["binary"](predictor(torch.from_numpy(dataset.codes(rows))), labels, torch.ones(2, 1))
    assert number == int((~labels.isnan()).sum()) < 64
    assert float(total / number) == pytest.approx(history["validation_loss"].min(), rel=1e-4)


def test_a_network_that_cannot_be_compiled_is_refused(toy, tmp_path, monkeypatch):
    config = simulated_config(tmp_path, training={"compile": True})
    monkeypatch.setenv("CXX", "nowhere++")
    with pytest.raises(InputError, match=r"^training\.compile: expected a C\+\+ compiler, found no nowhere\+\+"):
        fit(config, "toy", "cnn", 0, toy, tmp_path / "checkpoints")
