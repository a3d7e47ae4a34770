"""Attributions against formulas, brute force and planted truth. Every axis has another length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from tests.conftest import dataset_of, table_config
from torch import nn
from torch.nn import functional

from motifloom import config
from motifloom.config.models import BASELINES
from motifloom.data.dataset import Dataset
from motifloom.data.shuffle import shuffled_rows
from motifloom.genome import PADDING, UNKNOWN, decode, encode, reverse_complement
from motifloom.models.encoding import one_hot
from motifloom.models.prediction import predict
from motifloom.models.predictor import Predictor
from motifloom.motifs.attribution import (
    REFERENCES,
    attribute,
    attribution_table,
    method_of,
)
from motifloom.motifs.convergence import relative_delta
from motifloom.motifs.deep_lift import multipliers
from motifloom.motifs.targets import choose_examples, output_weights
from motifloom.training.fit import fit

if TYPE_CHECKING:
    from pathlib import Path

    from motifloom.genome import Codes

FILTERS = {"filters": 7, "kernel_size": 5}
CONVOLUTIONAL: dict[str, dict[str, Any]] = {
    "cnn": {"architecture": "cnn", **FILTERS, "pool_size": 6, "hidden": 5},
    "rectified": {
        "architecture": "cnn",
        **FILTERS,
        "pool_size": 6,
        "pool_stride": 4,
        "hidden": 5,
        "activation": "relu",
    },
    "average": {"architecture": "cnn", **FILTERS, "pool_size": 6, "pooling": "average", "readout": "max", "hidden": 5},
    "deep": {"architecture": "cnn", **FILTERS, "pool_size": 2, "hidden": 5, "layers": 4, "readout": "mean"},
    "shared": {"architecture": "cnn", **FILTERS, "pool_size": 6, "hidden": 5, "shared_strands": True},
    "resnet": {"architecture": "resnet", **FILTERS, "pool_size": 3, "hidden": 5, "blocks": 3},
    "dilated_cnn": {"architecture": "dilated_cnn", **FILTERS, "blocks": 3},
    "strided": {"architecture": "dilated_cnn", **FILTERS, "blocks": 2, "stride": 3, "padding": "valid"},
}
OTHERS: dict[str, dict[str, Any]] = {
    "rnn": {"architecture": "rnn", "hidden": 6},
    "lstm": {"architecture": "lstm", "hidden": 6},
    "bilstm": {"architecture": "bilstm", "hidden": 6},
    "cnn_bilstm": {"architecture": "cnn_bilstm", **FILTERS, "hidden": 6},
    "attentive": {"architecture": "dilated_cnn", **FILTERS, "blocks": 2, "readout": "attention"},
}
LENGTH = 43
TASKS = ["one", "two", "three"]


def predictor_of(network: dict[str, Any], both_strands: bool = True) -> Predictor:
    """Return a network with random weights, its batch norms as after some training."""
    torch.manual_seed(0)
    predictor = Predictor(network, "binary", TASKS, LENGTH, both_strands=both_strands).eval()
    for layer in predictor.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.3, 0.3)
            nn.init.uniform_(layer.running_var, 0.3, 2)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
        elif isinstance(layer, nn.Conv1d | nn.Linear):
            layer.weight.data *= 2
    return predictor


def sequences() -> Codes:
    """Return codes of sequences of 17 to 43 bp, some of their bases unknown."""
    random = np.random.default_rng(0)
    codes = random.integers(4, size=(11, LENGTH)).astype(np.uint8)
    codes[2, 5:8], codes[4, :3] = UNKNOWN, UNKNOWN
    codes[3, 17:], codes[6, 40:] = PADDING, PADDING
    return codes


def weights_for(number: int) -> np.ndarray:
    return np.random.default_rng(9).normal(size=(number, len(TASKS))).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------- DeepLIFT


def beside(number: int, references: int) -> torch.Tensor:
    random = np.random.default_rng(2)
    codes = random.integers(4, size=(number * (1 + references), LENGTH)).astype(np.uint8)
    return one_hot(torch.from_numpy(codes)).view(number, 1 + references, 4, LENGTH)


def test_multipliers_of_a_linear_network_are_its_weights() -> None:
    weights = torch.randn(4, LENGTH, generator=torch.Generator().manual_seed(0))
    found, outputs = multipliers(lambda x: (x * weights).sum(dim=(1, 2)) + 3, beside(3, 5))
    assert torch.allclose(found, weights.expand(3, 5, 4, LENGTH))
    assert torch.allclose(outputs, (beside(3, 5) * weights).sum(dim=(2, 3)) + 3, atol=1e-5)


@pytest.mark.parametrize("activation", [torch.relu, functional.relu, torch.exp, nn.ReLU()])
def test_an_activation_passes_on_its_slope_between_both_values(activation: Any) -> None:
    """With w the weights and s = w · x, every multiplier is w (f(s) − f(s')) / (s − s')."""
    weights = torch.randn(4, LENGTH, generator=torch.Generator().manual_seed(1)) / 3
    found, _ = multipliers(lambda x: activation((x * weights).sum(dim=(1, 2)) - 0.5), beside(3, 5))
    s = (beside(3, 5) * weights).sum(dim=(2, 3)).double() - 0.5
    slope = (activation(s[:, :1]) - activation(s[:, 1:])) / (s[:, :1] - s[:, 1:])
    assert torch.allclose(found, (slope[..., None, None] * weights).float(), rtol=1e-4)
    assert len(slope.unique()) > 3


def test_the_slope_of_an_exponential_is_exact_between_values_that_are_near() -> None:
    near = torch.tensor([[0.5, 0.5 + 2**-22, 0.5, 0.9]]).view(1, 4, 1, 1)
    found, _ = multipliers(lambda x: torch.exp(x).flatten(), near)
    assert found.flatten().tolist() == pytest.approx([np.exp(0.5), np.exp(0.5), np.expm1(0.4) * np.exp(0.5) / 0.4])


def test_the_slope_of_an_exponential_is_a_number_between_values_that_are_far_apart() -> None:
    far = torch.tensor([[50.0, -50.0, -90.0, 49.0]]).view(1, 4, 1, 1)
    found, _ = multipliers(lambda x: torch.exp(x).flatten(), far)
    expected = [(np.exp(50.0) - np.exp(low)) / (50 - low) for low in (-50.0, -90.0, 49.0)]
    assert found.flatten().tolist() == pytest.approx(expected, rel=1e-6)


def test_a_maximum_passes_on_its_difference_to_one_place() -> None:
    """The greatest of the sequence's values where it is the greater one, else the greatest of the reference's."""
    rows = torch.tensor([[1.0, 5, 2], [4, 3, 0], [1, 2, 9], [1, 5, 2]]).view(1, 4, 1, 3)
    found, _ = multipliers(lambda x: functional.max_pool2d(x.view(-1, 1, 1, 3), (1, 3)).flatten(), rows)
    expected = [[0, (5 - 4) / (5 - 3), 0], [0, 0, (5 - 9) / (2 - 9)], [0, 1, 0]]
    assert torch.allclose(found[0, :, 0], torch.tensor(expected))


def test_a_small_network_against_a_plain_loop() -> None:
    """Convolution, exponential, maxima, a second rectified layer, computed forwards and backwards by hand."""
    random = np.random.default_rng(3)
    filters, dense, last = random.normal(size=(6, 4, 5)) / 2, random.normal(size=(3, 6 * 13)) / 4, random.normal(size=3)

    def output(x: torch.Tensor) -> torch.Tensor:
        scanned = torch.exp(functional.conv1d(x, torch.tensor(filters).float())).unsqueeze(2)
        pooled = functional.max_pool2d(scanned, (1, 3)).flatten(1)
        return torch.relu(pooled @ torch.tensor(dense).float().T) @ torch.tensor(last).float()

    rows = beside(2, 4)
    found, _ = multipliers(output, rows)
    for number in range(2):
        for reference in range(4):
            pair = rows[number, [0, 1 + reference]].double().numpy()
            scans = np.stack([[(x[:, p : p + 5] * filters).sum(axis=(1, 2)) for p in range(39)] for x in pair])
            activations = np.exp(scans)  # (2, 39, 6)
            windows = activations.reshape(2, 13, 3, 6)
            inner = windows.max(axis=2).transpose(0, 2, 1).reshape(2, -1) @ dense.T
            slope = np.diff(np.maximum(inner, 0), axis=0)[0] / np.diff(inner, axis=0)[0]
            of_pooled = ((last * slope) @ dense).reshape(6, 13)
            expected = np.zeros((4, LENGTH))
            for unit in range(6):
                for window in range(13):
                    x, r = windows[:, window, :, unit]
                    place = x.argmax() if x.max() >= r.max() else r.argmax()
                    share = 1.0 if x[place] == r[place] else (x.max() - r.max()) / (x[place] - r[place])
                    a, b = scans[:, 3 * window + place, unit]
                    rise = np.exp(a) if a == b else (np.exp(a) - np.exp(b)) / (a - b)
                    start = 3 * window + place
                    expected[:, start : start + 5] += of_pooled[unit, window] * share * rise * filters[unit]
            assert np.allclose(found[number, reference], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_contributions_add_up_to_the_difference_of_the_outputs(name: str) -> None:
    predictor, codes = predictor_of(CONVOLUTIONAL[name]), sequences()
    assert method_of(predictor.network) == "deep_lift"
    found = attribute(predictor, codes, weights_for(len(codes)), np.random.default_rng(0))
    with torch.inference_mode():
        outputs = (predictor(torch.from_numpy(codes)).numpy() * weights_for(len(codes))).sum(axis=1)
    assert found.output == pytest.approx(outputs, abs=1e-5)
    difference = found.output - found.reference
    assert found.contributions.sum(axis=1) == pytest.approx(difference, abs=2e-5 * np.abs(difference).max() + 1e-6)
    assert found.delta.max() < 2e-5 * np.abs(difference).max() + 1e-6
    assert np.abs(difference).mean() > 0.02


@pytest.mark.parametrize("name", ["cnn", "resnet", "bilstm", "attentive"])
def test_what_is_behind_the_end_changes_nothing_and_contributes_nothing(name: str) -> None:
    predictor, codes = predictor_of((CONVOLUTIONAL | OTHERS)[name]), sequences()
    whole = attribute(predictor, codes, weights_for(len(codes)), np.random.default_rng(0))
    wider = np.pad(codes[:, :17], ((0, 0), (0, 9)), constant_values=PADDING)
    narrow = codes[:, :17]
    one, same = (attribute(predictor, c, weights_for(len(c)), np.random.default_rng(0)) for c in (narrow, wider))
    assert one.contributions == pytest.approx(same.contributions[:, :17], abs=1e-5)
    assert not same.contributions[:, 17:].any()
    assert not whole.contributions[codes == PADDING].any()
    assert not whole.hypothetical[codes == PADDING].any()


@pytest.mark.parametrize("name", ["cnn", "dilated_cnn", "lstm"])
def test_what_a_base_contributes_is_what_it_would_contribute(name: str) -> None:
    predictor, codes = predictor_of((CONVOLUTIONAL | OTHERS)[name]), sequences()
    found = attribute(predictor, codes, weights_for(len(codes)), np.random.default_rng(0))
    known = codes < UNKNOWN
    assert found.hypothetical[known][np.arange(known.sum()), codes[known]] == pytest.approx(
        found.contributions[known], abs=1e-6
    )
    assert found.contributions[known].std() > 1e-4


def test_references_follow_from_the_seed_and_keep_the_dinucleotides() -> None:
    predictor, codes = predictor_of(CONVOLUTIONAL["cnn"]), sequences()
    one, same, other = (
        attribute(predictor, codes, weights_for(len(codes)), np.random.default_rng(seed)).contributions
        for seed in (0, 0, 1)
    )
    assert (one == same).all()
    assert (one != other).any()
    (shuffled,) = shuffled_rows(codes[4:5], np.random.default_rng(0))
    pairs = [sorted(zip(decode(c), decode(c)[1:], strict=False)) for c in (codes[4], shuffled)]
    assert pairs[0] == pairs[1]
    assert (codes[4] != shuffled).sum() > 5
    assert REFERENCES >= 10


# -------------------------------------------------------------------------------------------- in-silico mutagenesis


@pytest.mark.parametrize("name", OTHERS)
def test_mutagenesis_is_brute_force(name: str) -> None:
    predictor, codes = predictor_of(OTHERS[name]), sequences()[:5]
    assert method_of(predictor.network) == "in_silico_mutagenesis"
    weights = weights_for(len(codes))
    found = attribute(predictor, codes, weights, np.random.default_rng(0))
    for number, sequence in enumerate(codes):
        for place in (0, 6, 16, 41):
            outputs = []
            for base in range(4):
                mutant = sequence.copy()
                mutant[place] = base
                with torch.inference_mode():
                    outputs.append(float(predictor(torch.from_numpy(mutant[None]))[0] @ torch.tensor(weights[number])))
            expected = np.array(outputs) - np.mean(outputs)
            if sequence[place] >= UNKNOWN:
                expected = np.zeros(4)
            assert found.hypothetical[number, place] == pytest.approx(expected, abs=1e-5)
    assert np.isnan(found.delta).all()
    assert np.isnan(found.reference).all()


@pytest.mark.parametrize("name", ["rnn", "cnn_bilstm"])
def test_both_strands_have_the_same_mutants(name: str) -> None:
    predictor, codes = predictor_of(OTHERS[name]), sequences()[:2]
    weights = weights_for(2)
    one = attribute(predictor, codes, weights, np.random.default_rng(0))
    other = attribute(predictor, reverse_complement(codes), weights, np.random.default_rng(0))
    assert other.hypothetical[:, ::-1, ::-1] == pytest.approx(one.hypothetical, abs=1e-5)


# ----------------------------------------------------------------------------------------- what is attributed, and how


def test_the_output_is_that_of_the_labels() -> None:
    labels = np.array([[1, 0, 1], [0, np.nan, 1], [0, 0, np.nan]], dtype=np.float32)
    third = 1 / 3
    assert output_weights(labels, "binary") == pytest.approx(
        np.array([[0.5, 0, 0.5], [0, 0, 1], [third, third, third]])
    )
    classes = np.eye(3, dtype=np.float32)[[2, 0]]
    assert output_weights(classes, "multiclass") == pytest.approx(classes - third)
    assert output_weights(labels, "regression") == pytest.approx(np.full((3, 3), third))


def test_a_sample_of_positives_and_the_worst_false_positives_are_chosen() -> None:
    positive = [number % 3 == 0 for number in range(120)]
    splits = (["train"] + ["validation"] * 2 + ["test"] * 3) * 20
    bases = ["".join(np.random.default_rng(number).choice(list("ACGT"), 20)) for number in range(120)]
    dataset = dataset_of(bases, splits, {"one": positive, "two": [0] * 120, "three": [0] * 120})
    predictor = predictor_of(CONVOLUTIONAL["cnn"])
    held_out = dataset.rows("validation", "test")
    predictions = dataset.examples[held_out].select(
        "id", score=(dataset.examples["id"][held_out].str.slice(1).cast(int) % 100) / 100
    )
    rows, chosen = choose_examples(predictor, dataset, predictions, 13, np.random.default_rng(0))
    again, _ = choose_examples(predictor, dataset, predictions, 13, np.random.default_rng(0))
    assert (rows == again).all()
    assert chosen == ["sample"] * 13 + ["false positive"] * 2
    assert all(positive[row] and splits[row] != "train" for row in rows[:13])
    assert len(set(rows)) == 15
    assert dataset.examples["id"][rows[13:]].to_list() == ["s98", "s97"]  # s99 is a positive


def test_the_table_has_each_sequence_without_padding() -> None:
    predictor, codes = predictor_of(CONVOLUTIONAL["cnn"]), sequences()
    found = attribute(predictor, codes, weights_for(len(codes)), np.random.default_rng(0))
    ids = [f"s{number}" for number in range(len(codes))]
    table = attribution_table(ids, ["sample"] * len(codes), "deep_lift", codes, found)
    assert table["sequence"].str.len_chars().to_list() == [43, 43, 43, 17, 43, 43, 40, 43, 43, 43, 43]
    assert (encode(table["sequence"][2]) == codes[2]).all()
    assert table["contributions"][3].to_numpy() == pytest.approx(found.contributions[3, :17])
    assert table["hypothetical"][3].to_numpy().reshape(17, 4) == pytest.approx(found.hypothetical[3, :17])
    assert relative_delta(table) == pytest.approx(
        found.delta.max() / np.abs(found.output - found.reference).mean(), rel=1e-6
    )
    assert relative_delta(table) < 1e-4
    assert relative_delta(table.with_columns(delta=None)) is None
    assert relative_delta(table.with_columns(reference="output")) is None
    assert relative_delta(table.clear()) is None


# ------------------------------------------------------------------------------------------------------ planted truth

WORD = "CGTAAGGTCT"
LEARNING: dict[str, dict[str, Any]] = {
    "cnn": {"filters": 12, "kernel_size": 11, "pool_size": 15, "hidden": 8, "dropout": 0.1},
    "resnet": {"filters": 12, "kernel_size": 11, "pool_size": 10, "hidden": 8, "blocks": 2, "dropout": 0.1},
    "dilated_cnn": {"filters": 12, "kernel_size": 11, "blocks": 2, "dropout": 0.1},
    "rnn": {"hidden": 24},
    "lstm": {"hidden": 16},
    "bilstm": {"hidden": 16, "dropout": 0.1},
    "cnn_bilstm": {"filters": 12, "kernel_size": 11, "pool_size": 10, "hidden": 8, "dropout": 0.1},
}


def with_word(number: int = 1200) -> tuple[Dataset, np.ndarray]:
    """Return sequences of 40 bp, every second one with the word on either strand, and where it begins; −1 without."""
    random = np.random.default_rng(5)
    codes = random.integers(4, size=(number, 40)).astype(np.uint8)
    start = random.integers(31, size=number)
    start[1::2] = -1
    for row in range(0, number, 2):
        word = encode(WORD) if row % 4 else reverse_complement(encode(WORD))
        codes[row, start[row] : start[row] + len(WORD)] = word
    splits = random.choice(["train", "validation", "test"], number, p=[0.7, 0.15, 0.15])
    return dataset_of([decode(row) for row in codes], splits, {"word": [int(place >= 0) for place in start]}), start


def trained(name: str, dataset: Dataset, folder: Path, epochs: int) -> Predictor:
    training = {"max_epochs": epochs, "patience": epochs, "batch_size": 32, "learning_rate": 5e-3}
    settings = table_config("binary", dataset.tasks, models={name: LEARNING[name]}, training=training)
    return fit(settings, "planted", name, 0, dataset, folder / "checkpoints")[0]


def test_every_architecture_is_here() -> None:
    assert (*LEARNING,) == config.ARCHITECTURES[len(BASELINES) :]


@pytest.mark.parametrize("name", LEARNING)
def test_the_bases_of_a_planted_word_contribute_most(name: str, tmp_path: Path) -> None:
    dataset, start = with_word()
    predictor = trained(name, dataset, tmp_path, 15)
    rows = dataset.rows("test")[start[dataset.rows("test")] >= 0][:40]
    found = attribute(predictor, dataset.codes(rows), np.ones((len(rows), 1), np.float32), np.random.default_rng(0))
    width = len(WORD)
    sums = np.lib.stride_tricks.sliding_window_view(found.contributions, width, axis=1).sum(axis=2)
    near = np.abs(sums.argmax(axis=1) - start[rows]) <= 2
    assert near.mean() >= 0.8


@pytest.mark.parametrize("name", ["cnn", "lstm"])
def test_with_shuffled_labels_they_do_not(name: str, tmp_path: Path) -> None:
    dataset, start = with_word()
    shuffled = dataset.examples.select(dataset.tasks).sample(fraction=1, shuffle=True, seed=0)
    predictor = trained(name, Dataset(dataset.examples.with_columns(shuffled), dataset.sequences), tmp_path, 3)
    rows = dataset.rows("test")[start[dataset.rows("test")] >= 0][:40]
    found = attribute(predictor, dataset.codes(rows), np.ones((len(rows), 1), np.float32), np.random.default_rng(0))
    sums = np.lib.stride_tricks.sliding_window_view(found.contributions, len(WORD), axis=1).sum(axis=2)
    assert (np.abs(sums.argmax(axis=1) - start[rows]) <= 2).mean() <= 0.5  # 5 of 31 by chance
    assert predict(predictor, dataset, rows).std() < 0.2
