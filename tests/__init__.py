"""Tests run as a job of the workflow does, on one thread: ones that spin would take the cores from each other.

It is said here because numba and torch want to know before they are imported.
"""

from motifloom.machine import prepare_process

prepare_process(threads=1)
