"""What a model's own validation said of it, and inputs with known answers: how a bundle can be doubted and checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ModelVerdict(StrEnum):
    """Whether the run that made a model supports it, in the words of its report, the worst last."""

    NOT_STATED = "not stated"
    """The bundle was exported before verdicts were kept."""
    SUPPORTED = "supported"
    WITH_CARE = "with care"
    NO = "no"


@dataclass(frozen=True)
class Validation:
    """The verdict of nested cross-validation on one endpoint, with the questions behind it as sentences."""

    verdict: ModelVerdict
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckVector:
    """One input and what the graph answers to it by another program than the runtime that serves it.

    ``values`` are those of the used columns of the training range (all other columns are zero), for a CNN the grey,
    contrast and period of a made-up picture. ``probabilities`` has one number for each endpoint.
    """

    values: tuple[float, ...]
    probabilities: tuple[float, ...]
