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
from motifloom.files import missing

RESERVED_NAMES = frozenset(
    {
        *("benchmarks", "genomes", "logs", "simulation"),
        *("comparisons.tsv", "config.yaml", "metrics.tsv", "report.html"),
        *("audit.json", "dropped.tsv", "examples.parquet", "leaks.parquet", "sequences.bin", "sequences.parquet"),
        *("shortcuts.tsv",),
        "oracle",
    }
)
"""Folders and files of the results, and the model of simulated datasets: no dataset or other model has such a name."""

PLACE_COLUMNS = ("id", "split", "chrom", "start", "end", "strand")
"""Columns of the examples that are no task."""

ALL_CLASSES = "all"
"""The task that metrics over all classes of a multiclass dataset stand under."""

JASPAR_PREFIX = "jaspar-"
TAXA = ("fungi", "insects", "nematodes", "plants", "vertebrates")
"""The taxonomic groups of JASPAR that ``motifs.database`` may name."""


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError("a name holds letters, digits, '.', '_' and '-', and starts with a letter or digit")
    taken = RESERVED_NAMES.union(PLACE_COLUMNS)  # a dataset's name may be its task's
    if name in taken:
        raise ValueError(f"the name is taken; choose another one than {', '.join(sorted(taken))}")
    return name


def _check_task(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("a task's name holds printable characters, not blanks alone")
    if name in PLACE_COLUMNS:
        raise ValueError(f"the name is taken; choose another one than {', '.join(PLACE_COLUMNS)}")
    return name


def _check_path(path: str) -> str:
    if set(path) & set("{}<>"):
        raise ValueError("expected a path without braces and angle brackets, which the workflow reads as wildcards")
    if path.startswith("-"):
        raise ValueError(f"expected a path that commands do not take for an option, such as './{path}'")
    if not path.isprintable():
        raise ValueError("expected a path of printable characters, without line breaks or tabs")
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
TaskName = Annotated[str, AfterValidator(_check_task)]
PathText = Annotated[str, Field(min_length=1), AfterValidator(_check_path)]
ONE, SEVERAL = "(one)", "(several)"
"""What pydantic calls the two forms of a key that takes one value or several; users never see it."""


def _one_or_several(value: Any) -> str:
    return SEVERAL if isinstance(value, dict | list) else ONE


Paths = Annotated[
    Annotated[PathText, Tag(ONE)] | Annotated[list[PathText], Field(min_length=1), Tag(SEVERAL)],
    Discriminator(_one_or_several),
]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Penalty = Annotated[float, Field(ge=0)]
Odd = Annotated[int, Field(ge=1), AfterValidator(_check_odd)]
HeldOut = Annotated[float, Field(gt=0, lt=1)]
Kind = Literal["binary", "multiclass", "regression"]

DINUCLEOTIDE_SHUFFLE = "dinucleotide-shuffle"
SAMPLED = ("gc-matched", "random")
"""The kinds of negatives that are drawn from the genome."""


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


class _HeldOut(Section):
    """Shares of the examples, between 0 and 1, that are held out."""

    validation: HeldOut
    test: HeldOut

    @model_validator(mode="after")
    def _leaves_some(self) -> _HeldOut:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation {self.validation:g} and test {self.test:g} leave nothing to train on; "
                "expected a sum below 1"
            )
        return self


class FractionSplit(_HeldOut):
    """Shares of the examples, stratified by label; what is alike stays together: overlapping windows, near-duplicates.

    `group` is a column of a table: examples of one group stay together as well.
    """

    group: str | None = None


class BlockSplit(_HeldOut):
    """Shares of a genome cut into blocks of `blocks` bp; for a genome of few chromosomes."""

    blocks: Annotated[int, Field(ge=1000)]


class ColumnSplit(Section):
    """A column of the table says ``train``, ``validation`` or ``test``.

    `validation` is the share of the training examples that is held out for validation where the column names none.
    """

    column: str
    validation: HeldOut | None = None


def _split_kind(section: Any) -> str | None:
    """Name the kind of split that a section speaks of."""
    if isinstance(section, BaseModel):
        return {BlockSplit: "blocks", ColumnSplit: "column", FractionSplit: "fractions"}.get(
            type(section), "chromosomes"
        )
    if not isinstance(section, dict):
        return None
    if "column" in section:
        return "column"
    if "blocks" in section:
        return "blocks"
    shares = [section.get(name) for name in ("validation", "test")]
    return (
        "fractions" if "group" in section or any(isinstance(share, int | float) for share in shares) else "chromosomes"
    )


_CHROMOSOMES = Annotated[ChromosomeSplit, Tag("chromosomes")]
_FRACTIONS = Annotated[FractionSplit, Tag("fractions")]
_BLOCKS = Annotated[BlockSplit, Tag("blocks")]
_COLUMN = Annotated[ColumnSplit, Tag("column")]


def _either(expected: str) -> Discriminator:
    return Discriminator(_split_kind, custom_error_type="split", custom_error_message=f"expected {expected}")


GenomeSplit = Annotated[
    _CHROMOSOMES | _FRACTIONS | _BLOCKS,
    _either("validation and test: lists of chromosomes, or shares (with 'blocks', in bp, of a genome cut into blocks)"),
]
FastaSplit = Annotated[
    _CHROMOSOMES | _FRACTIONS, _either("validation and test: shares, or chromosomes that the records' names begin with")
]
TableSplit = Annotated[_COLUMN | _FRACTIONS, _either("'column', or validation and test: shares")]
Split = ChromosomeSplit | FractionSplit | BlockSplit | ColumnSplit


class Motifs(Section):
    """What learned motifs are compared with."""

    database: Annotated[PathText, AfterValidator(_check_database)] = "jaspar-vertebrates"


class Windows(Section):
    """What every dataset that comes from a genome has."""

    window: Annotated[int, Field(ge=10)] = 200
    motifs: Motifs | None = None


class GenomeDataset(Windows):
    """A genome and regions bound in it: a file of regions, or one for each task.

    With `signal`, a bigWig file for each task, the windows are labelled by its coverage instead, for regression.
    `aliases` turns names of chromosomes in any of these files into the genome's.
    """

    genome: PathText
    regions: Annotated[
        Annotated[PathText, Tag(ONE)] | Annotated[dict[TaskName, PathText], Field(min_length=1), Tag(SEVERAL)],
        Discriminator(_one_or_several),
    ]
    signal: Annotated[dict[TaskName, PathText], Field(min_length=1)] | None = None
    coverage: Literal["mean", "max", "log1p-mean", "log1p-max"] = "log1p-mean"
    negatives: PathText = "gc-matched"
    negatives_per_positive: Annotated[int, Field(ge=0)] | None = None
    exclude: PathText | None = None
    aliases: dict[str, str] = {}
    split: GenomeSplit

    @model_validator(mode="after")
    def _sensible(self) -> GenomeDataset:
        problems = []
        if self.signal is None and self.negatives_per_positive == 0:
            problems.append("negatives_per_positive is 0: without negatives there is nothing to tell apart")
        if self.signal is not None and self.negatives == DINUCLEOTIDE_SHUFFLE:
            problems.append(
                f"a sequence of negatives '{DINUCLEOTIDE_SHUFFLE}' has no coverage; choose gc-matched or random"
            )
        if isinstance(self.split, FractionSplit) and self.split.group is not None:
            problems.append("split.group: names a column of a table; a genome's windows have none")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def ratio(self) -> int:
        """The negatives sampled for each positive: 1 unless given; none beside a signal."""
        if self.negatives_per_positive is None:
            return 1 if self.signal is None else 0
        return self.negatives_per_positive


class FastaDataset(Section):
    """Two FASTA files, or lists of them: sequences that are positive, and sequences that are not."""

    positives: Paths
    negatives: Paths
    negatives_per_positive: Count = 1
    split: FastaSplit
    motifs: Motifs | None = None

    @model_validator(mode="after")
    def _no_group(self) -> FastaDataset:
        if isinstance(self.split, FractionSplit) and self.split.group is not None:
            raise ValueError("split.group: names a column of a table; FASTA records have none")
        return self


class TableDataset(Section):
    """A table with a sequence and one or several labels a row."""

    sequences: PathText
    labels: Annotated[
        Annotated[str, Tag(ONE)] | Annotated[list[TaskName], Field(min_length=1), Tag(SEVERAL)],
        Discriminator(_one_or_several),
    ]
    kind: Kind = "binary"
    split: TableSplit
    motifs: Motifs | None = None

    @model_validator(mode="after")
    def _one_column_of_classes(self) -> TableDataset:
        if self.kind == "multiclass" and isinstance(self.labels, list) and len(self.labels) > 1:
            raise ValueError(f"labels: a multiclass dataset has one column of classes, found {len(self.labels)}")
        if len(set(self.tasks)) < len(self.tasks):
            raise ValueError("labels: a column stands twice")
        if self.kind != "multiclass":
            for task in self.tasks:
                _check_task(task)
        return self

    @property
    def tasks(self) -> list[str]:
        """The columns of labels."""
        return [self.labels] if isinstance(self.labels, str) else list(self.labels)


_KEYS_OF_RULES = {"spacing": "pair", "decoy_spacing": "pair", "sites": "count", "decoy_sites": "count"}
"""The settings of a simulation that one rule alone has a use for."""


class Simulation(Section):
    """A genome of independent bases with motif sites planted in its regions by a rule.

    `motifs` are JASPAR matrix ids. A decoy is a region planted to be told from the positives. The rules:

    any
        One site of one of the motifs, drawn evenly, on a random strand, its centre at most `jitter` bp from the
        region's. A decoy has none.
    pair
        A site of each of two motifs, the first upstream of the second on the same strand, which is random. Their
        centres are `spacing` (least, most) bp apart; the pair's centre is at most `jitter` bp from the region's. A
        decoy has, with a chance of one half each, the other order or a distance within `decoy_spacing`.
    count
        Exactly `sites` sites that do not overlap, each as in any. A decoy has exactly `decoy_sites`.

    `positives` and their decoys are so by truth. Each region's label is the other one with probability `noise`,
    independently: how many have a label varies.
    """

    rule: Literal["any", "pair", "count"] = "any"
    motifs: Annotated[list[str], Field(min_length=1)]
    positives: Count = 2000
    chromosomes: Annotated[int, Field(ge=3)] = 8
    chromosome_length: Annotated[int, Field(ge=1000)] = 250_000
    gc: Annotated[float, Field(gt=0, lt=1)] = 0.42
    jitter: Annotated[int, Field(ge=0)] = 40
    spacing: tuple[Count, Count] = (20, 40)
    decoy_spacing: tuple[Count, Count] = (50, 70)
    sites: Count = 3
    decoy_sites: Annotated[int, Field(ge=0)] = 1
    noise: Annotated[float, Field(ge=0, lt=0.5)] = 0.0

    @model_validator(mode="after")
    def _sensible(self) -> Simulation:
        problems = []
        twice = sorted({motif for motif in self.motifs if self.motifs.count(motif) > 1})
        if twice:
            problems.append(f"motifs: {', '.join(twice)} stands twice")
        for key, rule in _KEYS_OF_RULES.items():
            if self.rule != rule and getattr(self, key) != type(self).model_fields[key].default:
                problems.append(f"{key}: belongs to the rule {rule}; the rule {self.rule} has no use for it")
        if self.rule == "pair":
            if len(self.motifs) != 2:
                problems.append(f"motifs: the rule pair plants 2, found {len(self.motifs)}")
            for name, (least, most) in (("spacing", self.spacing), ("decoy_spacing", self.decoy_spacing)):
                if least > most:
                    problems.append(f"{name}: expected the least before the most, found [{least}, {most}]")
            if self.spacing[0] <= self.decoy_spacing[1] and self.decoy_spacing[0] <= self.spacing[1]:
                problems.append("decoy_spacing: overlaps spacing; expected ranges that tell positives from decoys")
        if self.rule == "count" and self.decoy_sites >= self.sites:
            problems.append(f"decoy_sites: expected fewer than sites ({self.sites}), found {self.decoy_sites}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class SimulatedDataset(Windows):
    """A genome and regions that motifloom makes itself, with a known answer."""

    simulate: Simulation
    negatives: Literal["decoys", "gc-matched", "random"] = "decoys"
    negatives_per_positive: Count = 1
    split: Annotated[_CHROMOSOMES, _either("validation and test: lists of chromosomes")]

    @model_validator(mode="after")
    def _chromosomes(self) -> SimulatedDataset:
        made = [f"chr{number}" for number in range(1, self.simulate.chromosomes + 1)]
        held_out = {*self.split.validation, *self.split.test}
        unknown = sorted(held_out - set(made))
        problems = []
        if unknown:
            problems.append(f"the split names {', '.join(unknown)}; the simulation makes {made[0]} to {made[-1]}")
        if held_out >= set(made):
            problems.append("validation and test name every chromosome; none is left to train on")
        if self.simulate.positives < len(made):
            problems.append(f"{self.simulate.positives} positives on {len(made)} chromosomes leave some without any")
        if self.negatives != "decoys" and (self.simulate.rule != "any" or self.simulate.noise):
            problems.append(
                f"negatives: {self.negatives} suit the rule any without noise alone; expected decoys, "
                "which the simulation plants"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self


_SOURCES = {"simulate": "simulate", "genome": "genome", "regions": "genome", "positives": "fasta", "sequences": "table"}
"""The keys that tell the kind of a dataset."""


def _source(section: Any) -> str | None:
    """Name the source a dataset's section speaks of, for pydantic's choice between the kinds of dataset."""
    if isinstance(section, BaseModel):
        kinds = {SimulatedDataset: "simulate", FastaDataset: "fasta", TableDataset: "table"}
        return kinds.get(type(section), "genome")
    named = {_SOURCES[key] for key in section if key in _SOURCES} if isinstance(section, dict) else set()
    return named.pop() if len(named) == 1 else None


Dataset = Annotated[
    Annotated[GenomeDataset, Tag("genome")]
    | Annotated[FastaDataset, Tag("fasta")]
    | Annotated[TableDataset, Tag("table")]
    | Annotated[SimulatedDataset, Tag("simulate")],
    Discriminator(
        _source,
        custom_error_type="source",
        custom_error_message=(
            "expected exactly one source: 'genome' and 'regions', 'positives' and 'negatives', "
            "'sequences' and 'labels', or 'simulate'"
        ),
    ),
]


# ------------------------------------------------------------------------------------------------------------- models


class Knn(Section):
    """k nearest neighbours on canonical k-mer spectra; the number of neighbours is chosen on validation."""

    architecture: Literal["knn"] = "knn"
    kmer: Annotated[int, Field(ge=1, le=8)] = 6
    neighbours: Annotated[list[Count], Field(min_length=1)] = [1, 3, 29]


class Network(Section):
    """What every network has: regularisation, and whether it reads both strands."""

    dropout: Fraction = 0.3
    weight_decay: Penalty = 1e-3
    l1: Penalty = 0.0
    l2: Penalty = 0.0
    shared_strands: bool = False


class Convolutional(Network):
    """What every network with a first convolution has: its filters are what motifs are read from."""

    filters: Count = 64
    kernel_size: Odd = 19
    stride: Count = 1
    padding: Literal["valid", "same", "full"] = "same"
    activation: Literal["relu", "exponential"] = "relu"
    batch_norm: bool = True


class Pooled(Convolutional):
    """What every network has that pools after the first convolution."""

    pooling: Literal["max", "average"] = "max"
    pool_size: Count = 5
    pool_stride: Count | None = None

    @model_validator(mode="after")
    def _leave_no_gaps(self) -> Pooled:
        if self.pool_stride is not None and self.pool_stride > self.pool_size:
            raise ValueError(
                f"pool_stride: expected at most the pool_size {self.pool_size}, found {self.pool_stride}: "
                "places between the windows would be left out"
            )
        return self


class Recurrent(Network):
    """What every network with recurrent layers has."""

    hidden: Count = 64
    layers: Count = 1
    directions: Annotated[int, Field(ge=1, le=2)] = 1
    readout: Literal["final", "max", "mean", "attention"] = "max"


class Gated(Recurrent):
    """What every network with LSTM layers has."""

    forget_bias: Annotated[float, Field(ge=0)] = 0.0


class Cnn(Pooled):
    """Convolution, pooling, convolutions, dense."""

    architecture: Literal["cnn"] = "cnn"
    activation: Literal["relu", "exponential"] = "exponential"
    dropout: Fraction = 0.5
    pool_size: Count = 25
    layers: Count = 2
    hidden: Count = 64
    dilation: Count = 1
    readout: Literal["flatten", "max", "mean", "attention"] = "flatten"


class Resnet(Pooled):
    """Convolution, pooling, residual blocks, global pooling."""

    architecture: Literal["resnet"] = "resnet"
    activation: Literal["relu", "exponential"] = "exponential"
    dropout: Fraction = 0.5
    pool_size: Count = 10
    blocks: Count = 4
    hidden: Count = 64
    readout: Literal["flatten", "max", "mean", "attention"] = "max"


class DilatedCnn(Convolutional):
    """Convolution, residual blocks of exponentially growing dilation, global pooling."""

    architecture: Literal["dilated_cnn"] = "dilated_cnn"
    blocks: Count = 4
    dilation: Count = 1
    readout: Literal["flatten", "max", "mean", "attention"] = "max"


class Rnn(Recurrent):
    """Simple recurrent units over the bases."""

    architecture: Literal["rnn"] = "rnn"
    dropout: Fraction = 0.1


class Lstm(Gated):
    """An LSTM over the bases."""

    architecture: Literal["lstm"] = "lstm"
    dropout: Fraction = 0.1
    forget_bias: Annotated[float, Field(ge=0)] = 1.0


class Bilstm(Gated):
    """An LSTM over the bases in both directions."""

    architecture: Literal["bilstm"] = "bilstm"
    directions: Annotated[int, Field(ge=1, le=2)] = 2


class CnnBilstm(Pooled, Gated):
    """Convolution, pooling, LSTM in both directions, dense."""

    architecture: Literal["cnn_bilstm"] = "cnn_bilstm"
    activation: Literal["relu", "exponential"] = "exponential"
    hidden: Count = 32
    directions: Annotated[int, Field(ge=1, le=2)] = 2


Model = Annotated[Knn | Cnn | Resnet | DilatedCnn | Rnn | Lstm | Bilstm | CnnBilstm, Discriminator("architecture")]
ARCHITECTURES = ("knn", "cnn", "resnet", "dilated_cnn", "rnn", "lstm", "bilstm", "cnn_bilstm")
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


def as_list(value: str | list[str]) -> list[str]:
    """Return a key's values where it may hold one or several."""
    return [value] if isinstance(value, str) else value


class Config(Section):
    """A whole run."""

    results: PathText = "results"
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
        return [f"datasets.{dataset}: {problem}" for path in dict.fromkeys(files) if (problem := missing(path))]

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
                decoys = section.negatives_per_positive if section.negatives == "decoys" else None
                settings: list[Any] = [self.seed, section.window, decoys, section.simulate.model_dump()]
            case "prepare" if section:
                settings = [self.seed, section.model_dump(exclude={"motifs", "simulate"})]
            case "train":
                settings = [
                    self.seed, self.kind(dataset), self.models[model].model_dump(), self.training.model_dump()
                ]  # fmt: skip
            case "fit":
                settings = [self.kind(dataset), self.models[model].model_dump()]
            case "evaluate":
                settings = [self.seed, self.kind(dataset), self.evaluation.model_dump()]
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
        if step in {"[key]", ONE, SEVERAL}:
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
