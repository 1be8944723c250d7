"""The structured report as DICOM objects: Comprehensive 3D SR, and the same tree under two older SOP Classes."""

from __future__ import annotations

from dataclasses import replace

from highdicom.sr import ContainerContentItem, EnhancedSR
from pydicom import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage, EnhancedSRStorage

from trabecula.domain.errors import ReportInvalid
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.result import ObjectKind, ResultObject, StudyResult
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid
from trabecula.reporting.sr.concepts import coding_schemes
from trabecula.reporting.stamping import SERIES_NUMBERS, Stamp, finished, stated_as

SR_CLASSES = {
    "Comprehensive3DSR": Comprehensive3DSRStorage,
    "ComprehensiveSR": ComprehensiveSRStorage,
    "EnhancedSR": EnhancedSRStorage,
}
"""Most wanted first; the tree uses nothing that the last one does not allow (PS3.3 A.35)."""


def structured_reports(
    root: ContainerContentItem,
    evidence: tuple[Dataset, ...],
    predecessors: tuple[Predecessor, ...],
    stamp: Stamp,
    result: StudyResult,
) -> ResultObject:
    """Return the report, with its fall-back classes as alternatives (each has a SOP Instance UID of its own).

    ``evidence`` are the objects listed as evidence; the first must carry the nine Type 2 attributes.
    ``predecessors`` are the superseded reports. Raises ReportInvalid.
    """
    built = finished(_built(root, evidence, predecessors, stamp, result), ObjectKind.STRUCTURED_REPORT, stamp, result)
    first, *others = (
        stated_as(built, sop_class, InstanceUid(stamp.identities.instance(f"SR {name}")))
        for name, sop_class in SR_CLASSES.items()
    )
    return replace(first, alternatives=tuple(others))


def evidence_item(
    study_uid: StudyUid, series_uid: SeriesUid, sop_class_uid: str, sop_instance_uid: InstanceUid
) -> Dataset:
    """Return what highdicom needs of an evidence object: its identity, and empty patient and study attributes.

    The study's real attributes are stamped afterwards, so that no odd value of a source can make a report fail.
    """
    item = Dataset()
    item.StudyInstanceUID, item.SeriesInstanceUID = study_uid, series_uid
    item.SOPClassUID, item.SOPInstanceUID = sop_class_uid, sop_instance_uid
    item.PatientID = item.PatientName = item.PatientBirthDate = item.PatientSex = ""
    item.AccessionNumber = item.StudyID = item.ReferringPhysicianName = ""
    item.StudyDate = item.StudyTime = None
    return item


def _built(
    root: ContainerContentItem,
    evidence: tuple[Dataset, ...],
    predecessors: tuple[Predecessor, ...],
    stamp: Stamp,
    result: StudyResult,
) -> Dataset:
    """Return the document under the class that allows least, so that a tree it does not allow is refused here."""
    study_uid = result.study_uid
    previous = [
        evidence_item(study_uid, SeriesUid(series), sop_class, InstanceUid(sop))
        for sop_class, sop, series in (item.uids for item in predecessors)
    ]
    try:
        return EnhancedSR(
            evidence=evidence,
            content=root,
            series_instance_uid=stamp.identities.series("SR"),
            series_number=SERIES_NUMBERS[ObjectKind.STRUCTURED_REPORT],
            sop_instance_uid=stamp.identities.instance("SR EnhancedSR"),
            instance_number=1,
            manufacturer=stamp.config.manufacturer,
            is_complete=True,
            is_final=False,
            is_verified=False,
            previous_versions=previous or None,
            requested_procedures=_requests(stamp.header) or None,
            coding_schemes=coding_schemes(),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise ReportInvalid(f"the report cannot be built ({type(error).__name__}: {error})") from error


def _requests(header: Dataset) -> list[Dataset]:
    """Return the Referenced Request Sequence (PS3.3 C.17.2): what the images were ordered as, for the worklist."""
    attributes = header.get("RequestAttributesSequence") or []
    if not attributes and not header.AccessionNumber:
        return []
    return [_request(header, source) for source in (attributes or [Dataset()])]


def _request(header: Dataset, source: Dataset) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = header.StudyInstanceUID
    item.ReferencedStudySequence = []
    item.AccessionNumber = source.get("AccessionNumber") or header.AccessionNumber
    item.PlacerOrderNumberImagingServiceRequest = ""
    item.FillerOrderNumberImagingServiceRequest = ""
    item.RequestedProcedureID = source.get("RequestedProcedureID") or ""
    item.RequestedProcedureDescription = source.get("RequestedProcedureDescription") or ""
    item.RequestedProcedureCodeSequence = source.get("RequestedProcedureCodeSequence") or []
    return item
