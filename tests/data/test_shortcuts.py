from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import pearsonr
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from motifloom.data import shortcuts
from motifloom.data.dataset import SEQUENCE_SCHEMA, Dataset, Sequences
from motifloom.data.shortcuts import (
    DINUCLEOTIDES,
    FEATURES,
    SHORTCUTS_SCHEMA,
    auroc,
    best_shortcut,
    features_of,
    find_shortcuts,
    pearson,
    read_shortcuts,
    tell_shortcuts,
)
from motifloom.errors import InputError
from motifloom.files import write_tsv
from motifloom.genome import SOFT_MASKED, encode

SPLITS = ("train", "validation", "test")


def dataset(sequences: list[str], split: list[str], **labels: list[float | None]) -> Dataset:
    lengths = np.array([len(sequence) for sequence in sequences])
    text = "".join(sequences)
    own = encode(text) | np.where([base.islower() for base in text], SOFT_MASKED, 0).astype(np.uint8)
    table = pl.DataFrame(
        {
            "offset": np.cumsum(lengths) - lengths, "length": lengths, "minus": np.arange(len(lengths)) % 2 == 1,
            "before": None, "after": None, "parent": None, "group": None,
        },
        schema=SEQUENCE_SCHEMA,
    )  # fmt: skip
    ids = [f"e{n}" for n in range(len(sequences))]
    return Dataset(pl.DataFrame({"id": ids, "split": split, **labels}), Sequences(own, table))


def drawn(random: np.random.Generator, length: int, gc: float = 0.5) -> str:
    return "".join(random.choice(list("ACGT"), length, p=[(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]))


def splits(random: np.random.Generator, number: int) -> list[str]:
    return random.choice(SPLITS, number, p=[0.5, 0.2, 0.3]).tolist()


def value(table: pl.DataFrame, feature: str, split: str, task: str = "t") -> float:
    return table.filter(task=task, feature=feature, split=split)["value"].item()


@pytest.fixture(scope="module")
def planted() -> tuple[Dataset, pl.DataFrame]:
    """Positives that are richer in GC and shorter than negatives, a fifth of the labels missing."""
    random = np.random.default_rng(0)
    label = random.integers(0, 2, 500)
    sequences = [drawn(random, int(random.integers(40, 60)) - 6 * one, 0.45 + 0.1 * one) for one in label]
    shown = [None if random.random() < 0.2 else int(one) for one in label]
    data = dataset(sequences, splits(random, 500), t=shown, other=random.integers(0, 2, 500).tolist())
    return data, find_shortcuts(data, "binary")


def test_features_are_what_they_say():
    data = dataset(["ACGTNNacg", "NNN", "G", "AAAA"], ["train"] * 4, t=[0] * 4)
    features = features_of(data.sequences)
    assert list(features) == [name for name in FEATURES if name != "dinucleotides"]
    assert features["gc"].tolist() == pytest.approx([4 / 7, 0, 1, 0])
    assert features["length"].tolist() == [9, 3, 1, 4]
    assert features["unknown"].tolist() == pytest.approx([2 / 9, 1, 0, 0])
    assert features["soft_masked"].tolist() == pytest.approx([3 / 9, 0, 0, 0])
    pairs = {pair: features[pair].tolist() for pair in DINUCLEOTIDES if features[pair].any()}
    assert pairs == {"AC": [0.4, 0, 0, 0], "CG": [0.4, 0, 0, 0], "GT": [0.2, 0, 0, 0], "TT": [0, 0, 0, 1]}


def test_every_single_feature_is_judged_as_scikit_learn_does(planted):
    data, table = planted
    assert table.schema == SHORTCUTS_SCHEMA
    assert len(table) == 2 * len(FEATURES) * 3
    assert set(table["metric"]) == {"auroc"}
    features = features_of(data.sequences)
    labels = data.examples["t"].to_numpy()
    for feature, values in features.items():
        known = {
            split: ((data.examples["split"] == split) & data.examples["t"].is_not_null()).to_numpy() for split in SPLITS
        }
        reached = {split: roc_auc_score(labels[mask], values[mask]) for split, mask in known.items()}
        turned = reached["train"] < 0.5
        for split, area in reached.items():
            assert value(table, feature, split) == pytest.approx(1 - area if turned else area)
            assert table.filter(task="t", feature=feature, split=split)["n"].item() == known[split].sum()
    assert value(table, "gc", "test") > 0.8
    assert value(table, "length", "test") > 0.7
    assert value(table, "soft_masked", "train") == 0.5


def test_the_linear_model_is_scikit_learns(planted):
    data, table = planted
    features = features_of(data.sequences)
    inputs = np.stack([features[pair] for pair in DINUCLEOTIDES], axis=1)
    labels = data.examples["t"].to_numpy()
    train = ((data.examples["split"] == "train") & data.examples["t"].is_not_null()).to_numpy()
    scaler = StandardScaler().fit(inputs[train])
    model = LogisticRegression(tol=1e-8, max_iter=1000).fit(scaler.transform(inputs[train]), labels[train])
    for split in SPLITS:
        mask = ((data.examples["split"] == split) & data.examples["t"].is_not_null()).to_numpy()
        area = roc_auc_score(labels[mask], model.decision_function(scaler.transform(inputs[mask])))
        assert value(table, "dinucleotides", split) == pytest.approx(area, abs=2e-3)


def test_a_direction_is_decided_on_train_alone():
    random = np.random.default_rng(2)
    label = random.integers(0, 2, 300)
    split = splits(random, 300)
    rich = [one if home == "train" else 1 - one for one, home in zip(label, split, strict=True)]
    sequences = [drawn(random, 80, 0.35 + 0.3 * high) for high in rich]
    table = find_shortcuts(dataset(sequences, split, t=label.tolist(), u=(1 - label).tolist()), "binary")
    for task in ("t", "u"):
        assert value(table, "gc", "train", task) > 0.95
        assert value(table, "gc", "test", task) < 0.05
        assert value(table, "dinucleotides", "test", task) < 0.1


def test_regression_is_judged_by_correlation():
    random = np.random.default_rng(3)
    share = random.uniform(0.3, 0.7, 400)
    sequences = [drawn(random, 100, gc) for gc in share]
    data = dataset(sequences, splits(random, 400), t=(-5 * share + random.normal(0, 0.3, 400)).tolist())
    table = find_shortcuts(data, "regression")
    assert set(table["metric"]) == {"pearson"}
    features = features_of(data.sequences)
    values = data.examples["t"].to_numpy()
    inputs = np.stack([features[pair] for pair in DINUCLEOTIDES], axis=1)
    train = (data.examples["split"] == "train").to_numpy()
    scaler = StandardScaler().fit(inputs[train])
    model = Ridge(alpha=1.0).fit(scaler.transform(inputs[train]), values[train])
    for split in SPLITS:
        mask = (data.examples["split"] == split).to_numpy()
        assert value(table, "gc", split) == pytest.approx(
            -pearsonr(features["gc"][mask], values[mask]).statistic, abs=1e-6
        )
        expected = pearsonr(model.predict(scaler.transform(inputs[mask])), values[mask]).statistic
        assert value(table, "dinucleotides", split) == pytest.approx(expected, abs=1e-6)
        assert value(table, "length", split) is None
    assert value(table, "gc", "test") > 0.8


def test_what_is_not_defined_is_null():
    random = np.random.default_rng(4)
    sequences = [drawn(random, 30) for _ in range(30)]
    split = ["train"] * 10 + ["validation"] * 10 + ["test"] * 10
    one_class = [1] * 10 + [0, 1] * 5 + [None] * 10
    table = find_shortcuts(dataset(sequences, split, t=one_class), "binary")
    gc = table.filter(feature="gc")
    assert gc["n"].to_list() == [10, 10, 0]
    assert gc["value"].is_null().to_list() == [True, False, True]
    assert table.filter(feature="dinucleotides")["value"].is_null().all()
    assert best_shortcut(table, "t") in FEATURES


def test_a_sample_of_train_gives_nearly_the_same_model(planted, monkeypatch):
    data, table = planted
    monkeypatch.setattr(shortcuts, "FITTED", 120)
    sampled = find_shortcuts(data, "binary")
    singles = pl.col("feature") != "dinucleotides"
    assert sampled.filter(singles).equals(table.filter(singles))
    assert value(sampled, "dinucleotides", "test") != value(table, "dinucleotides", "test")
    assert value(sampled, "dinucleotides", "test") == pytest.approx(value(table, "dinucleotides", "test"), abs=0.05)


def test_the_best_tells_most_on_train_and_validation_and_is_told_where_it_is_notable(planted):
    _, table = planted
    best = best_shortcut(table, "t")
    lesser = [min(value(table, feature, split) for split in ("train", "validation")) for feature in FEATURES]
    assert best == list(FEATURES)[int(np.argmax(lesser))]
    lucky = pl.when(feature="AG", split="validation").then(0.99).otherwise("value").alias("value")
    assert best_shortcut(table.with_columns(lucky), "t") == best
    assert tell_shortcuts(table) == [
        f"t: {FEATURES[best]} alone reaches auroc {value(table, best, 'validation'):.3f} on validation"
    ]
    empty = table.with_columns(value=pl.lit(None, pl.Float64))
    assert best_shortcut(empty, "t") is None
    assert tell_shortcuts(empty) == []


def test_scores_of_nothing():
    assert np.isnan(auroc(np.ones(3), np.arange(3.0)))
    assert np.isnan(auroc(np.empty(0), np.empty(0)))
    assert np.isnan(pearson(np.arange(3.0), np.ones(3)))
    assert np.isnan(pearson(np.ones(1), np.ones(1)))
    assert pearson(np.array([1.0, 2.0]), np.array([1e300, -1e300])) == pytest.approx(-1)


def test_the_table_comes_back_from_its_file(planted, tmp_path):
    table = planted[1].filter(task=planted[1]["task"][0])
    table = table.with_columns(pl.lit("007").alias("task"), pl.when(pl.col("value") > 0.6).then("value"))
    write_tsv(tmp_path / "s.tsv", table)
    assert read_shortcuts(tmp_path / "s.tsv").equals(table)
    (tmp_path / "wrong.tsv").write_text("task\tfeature\nt\tgc\n")
    with pytest.raises(InputError, match=r"wrong\.tsv: expected the columns task, .*, n; found task, feature"):
        read_shortcuts(tmp_path / "wrong.tsv")
    with pytest.raises(InputError, match=r"gone\.tsv: no such file"):
        read_shortcuts(tmp_path / "gone.tsv")
    (tmp_path / "text.tsv").write_text("\t".join(table.columns) + "\nt\tgc\ttest\tauroc\tmuch\t5\n")
    with pytest.raises(InputError, match=r"text\.tsv: is no tab-separated table: could not parse `much` "):
        read_shortcuts(tmp_path / "text.tsv")
    write_tsv(tmp_path / "part.tsv", table[:-1])
    whole = f"for every task a row of each of {len(FEATURES)} features and 3 splits"
    with pytest.raises(InputError, match=rf"part\.tsv: expected {whole}; found {len(table) - 1} rows; is it the whole"):
        read_shortcuts(tmp_path / "part.tsv")
    write_tsv(tmp_path / "other.tsv", table.with_columns(metric=pl.lit("auprc")))
    with pytest.raises(InputError, match=r"other\.tsv: expected one of the metrics auroc, pearson in every row"):
        read_shortcuts(tmp_path / "other.tsv")
