"""Motifs: scanning, names and logos beside memelite, on one core.

Makes its own inputs, runs every case in processes of its own, and prints a table. See README.md.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

SEED = 0
FILTERS, WIDTH, SEQUENCES, LENGTH, BATCH = 256, 19, 50_000, 200, 256
PASSING = 0.01
"""The share of sequences with a site of each filter by chance."""

ONE_THREAD = dict.fromkeys(
    ("MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)


def inputs() -> tuple[Any, Any]:
    """Return log-odds of random matrices, shape ``(filters, width, 4)``, and codes of random sequences."""
    import numpy as np

    random = np.random.default_rng(SEED)
    ppm = np.clip(random.dirichlet(np.full(4, 0.5), size=(FILTERS, WIDTH)), 1e-3, 1)
    ppm /= ppm.sum(axis=2, keepdims=True)
    return ppm, random.integers(0, 4, (SEQUENCES, LENGTH)).astype(np.uint8)


def scan_motifloom() -> tuple[float, int]:
    """Find sites above the 99 % quantile of the best scores of 2 000 sequences, that quantile included."""
    import numpy as np

    from motifloom.motifs.scan import best_scores, find_sites

    ppm, codes = inputs()
    matrices = np.log(ppm / 0.25).astype(np.float32)
    best_scores(matrices[:2], [codes[:2]], both_strands=True)
    find_sites(matrices[:2], np.zeros(2, np.float32), [codes[:2]], both_strands=True)
    started = time.process_time()
    thresholds = np.quantile(best_scores(matrices, [codes[:2000]], True), 1 - PASSING, axis=0, method="higher")
    batches = (codes[first : first + BATCH] for first in range(0, SEQUENCES, BATCH))
    found = find_sites(matrices, thresholds, batches, both_strands=True)
    return time.process_time() - started, len(found)


def scan_memelite() -> tuple[float, int]:
    """Find sites at the p-value that gives about as many, one-hot sequences being given."""
    import numpy as np
    from memelite import fimo

    ppm, codes = inputs()
    motifs = {str(number): one.T.copy() for number, one in enumerate(ppm)}
    one_hot = np.eye(4, dtype=np.int8)[codes].transpose(0, 2, 1).copy()
    p_value = PASSING / (2 * LENGTH)
    few = dict(list(motifs.items())[:2])
    fimo(few, one_hot[:10], threshold=p_value)
    started = time.process_time()
    found = fimo(motifs, one_hot, threshold=p_value)
    return time.process_time() - started, sum(map(len, found))


def _queries() -> tuple[Any, Any]:
    """Return motifs as filters count them, and JASPAR's vertebrates."""
    import numpy as np

    from motifloom.motifs.matching import read_database
    from motifloom.motifs.motif import Motif, probabilities, trim

    random, database = np.random.default_rng(SEED), read_database("jaspar-vertebrates")
    motifs = []
    for number, place in enumerate(random.permutation(len(database))[:FILTERS]):
        sites = np.array([random.multinomial(100, column / column.sum()) for column in database[place].ppm])
        motifs.append(Motif(f"m{number}", 0, number, trim(probabilities(sites)), 100, dead=False))
    return motifs, database


def names_motifloom() -> tuple[float, int]:
    """Name 256 motifs, shuffled columns included."""
    from motifloom.motifs.matching import match

    motifs, database = _queries()
    match(motifs[:3], database[:40], SEED)
    started = time.process_time()
    found = match(motifs, database, SEED)
    return time.process_time() - started, sum(one.q_value < 0.05 for one in found.values())


def names_memelite() -> tuple[float, int]:
    """Compare 256 motifs with all known ones: Tomtom's p-values alone."""
    from motifloom.motifs.matching import tomtom_p_values

    motifs, database = _queries()
    queries, targets = [one.ppm for one in motifs], [one.ppm for one in database]
    tomtom_p_values(queries[:3], targets[:40])
    started = time.process_time()
    found = tomtom_p_values(queries, targets)[0]
    return time.process_time() - started, int((found.min(axis=1) * len(targets) < 0.05).sum())


def logos_motifloom() -> tuple[float, int]:
    """Draw 256 logos."""
    from motifloom.report.logos import logo

    motifs, _ = _queries()
    started = time.process_time()
    size = sum(len(logo(one.ppm, one.name)) for one in motifs)
    return time.process_time() - started, size


CASES = {
    "scan, motifloom": scan_motifloom,
    "scan, memelite": scan_memelite,
    "names, motifloom": names_motifloom,
    "names, memelite's p-values alone": names_memelite,
    "logos, motifloom": logos_motifloom,
}


def main() -> None:
    """Measure every case in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--case", choices=CASES, help="run one case in this process")
    options = parser.parse_args()
    if options.case:
        seconds, found = CASES[options.case]()
        print(seconds, found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    measured: dict[str, list[list[float]]] = {name: [] for name in CASES}
    for _ in range(options.repeats):
        for name, runs in measured.items():
            command = [sys.executable, __file__, "--case", name]
            text = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=True)
            runs.append([float(word) for word in text.stdout.split()])
    print("| case | CPU s (least to most) | found | MB |\n| --- | --- | --- | --- |")
    for name, runs in measured.items():
        seconds, found, memory = zip(*runs, strict=True)
        spread = f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"
        print(f"| {name} | {spread} | {found[0]:,.0f} | {max(memory):.0f} |")


if __name__ == "__main__":
    main()
