"""Repeating a run: the settings that its metrics.json holds, and every figure that came out otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trabecula_training.errors import RepeatRefused
from trabecula_training.learning.conditioning.plan import choice_of
from trabecula_training.runs.run import Mode, RunSettings

TOLERANCE = 1e-6
"""Relative difference that other versions or another processor may make: sums in another order differ by some 1e-12,
a solver that stops at its own tolerance (scikit-learn's default 1e-4 of the loss) by up to some 1e-7 of a score."""
_NOT_RESULTS = frozenset({"command", "software", "path", "processes"})


@dataclass(frozen=True)
class Departure:
    """A value of metrics.json that the repeated run has otherwise: where it stands, before and after."""

    place: str
    before: Any
    after: Any

    @property
    def relative(self) -> float:
        """Relative difference of two numbers; infinite for anything else."""
        numbers = [value for value in (self.before, self.after) if _is_number(value)]
        if len(numbers) < 2 or not all(map(math.isfinite, numbers)):
            return math.inf
        return float(abs(self.before - self.after) / max(abs(self.before), abs(self.after), 1e-300))


def settings_of(document: Mapping[str, Any], processes: int) -> RunSettings:
    """Return the settings that a run was made with, for so many processes. Raises RepeatRefused."""
    try:
        told = document["settings"]
        return RunSettings(
            mode=Mode(told["mode"]),
            inputs=tuple(told["inputs"]),
            tasks=tuple(told["tasks"]),
            families=tuple(told["families"]),
            folds=int(told["folds"]),
            repeats=int(told["repeats"]),
            seed=int(told["seed"]),
            processes=processes,
            resamples=int(told["resamples"]),
            conditioning=choice_of(told),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RepeatRefused(f"its settings cannot be read ({error})") from error


def departures(before: Any, after: Any, place: str = "") -> Iterator[Departure]:
    """Yield every value that differs, in order; paths, the command and versions of software are no results."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after} - _NOT_RESULTS):
            yield from departures(before.get(key), after.get(key), f"{place}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, two) in enumerate(zip(before, after, strict=True)):
            yield from departures(one, two, f"{place}/{number}")
    elif before != after:
        yield Departure(place, before, after)


def figures_in(document: Any) -> int:
    """Return how many numbers a document holds, those that are no results apart."""
    if isinstance(document, Mapping):
        return sum(figures_in(value) for key, value in document.items() if key not in _NOT_RESULTS)
    return sum(map(figures_in, document)) if isinstance(document, list) else int(_is_number(document))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
