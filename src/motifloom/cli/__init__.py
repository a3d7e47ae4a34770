"""The command line: every stage of the workflow is one subcommand, so a printed command can be pasted into a shell.

A subcommand is a module with a docstring (its help), ``add_arguments(parser)`` and ``run(args)``.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import logging
import os
import re
import signal
import sys
import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from motifloom import __version__
from motifloom.errors import InputError
from motifloom.machine import keep_to_openmp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType, ModuleType

COMMANDS = (
    "check", "config", "simulate", "pack", "prepare", "audit", "sample", "train", "fit", "ensemble", "oracle",
    "evaluate", "diagnose", "experiment", "collect", "attribute", "patterns", "motifs", "consensus", "report",
)  # fmt: skip
OF_THE_MACHINE = frozenset({
    errno.ENOENT, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.EROFS,
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG,
})  # fmt: skip
"""What files and disks refuse that a user can mend: it is not there, not allowed, or there is no room."""

OF_MEMORY = re.compile(r"can't allocate memory: .*|.*out of memory.*")
"""How torch tells in a RuntimeError that a processor's or a GPU's memory does not suffice."""

QUIET_SECONDS = 5.0
"""A terminal is told of progress at most this often; a log file of all of it."""


class Stopped(SystemExit):
    """A signal asked the command to end; the exit status is 128 and the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status: 0 done, 2 the user can fix it, 1 a bug.

    Raises
    ------
    Stopped
        Where SIGTERM or Ctrl-C asked it to end; nothing half-written is left.
    """
    args = build_parser().parse_args(arguments)
    command: ModuleType = args.command
    handlers: list[logging.Handler] = []
    try:
        os.environ["PYTHONSAFEPATH"] = "1"  # its own processes import nothing of the user's folder
        keep_to_openmp()
        _start_logging(args.log, _job(args), handlers)
        with _listening():
            command.run(args)
    except InputError as error:
        for problem in error.problems:
            _tell_error(problem, handlers)
        return 2
    except Stopped as stop:
        logging.getLogger("motifloom").warning("stopped by %s", stop.name)
        raise
    except Exception as error:
        told = _of_the_machine(error)
        if told is None:
            logging.getLogger("motifloom").critical("%s", traceback.format_exc())
            return 1
        _tell_error(told, handlers)
        return 2
    finally:
        for handler in handlers:
            logging.getLogger("motifloom").removeHandler(handler)
            handler.close()
    return 0


@contextmanager
def _listening() -> Iterator[None]:
    """End on SIGTERM and Ctrl-C, where they are not ignored, by an exception: what is half-written is removed."""

    def stop(number: int, _: FrameType | None) -> None:
        raise Stopped(number)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield
    except SystemError as error:
        if isinstance(error.__cause__, Stopped):  # raised within compiled code, which wraps what it does not know
            raise error.__cause__ from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _of_the_machine(error: Exception) -> str | None:
    """Say what files, disks or memory refused that a user can mend; None where an error is a bug."""
    if isinstance(error, OSError) and _errno(error) in OF_THE_MACHINE:
        return f"{error.filename or ''}: {os.strerror(_errno(error))}".removeprefix(": ")
    if isinstance(error, MemoryError):
        return f"too little memory: {error}".removesuffix(": ")
    asked = OF_MEMORY.search(str(error)) if isinstance(error, RuntimeError) else None
    return f"too little memory: {asked[0]}" if asked else None


def _errno(error: OSError) -> int:
    """Return the number of an error of the system, which polars tells in words alone; 0 where it has none."""
    told = re.search(r"\(os error (\d+)\)", str(error))
    return error.errno or int(told[1] if told else 0)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands; no subcommand imports anything heavy for it."""
    parser = argparse.ArgumentParser(prog="motifloom", description=importlib.import_module("motifloom").__doc__)
    parser.add_argument("--version", action="version", version=f"motifloom {__version__}")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"motifloom.cli.{name}")
        description = (module.__doc__ or "").strip()
        subparser = subparsers.add_parser(
            name,
            help=description.splitlines()[0],
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(subparser)
        subparser.add_argument("--log", metavar="FILE", help="also write what is told to this file")
        subparser.set_defaults(command=module, command_name=name)
    return parser


def _tell_error(problem: str, handlers: Sequence[logging.Handler]) -> None:
    """Write one ``error:`` line as it stands, without the job's name."""
    plain = logging.Formatter("error: %(message)s")
    record = logging.LogRecord("motifloom", logging.ERROR, "", 0, problem, None, None)
    for handler in handlers:
        handler.setFormatter(plain)
        handler.handle(record)


class _Sparingly(logging.Filter):
    """Lets a record of progress pass when the last one is some seconds old, and every other record."""

    last = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not getattr(record, "progress", False):
            return True
        due = time.monotonic() - self.last >= QUIET_SECONDS
        if due:
            self.last = time.monotonic()
        return due


def _job(args: argparse.Namespace) -> str:
    """Name the job, so that the lines of jobs that run side by side can be told apart."""
    parts = [args.command_name, *(getattr(args, name, None) for name in ("dataset", "model", "replicate"))]
    return " ".join(str(part) for part in parts if part is not None)


def _start_logging(log: str | None, job: str, handlers: list[logging.Handler]) -> None:
    """Send what the package tells of a job to stderr, and to `log`, by `handlers`, which it fills."""
    root = logging.getLogger("motifloom")
    first = os.environ.get("LOCAL_RANK", "0") == "0"  # of the processes of a training on several devices
    root.setLevel(logging.INFO if first else logging.WARNING)
    root.propagate = False
    stderr = logging.StreamHandler(sys.stderr)
    stderr.addFilter(_Sparingly())
    handlers.append(stderr)
    root.addHandler(stderr)
    if log and first:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log, mode="w", encoding="utf-8"))
        root.addHandler(handlers[-1])
    stderr.setFormatter(logging.Formatter(f"[{job.replace('%', '%%')}] %(message)s"))
