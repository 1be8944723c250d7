"""Bulk actions as the API tells them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from trabecula.domain.desk.bulk import BulkKind, BulkState
from trabecula.web.api.shapes.words import Word
from trabecula.web.api.studies.filters import StudyFilter


class BulkWish(BaseModel):
    """What is to be done, and to which studies."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "TAG", "argument": "audit", "studies": {"state": "FAILED"}}]}
    )

    kind: BulkKind
    argument: Word = Field("", description="Destination of RESEND, tag of TAG and UNTAG, priority of PRIORITISE.")
    studies: StudyFilter
    most: int | None = Field(None, ge=1, le=1_000_000, description="At most so many, the newest first.")


class BulkRefusal(BaseModel):
    """A study to which it could not be done, and why."""

    study_uid: str
    code: str
    sentence: str


class BulkShown(BaseModel):
    """A bulk action and how far it is; `refusals` holds at most the first thousand."""

    number: int
    kind: BulkKind
    argument: str
    who: str
    state: BulkState
    begun_at: datetime
    ended_at: datetime | None
    done: int
    refused: int
    refusals: list[BulkRefusal]


class BulkList(BaseModel):
    """Bulk actions, the newest first."""

    bulk_actions: list[BulkShown]
