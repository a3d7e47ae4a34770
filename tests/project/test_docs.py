"""The documentation against the code: every key, default, range, file, column, constant and link."""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import annotated_types
import polars as pl
import pytest
import yaml
from pydantic import AfterValidator, BaseModel

from motifloom import config
from motifloom.config import PLACE_COLUMNS
from motifloom.data import fasta, negatives, placement, similarity
from motifloom.data import tables as tables_of_sequences
from motifloom.data.dataset import SEQUENCE_SCHEMA
from motifloom.data.examples import DROPPED_SCHEMA
from motifloom.data.leaks import LEAKS_SCHEMA
from motifloom.data.predictions import predictions_table
from motifloom.data.shortcuts import SHORTCUTS_SCHEMA
from motifloom.evaluation import across, calibration, experiments, metrics, mistakes, stability, strata, tables
from motifloom.evaluation.selection import sweep_table
from motifloom.jaspar import RELEASE
from motifloom.models.candidates import Candidate
from motifloom.models.kmers import kmer_columns
from motifloom.motifs import behaviour, consensus, filters, hits, learn, matching, motif, pairs
from motifloom.report.wording import LEVEL
from motifloom.training import history, selftests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from motifloom.config import Config
    from motifloom.data.dataset import Dataset

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")), ROOT / "examples" / "README.md"]
RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))

Row = dict[str, str]


def read(page: Path) -> str:
    return page.read_text("utf-8")


def sections(page: Path) -> dict[str, str]:
    """Return what stands under each heading, without what stands under the next one."""
    prose = re.sub(r"^```.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL)
    parts = re.split(r"^#+ (.*)$", prose, flags=re.MULTILINE)
    return {heading.strip(): body for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def table(text: str) -> list[Row]:
    """Return the rows of the first table."""
    lines = re.search(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert lines, "no table"
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[0].splitlines()]
    header = [cell.strip("| ") for cell in cells[0]]
    return [dict(zip(header, (cell.strip("| ") for cell in row), strict=True)) for row in cells[2:]]


def code(text: str) -> str:
    return text.removeprefix("`").removesuffix("`")


# ----------------------------------------------------------------------------------------------------- configuration

SECTIONS: dict[str, type[BaseModel]] = {
    "Top level": config.Config,
    "A genome and regions": config.GenomeDataset,
    "Two FASTA files": config.FastaDataset,
    "A table": config.TableDataset,
    "A simulation": config.SimulatedDataset,
    "`simulate`": config.Simulation,
    "Split by chromosomes": config.ChromosomeSplit,
    "Split by blocks": config.BlockSplit,
    "Split by shares": config.FractionSplit,
    "Split by a column": config.ColumnSplit,
    "`knn`": config.Knn,
    "`kmer_logistic`": config.KmerLogistic,
    "`gkm_svm`": config.GkmSvm,
    "`cnn`": config.Cnn,
    "`resnet`": config.Resnet,
    "`dilated_cnn`": config.DilatedCnn,
    "`rnn`": config.Rnn,
    "`lstm`": config.Lstm,
    "`bilstm`": config.Bilstm,
    "`cnn_bilstm`": config.CnnBilstm,
    "Training": config.Training,
    "Evaluation": config.Evaluation,
    "Motifs": config.Motifs,
    "Experiments": config.Experiments,
    "`learning_curve`": config.LearningCurve,
    "`capacity`": config.Capacity,
    "`context`": config.Context,
    "`resampling`": config.Resampling,
}


def reachable(kind: Any) -> Iterator[type[BaseModel]]:
    """Yield every model of the configuration below `kind`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
        for field in kind.model_fields.values():
            yield from reachable(field.annotation)
    for part in typing.get_args(kind):
        yield from reachable(part)


def test_every_section_is_documented() -> None:
    assert set(SECTIONS.values()) == set(reachable(config.Config))


@pytest.mark.parametrize("heading", SECTIONS)
def test_keys_are_those_of_the_code(heading: str) -> None:
    rows = table(sections(DOCS / "configuration.md")[heading])
    assert {code(row["key"]) for row in rows} == set(SECTIONS[heading].model_fields)
    assert all(row["meaning"] for row in rows)


KEYS = [(heading, key) for heading, model in SECTIONS.items() for key in model.model_fields]


@pytest.mark.parametrize(("heading", "key"), KEYS)
def test_default_and_type_are_those_of_the_code(heading: str, key: str) -> None:
    row = next(r for r in table(sections(DOCS / "configuration.md")[heading]) if code(r["key"]) == key)
    field = SECTIONS[heading].model_fields[key]
    assert documented_default(row["default"]) == default(field)
    if expected := type_text(field):
        assert row["type"] == expected


def documented_default(cell: str) -> Any:
    words = {"required": ..., "none": None, "see below": "a section"}
    return words[cell] if cell in words else yaml.safe_load(code(cell))


def default(field: FieldInfo) -> Any:
    if field.is_required():
        return ...
    if isinstance(field.default, BaseModel):
        return "a section"
    return list(field.default) if isinstance(field.default, tuple) else field.default


def type_text(field: FieldInfo) -> str:
    """Say what a field takes as the documentation does; nothing where that is a section or a choice of forms."""
    kind = field.annotation
    if kind is bool:
        return "`true` or `false`"
    if typing.get_origin(kind) is Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(kind))
    if typing.get_origin(kind) is list:
        (item,) = typing.get_args(kind)
        return f"list of {item_text(item)}"
    if kind is int or kind is float:
        return number_text(kind, field.metadata)
    return "text" if kind is str or (str in typing.get_args(kind) and type(None) in typing.get_args(kind)) else ""


def item_text(item: Any) -> str:
    if item is str:
        return "text"
    kind, *metadata = typing.get_args(item)
    limits = [limit for entry in metadata for limit in getattr(entry, "metadata", [])]
    return number_text(kind, limits).replace("integer", "integers").replace("number", "numbers")


def number_text(kind: type, metadata: list[Any]) -> str:
    odd = any(isinstance(item, AfterValidator) for item in metadata)
    noun = ("odd " if odd else "") + ("integer" if kind is int else "number")
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [
        (name, getattr(item, name))
        for item in metadata
        if isinstance(item, annotated_types.Ge | annotated_types.Gt | annotated_types.Le | annotated_types.Lt)
        for name in signs
        if hasattr(item, name)
    ]
    if [name for name, _ in found] == ["ge", "le"]:
        return f"{noun}, {found[0][1]} to {found[1][1]}"
    return f"{noun} " + " and ".join(f"{signs[name]} {limit:g}" for name, limit in found)


def test_reserved_names_and_databases_are_told() -> None:
    text = read(DOCS / "configuration.md")
    assert all(f"`{name}`" in text for name in config.RESERVED_NAMES)
    assert all(f"`{config.JASPAR_PREFIX}{taxon}`" in text for taxon in config.TAXA)
    assert RELEASE.removeprefix("JASPAR") in text


# -------------------------------------------------------------------------------------------------------------- yaml


def yaml_blocks() -> list[Any]:
    return [
        pytest.param(yaml.safe_load(block), id=f"{page.relative_to(ROOT)} {number}")
        for page in PAGES
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```$", read(page), re.MULTILINE | re.DOTALL))
    ]


@pytest.mark.parametrize("settings", yaml_blocks())
def test_yaml_examples_are_valid(settings: dict[str, Any]) -> None:
    if settings.keys() & {"default-resources", "set-resources"}:
        assert set(settings.get("set-resources", {})) <= set(rules())
        return
    simulated = {"simulate": {"motifs": ["MA0139.2"]}, "split": {"validation": ["chr1"], "test": ["chr2"]}}
    config.validate({"datasets": {"toy": simulated}} | settings)


def test_the_tutorial_shows_the_yeast_example() -> None:
    block = re.search(r"^```yaml\n(results.*?)^```$", read(DOCS / "tutorial.md"), re.MULTILINE | re.DOTALL)
    assert block
    assert yaml.safe_load(block[1]) == yaml.safe_load(read(ROOT / "examples" / "yeast.yaml"))


# ------------------------------------------------------------------------------------------------------------ results

TYPES = {pl.String: "text", pl.Int64: "integer", pl.Int8: "integer", pl.Float64: "number", pl.Boolean: "true or false"}

SCHEMAS: dict[str, Any] = {
    "metrics.tsv": tables.METRICS_SCHEMA,
    "comparisons.tsv": tables.COMPARISONS_SCHEMA,
    "dropped.tsv": DROPPED_SCHEMA,
    "sequences.parquet": SEQUENCE_SCHEMA,
    "leaks.parquet": LEAKS_SCHEMA,
    "shortcuts.tsv": SHORTCUTS_SCHEMA,
    "history.csv": history.HISTORY_SCHEMA,
    "selftests.tsv": selftests.SELFTESTS_SCHEMA,
    "gradients.tsv": selftests.GRADIENTS_SCHEMA,
    "motifs.tsv": learn.TABLE_SCHEMA,
    "consensus.tsv": consensus.CONSENSUS_SCHEMA,
    "behaviour.tsv": behaviour.BEHAVIOUR_SCHEMA,
    "pairs.tsv": pairs.PAIRS_SCHEMA,
    "hits.bed.gz": hits.HITS_SCHEMA,
    "calibration.tsv": calibration.CALIBRATION_SCHEMA,
    "reliability.tsv": calibration.RELIABILITY_SCHEMA,
    "strata.tsv": strata.STRATA_SCHEMA,
    "errors.tsv": mistakes.ERRORS_SCHEMA,
    "stability.tsv": stability.STABILITY_SCHEMA,
    "resampling.tsv": experiments.RESAMPLING_SCHEMA,
}


def columns(name: str) -> dict[str, str]:
    """Return the documented columns of a file and their types."""
    return {code(row["column"]): row["type"] for row in table(sections(DOCS / "results.md")[f"`{name}`"])}


def named(schema: Any) -> dict[str, str]:
    return {column: TYPES[kind] for column, kind in dict(schema).items()}


@pytest.mark.parametrize("name", SCHEMAS)
def test_columns_are_those_of_the_schema(name: str) -> None:
    assert columns(name) == named(SCHEMAS[name])
    assert list(columns(name)) == list(SCHEMAS[name])


def test_columns_are_those_of_the_files(toy: Dataset, toy_config: Config) -> None:
    scores = toy.labels(toy.rows("validation"))
    tried = [Candidate("spectrum", "penalty", 0.1, {"validation": scores})]
    sweep = sweep_table(toy.tasks, {"validation": scores}, tried, "binary")
    home = Path(toy_config.results)
    found = {
        "examples.parquet": toy.examples.select(PLACE_COLUMNS),
        "predictions.parquet": predictions_table(toy, toy.rows("validation"), scores),
        "sweep.tsv": sweep,
        "sites.tsv": pl.read_csv(home / "toy" / "simulation" / "sites.tsv", separator="\t"),
        "contigs.tsv": pl.read_csv(toy_config.packed_genome("toy") / "contigs.tsv", separator="\t"),
    }
    for name, written in found.items():
        assert columns(name) == named(written.schema), name
    assert toy.examples.columns == [*PLACE_COLUMNS, "toy"]


def rules() -> dict[str, str]:
    """Return the text of every rule of the workflow."""
    text = "\n".join(map(read, RULES))
    parts = re.split(r"^rule (\w+):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_file_that_a_rule_makes_is_described() -> None:
    described = set(re.findall(r"`([^`]+)`", sections(DOCS / "results.md")["Files"]))
    for name, text in rules().items():
        made = re.findall(r'f"\{RESULTS\}/([^"]+)"', text[text.index("output:") : text.index("log:")])
        assert made, name
        for path in made:
            each = path.replace("{{", "{").replace("}}", "}")
            for file in ("metrics.tsv", "comparisons.tsv") if "{table}" in each else (each,):
                assert file in described


def test_every_reason_to_leave_a_region_out_is_told() -> None:
    reasons = [
        value
        for module in (placement, fasta)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and " " in value.strip()
    ]
    rows_of_tables = inspect.getsource(tables_of_sequences._reasons)
    reasons += re.findall(r', "([^"]+ [^"]+)"\),', rows_of_tables)
    assert len(reasons) >= 15
    told = " ".join(sections(DOCS / "results.md")["`dropped.tsv`"].split())
    assert [reason for reason in reasons if reason not in told] == []


# ------------------------------------------------------------------------------------------------------------ science


def test_constants_are_those_of_the_code() -> None:
    text = " ".join(read(DOCS / "science.md").split())
    bounds = (
        f"{matching.MIN_INFORMATION:g} bits, {matching.MIN_WIDTH} to {matching.MAX_WIDTH} bp and at least "
        f"{matching.MIN_SITES} sites"
    )
    kmer = config.Knn().kmer
    for phrase in (
        f"more than {100 * negatives.MAX_UNKNOWN:g} % are N",
        f"at most {100 * negatives.GC_TOLERANCE:g} % of the window away",
        f"canonical {similarity.KMER}-mers",
        f"at {similarity.NEAR:g} they are near-duplicates",
        f"the {similarity.SKETCH} smallest hashes",
        f"each is compared with {similarity.NEIGHBOURS} others",
        f"{kmer_columns(kmer, canonical=True).max() + 1:,} numbers for *k* = {kmer}".replace(",", " "),
        f"on up to {selftests.SAMPLE} sequences",
        f"together at most {selftests.SAMPLE_BASES:,} bp".replace(",", " "),
        f"outputs differ by at most {selftests.ALIKE:.0e}".replace("e-0", "e-"),
        f"activation differs by at most {selftests.ALIKE:.0e}".replace("e-0", "e-"),
        f"of 1 where that is greater | {selftests.ROUNDING:.0e} |".replace("e-0", "e-"),
        f"alone ({selftests.FEW} of them)",
        f"all sequences | {selftests.DEAD:g} |",
        f"{metrics.BINS} bins of equal width",
        f"at a threshold of {metrics.THRESHOLD:g}",
        f"{100 * filters.BACKGROUND_BELOW:g} % of the background",
        f"at most {filters.BACKGROUND:,} in number".replace(",", " "),
        f"above {filters.ENRICHED:g} it is no more",
        f"after Benjamini and Hochberg, must be at most {filters.ENRICHED_Q:g}",
        f"less than {motif.TRIM_BITS:g} bits",
        bounds,
        f"at least {matching.SHUFFLED:,} shuffled matrices".replace(",", " "),
        f"{100 * matching.NULL_QUANTILE:g} % quantile of the shuffled",
        f"λ > 1 times −ln {matching.NULL_QUANTILE:g}",
        f"in at least {matching.ORDERS} other orders",
        f"taken to be at least {matching.LEAST_SCALE:g}",
        f"the report counts it where q < {matching.CONFIDENT_Q:g}",
        f"shuffled {pairs.SHUFFLES:,} times".replace(",", " "),
        f"windows of {pairs.WINDOW} bp",
        f"at most {matching.EQUIVALENT_Q:g}, with the known motifs",
        f"counts it where q < {LEVEL:g}",
        f"between {calibration.COLDEST:g} and {calibration.HOTTEST:g}",
        f"canonical {mistakes.KMER}-mers",
        f"fewer than {across.FEWEST} datasets or tasks",
        f"calls two models different where q < {LEVEL:g}",
    ):
        assert phrase in text, phrase
    assert motif.PSEUDOCOUNT == 1
    assert "one site of uniform bases is added" in text
    for name in metrics.METRICS:
        assert f"| `{name}` |" in text


# ----------------------------------------------------------------------------------------------------------- clusters

AMOUNT = r"(?:(\d+) \* )?attempt}"


def amount(text: str, resource: str, units: dict[str, str]) -> str:
    """Return what a rule asks for, as the documentation writes it."""
    stated = re.search(rf"{resource}=(.*),$", text, re.MULTILINE)
    assert stated
    unit = next(u for u in units if f'{u}"' in stated[1])
    growing = re.search(AMOUNT, stated[1])
    fixed = re.search(r'"(\d+)', stated[1])
    number = (growing[1] or "1") if growing else fixed[1] if fixed else ""
    return f"{number} {units[unit]}" + (" × try" if growing else "")


def test_memory_and_time_of_jobs_are_those_of_the_rules() -> None:
    of_rules = rules()
    rows = table(sections(DOCS / "clusters.md")["What runs where"])
    local = set(re.findall(r"^localrules:\n    (\w+),$", "\n".join(map(read, RULES)), re.MULTILINE))
    assert {code(row["rule"]) for row in rows} == set(of_rules) - local
    for row in rows:
        text = of_rules[code(row["rule"])]
        assert row["memory"] == amount(text, "mem", {"GB": "GB"})
        assert row["time limit"] == amount(text, "runtime", {"m": "min", "h": "h"})
        assert ("gpu=" in text) == ("GPU" in row["processors"])


def test_settings_of_the_slurm_profile_are_told() -> None:
    profile = yaml.safe_load(read(ROOT / "profiles" / "slurm" / "profile.yaml"))
    told = read(DOCS / "clusters.md")
    quoted = [key for key in profile if f"`{key}: " in told]
    assert len(quoted) >= 6
    for key in quoted:
        assert f"`{key}: {str(profile[key]).replace('True', 'true')}`" in told


# -------------------------------------------------------------------------------------------------------------- links


def slug(heading: str) -> str:
    """Return GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in {slug(heading) for heading in sections(linked)}, target


def test_places_of_the_map_exist() -> None:
    for row in table(sections(ROOT / "CONTRIBUTING.md")["Where does my change go?"]):
        for path in re.findall(r"`([\w./]+/[\w./]*)`", row["place"]):
            assert (ROOT / path).exists() or (ROOT / "src" / "motifloom" / path).exists(), path
