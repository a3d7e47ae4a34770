"""What a user may configure, and how a run on what is wrong ends: told in lines, before its first job."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.workflow import tiny_run
from tests.workflow.tiny_run import OF_OTHER_RUNS, ROOT, TINY, TINY_RUN, rules, run, snakemake

from motifloom import config

if TYPE_CHECKING:
    from pathlib import Path


def test_a_configfile_replaces_the_default_one(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    tiny_run.write_config(tmp_path / "mine.yaml")
    run(tmp_path, "results/config.yaml", "--cores", "1", "--configfile", "mine.yaml")
    assert config.read(tmp_path / "results/config.yaml") == config.validate(TINY)


def test_one_key_can_be_set_on_the_command_line(tmp_path: Path) -> None:
    tiny_run.write_config(tmp_path / "config.yaml", seed=1)
    run(tmp_path, "results/config.yaml", "--cores", "1", "--config", "seed=3")
    assert config.read(tmp_path / "results/config.yaml") == config.validate({**TINY, "seed": 3})


def test_the_default_configuration_is_valid(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    said = run(tmp_path, "--dry-run", "--cores", "1")
    started = tiny_run.jobs(said)
    assert {job.split()[0] for job in started} == set(rules()) - OF_OTHER_RUNS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "no such file"),
        (b"datasets:\n\ta: 1\n", "line 2: is no YAML: found character '\\t' that cannot start any token"),
        (b"\xff\xfea\x00", "is no text in UTF-8: invalid start byte; expected YAML"),
        (b"- datasets\n", "expected a mapping of keys, found list"),
    ],
    ids=["absent", "tab", "UTF-16", "list"],
)
def test_a_default_configuration_that_is_none_is_told_in_a_line(tmp_path: Path, text: bytes | None, told: str) -> None:
    if text is not None:
        (tmp_path / "config.yaml").write_bytes(text)
    status, said = snakemake(tmp_path, "--cores", "1")
    assert (status, said.splitlines()[-1]) == (2, f"error: config.yaml: {told}")


def test_a_wrong_key_is_named_before_anything_runs(tmp_path: Path) -> None:
    tiny_run.write_config(tmp_path / "config.yaml", trainning={"max_epochs": 3}, sead=1)
    status, said = snakemake(tmp_path, "--cores", "1")
    assert status == 2
    *_, training, seed = said.splitlines()
    assert training == "error: config.yaml: trainning: unknown key; the nearest known key is 'training'"
    assert seed == "error: config.yaml: sead: unknown key; the nearest known key is 'seed'"
    assert "Traceback" not in said
    assert "File " not in said
    assert not (tmp_path / "results").exists()


def test_a_run_on_bad_input_ends_before_its_first_job(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("sequence\tlabel\nACGT\tmaybe\nAC1T\t1\n")
    table = {"sequences": "t.tsv", "labels": "label", "split": {"validation": 0.1, "test": 0.1}}
    tiny_run.write_config(tmp_path / "tiny.yaml", datasets={"bad": table, "tiny": TINY["datasets"]["tiny"]})
    own = [tmp_path / f"{module}.py" for module in ("numpy", "random", "signal")]
    for module in own:  # files that are called as modules which every run imports
        module.write_text("raise RuntimeError('a file of the user was run')\n")
    status, said = tiny_run.snakemake(tmp_path, *TINY_RUN)
    assert status == 2
    for module in own:
        module.unlink()
    assert "error: t.tsv: row 2: 'label' is 'maybe'" in said
    assert "error: t.tsv: row 3: '1' is no base" in said
    assert "Traceback" not in said
    assert tiny_run.jobs(said) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [".snakemake", "said.txt", "t.tsv", "tiny.yaml"]


def test_an_input_that_went_bad_ends_the_next_run_before_its_first_job(tmp_path: Path) -> None:
    """And what the run before it made stays."""
    random = np.random.default_rng(0)
    rows = ["".join(random.choice(list("ACGT"), 30)) + f"\t{row % 2}\n" for row in range(40)]
    (tmp_path / "t.tsv").write_text("sequence\tlabel\n" + "".join(rows))
    table = {"sequences": "t.tsv", "labels": "label", "split": {"validation": 0.2, "test": 0.2}}
    settings = {"datasets": {"bad": table}, "models": ["knn"]}
    tiny_run.write_config(tmp_path / "tiny.yaml", **settings)
    prepared = "results/bad/examples.parquet"
    assert tiny_run.snakemake(tmp_path, prepared, *TINY_RUN)[0] == 0
    made = (tmp_path / prepared).read_bytes()
    (tmp_path / "t.tsv").write_text("sequence\tlabel\n" + "".join(rows) + "ACGT\tmaybe\n")
    status, said = tiny_run.snakemake(tmp_path, *TINY_RUN)
    assert status == 2
    assert "error: t.tsv: row 42: 'label' is 'maybe'" in said
    assert tiny_run.jobs(said) == []
    assert (tmp_path / prepared).read_bytes() == made

    (tmp_path / "t.tsv").write_text("sequence\tlabel\n" + "".join(rows[::2] + rows[1:-2:2]))
    os.utime(tmp_path / "t.tsv", (0, 0))
    assert "prepare dataset=bad" in tiny_run.jobs(run(tmp_path, prepared, *TINY_RUN))


@pytest.mark.parametrize("results", ["t.tsv", "t.tsv/below"])
def test_a_file_in_the_place_of_the_results_is_told_in_a_line(results: str, tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("sequence\tlabel\nACGT\tmaybe\n")
    table = {"sequences": "t.tsv", "labels": "label", "split": {"validation": 0.2, "test": 0.2}}
    tiny_run.write_config(tmp_path / "tiny.yaml", datasets={"bad": table}, results=results)
    status, said = tiny_run.snakemake(tmp_path, *TINY_RUN)
    assert status == 2
    assert f"error: results: {results}: " in said
    assert "t.tsv is a file; expected a folder, or a path where one can be made" in said
    assert "error: t.tsv: row 2: 'label' is 'maybe'" in said
    assert "Traceback" not in said


def test_a_key_that_stands_twice_is_told_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    tiny_run.write_config(path)
    path.write_text(path.read_text("utf-8") + "\nseed: 3\nseed: 4\n", "utf-8")
    status, said = tiny_run.snakemake(tmp_path, *TINY_RUN)
    assert status == 2
    assert "the key 'seed' stands on line" in said
    assert "Traceback" not in said


def test_absent_files_are_told_with_all_else_in_lines(tmp_path: Path) -> None:
    dataset = {"genome": "g.fa", "regions": "r.bed", "split": {"validation": ["a"], "test": ["b"]}}
    (tmp_path / "x.bed").write_text("a\t1\n", "utf-8")
    datasets = {"bad": dataset, "faulty": {**dataset, "regions": "x.bed", "windw": 50}}
    tiny_run.write_config(tmp_path / "tiny.yaml", datasets=datasets)
    status, said = tiny_run.snakemake(tmp_path, *TINY_RUN)
    assert status == 2
    assert "error: datasets.bad: r.bed: no such file" in said
    assert "error: datasets.bad: g.fa: no such file" in said
    assert "tiny.yaml: datasets.faulty.windw: unknown key; the nearest known key is 'window'" in said
    assert "error: x.bed: row 1: 2 columns in 'a\t1'" in said
    assert "Traceback" not in said
