"""What a model's graph does to the vector before it reads it: fills what is missing, and takes out the scanner.

All of it was fitted on the training patients alone and lies inside the graph. The service must know two things: how
much may be missing, and which scanners the harmonisation knows; of any other the model says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Imputation(StrEnum):
    """How a value that no level of a patient has is filled."""

    NONE = "none"
    """A level with a missing value is left out, and nothing is filled."""
    MEDIAN = "median"
    """The median of the training patients."""
    KNN = "knn"
    """The mean of the nearest training patients that have the value."""


class Batch(StrEnum):
    """What ComBat takes as a batch."""

    SCANNER = "scanner"
    SITE = "site"


class Covariate(StrEnum):
    """What ComBat leaves in the features; never the outcome."""

    AGE = "age_years"
    SEX = "sex"


@dataclass(frozen=True)
class HarmonisedBatch:
    """One batch that the harmonisation was fitted on; its number is its place in ``Conditioning.batches``.

    ``devices`` are manufacturer and model as the images of its training patients name them (``device_name``).
    """

    name: str
    devices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Conditioning:
    """The steps before the first node that reads a feature.

    With ``batches`` the graph's input has further columns after those of the layout: the number of the batch, then each
    covariate (age in years; sex as 1 for women, 0 for men). A vector of which more than ``max_missing_fraction`` of the
    used columns are missing is not scored.
    """

    imputation: Imputation = Imputation.NONE
    max_missing_fraction: float = 0.0
    batch: Batch | None = None
    covariates: tuple[Covariate, ...] = ()
    batches: tuple[HarmonisedBatch, ...] = ()

    @property
    def further_columns(self) -> int:
        """How many columns the graph's input has beyond those of the layout."""
        return 1 + len(self.covariates) if self.batches else 0

    def number_of(self, device: str) -> int | None:
        """Return the number of the batch that a device belongs to, None where it was not in the fit."""
        found = [number for number, batch in enumerate(self.batches) if device and device in batch.devices]
        return found[0] if len(found) == 1 else None


def device_name(facts: Mapping[str, str | float]) -> str:
    """Return manufacturer and model of a series' facts as one name in capitals; empty where neither is stated."""
    words = (str(facts.get(name, "")).strip() for name in ("manufacturer", "model"))
    return " ".join(" ".join(words).split()).upper()
