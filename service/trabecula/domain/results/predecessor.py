"""The report that a new one supersedes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from trabecula.domain.language import Language
from trabecula.domain.uids import InstanceUid, SeriesUid


@dataclass(frozen=True, kw_only=True)
class Predecessor:
    """An earlier report of the study that a destination has, when it was made (None in ledgers of before), and in which
    language."""

    sop_class_uid: str
    sop_instance_uid: InstanceUid
    series_uid: SeriesUid
    analysed_at: datetime | None = None
    language: Language = Language.ENGLISH

    @property
    def uids(self) -> tuple[str, str, str]:
        """SOP Class, SOP Instance and Series Instance UID."""
        return self.sop_class_uid, self.sop_instance_uid, self.series_uid

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "sop_class_uid": self.sop_class_uid,
            "sop_instance_uid": self.sop_instance_uid,
            "series_uid": self.series_uid,
            "analysed_at": self.analysed_at.isoformat() if self.analysed_at else None,
            "language": str(self.language),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Return what ``to_json`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        moment, language = document["analysed_at"], Language(document.get("language", Language.ENGLISH))
        return cls(
            **document | {"analysed_at": datetime.fromisoformat(moment) if moment else None, "language": language}
        )
