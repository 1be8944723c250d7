"""The quarantine as the API tells it. Attributes are patient data."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from trabecula.domain.study.copies import PixelComparison, QuarantineState
from trabecula.web.api.shapes.words import Sentence


class HeldInstance(BaseModel):
    """An instance that was acknowledged but is not used."""

    number: int
    code: str = Field(examples=["INSTANCE_CONFLICT"])
    sentence: str
    state: QuarantineState
    calling_ae_title: str
    study_uid: str
    sop_instance_uid: str
    size_bytes: int
    received_at: datetime
    last_received_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_reason: str | None


class QuarantineList(BaseModel):
    """Entries, the newest first."""

    entries: list[HeldInstance]
    next: int | None = Field(description="Give it as `before` for the next page; null at the end.")


class HeldAttribute(BaseModel):
    """An attribute of the header."""

    tag: str
    name: str
    value: str


class DifferingAttribute(BaseModel):
    """An attribute in which a copy differs from the image in use."""

    tag: str
    name: str
    in_use: str
    newer: str


class HeldConflict(BaseModel):
    """How a copy differs from the image in use."""

    study_uid: str
    pixels: PixelComparison
    formerly_used: bool
    differences: list[DifferingAttribute]


class HeldInFull(HeldInstance):
    """An entry with what its header says, and how it differs from the image in use, if there is one."""

    attributes: list[HeldAttribute]
    conflict: HeldConflict | None


class ReleaseReason(BaseModel):
    """Why, for the trail."""

    reason: Sentence = Field("", examples=["readable since version 1.2"])


class Ended(BaseModel):
    """How an entry ended."""

    number: int
    outcome: QuarantineState
    study_uid: str = Field(description="Empty where none is known.")
