"""Time and memory of every job, from the files that the workflow's ``benchmark`` entries leave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from motifloom.report.scores import Cell
from motifloom.report.wording import NOTHING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Job:
    """A job: wall-clock and processor time, and the greatest resident memory."""

    name: str
    seconds: Cell
    cpu: Cell
    memory: Cell


def jobs(folder: Path) -> list[Job]:
    """Return the jobs below `folder`, by name; none where there is no such folder.

    A file's first row counts. What is no number, as where a job was too short to measure, is shown as a dash.
    """
    found = []
    for path in sorted(folder.rglob("*.tsv")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        if len(lines) < 2:
            continue
        values = dict(zip(lines[0].split("\t"), lines[1].split("\t"), strict=False))
        name = path.relative_to(folder).with_suffix("").as_posix()
        found.append(
            Job(
                name,
                _cell(values, "s", _duration),
                _cell(values, "cpu_time", _duration),
                _cell(values, "max_rss", _mebibytes),
            )
        )
    return found


def total(found: Sequence[Job]) -> str:
    """Return the wall-clock time of all jobs together."""
    return _duration(sum(job.seconds.sort or 0.0 for job in found))


def _cell(values: dict[str, str], column: str, show: Callable[[float], str]) -> Cell:
    try:
        value = float(values[column])
    except (KeyError, ValueError):
        return Cell(NOTHING)
    return Cell(show(value), sort=value)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {left:02d} s"


def _mebibytes(size: float) -> str:
    return f"{size / 1024:.1f} GiB" if size >= 1024 else f"{size:.0f} MiB"
