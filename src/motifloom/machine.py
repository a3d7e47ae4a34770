"""What a job takes of the machine: the threads it was given, and memory it does not hand back at every step."""

from __future__ import annotations

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""Parameters of glibc's mallopt(3)."""

MEGABYTE = 2**20

OMP = "OMP_NUM_THREADS"
THREADS = (OMP, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")
"""Who reads how many threads to use, each from a variable of its own and before it is imported."""


def keep_to_openmp() -> None:
    """Let all that are not told otherwise use as many threads as OpenMP is told to, as Snakemake tells every job."""
    threads = os.environ.get(OMP, "")
    for variable in THREADS if threads.isdecimal() else ():
        os.environ.setdefault(variable, threads)


def prepare_process(threads: int) -> None:
    """Set up this process for training or prediction; to be called before torch and polars are imported.

    Torch, numba, polars and BLAS get `threads` threads that sleep while they wait: threads that spin take the cores
    from other jobs on a busy machine. The C library keeps freed memory: by default it hands the large blocks of every
    step back to the system and asks for them anew, which doubles the time of an LSTM on a CPU.
    """
    for variable in THREADS:
        os.environ[variable] = str(threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent where the C library is not glibc
        if mallopt:
            mallopt(M_MMAP_THRESHOLD, 32 * MEGABYTE)
            mallopt(M_TRIM_THRESHOLD, 1024 * MEGABYTE)
            mallopt(M_TOP_PAD, 64 * MEGABYTE)
