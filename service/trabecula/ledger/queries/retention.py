"""What retention would remove and what holds the rest back, and what it removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, text

from trabecula.domain.study.retention import FileKind, HeldBy, RetentionPolicy
from trabecula.domain.uids import StudyUid
from trabecula.ledger.database import database_errors
from trabecula.ledger.rows.retention import aged_files, due_files

_MOST = 100_000
_HOLDS = text("SELECT study_uid, held_at, held_by, reason FROM retention_holds ORDER BY held_at")
_REMOVALS = text(
    """
    SELECT kind, count(*) AS removals, sum(size_bytes) AS size_bytes FROM removals WHERE ended_at IS NOT NULL
    GROUP BY kind ORDER BY kind
    """
)
_OF_STUDY = text(
    """
    SELECT kind, revision, rule, size_bytes, begun_at, ended_at FROM removals
    WHERE study_uid = :study_uid AND undone_at IS NULL ORDER BY id
    """
)


def held_back(engine: Engine, policy: RetentionPolicy) -> dict[FileKind, dict[HeldBy, int]]:
    """Return how many studies (or revisions) are old enough and stay, by what holds them back."""
    found: dict[FileKind, dict[HeldBy, int]] = {}
    with database_errors(), engine.connect() as connection:
        for kind in FileKind:
            days = policy.days(kind)
            if days is None:
                continue
            values = {"kind": str(kind), "days": days, "unasked": sorted(policy.unasked), "most": _MOST}
            rows = connection.execute(text(aged_files(kind, held=True)), values | {"study_uid": ""})
            counted = Counter(due_files(kind, row).held_by for row in rows)
            found[kind] = {reason: counted[reason] for reason in HeldBy if counted[reason]}
    return found


def holds(engine: Engine) -> list[dict[str, Any]]:
    """Return what operators hold, the oldest hold first."""
    with database_errors(), engine.connect() as connection:
        return [dict(row) for row in connection.execute(_HOLDS).mappings()]


def removed_so_far(engine: Engine) -> list[dict[str, Any]]:
    """Return how many removals of each kind there were, and of how many bytes."""
    with database_errors(), engine.connect() as connection:
        return [{**row, "size_bytes": int(row["size_bytes"])} for row in connection.execute(_REMOVALS).mappings()]


def removals_of(connection: Connection, study_uid: StudyUid) -> list[Mapping[str, Any]]:
    """Return which files of a study are gone, when and by which rule."""
    return [dict(row) for row in connection.execute(_OF_STUDY, {"study_uid": study_uid}).mappings()]
