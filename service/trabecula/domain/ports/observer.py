"""Port: who watches the stages of studies, to count them."""

from __future__ import annotations

from typing import Protocol

from trabecula.domain.results.result import Category
from trabecula.domain.study.jobs import Stage


class StageObserver(Protocol):
    """Is told what happened, after it was committed; never raises."""

    def analysed(self, category: Category, seconds: float) -> None:
        """An analysis gave an answer after so many seconds of work."""
        ...

    def done(self, seconds: float) -> None:
        """A study is done, so many seconds after its last image came."""
        ...

    def run_failed(self, stage: Stage, code: str) -> None:
        """A run of a stage ended with an error; it may be tried again."""
        ...


class NobodyWatches:
    """Implements StageObserver for commands, which nobody watches."""

    def analysed(self, category: Category, seconds: float) -> None:
        """Count nothing."""

    def done(self, seconds: float) -> None:
        """Count nothing."""

    def run_failed(self, stage: Stage, code: str) -> None:
        """Count nothing."""
