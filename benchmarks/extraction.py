"""Windows of a genome as one-hot sequences, from files to batches: motifloom beside tangermeme and pyfaidx.

Makes its own inputs, runs every case in processes of its own on one core, and prints a table. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import numpy.typing as npt

    from motifloom.data.dataset import Sequences

SEED = 0
CONTIGS, CONTIG_BP, LINE_BP = 5, 20_000_000, 60
SOFT_MASKED_BP, UNKNOWN_BP = 300, 50_000
REGIONS = {"200,000 x 200 bp": (200_000, 200), "20,000 x 1 kb": (20_000, 1000)}
TINY = "tiny"
BATCH = 64
"""As many sequences as a batch of a training has by default."""
PEER = "tangermeme"
SECONDS = "seconds"
"""What a case calls its time if only a part of what it does is to be measured."""

ONE_THREAD = dict.fromkeys(
    ("MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)


def make_inputs(folder: Path) -> None:
    """Write a genome whose bases are soft-masked for a half and unknown for a twentieth, and sorted regions in it."""
    import numpy as np

    random = np.random.default_rng(SEED)
    _write_inputs(folder / "genome.fa", folder, random, CONTIG_BP, REGIONS)
    _write_inputs(folder / f"{TINY}.fa", folder, random, 10 * UNKNOWN_BP, {TINY: (256, 200)})


def _write_inputs(
    fasta: Path, folder: Path, random: np.random.Generator, length: int, regions: dict[str, tuple[int, int]]
) -> None:
    import numpy as np

    with fasta.open("wb") as out:
        for number in range(1, CONTIGS + 1):
            bases = np.frombuffer(b"ACGT", dtype=np.uint8)[random.integers(0, 4, length)]
            for start in random.integers(0, length - SOFT_MASKED_BP, length // 2 // SOFT_MASKED_BP):
                bases[start : start + SOFT_MASKED_BP] |= 0x20
            for start in random.integers(0, length - UNKNOWN_BP, max(length // 20 // UNKNOWN_BP, 1)):
                bases[start : start + UNKNOWN_BP] = ord("N")
            out.write(f">chr{number}\n".encode())
            for start in range(0, length, LINE_BP):
                out.write(bases[start : start + LINE_BP].tobytes() + b"\n")
    for title, (count, width) in regions.items():
        contigs = np.sort(random.integers(1, CONTIGS + 1, count))
        starts = random.integers(0, length - width, count)
        starts = starts[np.lexsort((starts, contigs))]
        lines = [f"chr{c}\t{s}\t{s + width}\n" for c, s in zip(contigs.tolist(), starts.tolist(), strict=True)]
        bed_of(folder, title).write_text("".join(lines))


def bed_of(folder: Path, title: str) -> Path:
    """Return the file of a set of regions."""
    return folder / f"{title.replace(' ', '').replace(',', '')}.bed"


def store(packed: Path, bed: Path, folder: Path) -> None:
    """Read regions as prepare does, and copy the bases of their windows, with the table of where each lies."""
    import numpy as np
    import polars as pl

    from motifloom.data.examples import DROPPED_SCHEMA, RECORD_SCHEMA, Examples
    from motifloom.data.regions import read_regions
    from motifloom.genome import Genome

    genome = Genome.open(packed)
    offset = pl.coalesce(pl.when(pl.col("chrom") == name).then(place) for name, place in genome.offsets.items())
    regions = read_regions(bed).select(
        offset=offset + pl.col("start"), length=pl.col("end") - pl.col("start"), minus=pl.lit(False), own=pl.lit(False)
    )
    nothing = [pl.lit(None).alias(column) for column in RECORD_SCHEMA if column not in regions.columns]
    records = regions.with_columns(nothing).select(*RECORD_SCHEMA).cast(RECORD_SCHEMA)
    none = np.empty(0, dtype=np.uint8)
    Examples(records, pl.DataFrame(), none, pl.DataFrame(schema=DROPPED_SCHEMA)).write(folder, genome)


def open_sequences(folder: Path) -> Sequences:
    """Open what :func:`store` wrote, as a training does."""
    import polars as pl

    from motifloom.data.dataset import Sequences
    from motifloom.genome import map_codes

    return Sequences(map_codes(folder / "sequences.bin"), pl.read_parquet(folder / "sequences.parquet"))


def batches(sequences: Sequences, width: int) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    """Serve sequences once, shuffled: rows and float32 one-hot batches in a buffer that is used again.

    As in a training, the bases of several batches are gathered in one go.
    """
    import numpy as np

    from motifloom.genome import one_hot
    from motifloom.training.epoch import STRETCH

    order = np.random.default_rng(SEED).permutation(len(sequences))
    x = np.empty((BATCH, 4, width), dtype=np.float32)
    span = max(1, STRETCH // (BATCH * width)) * BATCH
    for stretch in (order[first : first + span] for first in range(0, len(order), span)):
        codes = sequences.codes(stretch, width)
        for first in range(0, len(stretch), BATCH):
            batch = slice(first, first + BATCH)
            yield stretch[batch], one_hot(codes[batch], x[: len(stretch[batch])])


def motifloom_prepared(_: Path, bed: Path, width: int) -> dict[str, float]:
    """Serve an epoch from regions that are prepared already."""
    stages: dict[str, float] = {}
    started = time.process_time()
    sequences = open_sequences(bed.with_suffix(""))
    stages["table"] = time.process_time() - started
    for _ in batches(sequences, width):
        pass
    return stages


def motifloom_next_epoch(_: Path, bed: Path, width: int) -> dict[str, float]:
    """Serve a second epoch; the first has brought the pages of the bases into the process."""
    sequences = open_sequences(bed.with_suffix(""))
    for _ in range(2):
        started = time.process_time()
        for _ in batches(sequences, width):
            pass
    return {SECONDS: time.process_time() - started}


def motifloom_from_genome(fasta: Path, bed: Path, width: int) -> dict[str, float]:
    """Prepare regions of a genome that is packed, then serve an epoch."""
    stages: dict[str, float] = {}
    started = time.process_time()
    with tempfile.TemporaryDirectory(dir=fasta.parent) as folder:
        store(fasta.with_suffix(".packed"), bed, Path(folder))
        stages["preparing"] = time.process_time() - started
        for _ in batches(open_sequences(Path(folder)), width):
            pass
    return stages


def motifloom_from_fasta(fasta: Path, bed: Path, width: int) -> dict[str, float]:
    """Pack a genome, prepare the regions, then serve an epoch."""
    from motifloom.genome import pack

    stages: dict[str, float] = {}
    started = time.process_time()
    with tempfile.TemporaryDirectory(dir=fasta.parent) as folder:
        pack(fasta, folder)
        stages["packing"] = time.process_time() - started
        started = time.process_time()
        store(Path(folder), bed, Path(folder))
        stages["preparing"] = time.process_time() - started
        for _ in batches(open_sequences(Path(folder)), width):
            pass
    return stages


def tangermeme(fasta: Path, bed: Path, width: int) -> dict[str, float]:
    """Extract int8 one-hot sequences, in the file's order; the index of the FASTA file lies beside it."""
    from tangermeme.io import extract_loci

    extract_loci(str(bed), str(fasta), in_window=width, n_jobs=1)
    return {}


def tangermeme_without_index(fasta: Path, bed: Path, width: int) -> dict[str, float]:
    """Extract int8 one-hot sequences from a FASTA file that has no index yet."""
    index = Path(f"{fasta}.fai")
    index.unlink(missing_ok=True)
    return tangermeme(fasta, bed, width)


def pyfaidx_loop(fasta: Path, bed: Path, width: int) -> dict[str, float]:
    """Read window by window and look up one-hot rows, as tutorials do at their best."""
    import numpy as np
    import pyfaidx

    row_of_byte = np.zeros((256, 4), dtype=np.int8)
    for row, base in enumerate("ACGT"):
        row_of_byte[[ord(base), ord(base.lower())], row] = 1
    lines = bed.read_text().splitlines()
    x = np.empty((len(lines), width, 4), dtype=np.int8)
    with pyfaidx.Fasta(str(fasta), as_raw=True, read_ahead=0) as genome:
        for row, line in enumerate(lines):
            chrom, start, end = line.split("\t")
            window = genome[chrom][int(start) : int(end)]
            x[row] = row_of_byte[np.frombuffer(window.encode(), dtype=np.uint8)]
    return {}


def bare_interpreter(_fasta: Path, _bed: Path, _width: int) -> dict[str, float]:
    """Do nothing: what the memory of all others is told above."""
    return {}


CASES: dict[str, Callable[[Path, Path, int], dict[str, float]]] = {
    "bare interpreter": bare_interpreter,
    PEER: tangermeme,
    "tangermeme, no index": tangermeme_without_index,
    "pyfaidx, a loop": pyfaidx_loop,
    "motifloom, prepared": motifloom_prepared,
    "motifloom, next epoch": motifloom_next_epoch,
    "motifloom, from genome": motifloom_from_genome,
    "motifloom, from FASTA": motifloom_from_fasta,
}


def measure(case: str, folder: Path, title: str) -> dict[str, Any]:
    """Run a case in this process, on one core, after a run on tiny inputs that imports and compiles what it needs."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    CASES[case](folder / f"{TINY}.fa", bed_of(folder, TINY), 200)
    started = time.process_time()
    stages = CASES[case](folder / "genome.fa", bed_of(folder, title), REGIONS[title][1])
    seconds = stages.pop(SECONDS, time.process_time() - started)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"seconds": seconds, "stages": stages, "megabytes": int(status["VmHWM"].split()[0]) / 1024}


def agree(folder: Path, title: str) -> None:
    """Raise where a batch holds other sequences than the peer extracts."""
    import numpy as np
    from tangermeme.io import extract_loci

    width = REGIONS[title][1]
    expected = extract_loci(str(bed_of(folder, title)), str(folder / "genome.fa"), in_window=width).numpy()
    sequences = open_sequences(bed_of(folder, title).with_suffix(""))
    for rows, x in batches(sequences, width):
        if not np.array_equal(x, expected[rows]):
            raise AssertionError(f"{title}: motifloom and tangermeme differ")


def in_own_process(*arguments: str) -> str:
    """Run this file in a process of one thread, and return what it prints."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, env=os.environ | ONE_THREAD, check=True, stdout=subprocess.PIPE, text=True).stdout


def compare(folder: Path, title: str, repeats: int) -> None:
    """Print the table of a set of regions."""
    in_own_process("--folder", str(folder), "--agree", title)  # also compiles, and indexes the FASTA file
    runs: dict[str, list[dict[str, Any]]] = {case: [] for case in CASES}
    for _ in range(repeats):
        for case in CASES:
            runs[case].append(json.loads(in_own_process("--folder", str(folder), "--case", case, "--regions", title)))
    bare = statistics.median(run["megabytes"] for run in runs.pop("bare interpreter"))
    seconds = {case: statistics.median(run["seconds"] for run in runs[case]) for case in runs}
    memory = {case: statistics.median(run["megabytes"] for run in runs[case]) - bare for case in runs}
    print(f"\n| {title} | CPU s (least to most) | speed / {PEER} | MB above bare Python | memory / {PEER} | of it |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case, found in runs.items():
        spread = f"{min(run['seconds'] for run in found):.3f} to {max(run['seconds'] for run in found):.3f}"
        parts = {name: statistics.median(run["stages"][name] for run in found) for name in found[0]["stages"]}
        print(
            f"| {case} | {seconds[case]:.3f} ({spread}) | {seconds[PEER] / seconds[case]:.2f} "
            f"| {memory[case]:.0f} | {memory[case] / memory[PEER]:.2f} "
            f"| {', '.join(f'{name} {part:.3f} s' for name, part in parts.items())} |"
        )


def prepare(folder: Path) -> None:
    """Make the inputs, and what some cases find ready: the packed genome and the prepared regions."""
    from motifloom.genome import pack

    make_inputs(folder)
    for name in ("genome", TINY):
        pack(folder / f"{name}.fa", folder / f"{name}.packed")
    for title in (*REGIONS, TINY):
        bed = bed_of(folder, title)
        store(folder / ("tiny.packed" if title == TINY else "genome.packed"), bed, bed.with_suffix(""))


def main() -> None:
    """Read the command line, and compare everything; its own processes are told what to do by hidden flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where inputs are made and kept (default: a temporary folder)")
    parser.add_argument("--repeats", type=int, default=5, help="processes of each case (default: %(default)s)")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--regions", choices=REGIONS, help=argparse.SUPPRESS)
    parser.add_argument("--agree", choices=REGIONS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(measure(args.case, args.folder, args.regions)))
    elif args.agree:
        agree(args.folder, args.agree)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            folder = args.folder or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / "genome.packed").exists():
                prepare(folder)
            for title in REGIONS:
                compare(folder, title, args.repeats)


if __name__ == "__main__":
    main()
