"""The section that holds all others: a whole run."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from motifloom.config.datasets import Dataset, FastaDataset, GenomeDataset, Motifs, SimulatedDataset, TableDataset
from motifloom.config.experiments import Capacity, Experiments
from motifloom.config.models import BASELINES, Convolutional, GkmSvm, Knn, Model, Network
from motifloom.config.values import (
    DINUCLEOTIDE_SHUFFLE,
    ENSEMBLE,
    JASPAR_PREFIX,
    MOST_TRAININGS,
    ORACLE,
    SAMPLED,
    TAXA,
    Count,
    Kind,
    Name,
    ResultsPath,
    Section,
)
from motifloom.files import missing


class Training(Section):
    """The training loop, alike for every network."""

    max_epochs: Count = 100
    batch_size: Annotated[int, Field(ge=2)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    warm_up: Annotated[float, Field(ge=0)] = 0.0
    decay: Literal["none", "plateau", "cosine"] = "none"
    patience: Count = 20
    gradient_norm: Annotated[float, Field(gt=0)] = 1.0
    class_weights: Literal["none", "balanced"] = "none"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    compile: bool = False
    devices: Literal["auto"] | Count = "auto"


class Evaluation(Section):
    """Intervals and comparisons."""

    resamples: Annotated[int, Field(ge=100)] = 1000
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95


def as_list(value: str | list[str]) -> list[str]:
    """Return a key's values where it may hold one or several."""
    return [value] if isinstance(value, str) else value


class Config(Section):
    """A whole run."""

    results: ResultsPath = "results"
    seed: Annotated[int, Field(ge=0)] = 0
    replicates: Annotated[int, Field(ge=1, le=MOST_TRAININGS)] = 1
    datasets: Annotated[dict[Name, Dataset], Field(min_length=1)]
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    motifs: Motifs = Motifs()
    experiments: Experiments = Experiments()

    @model_validator(mode="before")
    @classmethod
    def _name_architectures(cls, section: Any) -> Any:
        """Let ``models`` be a list of architectures, and a model's name stand for its architecture."""
        if not isinstance(section, dict) or "models" not in section:
            return section
        models = section["models"]
        twice = [name for at, name in enumerate(models) if name in models[:at]] if isinstance(models, list) else []
        if twice:
            raise ValueError(f"models: {twice[0]} stands twice; name models to have several of one architecture")
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

    @model_validator(mode="after")
    def _one_strand_alone(self) -> Config:
        stranded = [name for name, section in self.datasets.items() if section.strand == "forward"]
        shared = [name for name, model in self.models.items() if isinstance(model, Network) and model.shared_strands]
        if stranded and shared:
            raise ValueError(
                f"models.{shared[0]}.shared_strands: reads both strands of every sequence, but "
                f"datasets.{stranded[0]}.strand is forward"
            )
        return self

    @model_validator(mode="after")
    def _fit_the_labels(self) -> Config:
        """Refuse a model that cannot learn from a dataset's kind of labels."""
        for model, settings in self.models.items():
            others = [dataset for dataset in self.datasets if self.kind(dataset) != "binary"]
            if isinstance(settings, GkmSvm) and others:
                raise ValueError(
                    f"models.{model}: gkm_svm learns binary labels alone; "
                    f"datasets.{others[0]} is {self.kind(others[0])}"
                )
        return self

    @model_validator(mode="after")
    def _embed_by_networks(self) -> Config:
        problems = [
            f"models.{name}.embedding: no network '{network}'; expected one of {', '.join(self.networks()) or 'none'}"
            for name in self.models
            if (network := self.embeds(name)) and network not in self.networks()
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _leave_names_to_ensembles(self) -> Config:
        taken = [
            f"models.{name}: the name is taken by the ensemble of the replicates of {network}"
            for name, network in self.ensembles().items()
            if name in self.models
        ]
        if taken:
            raise ValueError("; ".join(taken))
        return self

    @model_validator(mode="after")
    def _experiment_with_what_is_there(self) -> Config:
        """Refuse experiments on datasets or models that there are not, and variations that a network cannot take."""
        problems = []
        known = {"datasets": list(self.datasets), "models": list(self.models)}
        for name, section in self.experiments:
            for key, names in known.items():
                unknown = [one for one in getattr(section, key, None) or [] if one not in names]
                problems += [f"experiments.{name}.{key}: no '{one}' among the run's {key}" for one in unknown]
            chosen = getattr(section, "models", None) or []
            problems += [
                f"experiments.{name}.models: {one} needs {network}, whose embedding it compares"
                for one in chosen
                if one in self.models and (network := self.embeds(one)) and network not in chosen
            ]
        capacity = self.experiments.capacity
        if capacity and not problems:
            problems += [
                f"experiments.capacity.models: {name} is no network" for name in capacity.models or []
                if name not in self.networks()
            ]  # fmt: skip
            problems += [f"experiments.capacity.variations.{told}" for told in self._wrong_variations(capacity)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _wrong_variations(self, capacity: Capacity) -> list[str]:
        known = sorted({key for kind in typing.get_args(typing.get_args(Model)[0]) for key in kind.model_fields})
        problems = []
        for key, values in capacity.variations.items():
            chosen = capacity.models or self.networks()
            having = [name for name in chosen if key in type(self.models[name]).model_fields]
            if key not in known:
                problems.append(f"{key}: no model has such a hyperparameter")
            elif not having and "variations" in capacity.model_fields_set:
                problems.append(f"{key}: none of the networks has such a hyperparameter")
            for name in having:
                if getattr(self.models[name], key) is None:
                    problems.append(f"{key}: is not set in {name}; expected a number there to vary")
                for value in values:
                    try:
                        self.varied(name, {key: value})
                    except ValidationError as error:
                        problems.append(f"{key}: {name}: {error.errors()[0]['msg'].lower()}, found {value:g}")
        return problems

    def varied(self, model: str, changes: dict[str, Any]) -> Model:
        """Return the section of `model` with other hyperparameters; ValidationError where it cannot take them."""
        section = self.models[model]
        return type(section).model_validate({**section.model_dump(), **changes})

    def kind(self, dataset: str) -> Kind:
        """Return what `dataset`'s labels are."""
        section = self.datasets[dataset]
        if isinstance(section, TableDataset):
            return section.kind
        return "regression" if isinstance(section, GenomeDataset) and section.signal else "binary"

    def fasta(self, dataset: str) -> Path | None:
        """Return the FASTA file that `dataset`'s windows lie in; None where its sequences come by themselves."""
        section = self.datasets[dataset]
        if isinstance(section, SimulatedDataset):
            return self._simulated(dataset, "genome.fa")
        return Path(section.genome) if isinstance(section, GenomeDataset) else None

    def regions(self, dataset: str) -> dict[str, Path]:
        """Return the BED file of each task's regions; empty where sequences come by themselves."""
        section = self.datasets[dataset]
        if isinstance(section, SimulatedDataset):
            return {dataset: self._simulated(dataset, "regions.bed")}
        if not isinstance(section, GenomeDataset):
            return {}
        files = {dataset: section.regions} if isinstance(section.regions, str) else section.regions
        return {task: Path(path) for task, path in files.items()}

    def negative_regions(self, dataset: str) -> Path | None:
        """Return the BED file of negative regions; None where negatives come otherwise."""
        section = self.datasets[dataset]
        if isinstance(section, SimulatedDataset):
            return self._simulated(dataset, "negatives.bed") if section.negatives == "decoys" else None
        if isinstance(section, GenomeDataset) and section.negatives not in {*SAMPLED, DINUCLEOTIDE_SHUFFLE}:
            return Path(section.negatives)
        return None

    def packed_genome(self, dataset: str) -> Path | None:
        """Return the folder that holds `dataset`'s genome as codes, the same for all datasets of one FASTA file."""
        fasta = self.fasta(dataset)
        if fasta is None:
            return None
        stem = re.sub(r"[^A-Za-z0-9_-]", "-", fasta.name.split(".")[0])
        digest = hashlib.sha256(str(fasta).encode()).hexdigest()[:8]
        return Path(self.results) / "genomes" / f"{stem}-{digest}"

    def source_files(self, dataset: str) -> list[str]:
        """Return the files that `dataset` is prepared from, beside its genome."""
        section = self.datasets[dataset]
        files: list[Path | str | None] = [*self.regions(dataset).values(), self.negative_regions(dataset)]
        if isinstance(section, GenomeDataset):
            files += [section.exclude, *(section.signal or {}).values()]
        elif isinstance(section, FastaDataset):
            files += [
                *as_list(section.positives),
                *(p for p in as_list(section.negatives) if p != DINUCLEOTIDE_SHUFFLE),
            ]
        elif isinstance(section, TableDataset):
            files.append(section.sequences)
        return [str(path) for path in files if path is not None]

    def missing_files(self, dataset: str) -> list[str]:
        """Say of each file that `dataset` needs and that is not there what is there instead."""
        files = [*self.source_files(dataset), *self.database_file(dataset)]
        if isinstance(self.datasets[dataset], SimulatedDataset):
            files = self.database_file(dataset)
        elif (fasta := self.fasta(dataset)) is not None:
            files.append(str(fasta))
        told = {path: problem for path in dict.fromkeys(files) if (problem := missing(path))}
        words = _words(self.datasets[dataset])
        return [f"datasets.{dataset}: {problem}{_meant(path, words)}" for path, problem in told.items()]

    def database(self, dataset: str) -> str:
        """Return the name or path of the known motifs that `dataset`'s learned motifs are compared with."""
        return (self.datasets[dataset].motifs or self.motifs).database

    def database_file(self, dataset: str) -> list[str]:
        """Return the MEME file of `dataset`'s known motifs; nothing where they come with a package."""
        database = self.database(dataset)
        return [] if database.startswith(JASPAR_PREFIX) else [database]

    def attributions(self, dataset: str) -> int:
        """Return the number of `dataset`'s sequences whose bases every network's output is attributed to."""
        return (self.datasets[dataset].motifs or self.motifs).attributions

    def settings_of(self, stage: str, dataset: str = "", model: str = "") -> str:
        """Return, as JSON, the settings whose change makes `stage` run anew, and no others."""
        section = self.datasets[dataset] if dataset else None
        match stage:
            case "simulate" if isinstance(section, SimulatedDataset):
                decoys = section.negatives_per_positive if section.negatives == "decoys" else None
                settings: list[Any] = [self.seed, section.window, decoys, section.simulate.model_dump()]
            case "prepare" if section:
                settings = [self.seed, section.model_dump(exclude={"motifs", "simulate", "strand"})]
            case "train" if section:
                settings = [
                    self.seed, self.kind(dataset), section.strand, self.models[model].model_dump(),
                    self.training.model_dump(),
                ]  # fmt: skip
            case "fit" if section:
                settings = [self.kind(dataset), section.strand, self.models[model].model_dump()]
            case "evaluate":
                settings = [self.seed, self.kind(dataset), self.evaluation.model_dump()]
            case "diagnose":
                settings = [self.kind(dataset), self.evaluation.confidence]
            case "motifs":
                settings = [self.seed, self.database(dataset), self.evaluation.model_dump()]
            case "attribute":
                settings = [self.seed, self.attributions(dataset)]
            case "consensus":
                settings = [self.seed, self.database(dataset), self.replicates]
            case _:
                raise ValueError(f"no settings of {stage}")
        return json.dumps(settings)

    def networks(self) -> list[str]:
        """Return the names of the models that are trained by gradient descent."""
        return [name for name, model in self.models.items() if not isinstance(model, BASELINES)]

    def baselines(self) -> list[str]:
        """Return the names of the models that are fitted without gradients."""
        return [name for name, model in self.models.items() if isinstance(model, BASELINES)]

    def embeds(self, model: str) -> str | None:
        """Return the network whose embedding `model` compares; None where it does not."""
        section = self.models[model]
        return section.embedding if isinstance(section, Knn) else None

    def ensembles(self) -> dict[str, str]:
        """Return the network that each ensemble is the mean of; none where there is one replicate."""
        return {f"{name}{ENSEMBLE}": name for name in self.networks()} if self.replicates > 1 else {}

    def scored(self, dataset: str) -> dict[str, int]:
        """Return everything that is scored on `dataset`, with its number of replicates.

        These are the models, then their ensembles, then the oracle where the dataset is simulated.
        """
        of_one = [*self.ensembles(), *([ORACLE] if dataset in self.simulated() else [])]
        return dict.fromkeys(self.models, self.replicates) | dict.fromkeys(of_one, 1)

    def with_filters(self) -> list[str]:
        """Return the names of the models whose first layer is a convolution."""
        return [name for name, model in self.models.items() if isinstance(model, Convolutional)]

    def with_motifs(self, dataset: str) -> list[str]:
        """Return the names of the models that have motifs of `dataset`: all networks, or those with filters."""
        return self.networks() if self.attributions(dataset) else self.with_filters()

    def simulated(self) -> list[str]:
        """Return the names of the datasets that motifloom simulates."""
        return [name for name, section in self.datasets.items() if isinstance(section, SimulatedDataset)]

    def _simulated(self, dataset: str, name: str) -> Path:
        return Path(self.results) / dataset / "simulation" / name


def _words(section: Dataset) -> list[str]:
    """Return the kinds of negatives and of known motifs that a dataset may name in the place of a path."""
    sampled = SAMPLED if isinstance(section, GenomeDataset) else ()
    shuffled = (DINUCLEOTIDE_SHUFFLE,) if isinstance(section, GenomeDataset | FastaDataset) else ()
    return [*sampled, *shuffled, *(f"{JASPAR_PREFIX}{taxon}" for taxon in TAXA)]


def _meant(path: str, words: list[str]) -> str:
    """Say which of `words` a path that leads nowhere may mean."""
    nearest = difflib.get_close_matches(path, words, n=1, cutoff=0.75)
    return f"; is '{nearest[0]}' meant?" if nearest else ""
