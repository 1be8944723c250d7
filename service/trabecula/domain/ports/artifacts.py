"""The port of artifacts: what a revision leaves on disk between its stages, and how its volumes come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.ports.use_cases import Analysis
from trabecula.domain.results.result import ResultObject, StudyResult


@dataclass(frozen=True)
class StoredLabels:
    """A label map as kept: ``labels`` uint8 ``[slice, row, column]``, the SOP Instance of each slice, and the files
    (SOP Instance UIDs in the order of the slices; one for a multi-frame instance). ``frames`` are the numbers of the
    slices' frames as in ``Volume.source_frames``; empty without multi-frame instances."""

    labels: NDArray[np.uint8]
    sop_instance_uids: tuple[str, ...]
    file_uids: tuple[str, ...]
    series_uid: str
    frames: tuple[int | None, ...] = ()


class Artifacts(Protocol):
    """Port: the artifacts of revisions. Every method may raise SpoolUnavailable; loading also SpoolObjectMissing."""

    def folder(self, study_uid: str, revision: int) -> Path:
        """Return the (existing) folder of a revision."""
        ...

    def save_analysis(self, analysis: Analysis) -> None:
        """Keep the result and the label maps."""
        ...

    def load_result(self, study_uid: str, revision: int) -> StudyResult:
        """Return the kept result."""
        ...

    def load_labels(self, study_uid: str, revision: int) -> tuple[StoredLabels, ...]:
        """Return the kept label maps, the primary first."""
        ...

    def save_objects(self, study_uid: str, revision: int, objects: Sequence[ResultObject]) -> None:
        """Keep the DICOM objects."""
        ...

    def load_objects(self, study_uid: str, revision: int) -> tuple[ResultObject, ...]:
        """Return the kept objects byte for byte."""
        ...
