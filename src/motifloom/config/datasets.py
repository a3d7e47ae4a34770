"""Where examples come from, and how they are divided into splits."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Discriminator, Field, Tag, model_validator

from motifloom.config.values import (
    DINUCLEOTIDE_SHUFFLE,
    ONE,
    SAMPLED,
    SEVERAL,
    Count,
    HeldOut,
    Kind,
    Paths,
    PathText,
    Section,
    TaskName,
    check_database,
    check_task,
    one_or_several,
)


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
    """What learned motifs are compared with, and how many sequences are attributed to find them."""

    database: Annotated[PathText, AfterValidator(check_database)] = "jaspar-vertebrates"
    attributions: Annotated[int, Field(ge=0)] = 200


class Source(Section):
    """What every dataset has.

    With `strand` forward, sequences have a direction: they are read on their own strand alone.
    """

    strand: Literal["both", "forward"] = "both"
    motifs: Motifs | None = None


class Windows(Source):
    """What every dataset that comes from a genome has."""

    window: Annotated[int, Field(ge=10)] = 200
    jitter: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _keep_the_centre(self) -> Self:
        most = (self.window - 1) // 2
        if self.jitter > most:
            raise ValueError(
                f"jitter: expected at most {most}, found {self.jitter}: the centre of a window of {self.window} bp "
                "would be shifted out of it"
            )
        return self


class GenomeDataset(Windows):
    """A genome and regions bound in it: a file of regions, or one for each task.

    With `signal`, a bigWig file for each task, the windows are labelled by its coverage instead, for regression.
    `aliases` turns names of chromosomes in any of these files into the genome's.
    """

    genome: PathText
    regions: Annotated[
        Annotated[PathText, Tag(ONE)] | Annotated[dict[TaskName, PathText], Field(min_length=1), Tag(SEVERAL)],
        Discriminator(one_or_several),
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


class FastaDataset(Source):
    """Two FASTA files, or lists of them: sequences that are positive, and sequences that are not."""

    positives: Paths
    negatives: Paths
    negatives_per_positive: Count = 1
    split: FastaSplit

    @model_validator(mode="after")
    def _sensible(self) -> FastaDataset:
        files = [[paths] if isinstance(paths, str) else paths for paths in (self.positives, self.negatives)]
        problems = [f"{path}: is named as positives and as negatives" for path in files[0] if path in files[1]]
        problems += [
            f"negatives: {path} needs a genome; expected a FASTA file, several, or {DINUCLEOTIDE_SHUFFLE}"
            for path in files[1]
            if path in SAMPLED
        ]
        if isinstance(self.negatives, list) and DINUCLEOTIDE_SHUFFLE in self.negatives:
            problems.append(f"negatives: {DINUCLEOTIDE_SHUFFLE} is no file of a list; expected it alone, or files")
        if isinstance(self.split, FractionSplit) and self.split.group is not None:
            problems.append("split.group: names a column of a table; FASTA records have none")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class TableDataset(Source):
    """A table with a sequence and one or several labels a row."""

    sequences: PathText
    labels: Annotated[
        Annotated[str, Tag(ONE)] | Annotated[list[TaskName], Field(min_length=1), Tag(SEVERAL)],
        Discriminator(one_or_several),
    ]
    kind: Kind = "binary"
    split: TableSplit

    @model_validator(mode="after")
    def _one_column_of_classes(self) -> TableDataset:
        if self.kind == "multiclass" and isinstance(self.labels, list) and len(self.labels) > 1:
            raise ValueError(f"labels: a multiclass dataset has one column of classes, found {len(self.labels)}")
        if len(set(self.tasks)) < len(self.tasks):
            raise ValueError("labels: a column stands twice")
        if self.kind != "multiclass":
            for task in self.tasks:
                try:
                    check_task(task)
                except ValueError as error:
                    raise ValueError(f"labels: {error}") from None
        return self

    @property
    def tasks(self) -> list[str]:
        """The columns of labels."""
        return [self.labels] if isinstance(self.labels, str) else list(self.labels)


MOST_CHROMOSOMES = 10_000
"""Of a simulation; each is written by itself."""

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
    chromosomes: Annotated[int, Field(ge=3, le=MOST_CHROMOSOMES)] = 8
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
