"""What a user can fix.

Everything that raises :class:`InputError` ends as one ``error:`` line per problem on stderr and exit status 2;
any other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class InputError(ValueError):
    """One or several problems in what the user gave.

    Parameters
    ----------
    problems
        One line each: the file, the row or key, the value found, what was expected. What would break the line or speak
        to the terminal, in a value that a file holds, is written as an escape.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        told = [problems] if isinstance(problems, str) else problems
        self.problems = ["".join(map(_printable, problem)) for problem in told]
        super().__init__("\n".join(self.problems))


def _printable(letter: str) -> str:
    return letter if letter.isprintable() or letter == "\t" else letter.encode("unicode_escape").decode()


class Problems:
    """Gathers the problems of several independent steps, so that a user hears of all of them at once."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keep what the block raises as :class:`InputError` instead of letting it through."""
        try:
            yield
        except InputError as error:
            self.add(error.problems)

    def add(self, problems: Iterable[str]) -> None:
        """Keep problems, but those that are known already."""
        self.found += [problem for problem in problems if problem not in self.found]

    def raise_any(self) -> None:
        """Raise one :class:`InputError` of all that was gathered, if anything was."""
        if self.found:
            raise InputError(self.found)
