"""Every command that the README and the documentation show: run where it is cheap, else held against what there is."""

from __future__ import annotations

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from motifloom import config
from motifloom.cli import build_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("*.md")),
]
CHROMOSOME = 12_000
NAMED = {
    ". .venv/bin/activate": ("Makefile", "VENV := .venv\n"),
    "conda env create --file environment.yml": ("environment.yml", "dependencies:\n"),
    "conda activate motifloom": ("environment.yml", "name: motifloom\n"),
    "pip install --no-deps --editable .": ("pyproject.toml", 'name = "motifloom"\n'),
    "mkdir -p data/yeast": ("examples/yeast.yaml", " data/yeast/"),
}
"""What is not run, with the file and the text in it that the command relies on."""

OTHERS_TOOLS = {"pre-commit", "pytest", "ruff", "snakefmt", "squeue", "scancel"}
"""Shown with flags that their own documentation explains; what they name in the project must exist."""


def blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def shown() -> dict[str, str]:
    """Return every command of every console block, and the page it is first shown on."""
    found: dict[str, str] = {}
    for page in PAGES:
        for block in blocks(page, "console"):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("$ "):
                    command = line.removeprefix("$ ").strip()
                    if command.startswith("snakemake ") and "--unlock" not in command:
                        command = command.replace(" --dry-run", "") + " --dry-run"
                    found.setdefault(command, str(page.relative_to(ROOT)))
    return found


COMMANDS = shown()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the configurations that the pages speak of and small inputs for them."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("Snakefile", "workflow", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "config.yaml", folder)
    shutil.copytree(ROOT / "examples", folder / "examples")
    (folder / "my.yaml").write_text(next(blocks(ROOT / "README.md", "yaml")), "utf-8")
    for name in ("my.yaml", "examples/yeast.yaml"):
        _write_inputs(folder, config.read(folder / name))
    return folder


def _write_inputs(folder: Path, settings: config.Config) -> None:
    random = np.random.default_rng(3)
    for name, section in settings.datasets.items():
        chroms = ["chrI", "chrII", *section.split.validation, *section.split.test]
        fasta = settings.fasta(name)
        (folder / fasta).parent.mkdir(parents=True, exist_ok=True)
        bases = {chrom: "".join(random.choice(list("ACGT"), CHROMOSOME)) for chrom in chroms}
        text = "".join(f">{chrom}\n{sequence}\n" for chrom, sequence in bases.items())
        (folder / fasta).write_bytes(gzip.compress(text.encode(), mtime=0) if fasta.suffix == ".gz" else text.encode())
        for number, regions in enumerate(settings.regions(name).values()):
            starts = range(600 + 400 * number, CHROMOSOME - 600, 2400)
            (folder / regions).write_text("".join(f"{c}\t{start}\t{start + 1}\n" for c in chroms for start in starts))
        if section.exclude:
            (folder / section.exclude).write_text("chrI\t0\t100\n")


def _run(command: list[str], folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS"}}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def _check(words: list[str], folder: Path) -> None:
    """Run a command, or hold what it names against what there is."""
    match words:
        case ["make", *_]:
            targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[0].split()
            assert set(words[1:]) <= set(targets)
            _run(["make", "--dry-run", *words[1:]], ROOT)
        case ["motifloom", "check" | "--version", *_] | ["motifloom", *_, "--help"] | ["snakemake", *_]:
            _run(words, folder)
        case ["motifloom", *arguments]:
            build_parser().parse_args(arguments)
        case ["sbatch", *_, "--wrap", wrapped]:
            _check([*shlex.split(wrapped), "--dry-run"], folder)
        case [tool, *arguments] if tool in OTHERS_TOOLS:
            assert all((ROOT / argument).exists() for argument in arguments if "/" in argument)
        case _:
            file, text = NAMED[shlex.join(words)]
            assert text in (ROOT / file).read_text("utf-8")


@pytest.mark.parametrize("command", [pytest.param(c, id=f"{page}: {c}") for c, page in COMMANDS.items()])
def test_command(command: str, checkout: Path) -> None:
    _check(shlex.split(command), checkout)


def test_the_readme_shows_the_commands_that_matter() -> None:
    of_readme = [command for command, page in COMMANDS.items() if page == "README.md"]
    for start in ("make run", "motifloom check", "snakemake --cores all --configfile", "motifloom train --help"):
        assert any(command.startswith(start) for command in of_readme)


def test_files_named_in_the_tree_of_results_are_made() -> None:
    """What the README's tree of results names, docs/results.md describes."""
    tree = next(block for block in blocks(ROOT / "README.md", "text") if block.startswith("results/"))
    described = (ROOT / "docs" / "results.md").read_text("utf-8")
    for name in re.findall(r"[\w.]+\.(?:html|tsv|yaml|parquet|ckpt|csv|meme)", tree):
        assert name in described
