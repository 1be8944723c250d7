"""What admins ask the quarantine: entries with filters, and the copies that conflict with images of a study."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, or_, select

from trabecula.domain.study.copies import OPEN_STATES
from trabecula.domain.uids import NO_STUDY, StudyUid
from trabecula.ledger.database import database_errors
from trabecula.ledger.rows.quarantine import is_conflict
from trabecula.ledger.tables import Instance, Quarantine


@dataclass(frozen=True, kw_only=True)
class QuarantineFilter:
    """Which entries to list; everything given must hold.

    ``code`` is why an entry is there; ``study_uid`` the study it names or whose image it is a copy of; ``since`` a day
    on or after which it came last; ``number`` one entry; ``before`` the number of an entry behind which to go on;
    ``senders`` the calling AE titles whose entries somebody may see, None all. Without ``ended`` only what still lies
    in quarantine.
    """

    code: str = ""
    study_uid: StudyUid = NO_STUDY
    since: date | None = None
    ended: bool = False
    number: int = 0
    before: int = 0
    senders: frozenset[str] | None = None


def list_quarantine(engine: Engine, wanted: QuarantineFilter | None = None, limit: int = 200) -> list[dict[str, Any]]:
    """Return entries, the newest first: why, what, from whom, when, where the bytes lie, and how they ended."""
    columns = [column for column in Quarantine.__table__.columns if column.name != "id"]
    query = (
        select(Quarantine.id.label("number"), *columns)
        .where(*_conditions(wanted or QuarantineFilter()))
        .order_by(Quarantine.id.desc())
        .limit(limit)
    )
    with database_errors(), engine.connect() as connection:
        return [_plain({**row}) for row in connection.execute(query).mappings()]


def count_quarantine(engine: Engine, wanted: QuarantineFilter | None = None) -> int:
    """Return how many entries match."""
    query = select(func.count()).select_from(Quarantine).where(*_conditions(wanted or QuarantineFilter()))
    with database_errors(), engine.connect() as connection:
        return connection.execute(query).scalar_one()


def study_conflicts(connection: Connection, study_uid: StudyUid) -> list[dict[str, Any]]:
    """Return the held copies of a study's images, one dictionary for each sender and study that the copies name."""
    group = (Quarantine.calling_ae_title, Quarantine.study_uid)
    query = (
        select(
            func.count().label("images"),
            Quarantine.calling_ae_title,
            Quarantine.study_uid,
            func.min(Quarantine.received_at).label("first_received_at"),
            func.max(Quarantine.last_received_at).label("last_received_at"),
            func.array_agg(Quarantine.id).label("numbers"),
        )
        .join(Instance, is_conflict())
        .where(Instance.study_uid == study_uid)
        .group_by(*group)
        .order_by(func.max(Quarantine.last_received_at).desc())
    )
    found = [_plain({**row}) for row in connection.execute(query).mappings()]
    return [row | {"numbers": sorted(row["numbers"])} for row in found]


def quarantined_count(connection: Connection, study_uid: StudyUid) -> int:
    """Return how many instances that name this study lie in quarantine."""
    query = select(func.count()).where(Quarantine.study_uid == study_uid, Quarantine.state.in_(_open()))
    return connection.execute(query).scalar_one()


def _conditions(wanted: QuarantineFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if not wanted.ended:
        conditions.append(Quarantine.state.in_(_open()))
    if wanted.number:
        conditions.append(Quarantine.id == wanted.number)
    if wanted.before:
        conditions.append(Quarantine.id < wanted.before)
    if wanted.senders is not None:
        conditions.append(Quarantine.calling_ae_title.in_(sorted(wanted.senders)))
    if wanted.code:
        conditions.append(Quarantine.code == wanted.code.upper())
    if wanted.study_uid:
        known = select(Instance.sop_instance_uid).where(Instance.study_uid == wanted.study_uid)
        conditions.append(or_(Quarantine.study_uid == wanted.study_uid, Quarantine.sop_instance_uid.in_(known)))
    if wanted.since is not None:
        midnight = datetime(wanted.since.year, wanted.since.month, wanted.since.day).astimezone()
        conditions.append(Quarantine.last_received_at >= midnight)
    return conditions


def _open() -> list[str]:
    return [str(state) for state in sorted(OPEN_STATES)]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}
