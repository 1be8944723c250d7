"""Deletion for good: what stays of a study that was deleted, and how its UID is kept."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

from trabecula.domain.uids import StudyUid


def tombstone_key(key: bytes, study_uid: StudyUid) -> str:
    """Return what stands for a deleted study: HMAC-SHA256 (RFC 2104) of its UID under the installation's own key.

    A UID is a pseudonym of a person's examination, which its archive resolves. Under a key nobody can read from a table
    or an export which examination it was; whoever has the UID, and this database, can ask whether it was deleted.
    """
    return hmac.new(key, study_uid.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """What stays of a deleted study: who, when, why, how much it was, and what came of it since.

    ``dropped`` counts images of it that came later and were not kept.
    """

    study_key: str
    begun_at: datetime
    ended_at: datetime | None
    deleted_by: str
    reason: str
    images: int
    revisions: int
    quarantined: int
    reference_results: int
    size_bytes: int
    dropped: int
    dropped_at: datetime | None
    allowed_at: datetime | None
    allowed_by: str
    allowed_reason: str
