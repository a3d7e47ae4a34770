"""The whole configuration as typed, frozen models: the one place that reads ``config.yaml``.

The Snakefile and every ``motifloom`` command validate through :func:`validate`, so both know the same keys and the same
defaults. Unknown keys are errors that name the nearest known key, and all problems are told at once.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import types
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from motifloom.errors import InputError

RESERVED_NAMES = frozenset(
    {
        *("benchmarks", "genomes", "logs", "simulation"),
        *("comparisons.tsv", "config.yaml", "metrics.tsv", "report.html"),
        *("chrom", "end", "id", "split", "start", "strand"),
        "oracle",
    }
)
"""Folders and files of the results, columns of the examples, and the model that simulated datasets carry."""

JASPAR_PREFIX = "jaspar-"
TAXA = ("fungi", "insects", "nematodes", "plants", "vertebrates")
"""The taxonomic groups of JASPAR that ``motifs.database`` may name."""


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError("a name holds letters, digits, '.', '_' and '-', and starts with a letter or digit")
    if name in RESERVED_NAMES:
        raise ValueError(f"the name is taken; choose another one than {', '.join(sorted(RESERVED_NAMES))}")
    return name


def _check_folder(path: str) -> str:
    if set(path) & set("{}"):
        raise ValueError("expected a path without braces, which the workflow reads as wildcards")
    return path


def _check_odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError("expected an odd number, so that the filter has a centre")
    return size


def _check_database(database: str) -> str:
    known = [f"{JASPAR_PREFIX}{taxon}" for taxon in TAXA]
    if database.startswith(JASPAR_PREFIX) and database not in known:
        raise ValueError(f"expected the path of a MEME file or one of {', '.join(known)}")
    return database


Name = Annotated[str, AfterValidator(_check_name)]
PathText = Annotated[str, Field(min_length=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Penalty = Annotated[float, Field(ge=0)]
Odd = Annotated[int, Field(ge=1), AfterValidator(_check_odd)]


class Section(BaseModel):
    """A part of the configuration: unknown keys refused, values never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


# ----------------------------------------------------------------------------------------------------------- datasets


class ChromosomeSplit(Section):
    """Whole chromosomes held out: no window of one split can overlap a window of another."""

    validation: Annotated[list[str], Field(min_length=1)]
    test: Annotated[list[str], Field(min_length=1)]

    @model_validator(mode="after")
    def _disjoint(self) -> ChromosomeSplit:
        shared = sorted(set(self.validation) & set(self.test))
        if shared:
            raise ValueError(f"{', '.join(shared)} in both validation and test")
        return self


class Motifs(Section):
    """What learned motifs are compared with."""

    database: Annotated[PathText, AfterValidator(_check_database)] = "jaspar-vertebrates"


class GenomicWindows(Section):
    """What every dataset that comes from a genome and regions has."""

    window: Annotated[int, Field(ge=10)] = 200
    negatives: Literal["gc-matched", "random"] = "gc-matched"
    negatives_per_positive: Count = 1
    split: ChromosomeSplit
    motifs: Motifs | None = None


class GenomeDataset(GenomicWindows):
    """A genome and regions bound in it."""

    genome: PathText
    regions: PathText
    exclude: PathText | None = None


class Simulation(Section):
    """A genome of independent bases with one motif site near the centre of every region.

    `motifs` are JASPAR matrix ids; each region gets a site of one of them, drawn evenly, on a random strand, its centre
    at most `jitter` bp from the region's centre.
    """

    motifs: Annotated[list[str], Field(min_length=1)]
    positives: Count = 2000
    chromosomes: Annotated[int, Field(ge=3)] = 8
    chromosome_length: Annotated[int, Field(ge=1000)] = 250_000
    gc: Annotated[float, Field(gt=0, lt=1)] = 0.42
    jitter: Annotated[int, Field(ge=0)] = 40


class SimulatedDataset(GenomicWindows):
    """A genome and regions that motifloom makes itself, with a known answer."""

    simulate: Simulation

    @model_validator(mode="after")
    def _chromosomes(self) -> SimulatedDataset:
        made = [f"chr{number}" for number in range(1, self.simulate.chromosomes + 1)]
        held_out = {*self.split.validation, *self.split.test}
        unknown = sorted(held_out - set(made))
        if unknown:
            raise ValueError(f"the split names {', '.join(unknown)}; the simulation makes {made[0]} to {made[-1]}")
        if held_out == set(made):
            raise ValueError("validation and test name every chromosome; none is left to train on")
        if self.simulate.positives < len(made):
            raise ValueError(f"{self.simulate.positives} positives on {len(made)} chromosomes leave some without any")
        return self


def _source(section: Any) -> str | None:
    """Name the source a dataset's section speaks of, for pydantic's choice between the kinds of dataset."""
    if isinstance(section, BaseModel):
        return "simulate" if isinstance(section, SimulatedDataset) else "genome"
    if isinstance(section, dict):
        if "simulate" in section:
            return "simulate"
        if "genome" in section or "regions" in section:
            return "genome"
    return None


Dataset = Annotated[
    Annotated[GenomeDataset, Tag("genome")] | Annotated[SimulatedDataset, Tag("simulate")],
    Discriminator(
        _source,
        custom_error_type="source",
        custom_error_message="expected one source: 'genome' and 'regions', or 'simulate'",
    ),
]


# ------------------------------------------------------------------------------------------------------------- models


class Knn(Section):
    """k nearest neighbours on canonical k-mer spectra; the number of neighbours is chosen on validation."""

    architecture: Literal["knn"] = "knn"
    kmer: Annotated[int, Field(ge=1, le=8)] = 6
    neighbours: Annotated[list[Count], Field(min_length=1)] = [1, 3, 29]


class Network(Section):
    """What every network has: regularisation."""

    dropout: Fraction = 0.3
    weight_decay: Penalty = 1e-3


class Convolutional(Network):
    """What every network with a first convolution has: its filters are what motifs are read from."""

    filters: Count = 64
    kernel_size: Odd = 19
    activation: Literal["relu", "exponential"] = "relu"


class Cnn(Convolutional):
    """Convolution, max-pooling, convolution, dense."""

    architecture: Literal["cnn"] = "cnn"
    activation: Literal["relu", "exponential"] = "exponential"
    dropout: Fraction = 0.5
    pool_size: Count = 25
    hidden: Count = 64


class DilatedCnn(Convolutional):
    """Convolution, residual blocks of exponentially growing dilation, global pooling."""

    architecture: Literal["dilated_cnn"] = "dilated_cnn"
    blocks: Count = 4


class Bilstm(Network):
    """An LSTM over the bases in both directions."""

    architecture: Literal["bilstm"] = "bilstm"
    hidden: Count = 64
    layers: Count = 1


class CnnBilstm(Convolutional):
    """Convolution, max-pooling, LSTM in both directions, dense."""

    architecture: Literal["cnn_bilstm"] = "cnn_bilstm"
    activation: Literal["relu", "exponential"] = "exponential"
    pool_size: Count = 5
    hidden: Count = 32


Model = Annotated[Knn | Cnn | DilatedCnn | Bilstm | CnnBilstm, Discriminator("architecture")]
ARCHITECTURES = ("knn", "cnn", "dilated_cnn", "bilstm", "cnn_bilstm")
BASELINES = (Knn,)


class Training(Section):
    """The training loop, alike for every network."""

    max_epochs: Count = 100
    batch_size: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    patience: Count = 20
    reverse_complement: bool = True


class Evaluation(Section):
    """Intervals and comparisons."""

    resamples: Annotated[int, Field(ge=100)] = 1000
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


class Config(Section):
    """A whole run."""

    results: Annotated[PathText, AfterValidator(_check_folder)] = "results"
    seed: Annotated[int, Field(ge=0)] = 0
    replicates: Count = 1
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    motifs: Motifs = Motifs()

    @model_validator(mode="before")
    @classmethod
    def _name_architectures(cls, section: Any) -> Any:
        """Let ``models`` be a list of architectures, and a model's name stand for its architecture."""
        if not isinstance(section, dict) or "models" not in section:
            return section
        models = section["models"]
        if isinstance(models, list) and all(isinstance(name, str) for name in models):
            models = {name: {} for name in models}
        if not isinstance(models, dict):
            return section
        named = {}
        for name, settings in models.items():
            filled = {} if settings is None else settings
            if isinstance(filled, dict) and "architecture" not in filled:
                filled = {"architecture": name, **filled}
            named[name] = filled
        return {**section, "models": named}

    def fasta(self, dataset: str) -> Path:
        """Return the FASTA file that `dataset`'s windows lie in."""
        section = self.datasets[dataset]
        return Path(section.genome) if isinstance(section, GenomeDataset) else self._simulated(dataset, "genome.fa")

    def regions(self, dataset: str) -> Path:
        """Return the BED file of `dataset`'s regions."""
        section = self.datasets[dataset]
        return Path(section.regions) if isinstance(section, GenomeDataset) else self._simulated(dataset, "regions.bed")

    def exclude(self, dataset: str) -> Path | None:
        """Return the BED file of places that `dataset` never uses."""
        section = self.datasets[dataset]
        return Path(section.exclude) if isinstance(section, GenomeDataset) and section.exclude else None

    def packed_genome(self, dataset: str) -> Path:
        """Return the folder that holds `dataset`'s genome as codes, the same for all datasets of one FASTA file."""
        fasta = self.fasta(dataset)
        stem = re.sub(r"[^A-Za-z0-9_-]", "-", fasta.name.split(".")[0])
        digest = hashlib.sha256(str(fasta).encode()).hexdigest()[:8]
        return Path(self.results) / "genomes" / f"{stem}-{digest}"

    def region_files(self, dataset: str) -> list[str]:
        """Return the files of places that `dataset` is prepared from: its regions, and what it excludes."""
        return [str(path) for path in (self.regions(dataset), self.exclude(dataset)) if path]

    def database(self, dataset: str) -> str:
        """Return the name or path of the known motifs that `dataset`'s learned motifs are compared with."""
        return (self.datasets[dataset].motifs or self.motifs).database

    def database_file(self, dataset: str) -> list[str]:
        """Return the MEME file of `dataset`'s known motifs; nothing where they come with a package."""
        database = self.database(dataset)
        return [] if database.startswith(JASPAR_PREFIX) else [database]

    def settings_of(self, stage: str, dataset: str = "", model: str = "") -> str:
        """Return, as JSON, the settings whose change makes `stage` run anew, and no others."""
        section = self.datasets[dataset] if dataset else None
        match stage:
            case "simulate" if isinstance(section, SimulatedDataset):
                settings: list[Any] = [self.seed, section.window, section.simulate.model_dump()]
            case "prepare" if section:
                settings = [self.seed, section.model_dump(exclude={"motifs", "simulate"})]
            case "train":
                settings = [self.seed, self.models[model].model_dump(), self.training.model_dump()]
            case "fit":
                settings = [self.models[model].model_dump()]
            case "evaluate":
                settings = [self.seed, self.evaluation.model_dump()]
            case "motifs":
                settings = [self.seed, self.database(dataset)]
            case _:
                raise ValueError(f"no settings of {stage}")
        return json.dumps(settings)

    def networks(self) -> list[str]:
        """Return the names of the models that are trained by gradient descent."""
        return [name for name, model in self.models.items() if not isinstance(model, BASELINES)]

    def baselines(self) -> list[str]:
        """Return the names of the models that are fitted without gradients."""
        return [name for name, model in self.models.items() if isinstance(model, BASELINES)]

    def with_filters(self) -> list[str]:
        """Return the names of the models whose first layer is a convolution."""
        return [name for name, model in self.models.items() if isinstance(model, Convolutional)]

    def simulated(self) -> list[str]:
        """Return the names of the datasets that motifloom simulates."""
        return [name for name, section in self.datasets.items() if isinstance(section, SimulatedDataset)]

    def _simulated(self, dataset: str, name: str) -> Path:
        return Path(self.results) / dataset / "simulation" / name


# ------------------------------------------------------------------------------------------------- reading and errors


def validate(settings: Any, source: str = "config") -> Config:
    """Check `settings`, fill in the defaults and return the configuration.

    Parameters
    ----------
    settings
        What a YAML file holds.
    source
        The file's name, for the messages.

    Raises
    ------
    InputError
        With every problem at once: the key's path, the value found and what was expected.
    """
    if not isinstance(settings, dict):
        raise InputError(f"{source}: expected a mapping of keys, found {type(settings).__name__}")
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise InputError(f"{source}: {_explain(problem)}" for problem in error.errors()) from None


def read(path: str | Path, dataset: str | None = None, model: str | None = None) -> Config:
    """Read and check a configuration file.

    Parameters
    ----------
    dataset, model
        Names that it must hold.

    Raises
    ------
    InputError
        Where the file is missing, is no YAML, holds what :func:`validate` refuses, or lacks a name.
    """
    try:
        settings = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is no YAML: {' '.join(str(error).split())}") from None
    config = validate(settings, str(path))
    for kind, name, known in (("datasets", dataset, config.datasets), ("models", model, config.models)):
        if name is not None and name not in known:
            raise InputError(f"{path}: {kind}: no '{name}'; expected one of {', '.join(known)}")
    return config


def dump(config: Config) -> str:
    """Return the configuration as YAML with every default filled in; :func:`read` gives the same configuration back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _explain(problem: Any) -> str:
    """Turn one of pydantic's errors into one line for a user."""
    path, known = _follow(problem["loc"])
    if problem["type"] == "extra_forbidden":
        key = str(problem["loc"][-1])
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
        hint = f"the nearest known key is '{nearest[0]}'" if nearest else f"known keys are {', '.join(known)}"
        return f"{path}: unknown key; {hint}"
    if problem["type"] == "missing":
        return f"{path}: missing"
    if problem["type"] == "union_tag_invalid":
        found = problem["ctx"]["tag"]
        nearest = difflib.get_close_matches(found, ARCHITECTURES, n=1)
        hint = f"; the nearest is '{nearest[0]}'" if nearest else ""
        return f"{path}: unknown architecture '{found}'; expected one of {', '.join(ARCHITECTURES)}{hint}"
    message = problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    value = problem["input"]
    found = "" if isinstance(value, dict | list) else f", found {value!r}"
    return f"{path}: {message}{found}" if path else message


def _follow(location: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """Follow pydantic's location of an error through the models.

    Returns
    -------
    str
        The path as the user wrote it, without the marks pydantic puts in for the member of a union.
    list[str]
        The keys known at the innermost section.
    """
    kind: Any = Config
    steps: list[str] = []
    known: list[str] = []
    for step in location:
        if step == "[key]":
            continue
        members = _members(kind)
        if len(members) > 1 and step in members:
            kind = members[str(step)]
            continue
        steps.append(str(step))
        model = next(iter(members.values()), None) if len(members) == 1 else None
        if isinstance(model, type) and issubclass(model, BaseModel):
            known = list(model.model_fields)
            field = model.model_fields.get(str(step))
            kind = field.annotation if field else None
            continue
        arguments = typing.get_args(kind)
        kind = arguments[-1] if arguments else None
    return ".".join(steps), known


def _members(kind: Any) -> dict[str, Any]:
    """Return the models `kind` may be, by the tag that pydantic puts into an error's location."""
    while typing.get_origin(kind) is Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        found: dict[str, Any] = {}
        for member in typing.get_args(kind):
            tag = next((m.tag for m in getattr(member, "__metadata__", ()) if isinstance(m, Tag)), None)
            for name, model in _members(member).items():
                found[tag or name] = model
        return found
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get("architecture")
        return {str(field.default) if field else kind.__name__: kind}
    return {}
