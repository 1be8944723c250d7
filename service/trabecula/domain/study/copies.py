"""Copies that came under one SOP Instance UID: what two of them differ in, whom they name, and how quarantine ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trabecula.domain.errors_of.copies import CorrectionIncomplete, CorrectionMixed
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid

_SHOWN_SERIES = 3


class QuarantineState(StrEnum):
    """What has become of a quarantined instance."""

    HELD = "HELD"
    """It lies in quarantine."""
    ADOPTED = "ADOPTED"
    """An operator took its headers over; it is the copy in use, or was."""
    SUPERSEDED = "SUPERSEDED"
    """A copy that came later was taken over instead; the file is kept."""
    RELEASED = "RELEASED"
    """An operator took it in; it belongs to its study."""
    DELETED = "DELETED"
    """An operator deleted it; this line is what is left."""


OPEN_STATES = frozenset({QuarantineState.HELD, QuarantineState.SUPERSEDED})
"""The states in which the file still lies in quarantine."""


@dataclass(frozen=True, kw_only=True)
class QuarantineEntry:
    """One quarantined instance as the ledger knows it; ``number`` is how operators name it.

    ``received_at`` is when it came first, ``last_received_at`` when the same bytes came last.
    """

    number: int
    state: QuarantineState
    code: str
    sentence: str
    sop_instance_uid: InstanceUid
    sop_class_uid: str
    study_uid: StudyUid
    spool_key: str
    size_bytes: int
    sha256: str
    calling_ae_title: str
    association_id: str
    received_at: datetime
    last_received_at: datetime


@dataclass(frozen=True)
class StoredCopy:
    """One copy of an instance in the spool. ``sha256`` is over its Part 10 file."""

    sop_instance_uid: InstanceUid
    series_uid: SeriesUid
    spool_key: str
    sha256: str


class PixelComparison(StrEnum):
    """What comparing the pixels of two copies gave."""

    EQUAL = "EQUAL"
    """The values of Pixel Data are the same bytes, encoded the same way."""
    DIFFERENT = "DIFFERENT"
    OTHER_TRANSFER_SYNTAX = "OTHER_TRANSFER_SYNTAX"
    """They are encoded in different ways, so bytes cannot be compared."""
    UNREADABLE = "UNREADABLE"
    """A file is missing, was altered, or is not readable."""

    @property
    def words(self) -> str:
        """For people."""
        return {
            PixelComparison.EQUAL: "pixels equal",
            PixelComparison.DIFFERENT: "pixels differ",
            PixelComparison.OTHER_TRANSFER_SYNTAX: "pixels not comparable: another transfer syntax",
            PixelComparison.UNREADABLE: "not comparable: a file is missing or unreadable",
        }[self]


@dataclass(frozen=True)
class AttributeDifference:
    """An attribute whose value differs: its name (PS3.6), and both values as text (patient data: never logged)."""

    tag: str
    name: str
    in_use: str
    newer: str


@dataclass(frozen=True, kw_only=True)
class PatientIdentity:
    """Whom one file names (PS3.3 C.7.1.1) and for which order; values without padding (patient data: never logged)."""

    patient_id: str = ""
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    accession_number: str = ""

    @property
    def exact(self) -> tuple[str, ...]:
        """Everything, with spelling of the name set aside."""
        name = " ".join(self.name.replace("^", " ").split()).casefold()
        return (self.patient_id, self.issuer, name, self.birth_date, self.sex, self.accession_number)


@dataclass(frozen=True, kw_only=True)
class CopyDifference:
    """How a newer copy differs from the one in use.

    ``image_attributes`` are those differing attributes that say how pixel values are read or where they lie: with them
    equal pixel bytes are another image. ``moved`` are those that name another study, series or class.
    """

    attributes: tuple[AttributeDifference, ...] = ()
    pixels: PixelComparison = PixelComparison.UNREADABLE
    image_attributes: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    in_use: PatientIdentity = PatientIdentity()
    newer: PatientIdentity = PatientIdentity()


def check_one_patient(
    newer: Sequence[PatientIdentity], staying: Mapping[StoredCopy, PatientIdentity], images: int
) -> None:
    """Raise unless all images of a study would name one patient once the newer headers are in use.

    The newer copies must not contradict each other: Patient ID, and issuer, birth date and sex where given. An image
    that stays as it is must name exactly a patient and order that a newer copy names. ``images`` is the size of the
    study. Raises CorrectionMixed, CorrectionIncomplete; neither quotes a value.
    """
    contradicting = [
        name
        for name, values in (
            ("Patient ID", {item.patient_id for item in newer}),
            ("Issuer of Patient ID", {item.issuer for item in newer if item.issuer}),
            ("Patient's Birth Date", {item.birth_date for item in newer if item.birth_date}),
            ("Patient's Sex", {item.sex for item in newer if item.sex}),
        )
        if len(values) > 1
    ]
    if contradicting:
        raise CorrectionMixed(f"they differ from image to image in {', '.join(contradicting)}")
    named = {item.exact for item in newer}
    missing = [copy for copy, identity in staying.items() if identity.exact not in named]
    if missing:
        raise CorrectionIncomplete(f"{len(missing)} of {images} images did not come again: {_by_series(missing)}")


def _by_series(copies: Iterable[StoredCopy]) -> str:
    counts = Counter(copy.series_uid for copy in copies).most_common()
    shown = ", ".join(f"{count} of series {series}" for series, count in counts[:_SHOWN_SERIES])
    more = len(counts) - _SHOWN_SERIES
    return f"{shown} and {more} more series" if more > 0 else shown
