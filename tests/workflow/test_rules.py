"""The form of the rules, and what Snakemake itself tells of them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.workflow import tiny_run
from tests.workflow.tiny_run import ROOT, TINY_RUN, rules, run, snakemake

from motifloom import config
from motifloom.cli import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path


def test_the_linter_advises_nothing_but_an_environment(tmp_path: Path) -> None:
    tiny_run.write_config(tmp_path / "config.yaml")
    _, said = snakemake(tmp_path, "--lint")
    advice = set(re.findall(r"^ {4}\* (.*)$", said, re.MULTILINE))
    assert advice == {"Specify a conda environment or container for each rule.:"}


def test_the_rules_are_formatted() -> None:
    command = ["snakefmt", "--check", "Snakefile", "workflow"]
    done = subprocess.run(
        command, cwd=ROOT, env=tiny_run.environment(), capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr


def test_snakemake_writes_its_own_report(copied: Path) -> None:
    run(copied, *TINY_RUN, "--report", "run.html")
    page = (copied / "run.html").read_text()
    assert "motifloom trains networks and baselines" in page
    assert re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?:", page) == []


def test_every_rule_tells_what_it_does(tmp_path: Path) -> None:
    tiny_run.write_config(tmp_path / "config.yaml")
    said = run(tmp_path, "--list-rules")
    listed = dict(re.findall(r"^(\w+) \((\S.*\.)\)$", said, re.MULTILINE))
    of_trials = {name for name in listed if name.endswith("_trial")}  # they do what the rules of the run do
    assert of_trials == {f"{name}_trial" for name in ("simulate", "pack", "prepare", "train", "fit", "oracle")}
    assert set(listed) - of_trials == set(rules())


@pytest.mark.parametrize("rule", sorted(set(rules()) - {"all"}))
def test_a_rule_is_one_command_with_its_needs(rule: str) -> None:
    text = rules()[rule]
    for part in ("output:", "log:", "benchmark:", "threads:", "resources:", "mem=", "runtime="):
        assert part in text
    assert rule in COMMANDS
    assert re.search(rf'shell:\s+"motifloom {rule} ?', text)
    fields = re.findall(r"\{(input|output|params|log|wildcards)([.\w]*)(:q)?\}", text.partition("shell:")[2])
    assert [name for *name, quoted in fields if not quoted and name != ["wildcards", ".replicate"]] == []


def test_every_rule_is_named_in_its_stage_header() -> None:
    for path in sorted(ROOT.glob("workflow/rules/*.smk")):
        text = path.read_text()
        for rule in re.findall(r"^rule (\w+):", text, re.MULTILINE):
            commands = re.search(r"^COMMANDS: motifloom (.*)\.$", text, re.MULTILINE)
            assert commands, path
            assert rule in commands[1].split(", ")


def test_the_example_configurations_are_valid() -> None:
    examples = sorted(ROOT.glob("examples/*.yaml"))
    assert examples
    for path in examples:
        config.validate(yaml.safe_load(path.read_text()), str(path))
