"""Nearest neighbours among sequences, exact: motifloom beside faiss and scikit-learn.

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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from motifloom.genome import Codes

    Rows = npt.NDArray[np.int64]

SEED = 0
TRAIN, QUERIES, LENGTH, NEIGHBOURS = 50_000, 5_000, 200, 29
KMER = 6
SPACES = {"canonical": "canonical 6-mers, 2080", "forward": "6-mers, 4096", "positions": "one-hot, 200 bp"}
TINY = 64
PEER = "faiss, flat"
AGREEING = 40
"""Queries whose distances are compared with scikit-learn's."""

ONE_THREAD = dict.fromkeys(
    ("MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)


def make_inputs(folder: Path) -> None:
    """Write sequences, and the features that the peers are given: they need not make them."""
    import numpy as np

    random = np.random.default_rng(SEED)
    for name, number in (("train", TRAIN), ("queries", QUERIES)):
        codes = random.integers(0, 4, (number, LENGTH)).astype(np.uint8)
        np.save(folder / f"{name}.npy", codes)
        for space in SPACES:
            features = described(codes, space).astype(np.float32)
            if space != "positions":
                features = normalised(features)
            for part in ("data", "indices", "indptr"):
                np.save(folder / f"{name}-{space}-{part}.npy", getattr(features, part))


def described(codes: Codes, space: str) -> Any:
    """Return the features of sequences."""
    from motifloom.models.features import kmer_counts, positions

    return positions(codes) if space == "positions" else kmer_counts(codes, [KMER], space == "canonical")


def normalised(features: Any) -> Any:
    """Return rows of length 1, whose dot products are cosines."""
    import numpy as np

    rows = np.repeat(np.arange(features.shape[0]), np.diff(features.indptr))
    features.data /= np.sqrt(np.bincount(rows, features.data.astype(np.float64) ** 2))[rows]
    return features


def sparse(folder: Path, name: str, space: str, number: int | None) -> Any:
    """Read features as compressed sparse rows."""
    import numpy as np
    from scipy.sparse import csr_array

    data, indices, starts = (np.load(folder / f"{name}-{space}-{part}.npy") for part in ("data", "indices", "indptr"))
    width = {"canonical": 2080, "forward": 4**KMER, "positions": 4 * LENGTH}[space]
    return csr_array((data, indices, starts), shape=(len(starts) - 1, width))[:number]


def dense(folder: Path, name: str, space: str, number: int | None) -> npt.NDArray[np.float32]:
    """Read features as a float32 matrix."""
    return sparse(folder, name, space, number).toarray()


def codes_of(folder: Path, name: str, _space: str, number: int | None) -> Codes:
    """Read sequences."""
    import numpy as np

    return np.load(folder / f"{name}.npy")[:number]


def packed(folder: Path, name: str, space: str, number: int | None) -> npt.NDArray[np.uint8]:
    """Read one-hot sequences as bits."""
    import numpy as np

    return np.packbits(dense(folder, name, space, number) > 0, axis=1)


def motifloom(train: Codes, queries: Codes, space: str) -> Rows:
    """Index sequences and search, from the bases."""
    import numpy as np

    from motifloom.models.nearest import Index

    index = Index.of(train, partial(described, space=space), "hamming" if space == "positions" else "cosine")
    return np.concatenate([part.rows for part in index.nearest(queries, NEIGHBOURS)])


def faiss_flat(train: Any, queries: Any, space: str) -> Rows:
    """Search a flat index: inner products of rows of length 1, or squared Euclidean distances of one-hot rows."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(train.shape[1]) if space == "positions" else faiss.IndexFlatIP(train.shape[1])
    index.add(train)
    return index.search(queries, NEIGHBOURS)[1]


def faiss_binary(train: Any, queries: Any, _space: str) -> Rows:
    """Search a flat index of bits by Hamming distance."""
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexBinaryFlat(8 * train.shape[1])
    index.add(train)
    return index.search(queries, NEIGHBOURS)[1]


def scikit_learn(train: Any, queries: Any, _space: str, metric: str) -> Rows:
    """Ask brute force for neighbours."""
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=NEIGHBOURS, metric=metric, algorithm="brute")
    return model.fit(train).kneighbors(queries, return_distance=False)


def scikit_learn_classifier(train: Any, queries: Any, _space: str) -> Rows:
    """Classify by brute force and Euclidean distance, as most would."""
    import numpy as np
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(NEIGHBOURS, algorithm="brute").fit(train, np.arange(len(train)) % 2)
    return model.predict_proba(queries)


def nothing(_train: Any, _queries: Any, _space: str) -> None:
    """Do nothing: what the memory of all others is told above."""


WORDS, PLACES = ("canonical", "forward"), ("positions",)
CASES: dict[str, tuple[Callable[..., Any] | None, Callable[..., Any], tuple[str, ...]]] = {
    "bare interpreter": (None, nothing, (*WORDS, *PLACES)),
    PEER: (dense, faiss_flat, (*WORDS, *PLACES)),
    "faiss, binary flat": (packed, faiss_binary, PLACES),
    "scikit-learn, cosine on CSR": (sparse, partial(scikit_learn, metric="cosine"), WORDS),
    "scikit-learn, cosine": (dense, partial(scikit_learn, metric="cosine"), WORDS),
    "scikit-learn, Euclidean classifier": (dense, scikit_learn_classifier, (*WORDS, *PLACES)),
    "motifloom": (codes_of, motifloom, (*WORDS, *PLACES)),
}
"""How a case reads its inputs, which is not measured; what it does; and where it takes part."""


def measure(case: str, folder: Path, space: str) -> dict[str, float]:
    """Run a case in this process, on one core, after a run on tiny inputs that imports and compiles what it needs."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    read, search, _ = CASES[case]
    seconds = 0.0
    if read:
        search(*(read(folder, name, space, TINY) for name in ("train", "queries")), space)
        train, queries = (read(folder, name, space, None) for name in ("train", "queries"))
        started = time.process_time()
        search(train, queries, space)
        seconds = time.process_time() - started
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"seconds": seconds, "megabytes": int(status["VmHWM"].split()[0]) / 1024}


def agree(folder: Path, space: str) -> None:
    """Raise where the neighbours are other ones than dense float64 arithmetic finds, of equally near ones the first."""
    import numpy as np

    train, queries = (described(codes_of(folder, name, space, None), space) for name in ("train", "queries"))
    dots = (queries[:AGREEING].astype(np.int64) @ train.T.astype(np.int64)).toarray().astype(np.float64)
    squares = (train.astype(np.int64) ** 2).sum(axis=1).astype(np.float64)
    closeness = 2 * dots - squares if space == "positions" else dots * dots / squares
    expected = np.argsort(-closeness, axis=1, kind="stable")[:, :NEIGHBOURS]
    found = motifloom(*(codes_of(folder, name, space, None) for name in ("train", "queries")), space)[:AGREEING]
    if not np.array_equal(found, expected):
        raise AssertionError(f"{space}: other neighbours than dense arithmetic finds")


def in_own_process(*arguments: str) -> str:
    """Run this file in a process of one thread, and return what it prints."""
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, env=os.environ | ONE_THREAD, check=True, stdout=subprocess.PIPE, text=True).stdout


def compare(folder: Path, space: str, repeats: int) -> None:
    """Print the table of one kind of features."""
    in_own_process("--folder", str(folder), "--agree", space)  # also compiles
    runs: dict[str, list[dict[str, Any]]] = {case: [] for case, (*_, spaces) in CASES.items() if space in spaces}
    for _ in range(repeats):
        for case, found in runs.items():
            found.append(json.loads(in_own_process("--folder", str(folder), "--case", case, "--space", space)))
    bare = statistics.median(run["megabytes"] for run in runs.pop("bare interpreter"))
    seconds = {case: statistics.median(run["seconds"] for run in found) for case, found in runs.items()}
    memory = {case: statistics.median(run["megabytes"] for run in found) - bare for case, found in runs.items()}
    print(
        f"\n| {SPACES[space]} | CPU s (least to most) | time / motifloom | MB above bare Python | memory / motifloom |"
    )
    print("| --- | --- | --- | --- | --- |")
    for case, found in runs.items():
        spread = f"{min(run['seconds'] for run in found):.2f} to {max(run['seconds'] for run in found):.2f}"
        print(
            f"| {case} | {seconds[case]:.2f} ({spread}) | {seconds[case] / seconds['motifloom']:.1f} "
            f"| {memory[case]:.0f} | {memory[case] / memory['motifloom']:.1f} |"
        )


def main() -> None:
    """Read the command line, and compare everything; its own processes are told what to do by hidden flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where inputs are made and kept (default: a temporary folder)")
    parser.add_argument("--repeats", type=int, default=3, help="processes of each case (default: %(default)s)")
    parser.add_argument("--space", choices=SPACES, help="one kind of features alone")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--agree", choices=SPACES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(measure(args.case, args.folder, args.space)))
    elif args.agree:
        agree(args.folder, args.agree)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            folder = args.folder or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            if not (folder / "queries.npy").exists():
                make_inputs(folder)
            for space in [args.space] if args.space else SPACES:
                compare(folder, space, args.repeats)


if __name__ == "__main__":
    main()
