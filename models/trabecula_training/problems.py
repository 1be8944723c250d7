"""What can be wrong with a cohort, as rows of a table that people and programs read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong: line of the file (0: the file as a whole), column, what was found, and what to do.

    ``blocking`` False: work can begin, but somebody should know.
    """

    line: int
    column: str
    found: str
    remedy: str
    blocking: bool = True


def blocking(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems that must be mended before any work starts."""
    return tuple(problem for problem in problems if problem.blocking)


def counted(problems: Sequence[Problem]) -> str:
    """Return how many there are, in words: ``3 problems``, ``1 problem and 2 remarks``."""
    hard = len(blocking(problems))
    parts = [_plural(hard, "problem"), _plural(len(problems) - hard, "remark")]
    return " and ".join(part for part in parts if part) or "no problems"


def _plural(number: int, word: str) -> str:
    if number == 0:
        return ""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
