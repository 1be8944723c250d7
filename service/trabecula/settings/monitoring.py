"""The settings of monitoring: metrics, and who is told by mail or webhook of what. Part of ``settings.Settings``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

_CLOCK = re.compile(r"(?P<hour>[01]\d|2[0-4]):(?P<minute>[0-5]\d)")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def minutes_of_day(clock: str) -> int:
    """Return the minutes since midnight of ``HH:MM``, up to 24:00. Raises ValueError."""
    found = _CLOCK.fullmatch(clock.strip())
    minutes = int(found["hour"]) * 60 + int(found["minute"]) if found else -1
    if not 0 <= minutes <= 24 * 60:
        raise ValueError(f"{clock!r} is no time of day such as 07:30")
    return minutes


class MonitoringSettings(BaseSettings):
    """Keys of monitoring, one base of the settings of an installation."""

    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port on which `listen` and `work` answer /healthz, /readyz and /metrics on web_host; 0: none (`serve` answers
    for all of its parts on web_port)."""
    metrics_token_file: Path | None = None
    """File with the token that /metrics asks for (Authorization: Bearer); without one they are for loopback alone."""

    smtp_host: str = ""
    """Mail server through which people are told; empty: no mail."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    """Port of the mail server: 587 with STARTTLS, 465 with TLS, 25 for a relay on this host."""
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    """How the mail server is spoken to; its certificate is checked."""
    smtp_user: str = ""
    """User name at the mail server; empty: none is asked for."""
    smtp_password_file: Path | None = None
    """File with the password of smtp_user."""
    smtp_from: str = ""
    """Sender of the mails."""
    smtp_to: Annotated[tuple[str, ...], NoDecode] = ()
    """Who is told by mail."""
    webhook_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """URL that gets every message as JSON by POST (its key "text" is what chat programs show); empty: none."""

    tell_destination_down_minutes: float = Field(default=30.0, gt=0)
    """A destination that takes nothing for this long is told."""
    tell_silence_hours: float = Field(default=8.0, ge=0)
    """Told when no image came for so many working hours; 0: never."""
    tell_again_minutes: float = Field(default=60.0, ge=0)
    """Between two messages about troubles lies at least this long; what changes meanwhile is one message."""
    working_hours: str = "07:00-19:00"
    """When images are expected on a working day, in the time zone."""
    working_days: Annotated[tuple[str, ...], NoDecode] = ("mon", "tue", "wed", "thu", "fri")
    """Days on which images are expected."""
    digest_at: str = "07:00"
    """Time of day of the daily digest, in the time zone; empty: none."""
    time_zone: str = ""
    """Name of the time zone of working hours and digest (Europe/Berlin); empty: the host's."""

    @field_validator("smtp_to", "working_days", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("working_days")
    @classmethod
    def _known_days(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [day for day in value if day.lower() not in WEEKDAYS]
        if unknown:
            raise ValueError(f"unknown days {', '.join(unknown)}; known are {', '.join(WEEKDAYS)}")
        return tuple(day.lower() for day in value)

    @field_validator("working_hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        begin, _, end = value.partition("-")
        if minutes_of_day(begin) >= minutes_of_day(end):
            raise ValueError(f"{value!r} does not begin before it ends, as 07:00-19:00 does")
        return value

    @field_validator("digest_at")
    @classmethod
    def _time(cls, value: str) -> str:
        if value:
            minutes_of_day(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            if value:
                ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{value!r} is no time zone such as Europe/Berlin") from error
        return value

    @property
    def tells_somebody(self) -> bool:
        """Whether anybody is told of anything."""
        return bool(self.webhook_url or (self.smtp_host and self.smtp_to))
