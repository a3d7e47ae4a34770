"""What the networks read in single sequences: letters as high as what each base adds to the output."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from motifloom.motifs.convergence import GREAT_DELTA, relative_delta
from motifloom.report.logos import BASES
from motifloom.report.scores import Cell, colour
from motifloom.report.svg import number, picture, tag, text_width
from motifloom.report.wording import measured, signed, thousands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt
    from markupsafe import Markup

    from motifloom.report.results import Results

    Floats = npt.NDArray[np.float64]

SHOWN = 3
"""So many sequences of the sample are drawn: those that the networks together put highest."""

WIDEST = 120
"""Of a longer sequence so many bp are drawn, those that add most."""

COLUMN, HEIGHT, MARK = 8, 56, 12
"""The size of a base and of a track, and the room below it for patterns, in px."""

NAME, APART = 9, 4
"""The size of the names of patterns, as the style sheet has it, and the least room between two, in px."""

SHUFFLE = re.compile(r":shuffle\d+$")
"""What the name of a shuffle ends with."""

LOWEST = 0.015
"""Letters that are lower than this share of the highest are left out: they would be less than a pixel high."""

METHODS = {"deep_lift": "DeepLIFT", "in_silico_mutagenesis": "in-silico mutagenesis"}


@dataclass(frozen=True)
class AttributedNetwork:
    """A network's attributions, of all replicates together; `great` where they miss what they share out."""

    model: str
    css: str
    method: str
    sequences: Cell
    delta: Cell
    great: bool
    patterns: Cell
    seqlets: Cell


@dataclass(frozen=True)
class Track:
    """A sequence as one network reads it."""

    model: str
    css: str
    output: str
    picture: Markup


@dataclass(frozen=True)
class ReadSequence:
    """A sequence as all networks read it.

    Attributes
    ----------
    place
        Where what is drawn lies; a stretch of the sequence where it has no place in a genome.
    false
        Whether it is a negative that a network takes for a positive.
    """

    name: str
    place: str
    false: bool
    tracks: Sequence[Track]


@dataclass(frozen=True)
class Attributions:
    """The attributions of a dataset's networks."""

    networks: Sequence[AttributedNetwork]
    sequences: Sequence[ReadSequence]


def attributions(results: Results, dataset: str) -> Attributions | None:
    """Lay out the attributions of a dataset's networks; None where there are none."""
    networks = results.config.networks() if results.config.attributions(dataset) else []
    if not networks:
        return None
    found = {model: results.attributions(dataset, model) for model in networks}
    rows = [_network(results, model, tables) for model, tables in found.items()]
    first = {model: tables[0] for model, tables in found.items()}
    places = {row["id"]: row for row in results.examples(dataset).iter_rows(named=True)}
    drawn = [_sequence(results, name, places[name], first) for name in _chosen([table for table, _ in first.values()])]
    return Attributions(rows, drawn)


def _network(results: Results, model: str, tables: Sequence[tuple[pl.DataFrame, pl.DataFrame]]) -> AttributedNetwork:
    attributed = pl.concat(table for table, _ in tables)
    seqlets = [table for _, table in tables]
    delta = relative_delta(attributed)
    patterns, number_of_seqlets = sum(table["pattern"].n_unique() for table in seqlets), sum(map(len, seqlets))
    return AttributedNetwork(
        model,
        colour(results, model),
        METHODS.get(attributed["method"][0], "") if len(attributed) else "",
        Cell(thousands(len(attributed)), sort=len(attributed)),
        Cell("" if delta is None else measured(delta), sort=delta),
        delta is not None and delta > GREAT_DELTA,
        Cell(thousands(patterns), sort=patterns),
        Cell(thousands(number_of_seqlets), sort=number_of_seqlets),
    )


def _chosen(tables: Sequence[pl.DataFrame]) -> list[str]:
    """Choose sequences: of the sample those with the highest mean rank, and the false positive of most networks."""
    sample = pl.concat(
        table.filter(chosen="sample").select("id", rank=pl.col("output").rank(descending=True)) for table in tables
    )
    best = sample.group_by("id").agg(pl.mean("rank")).sort("rank", "id")["id"].head(SHOWN).to_list()
    false = pl.concat(table.filter(chosen="false positive").select("id", "output") for table in tables)
    worst = false.group_by("id").agg(pl.len(), pl.max("output")).sort("len", "output", descending=True)
    return [*best, *worst["id"].head(1)]


def _sequence(
    results: Results, name: str, place: dict[str, Any], found: Mapping[str, tuple[pl.DataFrame, pl.DataFrame]]
) -> ReadSequence:
    rows = {model: table.row(by_predicate=pl.col("id") == name, named=True) for model, (table, _) in found.items()
            if name in table["id"]}  # fmt: skip
    values = {model: np.array(row["contributions"]) for model, row in rows.items()}
    start, end = _stretch(list(values.values()))
    tracks = []
    for model, row in rows.items():
        seqlets = found[model][1].filter(pl.col("id") == name, pl.col("start") < end, pl.col("end") > start)
        marks = [
            (max(s["start"], start) - start, min(s["end"], end) - start, f"pattern {s['pattern']}")
            for s in seqlets.sort("start").iter_rows(named=True)
        ]
        title = f"What the bases of {name} add to the output of {model}"
        drawn = track(row["sequence"][start:end], values[model][start:end], marks, title)
        tracks.append(Track(model, colour(results, model), signed(row["output"], 2), drawn))
    false = next(iter(rows.values()))["chosen"] == "false positive"
    length = len(next(iter(values.values())))
    return ReadSequence(name, _place(place, start, end, length), false, tracks)


def _stretch(values: Sequence[Floats]) -> tuple[int, int]:
    """Return the stretch that is drawn: all of a sequence that is short enough, else where most is added."""
    length = len(values[0])
    if length <= WIDEST:
        return 0, length
    total = np.sum([np.abs(one) / (np.abs(one).max() or 1) for one in values], axis=0)
    sums = np.convolve(total, np.ones(WIDEST), mode="valid")
    start = int(sums.argmax())
    return start, start + WIDEST


def _place(example: dict[str, Any], start: int, end: int, length: int) -> str:
    """Return where the places `start` to `end` of a sequence lie, 0-based and half-open; a shuffle lies nowhere."""
    if example.get("chrom") is None or SHUFFLE.search(example["id"]):
        return f"{start}-{end} of {length} bp" if end - start < length else ""
    minus = example["strand"] == "-"
    first, last = (length - end, length - start) if minus else (start, end)
    return f"{example['chrom']}:{example['start'] + first}-{example['start'] + last}{', minus strand' if minus else ''}"


def track(sequence: str, values: Floats, marks: Sequence[tuple[int, int, str]], title: str) -> Markup:
    """Draw a sequence with letters as high as their values; those that lower the output hang upside down.

    Parameters
    ----------
    values
        Of each base, shape ``(len(sequence),)``.
    marks
        Stretches that are underlined: start, end and name, the first one first. A name for which there is no
        room below its stretch is shown when pointed at.
    """
    up, down = max(float(values.max(initial=0)), 0.0), max(float(-values.min(initial=0)), 0.0)
    unit = HEIGHT / ((up + down) or 1.0)
    axis = up * unit
    letters = []
    for place, (base, value) in enumerate(zip(sequence, values, strict=True)):
        if base in BASES and abs(value) >= LOWEST * max(up, down) and value != 0:
            height = abs(float(value)) * unit
            turn, top = (1, axis - height) if value > 0 else (-1, axis + height)
            move = f"matrix({COLUMN} 0 0 {number(turn * height, 2)} {place * COLUMN} {number(top, 2)})"
            letters.append(tag("use", href=f"#base-{base}", transform=move))
    width = len(sequence) * COLUMN
    lines = [tag("line", x1=0, x2=width, y1=axis, y2=axis, class_="axis")]
    for start, end, name in marks:
        ends = {"x1": start * COLUMN, "x2": end * COLUMN}
        lines.append(tag("line", tag("title", name), **ends, y1=HEIGHT + 2, y2=HEIGHT + 2, class_="seqlet"))
    for name, middle in _named(marks, width):
        lines.append(tag("text", name, x=middle, y=HEIGHT + MARK, text_anchor="middle"))
    return picture(width, HEIGHT + MARK + 2, title, *lines, *letters, class_="track")


def _named(marks: Sequence[tuple[int, int, str]], width: float) -> Iterator[tuple[str, float]]:
    """Yield the names that are written and the middle of each, below its stretch and apart from the one before."""
    free = 0.0
    for start, end, name in marks:
        half = text_width(name, NAME) / 2
        middle = min(max((start + end) / 2 * COLUMN, free + half), width - half)
        if free + half <= middle <= max(end * COLUMN, half):
            free = middle + half + APART
            yield name, middle
