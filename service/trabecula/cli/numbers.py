"""Numbers of entries as operators write them: ``3 5-8,12``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from trabecula.domain.errors import ConfigurationInvalid

_PART = re.compile(r"(\d{1,12})(?:-(\d{1,12}))?", re.ASCII)
_LONGEST_RANGE = 100_000


def read(words: Iterable[str]) -> list[int]:
    """Return the numbers that words name, sorted. Raises ConfigurationInvalid for anything else."""
    numbers: set[int] = set()
    for part in (part for word in words for part in word.split(",") if part):
        found = _PART.fullmatch(part)
        first = int(found[1]) if found else 0
        last = int(found[2] or found[1]) if found else -1
        if not first <= last < first + _LONGEST_RANGE:
            raise ConfigurationInvalid(f"{part!r} is no number and no range; write 12, or 12-37")
        numbers.update(range(first, last + 1))
    return sorted(numbers)


def written(numbers: Sequence[int]) -> str:
    """Return sorted numbers with runs as ranges."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)
