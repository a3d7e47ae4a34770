"""The self-tests on the page: the worst replicate, red lines for failures, gradients by distance."""

from __future__ import annotations

import inspect
import re
from html import unescape
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from tests.report.conftest import write
from tests.report.test_page import Page, made, rows

from motifloom.errors import InputError
from motifloom.report import selftests as part_of_page
from motifloom.report.results import Results
from motifloom.report.selftests import selftests
from motifloom.training import selftests as tests_of_training

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from motifloom.config import Config

    Make = Callable[..., tuple[Config, Path]]


def change(path: Path, test: str, value: float | None, passed: bool) -> None:
    """Let a test of a training have found something else."""
    table = pl.read_csv(path, separator="\t")
    this = pl.col("test") == test
    table = table.with_columns(
        pl.when(this).then(pl.lit(value, pl.Float64)).otherwise("value").alias("value"),
        pl.when(this).then(passed).otherwise("passed").alias("passed"),
    )
    write(path, table)


def section(text: str, dataset: str) -> str:
    """Return what the page says of a dataset's self-tests."""
    text = text[text.index(f'id="dataset-{dataset}"') :]
    text = text[text.index("<h3>Self-tests") :]
    return text[: text.index("<h3>Motifs")]


@pytest.mark.parametrize("replicates", [1, 3])
def test_without_a_failure_nothing_is_red(make_folder: Make, replicates: int) -> None:
    text = made(make_folder(replicates))
    assert 'class="alarms"' not in text
    assert 'class="num failed"' not in text
    told = section(text, "reb1")
    assert f"All {replicates * (5 + 5 + 4)} self-tests passed." in told
    assert ("The worst of 3 replicates is shown." in told) == (replicates == 3)
    found = rows(told)
    assert found[1] == "bilstm 0 0% 3.40 × 10⁻⁷ 2.10 × 10⁻⁷ 0.0340 0.210"
    assert found[2] == "cnn 0 0% 3.40 × 10⁻⁷ 2.10 × 10⁻⁷ 0.0340 0.210 12%"


def test_a_failure_is_a_red_line_in_its_section_and_on_top(make_folder: Make) -> None:
    config, folder = make_folder(3)
    change(folder / "reb1/cnn/1/selftests.tsv", "batch_dependence", 0.0312, passed=False)
    change(folder / "reb1/cnn_bilstm/2/selftests.tsv", "dead_filters", 0.75, passed=False)
    change(folder / "reb1/bilstm/0/selftests.tsv", "padding_dependence", None, passed=False)
    text = made((config, folder))
    at_most = "expected at most 0.0001"
    batch, padding, dead = (
        part_of_page.DEFECTS[test] for test in ("batch_dependence", "padding_dependence", "dead_filters")
    )
    lines = [
        f"reb1, bilstm, replicate 0: padding_dependence is not finite, {at_most}: {padding}",
        f"reb1, cnn, replicate 1: batch_dependence is 0.0312, {at_most}: {batch}",
        f"reb1, cnn_bilstm, replicate 2: dead_filters is 75%, expected at most 50%: {dead}",
    ]
    overview = text[text.index('id="overview"') : text.index('id="dataset-grammar"')]
    for place in (overview, section(text, "reb1")):
        alarms = re.search(r'<ul class="alarms">(.*?)</ul>', place, re.DOTALL)
        assert alarms
        told = [unescape(re.sub("<[^>]+>", "", line)).strip() for line in re.findall("<li>(.*?)</li>", alarms[1])]
        assert told == [f"Self-test failed {line}" for line in lines]
    assert 'class="alarms"' not in section(text, "grammar")
    assert "3 of 42 self-tests failed." in section(text, "reb1")
    found = rows(section(text, "reb1"))
    assert found[1] == "bilstm 0 0% 3.40 × 10⁻⁷ not finite 0.0340 0.210"
    assert found[2] == "cnn 0 0% 0.0312 2.10 × 10⁻⁷ 0.0340 0.210 12%"
    assert re.findall(r'class="num failed"[^>]*>([^<]+)<', section(text, "reb1")) == ["not finite", "0.0312", "75%"]


def test_the_worst_replicate_is_shown(make_folder: Make) -> None:
    config, folder = make_folder(3)
    for number, gap in enumerate((0.1, 0.4, 0.3)):
        change(folder / f"grammar/cnn/{number}/selftests.tsv", "strand_gap_max", gap, passed=True)
    part = selftests(Results.open(config, folder), "grammar")
    assert part
    cells = {
        row.model: dict(zip((heading for heading, _ in part.columns), row.cells, strict=True)) for row in part.rows
    }
    assert cells["cnn"]["Strand gap, greatest"].sort == 0.4
    assert cells["bilstm"]["Dead filters"].text == ""


def test_a_limit_that_is_the_same_for_all_networks_is_shown(make_folder: Make) -> None:
    config, folder = make_folder()
    path = folder / "grammar/cnn/0/selftests.tsv"
    table = pl.read_csv(path, separator="\t")
    shared = pl.col("test") == "strand_gap_max"
    write(path, table.with_columns(limit=pl.when(shared).then(0.0001).otherwise("limit")))
    part = selftests(Results.open(config, folder), "grammar")
    assert part
    assert part.columns == [
        ("Not finite", "at most 0"), ("Constant tasks", "at most 0%"), ("Batch", "at most 0.0001"),
        ("Padding", "at most 0.0001"), ("Strand gap, mean", ""), ("Strand gap, greatest", ""),
        ("Dead filters", "at most 50%"),
    ]  # fmt: skip


def test_what_a_file_says_is_escaped(make_folder: Make) -> None:
    config, folder = make_folder()
    path = folder / "grammar/cnn/0/selftests.tsv"
    path.write_text("test\tvalue\tlimit\tpassed\n<script>alert(3)</script>\t2\t1\tfalse\n")
    page = Page(made((config, folder)))
    assert page.scripts == 1
    assert "<script>alert(3)</script> is 2, expected at most 1" in "".join(page.text)


def test_gradients_are_drawn_and_told_of_recurrent_networks_alone(make_folder: Make) -> None:
    """0.9 to the power of 43 is the last above a hundredth."""
    config, folder = make_folder(2)
    part = selftests(Results.open(config, folder), "grammar")
    assert part
    assert part.gradients
    distances = np.arange(150)
    ratio = np.mean(0.9 ** distances[-15:]) / np.mean(0.9 ** distances[:15])
    assert [(row.model, row.reach.text, row.ratio.sort) for row in part.gradients.rows] == [
        (model, "43 bp", pytest.approx(ratio)) for model in ("bilstm", "cnn_bilstm")
    ]
    picture = str(part.gradients.picture)
    assert picture.count('class="line ') == 2
    assert "≤ 10⁻⁶" in picture
    assert "How far back recurrent layers look" in section(made((config, folder)), "grammar")


def test_gradients_of_replicates_are_averaged(make_folder: Make) -> None:
    """The second one is 9 times as steep a hundredth as far: what is left of the mean is nearly the first's."""
    config, folder = make_folder(2)
    for number, gradient in enumerate(([1.0, 0.5, 0.4, 0.001], [3.0, 0.1, 0.0, 0.0])):
        write(
            folder / f"grammar/bilstm/{number}/gradients.tsv",
            pl.DataFrame({"distance": [0, 1, 2, 3], "gradient": gradient}),
        )
    part = selftests(Results.open(config, folder), "grammar")
    assert part
    assert part.gradients
    row = part.gradients.rows[0]
    assert (row.model, row.reach.sort) == ("bilstm", 2)
    assert row.ratio.sort == pytest.approx(0.0005 / 2)


def test_a_gradient_that_reaches_the_far_end_and_one_that_is_0_everywhere(make_folder: Make) -> None:
    config, folder = make_folder()
    distance = list(range(30))
    for model, gradient in (("bilstm", [0.2] * 30), ("cnn_bilstm", [0.0] * 30)):
        write(folder / f"grammar/{model}/0/gradients.tsv", pl.DataFrame({"distance": distance, "gradient": gradient}))
    part = selftests(Results.open(config, folder), "grammar")
    assert part
    assert part.gradients
    assert [(row.model, row.reach.text, row.ratio.text) for row in part.gradients.rows] == [
        ("bilstm", "29 bp, the farthest", "1.00")
    ]


def test_a_run_without_recurrent_networks_has_no_gradients(make_folder: Make) -> None:
    config, folder = make_folder()
    for path in folder.glob("*/*/0/gradients.tsv"):
        path.write_text("distance\tgradient\n")
    assert "How far back" not in made((config, folder))


def test_a_run_without_networks_has_no_self_tests(make_folder: Make) -> None:
    config, folder = make_folder()
    alone = config.model_copy(update={"models": {"knn": config.models["knn"]}})
    assert selftests(Results.open(alone, folder), "grammar") is None


def test_files_that_are_missing_or_wrong_are_told(make_folder: Make) -> None:
    config, folder = make_folder()
    path = folder / "grammar/cnn/0/selftests.tsv"
    path.write_text("test\tvalue\tlimit\n")
    with pytest.raises(InputError, match=r"selftests\.tsv: has no column passed; it has test, value, limit"):
        made((config, folder))
    path.unlink()
    with pytest.raises(InputError, match=r"selftests\.tsv: is missing; the report needs it"):
        made((config, folder))


def test_the_page_knows_every_test_that_a_training_makes() -> None:
    names = set(re.findall(r'(?:yield |\(\()"(\w+)"', inspect.getsource(tests_of_training)))
    assert names == {*part_of_page.FOUND, "gradient_ratio"}
    assert set(part_of_page.DEFECTS) == names - {"strand_gap_mean", "gradient_ratio"}
