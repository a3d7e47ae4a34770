"""The values that keys take, the names that are taken, and what every section has."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

SEED = "seed"
"""The one key that takes a whole number of any size."""

ORACLE = "oracle"
"""The model of simulated datasets that knows how they were made."""

ENSEMBLE = "_ensemble"
"""What the name of a network's ensemble ends with."""

RESERVED_NAMES = frozenset(
    {
        *("benchmarks", "experiments", "genomes", "logs", "simulation"),
        *("comparisons.tsv", "config.yaml", "metrics.tsv", "report.html"),
        *("audit.json", "dropped.tsv", "examples.parquet", "leaks.parquet", "sequences.bin", "sequences.parquet"),
        *("calibration.tsv", "errors.tsv", "reliability.tsv", "shortcuts.tsv", "stability.tsv", "strata.tsv"),
        *("consensus.meme", "consensus.svg", "consensus.tsv", "consensus_matches.meme"),
        ORACLE,
    }
)
"""Folders and files of the results, and the model of simulated datasets: no dataset or other model has such a name."""

PLACE_COLUMNS = ("id", "split", "chrom", "start", "end", "strand")
"""Columns of the examples that are no task."""

ALL_CLASSES = "all"
"""The task that metrics over all classes of a multiclass dataset stand under."""

LONGEST_NAME, LONGEST_PATH = 255, 4000
"""Bytes that file systems allow; a part of the path is left to the files that motifloom writes there."""

MOST_LETTERS = 100
"""Of a name: with what stands before and behind it in the names of files it stays below :data:`LONGEST_NAME`."""

GREATEST = 10**9
"""No number of bp or of examples is greater; beyond, sums of them leave the integers of a processor."""

JASPAR_PREFIX = "jaspar-"
TAXA = ("fungi", "insects", "nematodes", "plants", "vertebrates")
"""The taxonomic groups of JASPAR that ``motifs.database`` may name."""


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValueError("a name holds letters, digits, '.', '_' and '-', and starts with a letter or digit")
    if len(name) > MOST_LETTERS:
        raise ValueError(f"a name has at most {MOST_LETTERS} letters")
    taken = RESERVED_NAMES.union(PLACE_COLUMNS)  # a dataset's name may be its task's
    if name in taken:
        raise ValueError(f"the name '{name}' is taken; choose another one than {', '.join(sorted(taken))}")
    return name


def check_task(name: str) -> str:
    """Return a task's name; ValueError where it cannot be one."""
    if not name.strip() or not name.isprintable():
        raise ValueError("a task's name holds printable characters, not blanks alone")
    if name in PLACE_COLUMNS:
        raise ValueError(f"the name '{name}' is taken; choose another one than {', '.join(PLACE_COLUMNS)}")
    return name


def _check_path(path: str) -> str:
    if set(path) & set("{}<>"):
        raise ValueError("expected a path without braces and angle brackets, which the workflow reads as wildcards")
    if path.startswith("-"):
        raise ValueError(f"expected a path that commands do not take for an option, such as './{path}'")
    if not path.isprintable():
        raise ValueError("expected a path of printable characters, without line breaks or tabs")
    longest = max(path.split("/"), key=len)
    if len(longest.encode()) > LONGEST_NAME or len(path.encode()) > LONGEST_PATH:
        raise ValueError(f"expected a path of at most {LONGEST_PATH} bytes, of names of at most {LONGEST_NAME}")
    return path


def _check_no_pattern(path: str) -> str:
    if set(path) & set("*?["):
        raise ValueError("expected a path without * ? [, which readers of tables take for patterns")
    return path


def _check_odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError("expected an odd number, so that the filter has a centre")
    return size


def check_database(database: str) -> str:
    """Return the name or path of known motifs; ValueError where no such release is there."""
    known = [f"{JASPAR_PREFIX}{taxon}" for taxon in TAXA]
    if database.startswith(JASPAR_PREFIX) and database not in known:
        raise ValueError(f"expected the path of a MEME file or one of {', '.join(known)}")
    return database


Name = Annotated[str, AfterValidator(_check_name)]
TaskName = Annotated[str, AfterValidator(check_task)]
PathText = Annotated[str, Field(min_length=1), AfterValidator(_check_path)]
ResultsPath = Annotated[PathText, AfterValidator(_check_no_pattern)]
ONE, SEVERAL = "(one)", "(several)"
"""What pydantic calls the two forms of a key that takes one value or several; users never see it."""


def one_or_several(value: Any) -> str:
    """Name the form of a key that takes one value or several, for pydantic's choice between them."""
    return SEVERAL if isinstance(value, dict | list) else ONE


Paths = Annotated[
    Annotated[PathText, Tag(ONE)] | Annotated[list[PathText], Field(min_length=1), Tag(SEVERAL)],
    Discriminator(one_or_several),
]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Penalty = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Odd = Annotated[int, Field(ge=1, le=999), AfterValidator(_check_odd)]
HeldOut = Annotated[float, Field(gt=0, lt=1)]
Kind = Literal["binary", "multiclass", "regression"]

MOST_TRAININGS = 1000
"""So often a model may be trained with other seeds, or on other examples."""

DINUCLEOTIDE_SHUFFLE = "dinucleotide-shuffle"
SAMPLED = ("gc-matched", "random")
"""The kinds of negatives that are drawn from the genome."""


class Section(BaseModel):
    """A part of the configuration: unknown keys refused, values never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _within_reach(self) -> Self:
        great = [
            f"{key}: expected at most {GREATEST}, found {_shown(value)}"
            for key in type(self).model_fields
            for value in _numbers(getattr(self, key))
            if value > GREATEST and key != SEED
        ]
        if great:
            raise ValueError("; ".join(great))
        return self


def _shown(number: int) -> str:
    try:
        return f"{number:g}"
    except OverflowError:  # greater than any float
        return f"a number of {len(str(number))} digits"


def _numbers(value: Any) -> list[int]:
    return [item for item in (value if isinstance(value, tuple | list) else [value]) if isinstance(item, int)]
