"""Motifs as MEME files: minimal format, version 4.

``Bio.motifs`` reads the format as well, but turns probabilities into whole counts, which changes the matrices.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from motifloom.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

HEADER = """MEME version 4

ALPHABET= ACGT

strands: + -

Background letter frequencies
A 0.25 C 0.25 G 0.25 T 0.25
"""

LARGEST = 1.0 + 1e-6
"""A probability may be this great in a file that rounds."""


def meme_text(motifs: Iterable[tuple[str, npt.NDArray[np.float64], int]]) -> str:
    """Return a MEME file of motifs.

    Parameters
    ----------
    motifs
        Name (without blanks), probabilities of shape ``(width, 4)``, and number of sites.
    """
    parts = [HEADER]
    for name, ppm, sites in motifs:
        rows = "\n".join(" ".join(f"{p:.6f}" for p in column) for column in ppm)
        parts.append(
            f"MOTIF {name}\nletter-probability matrix: alength= 4 w= {len(ppm)} nsites= {sites} E= 0\n{rows}\n"
        )
    return "\n".join(parts)


class Named(NamedTuple):
    """A motif of a file: its name, its alternate name or nothing, and probabilities of shape ``(width, 4)``."""

    name: str
    alternate: str
    ppm: npt.NDArray[np.float64]


def read_meme(path: str | Path) -> dict[str, npt.NDArray[np.float64]]:
    """Read the probabilities of every motif.

    Returns
    -------
    By name, in the file's order: probabilities of A C G T, shape ``(width, 4)``.

    Raises
    ------
    InputError
        As :func:`read_named`.
    """
    return {motif.name: motif.ppm for motif in read_named(path)}


def read_named(path: str | Path) -> list[Named]:
    """Read every motif, in the file's order, however its lines are indented and wherever they end.

    Raises
    ------
    InputError
        Where the file cannot be read, a name comes twice, a row is not four probabilities, or a matrix has not as many
        rows as it says.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no MEME file: {error}") from None
    rows: dict[str, list[list[float]]] = {}
    alternates: dict[str, str] = {}
    widths: dict[str, tuple[int, int]] = {}
    name = ""
    inside = False
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if words[:1] == ["MOTIF"]:
            name, inside = (words[1] if len(words) > 1 else ""), False
            if not name or name in rows:
                raise InputError(f"{path}: row {number}: expected a new name after MOTIF, found '{line.strip()}'")
            rows[name], alternates[name] = [], " ".join(words[2:3])
        elif words[:1] == ["letter-probability"] and name:
            inside = True
            width = re.search(r"\bw\s*=\s*(\d+)", line)
            if width:
                widths[name] = number, int(width[1])
        elif inside and words and not _is_number(words[0]):
            inside = False
        elif inside and words:
            rows[name].append(_row(words, f"{path}: row {number}"))
    wrong = [name for name, (_, width) in widths.items() if width != len(rows[name])]
    if wrong:
        raise InputError(
            f"{path}: row {widths[name][0]}: says w= {widths[name][1]}, but motif '{name}' has {len(rows[name])} rows"
            for name in wrong
        )
    return [
        Named(name, alternates[name], np.array(matrix, dtype=float).reshape(-1, 4)) for name, matrix in rows.items()
    ]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _row(words: list[str], where: str) -> list[float]:
    values = [float(word) for word in words if _is_number(word)]
    if len(words) != 4 or len(values) != 4 or not all(0 <= value <= LARGEST for value in values):
        raise InputError(f"{where}: expected four probabilities, found '{' '.join(words)}'")
    return values
