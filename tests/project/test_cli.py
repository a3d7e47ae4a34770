"""The command line as one voice: help, flags, exit statuses, and what the workflow's rules call."""

from __future__ import annotations

import argparse
import ast
import errno
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from motifloom.cli import COMMANDS, build_parser, check, main
from motifloom.config import ARCHITECTURES

ROOT = Path(__file__).parents[2]
HEAVY = (
    "torch",
    "pytorch_lightning",
    "torchmetrics",
    "numba",
    "sklearn",
    "scipy",
    "polars",
    "numpy",
    "pydantic",
    "Bio",
)


def subparsers() -> dict[str, argparse.ArgumentParser]:
    (action,) = [a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(action.choices)


def shells() -> dict[str, str]:
    """Return the command line of every rule of the workflow."""
    found = {}
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        for rule in re.split(r"^rule ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            shell = re.search(r'^    shell:\n((?:        ".*"\n)+)', rule, re.MULTILINE)
            assert shell, rule
            found[rule.partition(":")[0]] = str(ast.literal_eval(f"({shell[1]})"))
    return found


# --------------------------------------------------------------------------------------------------------------- help


def test_every_command_is_there() -> None:
    assert tuple(subparsers()) == COMMANDS
    modules = {path.stem for path in (ROOT / "src" / "motifloom" / "cli").glob("*.py")} - {"__init__", "flags"}
    assert modules == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name: str) -> None:
    module, parser = importlib.import_module(f"motifloom.cli.{name}"), subparsers()[name]
    first = (module.__doc__ or "").splitlines()[0]
    assert re.fullmatch(r"[A-Z].*\.", first)
    assert first in parser.format_help()
    assert first.split()[0] in " ".join(build_parser().format_help().split())
    for action in parser._actions:
        assert action.help, action.dest
        assert not action.option_strings or action.option_strings[-1].startswith("--")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_writes_a_log_where_asked(name: str) -> None:
    assert "--log" in subparsers()[name]._option_string_actions


@pytest.mark.parametrize("name", COMMANDS)
def test_a_value_in_the_help_has_a_name(name: str) -> None:
    for action in subparsers()[name]._actions:
        if not isinstance(action, argparse._HelpAction):
            assert action.metavar in {"FILE", "FOLDER", "NAME", "N", "TEXT"}, action.dest


@pytest.mark.parametrize(
    ("flag", "metavar"), [("--config", "FILE"), ("--dataset", "NAME"), ("--model", "NAME"), ("--genome", "FOLDER")]
)
def test_a_flag_means_the_same_everywhere(flag: str, metavar: str) -> None:
    for parser in subparsers().values():
        action = parser._option_string_actions.get(flag)
        if action:
            assert action.required or (flag == "--genome" and action.nargs == "?")  # tables lie in no genome
            assert action.metavar == metavar


def test_help_imports_nothing_heavy() -> None:
    program = f"""
import sys
from motifloom.cli import COMMANDS, main
for arguments in (["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)):
    try:
        main(arguments)
    except SystemExit as leaving:
        assert leaving.code == 0, arguments
loaded = sorted(name for name in {HEAVY!r} if name in sys.modules)
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage: motifloom ") == len(COMMANDS) + 1


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "motifloom", "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"motifloom \d+\.\d+\.\d+\n", done.stdout)


# -------------------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize("rule", shells())
def test_a_rule_calls_a_command_with_flags_it_knows(rule: str) -> None:
    words = shlex.split(re.sub(r"\{[^}]*\}", "1", shells()[rule]))
    assert words[0] == "motifloom"
    parser = subparsers()[words[1]]
    flags = {word for word in words[2:] if word.startswith("--")}
    assert flags <= set(parser._option_string_actions)
    required = {action.option_strings[-1] for action in parser._actions if action.required and action.option_strings}
    assert required <= flags
    build_parser().parse_args(words[1:])


def test_every_rule_has_a_command_of_its_own_and_a_log() -> None:
    called = [shlex.split(shell)[1] for shell in shells().values()]
    assert sorted(called) == sorted(set(COMMANDS) - {"check"})
    assert all("--log {log:q}" in shell for shell in shells().values())


def test_a_rule_quotes_what_may_hold_blanks() -> None:
    plain = {"{threads}", "{wildcards.replicate}"}
    for shell in shells().values():
        assert {place for place in re.findall(r"\{[^}]*\}", shell) if not place.endswith(":q}")} <= plain


# ------------------------------------------------------------------------------------------------------ exit statuses

GOOD = """
results: results
datasets:
  toy:
    simulate: {motifs: [MA0139.2], positives: 30, chromosomes: 3, chromosome_length: 9000, jitter: 5}
    window: 60
    split: {validation: [chr2], test: [chr3]}
models: [knn]
"""


def outcome(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[str]]:
    status = main([str(argument) for argument in arguments])
    return status, capsys.readouterr().err.splitlines()


def test_status_0_when_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    status, told = outcome(capsys, "config", "--input", tmp_path / "good.yaml", "--output", tmp_path / "full.yaml")
    assert status == 0
    assert told == ["[config] datasets: 1, models: 1"]
    assert "resamples: 1000" in (tmp_path / "full.yaml").read_text()


def test_status_2_and_a_line_for_every_wrong_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(GOOD.replace("window", "windw").replace("results: results", "seeds: 1").replace("[knn]", "[knnn]"))
    status, told = outcome(capsys, "check", bad)
    known = ", ".join(ARCHITECTURES)
    assert status == 2
    assert sorted(told) == [
        f"error: {bad}: datasets.toy.windw: unknown key; the nearest known key is 'window'",
        f"error: {bad}: models.knnn: unknown architecture 'knnn'; expected one of {known}; the nearest is 'knn'",
        f"error: {bad}: seeds: unknown key; the nearest known key is 'seed'",
    ]


def test_status_2_and_a_line_for_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "no"
    for arguments in (
        ("check", missing),
        ("config", "--input", missing, "--output", tmp_path / "full.yaml"),
        ("pack", "--fasta", missing, "--output", tmp_path / "genome"),
        ("collect", "--inputs", missing, "--output", tmp_path / "all.tsv"),
        ("report", "--config", missing, "--results", tmp_path, "--output", tmp_path / "report.html"),
    ):
        status, (line,) = outcome(capsys, *arguments)
        assert status == 2
        assert line.startswith(f"error: {missing}: ")
        assert "no such file" in line.lower()


def test_status_2_of_the_shell_command_without_a_traceback(tmp_path: Path) -> None:
    missing, log = tmp_path / "no.yaml", tmp_path / "config.log"
    done = subprocess.run(
        [sys.executable, "-m", "motifloom", "config", "--input", missing, "--output", "x", "--log", log],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {missing}: no such file\n"
    assert log.read_text() == done.stderr


def test_status_1_where_the_system_tells_no_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: argparse.Namespace) -> None:
        raise OSError("odd")

    monkeypatch.setattr(check, "run", fail)
    assert main(["check", "my.yaml"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "error: No space left on device\n"),
        (OSError(errno.EROFS, "Read-only file system", "out/x"), "error: out/x: Read-only file system\n"),
        (OSError("No space left on device (os error 28)"), "error: No space left on device\n"),
        (MemoryError("Unable to allocate 9 EiB"), "error: too little memory: Unable to allocate 9 EiB\n"),
        (MemoryError(), "error: too little memory\n"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:1] . can't allocate memory: you tried to allocate 9 bytes."),
            "error: too little memory: can't allocate memory: you tried to allocate 9 bytes.\n",
        ),
    ],
)
def test_status_2_where_the_machine_has_no_room(
    error: Exception, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: argparse.Namespace) -> None:
        raise error

    monkeypatch.setattr(check, "run", fail)
    assert main(["check", "my.yaml"]) == 2
    assert capsys.readouterr().err == told


def test_status_2_where_the_log_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["check", "my.yaml", "--log", str(tmp_path / "file" / "x.log")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("arguments", [[], ["chek"], ["check"], ["train", "--epochs", "3"]])
def test_status_2_for_a_command_line_that_is_wrong(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    assert leaving.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_status_1_and_a_traceback_for_a_bug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(args: argparse.Namespace) -> None:
        raise RuntimeError(f"a bug with {args.file.name}")

    monkeypatch.setattr(check, "run", run)
    status, told = outcome(capsys, "check", tmp_path / "any.yaml", "--log", tmp_path / "check.log")
    assert status == 1
    assert any("Traceback (most recent call last)" in line for line in told)
    assert "RuntimeError: a bug with any.yaml" in told
    assert not any(line.startswith("error:") for line in told)
    assert "RuntimeError: a bug with any.yaml" in (tmp_path / "check.log").read_text()
