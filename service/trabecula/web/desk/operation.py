"""The port to what runs beside the ledger: disks, settings in force, models, destinations, the doctor.

``bootstrap`` implements it; pages and API only ask. Records hold words and numbers, no object of another room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from sqlalchemy import Engine


@dataclass(frozen=True, kw_only=True)
class DiskStanding:
    """A disk: free and whole bytes, and when it will be full at the pace of now (None: not in sight).

    ``pace_known`` is False until the pace has been counted.
    """

    name: str
    folder: str
    free_bytes: int
    whole_bytes: int
    pace_known: bool = True
    full_on: date | None = None


@dataclass(frozen=True)
class SettingLine:
    """A setting in force, its value without secrets and where it comes from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, kw_only=True)
class DestinationLine:
    """A destination as the settings have it."""

    name: str
    ae_title: str
    address: str
    objects: str
    send_not_evaluable: str
    commitment: bool


@dataclass(frozen=True, kw_only=True)
class ModelLine:
    """An installed bundle, or one that is in use and missing: what it is, its role, its verdict, its findings.

    ``card`` is its model card as Markdown; ``figures`` are what its validation measured, a row an endpoint and figure.
    """

    model_id: str
    version: str = ""
    title: str = ""
    modality: str = ""
    kind: str = ""
    role: str = "off"
    decides: str = ""
    verdict: str = ""
    demonstration: bool = False
    refused: str = ""
    intended_use: str = ""
    not_for: Sequence[str] = ()
    findings: Sequence[str] = ()
    figures: Sequence[tuple[str, str, str]] = ()
    sha256: str = ""
    card: str = ""


@dataclass(frozen=True, kw_only=True)
class RoleWish:
    """Which role a bundle is to have, and why. ``validation`` lets it decide; the two last overrule objections."""

    model_id: str
    role: str
    reason: str = ""
    validation: str = ""
    despite_verdict: bool = False
    despite_recall: bool = False


@dataclass(frozen=True)
class CheckLine:
    """What one check of the doctor found; ``state`` is ok, warning or failed."""

    name: str
    state: str
    detail: str
    next_step: str = ""


@dataclass(frozen=True)
class Activations:
    """The models in use, and the last changes of them, newest first."""

    in_use: Mapping[str, str]
    changes: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


class Operation(Protocol):
    """Port of the desk. Methods raise TrabeculaError."""

    def disks(self, engine: Engine) -> Sequence[DiskStanding]:
        """Return the disks of images, results and journal."""
        ...

    def settings(self) -> Sequence[SettingLine]:
        """Return every setting in force."""
        ...

    def destinations(self) -> Sequence[DestinationLine]:
        """Return the destinations of the settings."""
        ...

    def echo(self, destination: str) -> None:
        """Send a C-ECHO. Raises DestinationUnknown, DestinationUnreachable and its kind."""
        ...

    def pause(self, engine: Engine, destination: str, who: str) -> None:
        """Hold what waits for a destination. Raises DestinationUnknown."""
        ...

    def resume(self, engine: Engine, destination: str, who: str) -> None:
        """Let a destination go on. Raises DestinationUnknown."""
        ...

    def models(self) -> Sequence[ModelLine]:
        """Return the installed bundles and those in use that are missing."""
        ...

    def activations(self) -> Activations:
        """Return what is in use and how that came."""
        ...

    def give_role(self, wish: RoleWish, who: str) -> None:
        """Give a bundle its role. Raises BundleUnknown, BundleInvalid, ModelMayNotDecide, ModelRecalled."""
        ...

    def roll_back(self, who: str, reason: str) -> None:
        """Return to the models before the last change. Raises BundleUnknown, BundleInvalid, ModelRecalled."""
        ...

    def examine(self) -> Sequence[CheckLine]:
        """Run the doctor's quick checks; takes seconds."""
        ...
