"""What the desk is built of: the database it asks, the use cases it calls, and the limits of sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from sqlalchemy import Engine

from trabecula.domain.ports.artifacts import AnalysisArtifacts, Artifacts
from trabecula.ledger.access.sessions import SessionLimits
from trabecula.pipeline import OperatorServices
from trabecula.reporting.report_line import ReportLine
from trabecula.web.access.provider.discovery import Discovery
from trabecula.web.desk.operation import Operation


@dataclass(frozen=True)
class ProviderDoor:
    """The way in through an OpenID provider: what knows it, and the text of its button."""

    discovery: Discovery
    button: str


@dataclass(frozen=True, kw_only=True)
class DeskParts:
    """Handed over by ``bootstrap``; nothing of it is made here."""

    engine: Callable[[], Engine]
    """Raises DatabaseUnavailable while there is none."""
    limits: SessionLimits
    time_zone: tzinfo
    installation: str
    """How this installation is called on its pages."""
    data_dir: Path
    services: Callable[[Engine], OperatorServices]
    """The use cases' adapters on a database."""
    artifacts: Artifacts
    label_maps: Callable[[], AnalysisArtifacts]
    """The same with label maps, which bring numpy along."""
    picture: Callable[[bytes], bytes]
    """From a Secondary Capture object to a PNG."""
    report: Callable[[bytes], Sequence[ReportLine]]
    """From a structured report to its lines."""
    operation: Operation
    provider: ProviderDoor | None = None
    local_accounts: bool = True
    """Whether passwords of ours open the desk from everywhere, or on this host alone."""
