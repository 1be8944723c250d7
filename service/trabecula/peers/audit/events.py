"""How actions are coded as events, for both wires: data/audit_events.toml as types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from trabecula.data import data_file
from trabecula.domain.audit.entry import AuditAction, AuditOutcome

OUTCOMES: Mapping[str, str] = {AuditOutcome.SUCCESS: "0", AuditOutcome.REFUSED: "4", AuditOutcome.FAILED: "8"}
"""EventOutcomeIndicator of PS3.15 A.5.1: nominal success, minor failure, serious failure."""


@dataclass(frozen=True)
class Coded:
    """A coded value: its value, its scheme, and what it means."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class CodedEvent:
    """An action as PS3.15 A.5.3 has it: event, types (the last one is the action itself), and action code."""

    event: Coded
    types: tuple[Coded, ...]
    code: str


APPLICATION = Coded("110150", "DCM", "Application")
STUDY_UID = Coded("110180", "DCM", "Study Instance UID")
PATIENT_NUMBER = Coded("2", "RFC-3881", "Patient Number")
SUBJECT = Coded("12", "RFC-3881", "URI")


@cache
def coded_event(action: str) -> CodedEvent:
    """Return how an action is coded; one that a later version wrote is an alert of an unknown kind."""
    tables = data_file("audit_events.toml")
    found = tables["actions"].get(action, {"event": "110113", "code": "E"})
    own = Coded(action, "99TRABECULA", action.replace("_", " ").capitalize())
    types = [Coded(found["type"], "DCM", tables["types"][found["type"]])] if "type" in found else []
    event = Coded(found["event"], "DCM", tables["events"][found["event"]])
    return CodedEvent(event, (*types, own), found["code"])


def known_actions() -> frozenset[str]:
    """Return the actions that the table codes."""
    return frozenset(data_file("audit_events.toml")["actions"]) & frozenset(AuditAction)
