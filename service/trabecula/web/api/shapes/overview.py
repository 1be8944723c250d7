"""The overview as the API tells it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from trabecula.domain.study.study import StudyState


class CappedShown(BaseModel):
    """A count that ends somewhere: `more` says that there are more than `count`."""

    model_config = ConfigDict(from_attributes=True)

    count: int
    more: bool


class DestinationStandingShown(BaseModel):
    """How deliveries to a destination stand, in studies."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    pending: CappedShown
    undelivered: CappedShown
    oldest_undelivered_at: datetime | None
    last_confirmed_at: datetime | None
    last_sent_at: datetime | None
    paused: bool


class WindowFiguresShown(BaseModel):
    """Studies first reported within the last days, by the answer shown now; turnaround of those delivered, in s."""

    model_config = ConfigDict(from_attributes=True)

    days: int
    finished: int
    suspected: int
    indeterminate: int
    no_flag: int
    not_evaluable: int
    flagged_per_100: float | None
    not_evaluable_per_100: float | None
    turnaround_p50_s: float | None
    turnaround_p95_s: float | None


class OverviewShown(BaseModel):
    """The figures of the sites that one may see."""

    model_config = ConfigDict(from_attributes=True)

    now: datetime
    today: dict[StudyState, CappedShown] = Field(description="Studies whose first image came today, by state.")
    waiting: CappedShown = Field(description="Jobs that are due and nobody has taken.")
    oldest_waiting_at: datetime | None
    running: int
    stalled: int = Field(description="Jobs whose worker is silent.")
    oldest_heartbeat_s: float | None
    last_image_at: datetime | None
    destinations: list[DestinationStandingShown]
    windows: list[WindowFiguresShown]
