"""Calibration, strata, stability and errors on the page; and models over all datasets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl
import pytest

from motifloom.errors import InputError
from motifloom.evaluation.calibration import calibration_tables
from motifloom.evaluation.mistakes import ERRORS_SCHEMA
from motifloom.evaluation.reading import read_panels
from motifloom.evaluation.stability import stability_table
from motifloom.evaluation.strata import Stratum, strata_table
from motifloom.report.page import render
from motifloom.report.results import Results

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from motifloom.config import Config

    Make = Callable[..., tuple[Config, Path]]

HOSTILE = "<script>alert(1)</script>"


def diagnose(config: Config, folder: Path) -> dict[tuple[str, str], pl.DataFrame]:
    """Write what ``diagnose`` would, with parts of test and errors made up, and return the tables."""
    found = {}
    for dataset in config.datasets:
        panels = read_panels(config, dataset, folder, ["predictions.parquet"])
        ids = next(panel.ids for panel in panels if panel.split == "test")
        parts = [Stratum("gc", name, ids.gather_every(2, start)) for start, name in enumerate(("20 to 41", HOSTILE))]
        calibration, reliability = calibration_tables(panels)
        task = panels[0].task
        errors = [(task, "cnn", HOSTILE, 0.0, 0.91, rank, f"train{rank}", 0.5 / rank, None) for rank in (1, 2, 3)]
        tables = {
            "calibration": calibration,
            "reliability": reliability,
            "strata": strata_table(panels, parts, 0.95),
            "errors": pl.DataFrame(errors, ERRORS_SCHEMA, orient="row"),
            "stability": stability_table(panels),
        }
        for name, table in tables.items():
            table.write_csv(folder / dataset / f"{name}.tsv", separator="\t")
            found[dataset, name] = table
    return found


def page(case: tuple[Config, Path]) -> str:
    return render(Results.open(*case))


@pytest.mark.parametrize("replicates", [1, 2])
def test_every_kind_is_diagnosed(make_kinds: Make, replicates: int) -> None:
    config, folder = make_kinds(replicates=replicates)
    tables = diagnose(config, folder)
    text = page((config, folder))
    assert HOSTILE not in text
    assert "<code>mpra/calibration.tsv</code>" not in text
    for dataset in config.datasets:
        part = text[text.index(f'id="dataset-{dataset}"') :]
        part = part[: part.index("</section>")]
        assert "How far to trust a prediction" in part
        assert ("Would another training say the same?" in part) == (replicates > 1)
        if config.kind(dataset) != "regression":
            model = tables[dataset, "calibration"].filter(task=tables[dataset, "calibration"]["task"][0], model="cnn")
            row = re.search(
                r"<th scope=\"row\"><span class=\"swatch model-2\"[^>]*></span>cnn</th>(<td.*?)</tr>",
                part[part.index("Temperature") :],
                re.DOTALL,
            )
            assert row
            assert f"{model['ece'].mean():.3f}" in row[1]
            assert f"{model['recall'].mean():.3f}" in row[1]


def test_strata_show_what_the_file_has(make_kinds: Make) -> None:
    config, folder = make_kinds("splice")
    tables = diagnose(config, folder)
    text = page((config, folder))
    part = text[text.index("Where are they good?") :]
    values = tables["splice", "strata"].filter(model="cnn_bilstm", stratum="20 to 41")
    value, low, high = values.select("value", "ci_low", "ci_high").row(0)
    assert f"{value:.3f}<small>[{low:.3f}, {high:.3f}]</small>" in part


def test_a_file_that_is_missing_among_the_five_is_named(make_kinds: Make) -> None:
    config, folder = make_kinds("splice")
    diagnose(config, folder)
    (folder / "splice" / "strata.tsv").unlink()
    with pytest.raises(InputError, match=r"strata\.tsv: cannot be read"):
        page((config, folder))


def test_too_few_datasets_are_ranked_and_not_tested(make_folder: Make) -> None:
    text = page(make_folder())
    assert "Over 4 datasets and tasks" in text
    assert "Fewer than 5 are too few for a test over them." in text
    assert "over all datasets and tasks</summary>" not in text


def test_many_tasks_are_tested(make_folder: Make) -> None:
    config, folder = make_folder(tasks=tuple(f"t{number}" for number in range(9)))
    text = page((config, folder))
    table = pl.read_csv(folder / "metrics.tsv", separator="\t").filter(split="test", metric="auroc")
    ranks = table.filter(pl.col("model") != "oracle").with_columns(
        rank=pl.col("value").rank(descending=True).over("dataset", "task")
    )
    means = ranks.group_by("model").agg(pl.mean("rank")).sort("rank")
    assert f"Over 10 datasets and tasks {means['model'][0]} has the best mean rank." in text
    assert "Friedman&#39;s test" in text
    part = text[text.index("Model against model, over all") :]
    best, last = means["model"][0], means["model"][-1]
    assert re.search(rf"<th scope=\"row\">{best} − {last}</th>.*?<td>{best} is better</td>", part, re.DOTALL)
