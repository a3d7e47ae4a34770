"""One list of dependencies told in several files, and one version."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
CONDA_NAMES = {"torch": "pytorch"}
"""Where conda calls a package by another name."""

ONLY_PIP = {"memelite", "modisco-lite"}
"""What neither conda-forge nor bioconda has, in the version that is meant."""


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return table


def needed(*extras: str) -> list[Requirement]:
    listed = list(project()["dependencies"])
    for extra in extras:
        listed += project()["optional-dependencies"][extra]
    return [Requirement(line) for line in listed]


def environment() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    return found


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line.strip() and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs)
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def test_conda_environment_is_that_of_the_project() -> None:
    listed = environment()["dependencies"]
    by_conda = {Requirement(line).name: Requirement(line).specifier for line in listed if isinstance(line, str)}
    by_pip = {Requirement(line).name: Requirement(line).specifier for section in listed if isinstance(section, dict)
              for line in section["pip"]}  # fmt: skip
    wanted = {CONDA_NAMES.get(one.name, one.name): one.specifier for one in needed() if one.name not in ONLY_PIP}
    assert by_conda.pop("pip") == ""
    assert str(by_conda.pop("python")) == project()["requires-python"]
    assert by_conda == wanted
    assert by_pip == {one.name: one.specifier for one in needed() if one.name in ONLY_PIP}


def test_conda_environment_takes_only_the_two_channels() -> None:
    assert environment()["channels"] == ["conda-forge", "bioconda", "nodefaults"]
    assert environment()["name"] == project()["name"]


@pytest.mark.parametrize("requirement", needed("dev"), ids=lambda one: one.name)
def test_the_pinned_version_satisfies_the_project(requirement: Requirement) -> None:
    assert pins()[canonicalize_name(requirement.name)] in requirement.specifier


def test_torch_is_the_version_that_is_tested() -> None:
    assert pins()["torch"] == Version("2.13.0")


@pytest.mark.parametrize("compromised", ["2.6.2", "2.6.3"])
def test_compromised_versions_of_lightning_are_refused(compromised: str) -> None:
    (lightning,) = [one for one in needed() if one.name == "pytorch-lightning"]
    assert Version(compromised) not in lightning.specifier
    assert pins()["pytorch-lightning"] != Version(compromised)


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == project()["version"]
    assert citation["title"] == project()["name"]
    assert citation["license"] == project()["license"]
    assert citation["abstract"].rstrip(".") == project()["description"]


def test_hooks_are_the_checks_of_make_lint() -> None:
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert repo["repo"] == "local"
    assert all(hook["language"] == "system" for hook in repo["hooks"])
    makefile = (ROOT / "Makefile").read_text("utf-8")
    recipe = makefile[makefile.index("\nlint:") :].split("\n\n")[0]
    checks = [line.split('PATH" ')[1].strip() for line in recipe.splitlines() if 'PATH" ' in line]
    hooks = [hook["entry"].replace(" --force-exclude", "") for hook in repo["hooks"]]
    assert hooks == checks
