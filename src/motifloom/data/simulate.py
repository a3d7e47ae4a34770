"""A simulated genome with planted motifs: inputs with a known answer, on the same road as a user's own files.

The bases are independent, A as frequent as T and C as G. The chromosomes are divided into as many slots as there are
regions; each slot holds one region, and each region one motif site near its centre, so no two windows overlap.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from motifloom import jaspar
from motifloom.errors import InputError
from motifloom.files import write_text, write_tsv
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
"""The width of the regions written, in bp; only their centre matters."""


def simulate(name: str, section: SimulatedDataset, seed: int, folder: Path) -> None:
    """Write ``genome.fa``, ``regions.bed`` and ``sites.tsv`` (the truth) into `folder`.

    ``sites.tsv`` has a row per planted site: ``chrom``, ``start``, ``end``, ``strand``, ``motif`` (matrix id) and
    ``name``.

    Raises
    ------
    InputError
        Where JASPAR lacks a motif, or the sites do not fit into the windows or the windows into the chromosomes.
    """
    spec = section.simulate
    motifs = jaspar.fetch(spec.motifs)
    slot = check_fit(name, section, motifs)
    random = generator(seed, name, "simulation")
    background = base_frequencies(spec.gc)
    per_chromosome = np.bincount(np.arange(spec.positives) % spec.chromosomes, minlength=spec.chromosomes)

    sequences, sites, regions = [], [], []
    for index, count in enumerate(per_chromosome):
        chrom = f"chr{index + 1}"
        codes = random.choice(4, size=spec.chromosome_length, p=background).astype(np.uint8)
        for number in range(count):
            centre = number * slot + int(random.integers(section.window, slot - section.window))
            which = int(random.integers(len(motifs)))
            site = sample_site(motifs[which].ppm, random)
            strand = "+-"[int(random.integers(2))]
            start = centre + int(random.integers(-spec.jitter, spec.jitter + 1)) - len(site) // 2
            codes[start : start + len(site)] = site if strand == "+" else reverse_complement(site)
            sites.append((chrom, start, start + len(site), strand, spec.motifs[which], motifs[which].name))
            regions.append((chrom, centre - REGION // 2, centre + REGION // 2))
        sequences.append(_fasta(chrom, codes))
    write_text(folder / "genome.fa", "".join(sequences))
    write_text(folder / "regions.bed", "".join(f"{chrom}\t{start}\t{end}\n" for chrom, start, end in regions))
    columns = ["chrom", "start", "end", "strand", "motif", "name"]
    write_tsv(folder / "sites.tsv", pl.DataFrame(sites, schema=columns, orient="row"))
    logger.info("%d chromosomes of %d bp, %d regions", spec.chromosomes, spec.chromosome_length, len(regions))


def base_frequencies(gc: float) -> npt.NDArray[np.float64]:
    """Return the background frequencies of A C G T, shape ``(4,)``, for a GC content `gc` between 0 and 1."""
    return np.array([1 - gc, gc, gc, 1 - gc]) / 2


def sample_site(ppm: npt.NDArray[np.float64], random: np.random.Generator) -> Codes:
    """Draw one site from a motif of shape ``(width, 4)``, each column by itself; codes of shape ``(width,)``."""
    edges = ppm.cumsum(axis=1)
    return (random.random((len(ppm), 1)) >= edges[:, :3]).sum(axis=1).astype(np.uint8)


def check_fit(name: str, section: SimulatedDataset, motifs: Sequence[KnownMotif]) -> int:
    """Return the bp of chromosome that each region has for itself.

    Raises
    ------
    InputError
        Where the sites do not fit into the windows, or the windows into the chromosomes.
    """
    spec = section.simulate
    widest = max(len(motif.ppm) for motif in motifs)
    where = f"datasets.{name}.simulate"
    problems = []
    if spec.jitter + (widest + 1) // 2 > section.window // 2:
        problems.append(
            f"{where}.jitter: a site of {widest} bp up to {spec.jitter} bp from the centre leaves the window of "
            f"{section.window} bp; expected at most {section.window // 2 - (widest + 1) // 2}"
        )
    slot = spec.chromosome_length // -(-spec.positives // spec.chromosomes)
    if slot < 4 * section.window:
        problems.append(
            f"{where}.chromosome_length: {spec.positives} windows of {section.window} bp and as many negatives do not "
            f"fit; expected at least {4 * section.window * -(-spec.positives // spec.chromosomes)}"
        )
    if problems:
        raise InputError(problems)
    return slot


def _fasta(name: str, codes: Codes) -> str:
    text = decode(codes)
    lines = (text[place : place + LINE] for place in range(0, len(text), LINE))
    return f">{name}\n" + "\n".join(lines) + "\n"
