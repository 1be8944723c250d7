"""Tags: words that people put on studies to find them again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from trabecula.domain.desk.tags import check_tag
from trabecula.domain.errors import StudyUnknown
from trabecula.domain.uids import StudyUid
from trabecula.ledger.desk.terms import names

_ADD = """
    INSERT INTO study_tags (study_uid, tag, who) SELECT study_uid, %(tag)s, %(who)s FROM studies
    WHERE study_uid = %(study_uid)s ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class StudyTag:
    """A tag of a study, who put it on and when."""

    tag: str
    who: str
    at: datetime


def add_tag(connection: psycopg.Connection[Any], study_uid: StudyUid, tag: str, who: str) -> bool:
    """Put a tag on a study, in a transaction of its own; False where it was there. Raises TagRefused, StudyUnknown."""
    with connection.transaction():
        return put_tag(connection, study_uid, tag, who)


def put_tag(connection: psycopg.Connection[Any], study_uid: StudyUid, tag: str, who: str) -> bool:
    """Put a tag on a study in the caller's transaction; False where it was there. Raises TagRefused, StudyUnknown."""
    values = {"study_uid": study_uid, "tag": check_tag(tag), "who": who}
    if connection.execute(_ADD, values).rowcount > 0:
        return True
    if connection.execute("SELECT FROM studies WHERE study_uid = %s", (study_uid,)).fetchone() is None:
        raise StudyUnknown(study_uid)
    return False


def remove_tag(connection: psycopg.Connection[Any], study_uid: StudyUid, tag: str) -> bool:
    """Take a tag off a study; False where it was not there."""
    gone = connection.execute(
        "DELETE FROM study_tags WHERE study_uid = %s AND tag = %s", (study_uid, tag.strip().lower())
    )
    return gone.rowcount > 0


def tags_of(connection: psycopg.Connection[Any], study_uid: StudyUid) -> tuple[StudyTag, ...]:
    """Return the tags of a study in order."""
    rows = connection.execute("SELECT tag, who, at FROM study_tags WHERE study_uid = %s ORDER BY tag", (study_uid,))
    return tuple(StudyTag(*row) for row in rows)


def tags_in_use(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Return every tag that any study has, in order."""
    return names(connection, "tag")
