"""What networks read in single sequences: which are chosen, where they lie, what is drawn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest
from tests.report.conftest import HOSTILE, build, settings, write
from tests.report.test_page import Page, rows

from motifloom.errors import InputError
from motifloom.report.attributions import COLUMN, HEIGHT, WIDEST, _place, attributions, track
from motifloom.report.page import render
from motifloom.report.results import Results

if TYPE_CHECKING:
    from pathlib import Path

    from motifloom.config import Config

LENGTH = 150


def write_attributions(home: Path, model: str, examples: pl.DataFrame) -> None:
    """Attribute 9 sequences, the later the higher, and two negatives; places 20 to 30 of each add most."""
    names = [*examples["id"][:9], *examples["id"][20:22]]
    random = np.random.default_rng(len(model))
    table = []
    for number, name in enumerate(names):
        values = random.normal(0, 0.01, LENGTH)
        values[20:30] += 1
        table.append((name, "".join(random.choice(list("ACGTN"), LENGTH)), float(number), values.tolist()))
    convolutional = model == "cnn"
    attributed = pl.DataFrame(table, ["id", "sequence", "output", "contributions"], orient="row").with_columns(
        chosen=pl.Series(["sample"] * 9 + ["false positive"] * 2),
        method=pl.lit("deep_lift" if convolutional else "in_silico_mutagenesis"),
        reference=pl.lit(-1.0 if convolutional else None, pl.Float64),
        delta=pl.lit(0.012 if convolutional else None, pl.Float64),
        contributions=pl.col("contributions").cast(pl.List(pl.Float32)),
    )
    write(home / "attributions.parquet", attributed)
    seqlets = [(0, names[8], 15, 45), (0, names[7], 15, 45), (1, names[8], 130, 150)]
    write(home / "seqlets.tsv", pl.DataFrame(seqlets, ["pattern", "id", "start", "end"], orient="row"))


@pytest.fixture
def folder(tmp_path: Path) -> tuple[Config, Path]:
    config = settings(motifs={"attributions": 9})
    build(tmp_path, config)
    for dataset in config.datasets:
        examples = pl.read_parquet(tmp_path / dataset / "examples.parquet")
        minus = pl.when(pl.col("id") == "window8").then(pl.lit("-")).otherwise("strand").alias("strand")
        write(tmp_path / dataset / "examples.parquet", examples.with_columns(minus))
        for model in config.networks():
            write_attributions(tmp_path / dataset / model / "0", model, examples)
    return config, tmp_path


def test_the_page_shows_methods_and_sequences(folder: tuple[Config, Path]) -> None:
    text = render(Results.open(*folder))
    Page(text)
    told = text[text.index('id="dataset-reb1"') :]
    told = told[told.index("<h3>What the networks read") : told.index("<h3>Motifs")]
    found = [row for row in rows(told) if not row.startswith("Network")]
    assert found == [
        "bilstm in-silico mutagenesis 11 2 3",
        "cnn DeepLIFT 11 0.00200 2 3",  # 0.012 of a mean difference of 6
        "cnn_bilstm in-silico mutagenesis 11 2 3",
    ]
    assert told.count('class="track"') == 3 * 4
    assert "failed" not in told
    assert "Negative of greatest score: window21" in told


def test_the_surest_sequences_and_a_false_positive_are_drawn_where_most_is_added(folder: tuple[Config, Path]) -> None:
    found = attributions(Results.open(*folder), "reb1")
    assert found is not None
    assert [(one.name, one.false) for one in found.sequences] == [
        ("window8", False), ("window7", False), ("window6", False), ("window21", True),
    ]  # fmt: skip
    chrom, start, end = re.fullmatch(r"(chr1):(\d+)-(\d+)", found.sequences[1].place).groups()  # type: ignore[union-attr]
    assert chrom == "chr1"
    assert int(end) - int(start) == WIDEST
    assert 7 * 300 <= int(start) <= 7 * 300 + 20
    turned = re.fullmatch(r"chr1:(\d+)-(\d+), minus strand", found.sequences[0].place)
    assert turned
    assert 8 * 300 + LENGTH - 20 <= int(turned[2]) <= 8 * 300 + LENGTH
    assert [one.model for one in found.sequences[0].tracks] == ["bilstm", "cnn", "cnn_bilstm"]
    assert [one.output for one in found.sequences[0].tracks] == ["+8.00"] * 3
    assert "pattern 0" in found.sequences[0].tracks[0].picture
    assert "pattern" not in found.sequences[2].tracks[0].picture


def test_letters_are_as_high_as_their_values_and_hang_where_they_are_negative() -> None:
    drawn = track("ACNTG", np.array([0.5, -1.0, 3.0, 3.0, 0.01]), [(1, 4, HOSTILE)], HOSTILE)
    root = ET.fromstring(drawn)  # noqa: S314 - our own
    assert (float(root.attrib["width"]), root[0].text) == (5 * COLUMN, HOSTILE)
    letters = re.findall(r'#base-(\w)" transform="matrix\(([\d.]+) 0 0 (-?[\d.]+) (\d+) ([\d.]+)\)', drawn)
    unit, axis = HEIGHT / 4, HEIGHT * 3 / 4
    assert [(base, float(h), int(x), float(y)) for base, _, h, x, y in letters] == [
        ("A", 0.5 * unit, 0, axis - 0.5 * unit),
        ("C", -unit, COLUMN, axis + unit),
        ("T", 3 * unit, 3 * COLUMN, 0),
    ]
    line = next(element for element in root if element.attrib.get("class") == "seqlet")
    assert (float(line.attrib["x1"]), float(line.attrib["x2"])) == (COLUMN, 4 * COLUMN)


def test_a_great_delta_is_red(folder: tuple[Config, Path]) -> None:
    config, path = folder
    home = path / "reb1/cnn/0/attributions.parquet"
    write(home, pl.read_parquet(home).with_columns(delta=pl.lit(0.12)))
    assert render(Results.open(config, path)).count('<td class="num failed"') == 1


def test_a_track_of_nothing_is_an_axis() -> None:
    assert track("ACGT", np.zeros(4), [], "nothing").count("<use") == 0


def test_without_attributions_there_is_no_such_part(tmp_path: Path) -> None:
    config = settings()
    build(tmp_path, config)
    assert "What the networks read" not in render(Results.open(config, tmp_path))


def test_a_missing_file_is_told(folder: tuple[Config, Path]) -> None:
    config, path = folder
    (path / "reb1/cnn/0/attributions.parquet").unlink()
    with pytest.raises(InputError, match=r"attributions.parquet: is missing; the report needs it"):
        Results.open(config, path)


def test_a_shuffle_has_no_place_though_its_parent_has() -> None:
    example = {"id": "chr1:100-200", "chrom": "chr1", "start": 100, "end": 200, "strand": "+"}
    assert _place(example, 10, 50, 100) == "chr1:110-150"
    assert _place(example | {"id": "chr1:100-200:shuffle1"}, 10, 50, 100) == "10-50 of 100 bp"
