"""The port of artifacts: what a revision leaves on disk between its stages, and how its volumes come back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.report_origin import ReportOrigin
from trabecula.domain.results.result import ResultObject, StudyResult
from trabecula.domain.results.stored_labels import StoredLabels
from trabecula.domain.uids import StudyUid


class Artifacts(Protocol):
    """Port: the artifacts of revisions. Every method may raise SpoolUnavailable; loading also SpoolObjectMissing."""

    def folder(self, study_uid: StudyUid, revision: int) -> Path:
        """Return the (existing) folder of a revision."""
        ...

    def save_result(self, result: StudyResult) -> None:
        """Keep a result that no label map belongs to."""
        ...

    def load_result(self, study_uid: StudyUid, revision: int) -> StudyResult:
        """Return the kept result."""
        ...

    def save_origin(self, study_uid: StudyUid, revision: int, origin: ReportOrigin) -> None:
        """Keep what the objects of a revision are made from, before they are made."""
        ...

    def load_origin(self, study_uid: StudyUid, revision: int) -> ReportOrigin | None:
        """Return what the kept objects were made from; None where there are none, or nothing tells."""
        ...

    def save_objects(self, study_uid: StudyUid, revision: int, objects: Sequence[ResultObject]) -> None:
        """Keep the DICOM objects."""
        ...

    def load_objects(self, study_uid: StudyUid, revision: int) -> tuple[ResultObject, ...]:
        """Return the kept objects byte for byte."""
        ...


class AnalysisArtifacts(Artifacts, Protocol):
    """Port of the child's side: label maps as well."""

    def save_analysis(self, analysis: Analysis) -> None:
        """Keep the result and the label maps."""
        ...

    def load_labels(self, study_uid: StudyUid, revision: int) -> tuple[StoredLabels, ...]:
        """Return the kept label maps, the primary first."""
        ...
