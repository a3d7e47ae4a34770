"""The page as a whole: parsed, escaped, self-contained, the same bytes for the same inputs."""

from __future__ import annotations

import argparse
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from motifloom.cli import report as command
from motifloom.errors import InputError
from motifloom.report.page import write_report
from motifloom.report.reading import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from motifloom.config import Config

    Make = Callable[..., tuple[Config, Path]]

VOID = {"meta", "input", "br", "link", "img"}


class Page(HTMLParser):
    """Checks that every tag is closed, and collects text and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.scripts = 0
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.scripts += tag == "script"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, key, value in self.attributes if key == name]


def made(make: tuple[Config, Path]) -> str:
    config, folder = make
    write_report(config, folder, folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


def rows(text: str) -> list[str]:
    """Return the text of every row of a table, its cells apart by blanks."""
    found = re.findall(r"<tr.*?</tr>", text, flags=re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in found]


@pytest.mark.parametrize("replicates", [1, 3])
def test_the_page_parses_and_refers_to_nothing_outside(make_folder: Make, replicates: int) -> None:
    text = made(make_folder(replicates))
    page = Page(text)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert page.values("src") == []
    assert {value[1:] for value in page.values("href")} <= set(ids)
    assert all(value.startswith("#") for value in page.values("href"))
    assert not re.search(r"url\(|@import|https?:|xlink", text)


def test_every_dataset_task_and_model_is_named(make_folder: Make) -> None:
    config, folder = make_folder()
    text = "".join(Page(made((config, folder))).text)
    for name in (*config.datasets, *config.models, "oracle", "Reb1", "Abf1", "Rap1"):
        assert name in text


def test_what_users_give_is_escaped(make_folder: Make) -> None:
    config, folder = make_folder()
    hostile = "<img src=x onerror=alert(1)>"
    table = pl.read_csv(folder / "grammar/cnn/motifs.tsv", separator="\t")
    named = pl.when(pl.col("motif") == "filter_0").then(pl.lit(hostile))
    table.with_columns(
        match=named.otherwise("match"),
        consensus=named.otherwise("consensus"),
        match_id=named.otherwise("match_id"),
    ).write_csv(folder / "grammar/cnn/motifs.tsv", separator="\t")
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "<b>job.tsv").write_text("s\tcpu_time\tmax_rss\n3.5\t-\tNA\n")
    page = Page(made((config, folder)))
    assert page.scripts == 1
    assert not any(tag == "img" for tag, _, _ in page.attributes)
    assert not any(name.startswith("on") for _, name, _ in page.attributes)
    for name in ("<script>alert(1)</script>", hostile, "<b>job"):
        assert name in "".join(page.text)


def test_hostile_task_names_are_escaped_in_pictures_too(make_folder: Make) -> None:
    text = made(make_folder(tasks=("<script>x</script>", 'a"b')))
    page = Page(text)
    assert page.scripts == 1
    assert "<script>x" not in text


def test_the_same_inputs_give_the_same_bytes(make_folder: Make) -> None:
    config, folder = make_folder(2)
    assert made((config, folder)) == made((config, folder))


def test_the_overview_ranks_models_and_ends_with_the_ceiling(make_folder: Make) -> None:
    config, folder = make_folder()
    text = made((config, folder))
    table = rows(text[text.index('id="overview"') : text.index('id="dataset-grammar"')])
    metrics = pl.read_csv(folder / "metrics.tsv", separator="\t").filter(
        pl.col("dataset") == "grammar", pl.col("metric") == "auroc"
    )
    value = {(model, split): auroc for model, split, auroc in metrics.select("model", "split", "value").iter_rows()}
    ranked = sorted(config.models, key=lambda model: -value[model, "test"])
    assert [row.split()[0] for row in table[1:6]] == [*ranked, "oracle"]
    best = table[1].split()
    assert best[1] == f"{value[ranked[0], 'test']:.3f}"
    assert best[2] == f"[{value[ranked[0], 'test'] - 0.021:.3f},"
    assert best[-1] == f"+{value[ranked[0], 'train'] - value[ranked[0], 'test']:.3f}"


def test_replicates_are_averaged_and_their_range_is_shown(make_folder: Make) -> None:
    config, folder = make_folder(3)
    text = made((config, folder))
    metrics = pl.read_csv(folder / "metrics.tsv", separator="\t").filter(
        pl.col("dataset") == "grammar",
        pl.col("metric") == "auroc",
        pl.col("split") == "test",
        pl.col("model") == "knn",
    )
    values = metrics["value"].to_list()
    row = next(row for row in rows(text) if row.startswith("knn "))
    assert row.startswith(f"knn {np.mean(values):.3f} {min(values):.3f} – {max(values):.3f}")


def test_ensembles_have_a_row_and_the_choice_of_validation_is_told(make_folder: Make) -> None:
    config, folder = make_folder(3)
    text = made((config, folder))
    metrics = pl.read_csv(folder / "metrics.tsv", separator="\t").filter(dataset="grammar", metric="auroc")
    row = next(row for row in rows(text) if row.startswith("cnn_ensemble "))
    (value,) = metrics.filter(model="cnn_ensemble", split="test")["value"]
    assert row.startswith(f"cnn_ensemble {value:.3f} [{value - 0.021:.3f},")
    means = metrics.filter(pl.col("model") != "oracle").group_by("model", "split").agg(pl.mean("value"))
    reached = {(model, split): value for model, split, value in means.iter_rows()}
    best = max((model for model, split in reached if split == "validation"), key=lambda one: reached[one, "validation"])
    told = f"AUROC {reached[best, 'validation']:.3f} there, {reached[best, 'test']:.3f} on test."
    assert f"Validation chooses {best}: {told}" in text


def test_motifs_are_counted_and_a_weak_match_has_no_name(make_folder: Make) -> None:
    text = made(make_folder())
    assert "13 motifs, 4 with a known match; 2 dead filters not drawn." in text
    assert "The other 3 motifs, by importance" in text
    motifs = {row.split()[0]: row for row in rows(text) if row.startswith("filter_")}
    assert "TF0 MA0000.1 1.0 × 10⁻⁶ +0.0500 0 400 9 8.4 TGACTNNAC" in motifs["filter_0"]
    assert "no match" in motifs["filter_3"]
    assert "TF3" not in text
    assert text.count('class="logo"') == (4 + 2) * (13 + 4)


def test_a_model_without_live_motifs(make_folder: Make) -> None:
    config, folder = make_folder(live=0)
    for matches in folder.glob("*/*/matches.meme"):
        matches.unlink()
    text = made((config, folder))
    assert "0 motifs, 0 with a known match; 2 dead filters not drawn." in text
    assert "No filter of this model is active anywhere" in text


def test_planted_motifs_without_a_match_are_told(make_folder: Make) -> None:
    config, folder = make_folder()
    sites = folder / "grammar" / "simulation" / "sites.tsv"
    sites.parent.mkdir()
    sites.write_text("chrom\tstart\tend\tstrand\tmotif\tname\nchr1\t1\t9\t+\tMA0139.2\tCTCF\n")
    assert "Planted, and no motif bears the name: CTCF (MA0139.2) and (MA0002.3)." in made((config, folder))


def test_consensus_motifs_come_by_importance_with_their_evidence(make_folder: Make) -> None:
    text = made(make_folder())
    digest = text[text.index("What the networks learned") :]
    assert "4 motifs of 13 have a name." in text
    found = [row for row in rows(digest) if "Consensus motif" in row]
    assert [row.split()[0] for row in found[:3]] == ["TF0", "no", "no"]
    assert found[0].startswith("TF0 MA0000.1 motif1 Consensus motif1, TGACTNNAC Known motif TF0 MA0000.1 1.0 × 10⁻⁶")
    assert "+0.060 [+0.010, +0.090] cnn 2/3 12.5 × [8.2, 19.0]" in found[0]
    assert "+0.015 [−0.010, +0.090] – 12.5 ×" in found[3]
    assert "The other 3 motifs, of less importance" in text
    assert "Every motif of cnn" in text  # patterns of attributions too: of networks without filters nothing else
    pairs = [row for row in rows(digest) if "filter_0 filter_" in row]
    assert pairs[0].endswith("filter_0 filter_1 +17 same 40 3.2 0.001")
    assert not any("filter_0 filter_2" in row for row in pairs)


def test_another_version_of_a_planted_motif_counts_as_found(make_folder: Make) -> None:
    config, folder = make_folder()
    path = folder / "grammar" / "consensus.tsv"
    path.write_text(path.read_text().replace("TF0\tMA0000.1", "RUNX1\tMA0002.2"))
    text = made((config, folder))
    assert any(row.startswith("RUNX1 planted MA0002.2 motif1") for row in rows(text))
    assert "bears the name: (MA0139.2)." in text


def test_the_sweep_teaches_that_one_neighbour_memorises(make_folder: Make) -> None:
    assert (
        "With k = 1 the model memorises: AUROC 1.000 on train, 0.600 on test, because every training "
        "sequence is its own nearest neighbour; k = 29 (spectrum, uniform weights) was chosen on validation and "
        "reaches 0.730 on test."
    ) in made(make_folder())


def test_optional_files_may_be_absent(make_folder: Make) -> None:
    config, folder = make_folder()
    for path in (*folder.glob("*/*/*/sweep.tsv"), *folder.glob("*/*/matches.meme")):
        path.unlink()
    assert "how many neighbours" not in made((config, folder))


def test_jobs_are_listed_where_there_are_benchmarks(make_folder: Make) -> None:
    config, folder = make_folder()
    path = folder / "benchmarks" / "train" / "grammar.cnn.0.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("s\th:m:s\tmax_rss\tcpu_time\n75.3\t0:01:15\t1536\t3700\n")
    (folder / "benchmarks" / "empty.tsv").write_text("")
    text = made((config, folder))
    assert "train/grammar.cnn.0 1 min 15 s 1 h 01 min 1.5 GiB" in rows(text)
    assert "1 job, 1 min 15 s of wall-clock time in all" in text


@pytest.mark.parametrize(
    "name",
    [
        "metrics.tsv",
        "reb1/examples.parquet",
        "reb1/sequences.parquet",
        "grammar/cnn/0/history.csv",
        "reb1/knn/0/predictions.parquet",
    ],
)
def test_a_file_that_must_be_there_is_named(make_folder: Make, name: str) -> None:
    config, folder = make_folder()
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name}: is missing; the report needs it"):
        write_report(config, folder, folder / "report.html")
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("metrics.tsv", "dataset\tmodel\n", "metrics.tsv: has no column replicate, task"),
        ("grammar/dropped.tsv", "file\trow\treason\nx\tseven\tN\n", "dropped.tsv: conversion"),
        ("metrics.tsv", "\t".join(METRICS) + "\n", "metrics.tsv: has no row of dataset grammar"),
        (
            "grammar/cnn/0/history.csv",
            "epoch,train_loss,validation_loss,validation_pearson\n",
            "history.csv: has no column validation_auroc",
        ),
        ("grammar/dropped.tsv", "", "dropped.tsv: cannot be read"),
        ("grammar/cnn/motifs.meme", "MEME version 4\n", "motifs.meme: has no matrix of filter_0, filter_1"),
        ("grammar/dropped.tsv", "file\trow\treason\nx\t7", "dropped.tsv: breaks off within its last line"),
        ("grammar/cnn/0/selftests.tsv", "test\tvalue\tlimit\tpassed\nx\t1\t1\tbanana\n", "selftests.tsv: conversion"),
        ("reb1/examples.parquet", "text", "examples.parquet: is no Parquet table"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(make_folder: Make, name: str, text: str, message: str) -> None:
    config, folder = make_folder()
    (folder / name).write_text(text)
    with pytest.raises(InputError, match=message):
        write_report(config, folder, folder / "report.html")


def test_the_command_writes_the_page(make_folder: Make, tmp_path: Path) -> None:
    _, folder = make_folder()
    parser = argparse.ArgumentParser(description=command.__doc__)
    command.add_arguments(parser)
    page = tmp_path / "elsewhere" / "report.html"
    command.run(
        parser.parse_args(["--config", str(folder / "config.yaml"), "--results", str(folder), "--output", str(page)])
    )
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
