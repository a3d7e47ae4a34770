"""Time and memory of preparing many regions of a genome of human size.

    python benchmarks/prepare_scale.py --folder /tmp/scale

writes a random packed genome of 3 Gb (24 chromosomes, GC content that changes along them, runs of N) and narrowPeak
files into the folder, and prepares each with GC-matched negatives in a process of its own, tables and bases written.
Time should grow with the number of regions at most, and memory with the examples, not with the genome. The folder takes
3.2 GB, and up to 2 GB more for a while; remove it afterwards.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from motifloom.config import validate
from motifloom.data.windows import genome_examples
from motifloom.genome import UNKNOWN, Genome

CHROMOSOMES = 24
STRETCH = 100_000
"""Bases of one GC content."""

RUNS = ((250_000, 1000), (500_000, 1000), (1_000_000, 1000), (100_000, 200))
"""Regions and the length of windows in bp."""


def write_genome(folder: Path, bases: int, random: np.random.Generator) -> None:
    """Write a packed genome: 2 % N in long runs, a GC content of 0.35 to 0.55 for each stretch."""
    lengths = np.linspace(1.8, 0.2, CHROMOSOMES) / CHROMOSOMES * bases // STRETCH * STRETCH
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "codes.bin").open("wb") as file:
        for _ in range(int(lengths.sum()) // STRETCH):
            if random.random() < 0.02:
                codes = np.full(STRETCH, UNKNOWN, dtype=np.uint8)
            else:
                strong = random.integers(0, 256, STRETCH, dtype=np.uint8) < 256 * random.uniform(0.35, 0.55)
                second = random.integers(0, 2, STRETCH, dtype=np.uint8)
                codes = np.where(strong, 1 + second, 3 * second)
            file.write(codes.tobytes())
    table = pl.DataFrame({"contig": [f"chr{n + 1}" for n in range(CHROMOSOMES)], "length": lengths.astype(np.int64)})
    offset = pl.col("length").cum_sum() - pl.col("length")
    table.select("contig", offset.alias("offset"), "length").write_csv(folder / "contigs.tsv", separator="\t")


def write_regions(path: Path, number: int, genome: Genome, random: np.random.Generator) -> None:
    """Write peaks anywhere, in no order, 300 bp wide with a summit."""
    lengths = np.array(list(genome.lengths.values()))
    chrom = random.choice(len(lengths), number, p=lengths / lengths.sum())
    start = (random.random(number) * (lengths[chrom] - 300)).astype(np.int64)
    pl.DataFrame({"chrom": np.array(list(genome.lengths))[chrom], "start": start, "end": start + 300}).select(
        "chrom", "start", "end", name=pl.lit("peak"), score=pl.lit(0), strand=pl.lit("."),
        signal=pl.lit(1.5), p=pl.lit(-1), q=pl.lit(-1), summit=pl.Series(random.integers(0, 300, number)),
    ).write_csv(path, separator="\t", include_header=False)  # fmt: skip


def prepare(folder: Path, regions: Path, window: int) -> dict[str, float]:
    """Prepare one file, and return what it took."""
    section = {
        "genome": str(folder / "genome.fa"), "regions": str(regions), "window": window,
        "split": {"validation": ["chr8"], "test": ["chr9", "chr10"]},
    }  # fmt: skip
    config = validate({"datasets": {"scale": section}, "models": ["knn"]})
    genome = Genome.open(folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    examples = genome_examples(config, "scale", genome)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        examples.write(Path(scratch), genome)
        stored = (Path(scratch) / "sequences.bin").stat().st_size
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "examples": len(examples.records), "dropped": len(examples.dropped), "stored_mb": stored // 10**6,
        "seconds": round(seconds, 1),
        "imports_mb": before // 1024, "peak_mb": peak // 1024,
    }  # fmt: skip


def main() -> None:
    """Run all sizes, each in a process of its own, for the peak memory of a process never falls."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--bases", type=int, default=3_000_000_000)
    parser.add_argument("--one", nargs=2, metavar=("REGIONS", "WINDOW"), help="prepare one file, in this process")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    if arguments.one:
        regions, window = arguments.one
        print(json.dumps(prepare(folder, Path(regions), int(window))))
        return
    random = np.random.default_rng(0)
    if not (folder / "contigs.tsv").is_file():
        write_genome(folder, arguments.bases, random)
    genome = Genome.open(folder)
    for number, window in RUNS:
        path = folder / f"{number}.narrowPeak"
        write_regions(path, number, genome, np.random.default_rng(number))
        command = [sys.executable, __file__, "--folder", str(folder), "--one", str(path), str(window)]
        took = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(f"{number} regions, windows of {window} bp: {took.strip()}", flush=True)


if __name__ == "__main__":
    main()
