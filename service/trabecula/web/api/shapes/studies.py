"""Studies as the API tells them. Patient data."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from trabecula.domain.results.result import Category
from trabecula.domain.study.reading import ReaderVerdict
from trabecula.domain.study.study import StudyPriority, StudyState
from trabecula.web.api.shapes.words import Reason, Sentence, Word

_UID = "1.2.826.0.1.3680043.8.498.1"


class ListedStudy(BaseModel):
    """A study in a list."""

    model_config = ConfigDict(from_attributes=True)

    study_uid: str = Field(examples=[_UID])
    first_image_at: datetime
    site: str = Field(description="Calling AE title that sent the study.")
    state: StudyState
    category: Category | None
    revision: int
    patient_id: str
    accession_number: str
    study_date: date | None
    modality: str
    description: str
    scanner: str
    l1_hu: float | None = Field(description="Trabecular attenuation of L1 in HU.")
    mean_hu: float | None = Field(description="Mean trabecular attenuation of L1 to L4 in HU.")
    vbq: float | None = Field(description="Vertebral bone quality score, a ratio.")
    reasons: list[str]
    models: list[str]
    tags: list[str]
    failure_code: str | None
    conflicts: int = Field(description="Held copies of its images that differ.")
    next_attempt_at: datetime | None
    activity: str = Field(description="`running`, `waiting` (a job is due and none runs), or empty.")


class StudyList(BaseModel):
    """A page of studies, the newest first."""

    studies: list[ListedStudy]
    next: str | None = Field(description="Give it as `after` for the next page; null at the end.")
    complete: bool = Field(
        description="False where the search stopped early because a request may read only so many rows: "
        "all studies since `searched_back_to` were looked at, `next` goes on from there."
    )
    searched_back_to: datetime | None
    prepared: bool = Field(description="False while studies of an older version are still made findable.")


class PatientShown(BaseModel):
    """Whom a study is of, as its images say (dates YYYYMMDD)."""

    model_config = ConfigDict(from_attributes=True)

    patient_id: str
    issuer: str
    name: str
    birth_date: str
    sex: str
    accession_number: str
    study_date: str
    description: str
    site: str


class NewerRevision(BaseModel):
    """A revision that is being made, or came to no report; the study's state is its own."""

    revision: int
    state: StudyState
    frozen_at: datetime


class StudyDocument(BaseModel):
    """Everything about a study: the JSON of `trabecula studies show --json`, and the person."""

    model_config = ConfigDict(extra="allow")

    study_uid: str
    revision: int = Field(description="Of what is shown: the newest that has a report, else the newest.")
    newest: NewerRevision | None = Field(description="A revision behind it that has no report (yet).")
    state: StudyState
    category: Category | None
    reasons: list[dict[str, Any]] = Field(description="Codes, sentences and next steps.")
    impression: list[str]
    levels: list[dict[str, Any]] = Field(description="Level, evaluable, flags, measurements.")
    summary: list[dict[str, Any]] = Field(description="Measurements of the study as a whole.")
    scores: list[dict[str, Any]] = Field(description="Models: id, hash, probability, operating point, applicable.")
    series_used: list[dict[str, Any]]
    series_not_used: list[dict[str, Any]]
    objects: list[dict[str, Any]] = Field(description="Kind, SOP Instance UID; state and status of each destination.")
    conflicts: list[dict[str, Any]]
    refused: int
    timings: dict[str, float] = Field(description="Seconds.")
    failure: dict[str, str | None] | None
    activity: str | None
    tags: list[str]
    person: PatientShown


class StudyEvent(BaseModel):
    """A line of a study's trail."""

    at: datetime
    what: str
    detail: str
    who: str
    revision: int | None
    facts: dict[str, Any] | None


class StudyEvents(BaseModel):
    """A study's trail in order."""

    study_uid: str
    events: list[StudyEvent]


class Standing(BaseModel):
    """How a study stands after what was done to it."""

    study_uid: str = Field(examples=[_UID])
    state: StudyState
    revision: int


class Priority(BaseModel):
    """How soon a study is worked on."""

    priority: StudyPriority = Field(examples=[StudyPriority.URGENT])


class Resend(BaseModel):
    """Where the newest report is sent, again or for the first time."""

    destination: Word = Field(min_length=1, examples=["PACS"])


class Tags(BaseModel):
    """The tags of a study."""

    study_uid: str
    tags: list[str]


class NewReading(BaseModel):
    """What a reader thinks of a result; who disagrees says why."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"verdict": "AGREE", "comment": ""}]})

    verdict: ReaderVerdict
    comment: Sentence = ""


class ReadingDone(BaseModel):
    """An opinion of a reader on a revision."""

    model_config = ConfigDict(from_attributes=True)

    revision: int
    reader: str
    verdict: ReaderVerdict
    comment: str
    at: datetime


class Readings(BaseModel):
    """The opinions on a study, the newest first."""

    study_uid: str
    readings: list[ReadingDone]


class LevelName(BaseModel):
    """A vertebra as a reader sees it, or (`level` null) the reader's names taken back."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"called": "L1", "level": "T12", "reason": "last rib ends here"}]}
    )

    called: Word = Field("", description="The name in the result, e.g. `L1`, or `#3` for a body without one.")
    level: Word | None = Field(None, description="T12 to S1; null takes names back.")
    reason: Reason
