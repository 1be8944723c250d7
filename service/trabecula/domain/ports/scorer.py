"""The port of a trained model in use."""

from __future__ import annotations

from typing import Protocol

from trabecula.domain.models.scoring import ScoringContext
from trabecula.domain.results.result import Score


class Scorer(Protocol):
    """Port: a model bundle (or several) that answers with scores; an abstention is a Score with reasons."""

    def score(self, context: ScoringContext) -> Score | tuple[Score, ...]:
        """Return what the bundle says; never an error for input outside its range."""
        ...
