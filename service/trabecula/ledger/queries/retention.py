"""What retention would remove and what holds the rest back, what it removed, and how fast the disk fills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, text

from trabecula.domain.study.disk_room import DiskRoom
from trabecula.domain.study.retention import FileKind, HeldBy, RetentionPolicy
from trabecula.domain.uids import StudyUid
from trabecula.ledger.database import database_errors
from trabecula.ledger.rows.retention import aged_files, due_files

_MOST = 100_000
_RATE_DAYS = 7.0
"""The rate is that of the last week: days differ, weeks resemble one another."""
_LEAST_DAYS = 1 / 24

_CAME = text(
    """
    SELECT least(:days, extract(epoch FROM clock_timestamp() - min(first_image_at)) / 86400) FROM studies
    """
)
_IMAGES = text(
    """
    SELECT coalesce(sum(i.size_bytes), 0) FROM studies s JOIN instances i USING (study_uid)
    WHERE s.last_image_at > clock_timestamp() - :days * interval '1 day'
      AND i.received_at > clock_timestamp() - :days * interval '1 day'
    """
)
_REMOVED = text(
    """
    SELECT coalesce(sum(size_bytes), 0) FROM removals WHERE begun_at > clock_timestamp() - :days * interval '1 day'
    """
)
_RESULTS = text(
    """
    SELECT study_uid, revision, count(*) OVER () AS all_of_them FROM revisions
    WHERE reported_at > clock_timestamp() - :days * interval '1 day' ORDER BY reported_at DESC LIMIT 20
    """
)
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


def newest_results(engine: Engine) -> tuple[Sequence[tuple[StudyUid, int]], int]:
    """Return study and revision of the newest results of a week, at most 20, and how many there were."""
    with database_errors(), engine.connect() as connection:
        rows = connection.execute(_RESULTS, {"days": _RATE_DAYS}).all()
    return [(StudyUid(row[0]), row[1]) for row in rows], int(rows[0][2]) if rows else 0


def disk_room(engine: Engine, free_bytes: int, watermark_bytes: int, results_bytes: int) -> DiskRoom | None:
    """Return how the disk fills; None before the first image. ``results_bytes`` are those of a week's results."""
    days = {"days": _RATE_DAYS}
    with database_errors(), engine.connect() as connection:
        age = connection.execute(_CAME, days).scalar_one()
        if age is None:
            return None
        images = int(connection.execute(_IMAGES, days).scalar_one())
        removed = int(connection.execute(_REMOVED, days).scalar_one())
    return DiskRoom(
        free_bytes=free_bytes,
        watermark_bytes=watermark_bytes,
        came_bytes=images + results_bytes,
        removed_bytes=removed,
        days=max(_LEAST_DAYS, float(age)),
    )
