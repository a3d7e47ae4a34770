"""Parts of a dataset: nested, stratified, the same for the same seed; random labels; what is written."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import KINDS, dataset_of, planted

from motifloom.cli import main
from motifloom.config import dump
from motifloom.data.dataset import Dataset
from motifloom.data.sampling import draw_train, nested_order, resample_train, with_random_labels, with_train, write_part
from motifloom.genome import decode


def random(seed=0):
    return np.random.default_rng(seed)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), st.integers(0, 5))
def test_every_beginning_of_the_order_has_its_share_of_every_label(labels, seed):
    column = np.array(labels, dtype=np.float32)[:, None]
    order = nested_order(column, random(seed))
    assert sorted(order) == list(range(len(labels)))
    for number in range(1, len(labels) + 1):
        for label in set(labels):
            expected = labels.count(label) * number / len(labels)
            # A stratum is at most 1 off where its places are; what the other strata are off moves the border.
            assert abs((column[order[:number]] == label).sum() - expected) <= len(set(labels))


def test_labels_of_several_tasks_are_strata_and_missing_ones_too():
    labels = np.tile(np.array([[0, 1], [1, np.nan], [np.nan, 0]], dtype=np.float32), (40, 1))
    first = labels[nested_order(labels, random())[:30]]
    assert [int(count) for count in np.unique(np.nan_to_num(first, nan=-1), axis=0, return_counts=True)[1]] == [10] * 3


def test_order_within_a_label_is_random():
    """Each example is as likely as any other to be among the first of its label."""
    labels = np.array([[0]] * 30 + [[1]] * 10, dtype=np.float32)
    hits = sum(np.bincount(nested_order(labels, random(seed))[:8], minlength=40) for seed in range(2000))
    assert abs(hits / 2000 - 0.2).max() < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_a_smaller_draw_is_part_of_a_larger(kind):
    dataset = planted(kind)
    draws = [set(draw_train(dataset, number, random(3)).tolist()) for number in (7, 50, 120, 10_000)]
    assert [len(draw) for draw in draws[:3]] == [7, 50, 120]
    assert draws[0] < draws[1] < draws[2] < draws[3]
    assert draws[3] == set(dataset.rows("train").tolist())
    assert draws[1] != set(draw_train(dataset, 50, random(4)).tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_a_resample_is_a_bootstrap(kind):
    """Every example is drawn once on average, and in a share of (1 − 1/n)ⁿ of the draws not at all."""
    dataset = planted(kind)
    train = dataset.rows("train")
    draws = np.array([resample_train(dataset, kind, random(seed)) for seed in range(600)])
    assert draws.shape == (600, len(train))
    counts = np.array([np.bincount(draw, minlength=len(dataset.examples))[train] for draw in draws])
    assert (counts.sum(axis=1) == len(train)).all()
    assert abs(counts.mean(axis=0) - 1).max() < 0.2
    assert (counts == 0).mean() == pytest.approx((1 - 1 / len(train)) ** len(train), abs=0.01)
    if kind == "multiclass":
        of_classes = {tuple(dataset.labels(draw).sum(axis=0)) for draw in draws[:20]}
        assert of_classes == {tuple(dataset.labels(train).sum(axis=0))}


def test_a_resample_keeps_the_labels_of_one_task_and_lets_those_of_several_vary():
    names = ["train"] * 20 + ["validation", "test"]
    labels = [1] * 3 + [0] * 17 + [1, 0]
    one = dataset_of(["ACGT"] * 22, names, {"task": labels})
    several = dataset_of(["ACGT"] * 22, names, {"task": labels, "other": list(range(22))})
    ones = [
        {int(dataset.labels(resample_train(dataset, "binary", random(seed)))[:, 0].sum()) for seed in range(50)}
        for dataset in (one, several)
    ]
    assert ones[0] == {3}
    assert len(ones[1]) > 3


def test_an_example_that_is_drawn_again_is_a_copy():
    whole = planted("regression")
    train = resample_train(whole, "regression", random())
    part = with_train(whole, train)
    names = part.examples["id"]
    assert names.is_unique().all()
    expected = [f"{name} (copy {number})" if number > 1 else name for name, number in numbered(whole, train)]
    assert part.examples.filter(split="train")["id"].to_list() == expected


def numbered(dataset, rows):
    """Yield each row's id, and how often it has been there."""
    seen = {}
    for name in dataset.examples["id"][rows]:
        seen[name] = seen.get(name, 0) + 1
        yield name, seen[name]


@pytest.mark.parametrize(
    "draw",
    [lambda whole, _: draw_train(whole, 33, random()), lambda whole, kind: resample_train(whole, kind, random())],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_held_out_stays(kind, draw):
    whole = planted(kind)
    train = draw(whole, kind)
    part = with_train(whole, train)
    assert part.examples.filter(pl.col("split") != "train").equals(whole.examples.filter(pl.col("split") != "train"))
    drawn = part.examples.filter(split="train")
    assert drawn.drop("id").equals(whole.examples[train].drop("id"))
    assert [name.partition(" (copy ")[0] for name in drawn["id"]] == whole.examples["id"][train].to_list()
    letters = {name: decode(codes) for name, codes in zip(whole.examples["id"], codes_of(whole), strict=True)}
    assert all(
        decode(codes) == letters[name.partition(" (copy ")[0]]
        for name, codes in zip(part.examples["id"], codes_of(part), strict=True)
    )


def codes_of(dataset):
    lengths = dataset.sequences.lengths
    return [codes[:length] for codes, length in zip(dataset.codes(np.arange(len(lengths))), lengths, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_random_labels_are_the_same_labels_in_another_order(kind):
    whole = planted(kind)
    train = draw_train(whole, 90, random())
    part = with_random_labels(whole, train, random(1))
    own = whole.examples[train]
    drawn, validation, test = (part.examples.filter(split=split) for split in ("train", "validation", "test"))
    assert drawn["id"].to_list() == own["id"].to_list()
    assert drawn.select(whole.tasks).sort(whole.tasks).equals(own.select(whole.tasks).sort(whole.tasks))
    assert not drawn.select(whole.tasks).equals(own.select(whole.tasks))
    assert validation.drop("split").equals(drawn.drop("split"))
    assert test.equals(whole.examples.filter(split="test"))
    assert np.array_equal(part.codes(part.rows("train")), part.codes(part.rows("validation")))


def test_random_labels_know_nothing_of_the_sequence():
    """Over many draws an example has each label as often as the labels have it."""
    names = ["train"] * 20 + ["validation", "test"]
    whole = dataset_of(["ACGT"] * 22, names, {"task": [1] * 5 + [0] * 15 + [1, 0]})
    train = whole.rows("train")
    ones = sum(
        with_random_labels(whole, train, random(seed)).labels(np.arange(20))[:, 0] for seed in range(1500)
    )  # fmt: skip
    assert abs(ones / 1500 - 0.25).max() < 0.06


def test_a_part_is_a_prepared_dataset_on_the_same_bases(tmp_path, toy, toy_config):
    part = with_train(toy, draw_train(toy, 40, random()))
    write_part(tmp_path / "deep" / "part", part, Path(toy_config.results) / "toy")
    opened = Dataset.open(tmp_path / "deep" / "part" / "examples.parquet")
    assert opened.fingerprint == part.fingerprint
    assert len(opened.rows("train")) == 40
    link = tmp_path / "deep" / "part" / "sequences.bin"
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    write_part(tmp_path / "deep" / "part", part, Path(toy_config.results) / "toy")  # again, over what is there


def test_the_command_draws_by_seed(tmp_path, toy, toy_config):
    examples = Path(toy_config.results) / "toy" / "examples.parquet"
    drawn = {}
    for name, seed, flags in (
        ("tenth", 0, ["--draw", "part", "--number", "10%"]),
        ("again", 0, ["--draw", "part", "--number", "10%"]),
        ("other", 1, ["--draw", "part", "--number", "10%"]),
        ("more", 0, ["--draw", "part", "--number", "50"]),
        ("random", 0, ["--draw", "random-labels", "--number", "50"]),
        ("all", 0, ["--draw", "part", "--number", "100%"]),
        ("resampled", 0, ["--draw", "resample", "--number", "0"]),
        ("resampled again", 0, ["--draw", "resample", "--number", "0"]),
        ("resampled otherwise", 0, ["--draw", "resample", "--number", "1"]),
        ("resampled by another seed", 1, ["--draw", "resample", "--number", "0"]),
    ):
        settings = tmp_path / f"{seed}.yaml"
        settings.write_text(dump(toy_config.model_copy(update={"seed": seed})))
        given_flags = ["--config", str(settings), "--dataset", "toy", "--examples", str(examples), *flags]
        assert main(["sample", *given_flags, "--output", str(tmp_path / name)]) == 0
        part = Dataset.open(tmp_path / name / "examples.parquet")
        drawn[name] = set(part.examples.filter(split="train")["id"])
    train = set(toy.examples.filter(split="train")["id"])
    assert len(drawn["tenth"]) == round(0.1 * len(train))
    assert drawn["tenth"] == drawn["again"] != drawn["other"]
    assert drawn["tenth"] < drawn["more"] == drawn["random"]
    assert drawn["all"] == train
    assert drawn["resampled"] == drawn["resampled again"]
    assert drawn["resampled"] != drawn["resampled otherwise"]
    assert drawn["resampled"] != drawn["resampled by another seed"]
    assert len(drawn["resampled"]) == len(train)


@pytest.mark.parametrize(
    ("given_flags", "problem"),
    [
        (
            ["--draw", "part", "--number", "0"],
            "--number: expected a whole number from 1, or a share up to 100%, found 0",
        ),
        (
            ["--draw", "part", "--number", "1.5"],
            "--number: expected a whole number from 1, or a share up to 100%, found 1.5",
        ),
        (
            ["--draw", "random-labels", "--number", "101%"],
            "--number: expected a whole number from 1, or a share up to 100%, found 101%",
        ),
        (
            ["--draw", "part", "--number", "some"],
            "--number: expected a whole number from 1, or a share up to 100%, found some",
        ),
        (["--draw", "resample", "--number", "-1"], "--number: expected a whole number from 0, found -1"),
        (["--draw", "resample", "--number", "50%"], "--number: expected a whole number from 0, found 50%"),
        (["--draw", "all", "--number", "5"], "--draw: expected part, random-labels or resample, found all"),
    ],
)
@pytest.mark.usefixtures("toy")
def test_what_cannot_be_drawn_is_told(tmp_path, toy_config, capfd, given_flags, problem):
    settings = tmp_path / "config.yaml"
    settings.write_text(dump(toy_config))
    examples = Path(toy_config.results) / "toy" / "examples.parquet"
    named = ["--config", str(settings), "--dataset", "toy", "--examples", str(examples)]
    assert main(["sample", *named, *given_flags, "--output", str(tmp_path / "part")]) == 2
    assert f"error: {problem}\n" in capfd.readouterr().err
    assert not (tmp_path / "part").exists()


def test_nothing_is_drawn_from_a_dataset_without_its_bases(tmp_path, toy, toy_config, capfd):
    write_part(tmp_path / "whole", toy, Path(toy_config.results) / "toy")
    bases = tmp_path / "whole" / "sequences.bin"
    bases.unlink()
    bases.touch()
    settings = tmp_path / "config.yaml"
    settings.write_text(dump(toy_config))
    given = ["--config", settings, "--dataset", "toy", "--examples", tmp_path / "whole" / "examples.parquet"]
    given += ["--draw", "part", "--number", "5", "--output", tmp_path / "part"]
    assert main(["sample", *map(str, given)]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"error: {bases}: lacks bases that {bases.with_suffix('.parquet')} tells of (sequence 0: ")
    assert not (tmp_path / "part").exists()
