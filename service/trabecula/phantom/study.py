"""What a finished phantom examination is: its series with their truth masks, and the person they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.identity import derived_uid
from trabecula.domain.uids import StudyUid
from trabecula.domain.volume import Volume
from trabecula.phantom.defects import Defect
from trabecula.phantom.patient import PhantomPatient
from trabecula.phantom.protocols import SMALL_CT, SMALL_MR, CtProtocol, MrProtocol
from trabecula.phantom.tables import number
from trabecula.phantom.truth import StudyTruth


@dataclass(frozen=True)
class CtStudySpec:
    """A CT examination to make. ``case`` is free text that makes another study (other UIDs) of the same content."""

    patient: PhantomPatient
    protocol: CtProtocol = SMALL_CT
    defects: frozenset[Defect] = frozenset()
    case: str = ""

    @property
    def study_uid(self) -> StudyUid:
        """Study Instance UID: follows from everything above."""
        return StudyUid(derived_uid("phantom", "CT", _key(self.patient, self.protocol, self.defects, self.case)))


@dataclass(frozen=True)
class MrStudySpec:
    """An MR examination to make. ``case`` is free text that makes another study (other UIDs) of the same content."""

    patient: PhantomPatient
    protocol: MrProtocol = SMALL_MR
    defects: frozenset[Defect] = frozenset()
    case: str = ""

    @property
    def study_uid(self) -> StudyUid:
        """Study Instance UID: follows from everything above."""
        return StudyUid(derived_uid("phantom", "MR", _key(self.patient, self.protocol, self.defects, self.case)))


def _key(patient: PhantomPatient, protocol: CtProtocol | MrProtocol, defects: frozenset[Defect], case: str) -> str:
    return f"{number('version'):g}|{patient!r}|{protocol!r}|{sorted(defects)}|{case}"


@dataclass(frozen=True, eq=False, kw_only=True)
class PhantomSeries:
    """One series. ``volume`` has its slices in stacking order; ``omitted`` are indices that never reach the archive.

    ``labels`` (bodies, domain.spine) and ``tissue`` (PhantomTissue) are uint8 on the same grid, None for stacks that
    carry no truth. ``header`` holds DICOM keywords of the series. ``more`` are stacks of other orientation in the same
    series (localizers). ``role`` is the word the truth file uses, e.g. ``CT``, ``T1``.
    """

    role: str
    number: int
    uid: str
    volume: Volume
    header: Mapping[str, object]
    labels: NDArray[np.uint8] | None = None
    tissue: NDArray[np.uint8] | None = None
    omitted: frozenset[int] = frozenset()
    more: tuple[Volume, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class PhantomStudy:
    """A finished examination: series in the order a scanner would send them, and the truth beside them."""

    study_uid: StudyUid
    frame_of_reference_uid: str
    patient: PhantomPatient
    description: str
    series: tuple[PhantomSeries, ...]
    truth: StudyTruth
    header: Mapping[str, object] = field(default_factory=dict)

    def series_of(self, role: str) -> PhantomSeries:
        """Return the first series of a role; raises KeyError when there is none."""
        for item in self.series:
            if item.role == role:
                return item
        raise KeyError(role)
