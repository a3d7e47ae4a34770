"""A simulated genome with planted motifs: inputs with a known answer, on the same road as a user's own files.

The bases are independent, A as frequent as T and C as G. Each chromosome is divided into slots of one length; a slot
holds one region, so no two windows overlap. :mod:`motifloom.data.arrangements` tells what a region of each class holds.
"""

from __future__ import annotations

import logging
from typing import IO, TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom import jaspar
from motifloom.data.arrangements import Paired, arrangements, least_distance
from motifloom.errors import InputError
from motifloom.files import whole_file, write_tsv
from motifloom.genome import decode, reverse_complement
from motifloom.seeds import generator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from motifloom.config import SimulatedDataset
    from motifloom.genome import Codes
    from motifloom.jaspar import KnownMotif

logger = logging.getLogger(__name__)

LINE = 60
REGION = 20
"""The width of the regions written, in bp, or the window's if that is less; only their centre matters."""

DRAWN = 1 << 20
"""So many bases of the background are drawn at a time."""


def simulate(name: str, section: SimulatedDataset, seed: int, folder: Path) -> None:
    """Write a genome, its regions and the truth into `folder`.

    ``genome.fa``
        The chromosomes ``chr1``, ``chr2``, …
    ``regions.bed``, ``negatives.bed``
        The regions labelled 1 and 0, ordered by place. The fourth column is the truth, ``positive`` or ``decoy``; noise
        makes labels differ from it. ``negatives.bed`` is empty where negatives are drawn from the genome instead.
    ``sites.tsv``
        A row per planted site: ``chrom``, ``start``, ``end``, ``strand``, ``motif`` (matrix id) and ``name``; of the
        region it lies in ``region`` (its start in the BED file), ``label`` (1 in ``regions.bed``, 0 in
        ``negatives.bed``) and ``truth`` (1 or 0).

    Memory grows with one chromosome and with the number of regions.

    Raises
    ------
    InputError
        Where JASPAR lacks a motif, or the sites do not fit into the windows or the windows into the chromosomes.
    """
    spec = section.simulate
    motifs = known_motifs(name, section)
    check_fit(name, section, motifs)
    all_regions, all_sites = [], []
    with whole_file(folder / "genome.fa") as beside, beside.open("w", encoding="ascii") as fasta:
        for number in range(spec.chromosomes):
            chrom = f"chr{number + 1}"
            random = generator(seed, name, "simulation", chrom)
            codes = draw_background(spec.chromosome_length, spec.gc, random)
            regions = _draw_regions(section, len(range(number, spec.positives, spec.chromosomes)), random)
            sites = _plant(codes, regions, section, motifs, random)
            _write_record(fasta, chrom, codes)
            all_regions.append(regions.with_columns(chrom=pl.lit(chrom)))
            all_sites.append(sites.select(pl.lit(chrom).alias("chrom"), pl.all()))
    regions = pl.concat(all_regions)
    _write_bed(folder / "regions.bed", regions.filter(pl.col("label") == 1))
    _write_bed(folder / "negatives.bed", regions.filter(pl.col("label") == 0))
    write_tsv(folder / "sites.tsv", pl.concat(all_sites))
    logger.info("%d chromosomes of %d bp, %d regions", spec.chromosomes, spec.chromosome_length, len(regions))
    if spec.noise:
        logger.info("%d regions have the wrong label", (regions["label"] != regions["truth"]).sum())


def base_frequencies(gc: float) -> npt.NDArray[np.float64]:
    """Return the background frequencies of A C G T, shape ``(4,)``, for a GC content `gc` between 0 and 1."""
    return np.array([1 - gc, gc, gc, 1 - gc]) / 2


def draw_background(length: int, gc: float, random: np.random.Generator) -> Codes:
    """Draw `length` independent bases; codes of shape ``(length,)``."""
    edges = base_frequencies(gc).cumsum()[:3]
    codes = np.empty(length, dtype=np.uint8)
    for first in range(0, length, DRAWN):
        part = codes[first : first + DRAWN]
        part[:] = np.searchsorted(edges, random.random(len(part)), side="right")
    return codes


def sample_sites(ppm: npt.NDArray[np.float64], number: int, random: np.random.Generator) -> Codes:
    """Draw sites from a motif of shape ``(width, 4)``, each column by itself; codes of shape ``(number, width)``."""
    edges = ppm.cumsum(axis=1)[:, :3]
    return (random.random((number, len(ppm), 1)) >= edges).sum(axis=2, dtype=np.uint8)


def _draw_regions(section: SimulatedDataset, positives: int, random: np.random.Generator) -> pl.DataFrame:
    """Draw the regions of one chromosome.

    Returns
    -------
    Table with ``start``, ``end``, ``centre``, ``label`` and ``truth``, ordered by place.
    """
    spec, half = section.simulate, section.window // 2
    truth = random.permutation(np.repeat([1, 0], [positives, positives * _decoys_per_positive(section)]))
    wrong = random.random(len(truth)) < spec.noise
    slot = spec.chromosome_length // _slots(section)
    centre = np.arange(len(truth)) * slot + random.integers(half, slot - section.window + half + 1, size=len(truth))
    width = min(REGION, section.window)
    start = centre - width // 2
    return pl.DataFrame(
        {
            "start": start,
            "end": start + width,
            "centre": centre,
            "label": np.where(wrong, 1 - truth, truth),
            "truth": truth,
        }
    )


def _plant(
    codes: Codes,
    regions: pl.DataFrame,
    section: SimulatedDataset,
    motifs: Sequence[KnownMotif],
    random: np.random.Generator,
) -> pl.DataFrame:
    """Write motif sites into `codes`, in place, and return the truth: ``sites.tsv`` without the chromosome."""
    widths = np.array([len(motif.ppm) for motif in motifs])
    of_class, centre = regions["truth"].to_numpy(), regions["centre"].to_numpy()
    parts = []
    for truth, choices in arrangements(section).items():
        rows = np.flatnonzero(of_class == truth)
        choice = random.integers(len(choices), size=len(rows))
        for number, arrangement in enumerate(choices):
            chosen = rows[choice == number]
            drawn = arrangement.draw(widths, section.simulate.jitter, len(chosen), random)
            start = centre[chosen, None] + drawn.start
            row = np.broadcast_to(chosen[:, None], start.shape)
            columns = {"row": row, "which": drawn.motif, "start": start, "minus": drawn.minus}
            parts.append(pl.DataFrame({name: values.ravel() for name, values in columns.items()}))
    sites = pl.concat(parts).sort("start")
    for number, motif in enumerate(motifs):
        mine = sites.filter(pl.col("which") == number)
        bases, minus = sample_sites(motif.ppm, len(mine), random), mine["minus"].to_numpy()
        bases[minus] = reverse_complement(bases[minus])
        codes[mine["start"].to_numpy()[:, None] + np.arange(len(motif.ppm))] = bases
    which, region = sites["which"].to_numpy(), regions[sites["row"]]
    return sites.select(
        "start",
        pl.col("start").add(pl.Series(widths[which])).alias("end"),
        pl.when("minus").then(pl.lit("-")).otherwise(pl.lit("+")).alias("strand"),
        pl.Series("motif", [motifs[number].identifier for number in which], dtype=pl.String),
        pl.Series("name", [motifs[number].name for number in which], dtype=pl.String),
        region["start"].alias("region"),
        region["label"],
        region["truth"],
    )


def _decoys_per_positive(section: SimulatedDataset) -> int:
    return section.negatives_per_positive if section.negatives == "decoys" else 0


def _slots(section: SimulatedDataset) -> int:
    """Return how many regions the chromosome with most has."""
    spec = section.simulate
    return -(-spec.positives // spec.chromosomes) * (1 + _decoys_per_positive(section))


def _write_record(fasta: IO[str], name: str, codes: Codes) -> None:
    fasta.write(f">{name}\n")
    text = decode(codes)
    fasta.writelines(f"{text[place : place + LINE]}\n" for place in range(0, len(text), LINE))


def _write_bed(path: Path, regions: pl.DataFrame) -> None:
    truth = pl.when(pl.col("truth") == 1).then(pl.lit("positive")).otherwise(pl.lit("decoy"))
    with whole_file(path) as beside:
        regions.select("chrom", "start", "end", truth).write_csv(beside, separator="\t", include_header=False)


# ---------------------------------------------------------------------------------------------------------- what fits


def known_motifs(name: str, section: SimulatedDataset) -> list[KnownMotif]:
    """Return the motifs that dataset `name` plants; InputError with every id that JASPAR does not hold."""
    try:
        return jaspar.fetch(section.simulate.motifs)
    except InputError as error:
        raise InputError(f"datasets.{name}.simulate.motifs: {problem}" for problem in error.problems) from None


def check_fit(name: str, section: SimulatedDataset, motifs: Sequence[KnownMotif]) -> None:
    """Check that dataset `name` can be simulated with these motifs.

    Raises
    ------
    InputError
        Where sites would overlap or leave their windows, or the windows do not fit into the chromosomes: all problems
        at once, each with the key and the least or greatest value that would do.
    """
    spec, window = section.simulate, section.window
    where = f"datasets.{name}.simulate"
    widths = np.array([len(motif.ppm) for motif in motifs])
    longest, least_jitter, problems = _room_for_sites(where, section, widths)
    needed = 2 * max(spec.jitter, least_jitter) + longest
    planted = f"{'a pair' if spec.rule == 'pair' else 'a site'} of {longest} bp"
    if window < 2 * least_jitter + longest:
        problems.append(
            f"datasets.{name}.window: {planted} up to {max(spec.jitter, least_jitter)} bp from the centre leaves the "
            f"window of {window} bp; expected at least {needed}"
        )
        window = needed
    elif window < needed:
        problems.append(
            f"{where}.jitter: {planted} up to {spec.jitter} bp from the centre leaves the window of {window} bp; "
            f"expected at most {(window - longest) // 2}, or a window of at least {needed}"
        )
    decoys = section.negatives == "decoys"
    slot = window if decoys else 2 * window * (1 + section.negatives_per_positive)
    if spec.chromosome_length < _slots(section) * slot:
        problems.append(
            f"{where}.chromosome_length: {spec.positives} positive windows of {window} bp and "
            f"{spec.positives * section.negatives_per_positive} negative ones do not fit on {spec.chromosomes} "
            f"chromosomes of {spec.chromosome_length} bp; expected at least {_slots(section) * slot}"
        )
    if problems:
        raise InputError(problems)


def _room_for_sites(where: str, section: SimulatedDataset, widths: npt.NDArray[np.int64]) -> tuple[int, int, list[str]]:
    """Return the bp of the longest site or pair, the least jitter that leaves room, and what would overlap."""
    spec, widest = section.simulate, int(widths.max())
    problems, least_jitter, longest = [], 0, widest
    if spec.rule == "count":
        least_jitter = ((spec.sites - 1) * widest + 1) // 2
        if spec.jitter < least_jitter:
            problems.append(
                f"{where}.jitter: {spec.sites} sites of {widest} bp overlap with their centres at most {spec.jitter} "
                f"bp from the region's; expected at least {least_jitter}"
            )
    if spec.rule == "pair":
        for key, orders in (("spacing", ((0, 1), (1, 0))), ("decoy_spacing", ((0, 1),))):
            least, most = getattr(spec, key)
            apart = max(int(least_distance(*widths[list(order)])) for order in orders)
            if least < apart:
                problems.append(
                    f"{where}.{key}: sites of {widths[0]} and {widths[1]} bp overlap with their centres {least} bp "
                    f"apart; expected at least {apart}"
                )
            lengths = [int(Paired(order, (least, most)).length(widths, max(most, apart))) for order in orders]
            longest = max(longest, *lengths)
    return longest, least_jitter, problems
