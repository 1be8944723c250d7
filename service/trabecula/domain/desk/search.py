"""What people search studies by, a place in the order of what was found, and both as JSON, for what is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from trabecula.domain.results.result import Category
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid


@dataclass(frozen=True, kw_only=True)
class StudySearch:
    """Which studies are wanted; everything given must hold.

    ``text`` begins a Patient ID, an Accession Number (in any case) or a Study Instance UID; ``patient_id`` and
    ``accession_number`` are whole. ``received_from`` (included) and ``received_to`` (not included) are about the first
    image. ``scanner`` is found anywhere in manufacturer, model or station, in any case; ``model`` is the id of a model
    bundle; ``reason`` the code of a reason of the newest result, or of the error a study failed with; ``site`` the
    calling AE title that sent the study; ``undelivered`` a destination that refused or never got its report.
    ``sites`` are those a person may see, None all.
    """

    text: str = ""
    patient_id: str = ""
    accession_number: str = ""
    received_from: datetime | None = None
    received_to: datetime | None = None
    state: StudyState | None = None
    category: Category | None = None
    scanner: str = ""
    model: str = ""
    reason: str = ""
    site: str = ""
    tag: str = ""
    undelivered: str = ""
    sites: frozenset[str] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return what is given, as JSON."""
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: _plain(value) for name, value in given.items() if value is not None and value != ""}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> StudySearch:
        """Return the search that ``to_json`` wrote. Raises KeyError, ValueError for anything else."""
        return StudySearch(**{name: _READ.get(name, str)(value) for name, value in document.items()})


@dataclass(frozen=True)
class Cursor:
    """The last study of a page: the next one begins behind it, in the order of first images, the newest first."""

    first_image_at: datetime
    study_uid: StudyUid

    def __str__(self) -> str:
        """Return it as an address carries it."""
        return f"{self.first_image_at.isoformat()}~{self.study_uid}"

    @staticmethod
    def parse(text: str) -> Cursor:
        """Return the cursor of an address. Raises ValueError."""
        moment, separator, uid = text.partition("~")
        parsed = datetime.fromisoformat(moment)
        if not separator or not uid or parsed.tzinfo is None or "\x00" in uid:
            raise ValueError(text)
        return Cursor(parsed, StudyUid(uid))


def midnight(day: date) -> datetime:
    """Return when a day begins, by this machine's clock."""
    return datetime(day.year, day.month, day.day).astimezone()


def next_midnight(day: date) -> datetime:
    """Return when a day ends, by this machine's clock."""
    return midnight(day + timedelta(days=1))


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


_READ: Mapping[str, Any] = {
    "received_from": datetime.fromisoformat,
    "received_to": datetime.fromisoformat,
    "state": StudyState,
    "category": Category,
    "sites": frozenset,
}
