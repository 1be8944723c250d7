"""Reference measurements as the API tells them. Patient data."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from trabecula.domain.study.reference import ReferenceMethod, ReferenceSite


class LineProblemShown(BaseModel):
    """One thing that is wrong: line (0: the file as a whole), column, what was found, what to do."""

    model_config = ConfigDict(from_attributes=True)

    line: int
    column: str
    found: str
    next_step: str


class ReferenceLine(BaseModel):
    """A line that could be read, and the study it belongs to (null: none within the window)."""

    line: int
    patient_id: str
    issuer: str
    measured_on: date
    method: ReferenceMethod
    site: ReferenceSite
    t_score: float | None
    z_score: float | None
    value: float | None
    unit: str = Field(description="g/cm2 for DXA, mg/cm3 for QCT.")
    study_uid: str | None
    study_date: date | None
    days: int | None = Field(description="From the measurement to the study; negative where the study came first.")


class ReferenceReport(BaseModel):
    """What a file of reference measurements holds and what becomes of it; with problems nothing is written."""

    written: bool
    added: int
    replaced: int
    present: int = Field(description="There already with the same values.")
    skipped: int = Field(description="Of patients without a study here.")
    patients: int
    matched: int = Field(description="Lines with a study within the window.")
    window_days: int
    lines: list[ReferenceLine]
    problems: list[LineProblemShown]
