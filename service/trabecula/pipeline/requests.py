"""What a child process is asked to do, and its border to files: its request, the error and the activity it leaves."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from trabecula.domain.errors import TrabeculaError
from trabecula.domain.errors_of.by_code import errors_by_code
from trabecula.domain.language import Language
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.result import PriorResult
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.study.reception import ReceptionGaps
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import InstanceUid, StudyUid

REQUEST_FILE = "request.json"
ERROR_FILE = "error.json"
ACTIVITY_FILE = "activity"
ERROR_EXIT_CODE = 3
"""The child's exit code for a failure that it explains in ``error.json``."""
DISK_FULL_EXIT_CODE = 4
"""The child's exit code where not even its error could be written, because the disk is full."""
_ACTIVITY_LENGTH = 400


@dataclass(frozen=True, kw_only=True)
class StageRequest:
    """One stage for one revision. Four fields matter to reports only (domain.ports.ReportContext)."""

    study_uid: StudyUid
    revision: int
    files: tuple[StoredFile, ...]
    folder: str
    analysed_at: datetime | None = None
    installation_uid: str = ""
    predecessors: tuple[Predecessor, ...] = ()
    languages: tuple[Language, ...] = (Language.ENGLISH,)
    """In which the report is wanted."""
    gaps: ReceptionGaps = field(default_factory=ReceptionGaps)
    """What is known to lack; the result says so."""
    correction: LevelCorrection | None = None
    """How a reader named the levels."""
    outlines: tuple[InstanceUid, ...] = ()
    """DICOM SEGs among the files in which a reader drew, the newest first."""
    priors: tuple[PriorResult, ...] = ()
    """Earlier results of the same person."""

    def write(self, path: Path) -> None:
        """Write the request as JSON."""
        document = asdict(self) | {"analysed_at": self.analysed_at.isoformat() if self.analysed_at else None}
        document["predecessors"] = [item.to_json() for item in self.predecessors]
        document["correction"] = self.correction.to_json() if self.correction else None
        path.write_text(json.dumps(document))

    @classmethod
    def read(cls, path: Path) -> StageRequest:
        """Return the request that ``write`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        document = json.loads(path.read_text())
        moment, correction = document["analysed_at"], document.get("correction")
        return cls(
            study_uid=document["study_uid"],
            revision=document["revision"],
            files=tuple(StoredFile(**item) for item in document["files"]),
            folder=document["folder"],
            analysed_at=datetime.fromisoformat(moment) if moment else None,
            installation_uid=document["installation_uid"],
            predecessors=tuple(Predecessor.from_json(item) for item in document["predecessors"]),
            languages=tuple(Language(word) for word in document.get("languages", (Language.ENGLISH,))),
            gaps=_gaps(document.get("gaps", {})),
            correction=LevelCorrection.from_json(correction) if correction else None,
            outlines=tuple(InstanceUid(uid) for uid in document.get("outlines", ())),
            priors=tuple(PriorResult(**item) for item in document.get("priors", ())),
        )


def _gaps(document: Mapping[str, Any]) -> ReceptionGaps:
    """Return what lacks; a worker that still runs an older version beside a newer child says nothing of it."""
    silent = tuple(document.get("silent_listeners", ()))
    return ReceptionGaps(int(document.get("refused", 0)), silent, int(document.get("damaged", 0)))


def write_error(folder: Path, error: TrabeculaError) -> None:
    """Leave an error for the parent process."""
    document = {"code": error.code, "detail": error.detail, "sentence": error.sentence}
    document |= {"next_step": error.next_step}
    (folder / ERROR_FILE).write_text(json.dumps(document | {"retryable": error.retryable}))


def read_error(folder: Path) -> TrabeculaError | None:
    """Return the error a child left, as the class of its code, or None."""
    try:
        document: Any = json.loads((folder / ERROR_FILE).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(document, Mapping):
        return None
    kind = errors_by_code().get(str(document.get("code")), TrabeculaError)
    return kind(str(document.get("detail", "")))


def write_activity(folder: Path, what: str) -> None:
    """Leave for the parent process what this one does now; a full disk only keeps the parent from knowing."""
    with contextlib.suppress(OSError):
        (folder / ACTIVITY_FILE).write_text(what[:_ACTIVITY_LENGTH])


def read_activity(folder: Path) -> str:
    """Return what a child was doing last, or nothing where it never said."""
    try:
        return (folder / ACTIVITY_FILE).read_text(errors="replace").strip()
    except OSError:
        return ""
