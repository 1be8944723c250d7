"""How a study stands in the ledger: its state and revision, its stored instances, what happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trabecula.domain.study.jobs import Stage
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid


@dataclass(frozen=True, kw_only=True)
class StudyStanding:
    """Where a study stands. ``quiet_s`` is the time since its last new image; ``count_checks`` how often it waited."""

    study_uid: StudyUid
    state: StudyState
    revision: int
    quiet_s: float
    count_checks: int
    failed_stage: Stage | None


@dataclass(frozen=True)
class StoredInstance:
    """One instance of a revision as the ledger knows it; ``spool_key`` is relative to the spool."""

    spool_key: str
    sop_instance_uid: InstanceUid
    sop_class_uid: str
    series_uid: SeriesUid


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a study's audit trail."""

    what: str
    detail: str = ""
    who: str = "system"
    revision: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
