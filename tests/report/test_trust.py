"""The section on trust: what the audit says, in words, tables and bars."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from tests.report.conftest import HOSTILE, SIZES

from motifloom.data.leaks import LEAKS_SCHEMA
from motifloom.data.shortcuts import FEATURES, SHORTCUTS_SCHEMA
from motifloom.errors import InputError
from motifloom.evaluation.audit import audit
from motifloom.evaluation.panels import Run, align
from motifloom.report.page import write_report
from motifloom.report.results import Results
from motifloom.report.trust import trust

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from motifloom.config import Config

    Make = Callable[..., tuple[Config, Path]]


def write_audit(
    config: Config, folder: Path, dataset: str, task: str, leaked: int, features: dict[str, float], skill: float = 1.0
) -> dict[str, Any]:
    """Write the audit of a dataset whose leaked test examples every model knows by heart."""
    labels = (np.arange(SIZES["test"]) % 3 == 0).astype(float)
    ids = [f"{HOSTILE}{n}" for n in range(len(labels))]
    tables = {}
    for number, (model, replicates) in enumerate(config.scored(dataset).items()):
        for replicate in range(replicates):
            noise = np.random.default_rng([number, replicate]).normal(size=len(labels))
            scores = 1 / (1 + np.exp(-(skill * (labels - 0.5) + noise)))
            scores[:leaked] = labels[:leaked]
            tables[Run(model, replicate)] = pl.DataFrame(
                {"id": ids, "split": "test", "task": task, "label": labels, "score": scores}
            )
    twins = [("near_duplicate", None, ids[n], "test", f"train{n}", "train", 0.75) for n in range(leaked)]
    rows = [
        (task, feature, split, "auroc", features.get(feature, 0.5), size)
        for feature in FEATURES
        for split, size in SIZES.items()
    ]
    found = audit(
        align(tables, "binary"),
        pl.DataFrame(twins, LEAKS_SCHEMA, orient="row"),
        pl.DataFrame(rows, SHORTCUTS_SCHEMA, orient="row"),
        dataset,
        SIZES,
    )
    (folder / dataset / "audit.json").write_text(json.dumps(found, allow_nan=False))
    return found


@pytest.mark.parametrize("replicates", [1, 3])
def test_leaks_are_told_first_and_models_are_shown_without_them(make_folder: Make, replicates: int) -> None:
    config, folder = make_folder(replicates)
    found = write_audit(config, folder, "grammar", "grammar", 63, {"gc": 0.6, "dinucleotides": 0.62})
    part = trust(Results.open(config, folder), "grammar")
    assert part is not None
    means = {}
    scored = config.scored("grammar")
    for model in [model for model in scored if model != "oracle"]:
        mine = [row for row in found["without_leaks"] if row["model"] == model]
        means[model] = [sum(row[key] for row in mine) / scored[model] for key in ("value", "value_without")]
    best = max(means, key=lambda model: means[model][0])
    assert part.verdict == (
        f"63 of 140 test examples (45%) have a twin in training or validation; without them {best} falls from "
        f"{means[best][0]:.3f} to {means[best][1]:.3f} (AUROC). No shortcut tells most of what the models know."
    )
    assert part.warnings[0] == "63 of 140 test examples have a near-duplicate in another split"
    assert [(row.meaning, [cell.sort for cell in row.cells]) for row in part.leaks] == [
        ("have a near-duplicate", [63, 0, 63, 63])
    ]
    assert len(part.pairs) == 10
    assert part.pairs[0].first == f"{HOSTILE}0 (test)"
    assert part.kept == 77
    assert [row.model for row in part.models] == list(scored)
    for row in part.models[:-1]:
        assert row.task == ""
        assert [cell.sort for cell in row.cells[:2]] == pytest.approx(means[row.model])
        assert row.cells[2].sort == pytest.approx(means[row.model][1] - means[row.model][0])
        assert bool(row.cells[0].interval) == (scored[row.model] > 1)
    assert part.shortcuts[0].feature == FEATURES["dinucleotides"]
    assert part.shortcuts[0].model == best
    bars = re.findall(r'class="bar[^"]*"', str(part.shortcuts[0].chart))
    assert len(bars) == 7
    assert bars[-1].startswith('class="bar model-')


def test_a_clean_dataset_is_said_to_be_clean(make_folder: Make) -> None:
    config, folder = make_folder()
    write_audit(config, folder, "grammar", "grammar", 0, {"gc": 0.52}, skill=3.0)
    part = trust(Results.open(config, folder), "grammar")
    assert part is not None
    assert part.verdict == (
        "No test example has a twin in training or validation. No shortcut tells most of what the models know."
    )
    assert (part.warnings, part.leaks, part.pairs, part.models) == ([], [], [], [])


def test_a_shortcut_is_part_of_the_verdict(make_folder: Make) -> None:
    config, folder = make_folder()
    found = write_audit(config, folder, "grammar", "grammar", 0, {"length": 0.71, "gc": 0.3})
    shortcut = found["shortcuts"][0]
    part = trust(Results.open(config, folder), "grammar")
    assert part is not None
    share = f"{shortcut['explained']:.0%} of what {shortcut['model']} is above chance"
    assert part.verdict.endswith(f"A shortcut tells most: length alone reaches {share}.")
    assert part.warnings == [shortcut["warning"]]


def test_nothing_left_to_judge_on(make_folder: Make) -> None:
    config, folder = make_folder()
    write_audit(config, folder, "grammar", "grammar", SIZES["test"], {})
    part = trust(Results.open(config, folder), "grammar")
    assert part is not None
    assert "(100%) have a twin in training or validation; without them nothing is left to be judged on." in part.verdict
    assert part.models[0].cells[1].text == "–"


def test_the_page_shows_it_escaped_and_leaves_it_out_where_there_is_none(make_folder: Make) -> None:
    config, folder = make_folder()
    write_audit(config, folder, "grammar", "grammar", 5, {"gc": 0.9})
    write_report(config, folder, folder / "report.html")
    text = (folder / "report.html").read_text()
    assert text.count("Can this dataset be trusted?") == 1
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;0 (test)" in text
    assert "Scores on test, on all examples and on the 135 without a twin" in text


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "cannot be read: Expecting"),
        ("[]", "has no examples, leaked_test_rows"),
        ('{"leaks": {}}', "has no examples,"),
    ],
)
def test_what_is_no_audit_is_refused(make_folder: Make, content: str, problem: str) -> None:
    config, folder = make_folder()
    (folder / "reb1" / "audit.json").write_text(content)
    with pytest.raises(InputError, match=rf"reb1/audit\.json: {problem}"):
        trust(Results.open(config, folder), "reb1")
