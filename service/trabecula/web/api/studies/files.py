"""The files of a result: the objects as they were sent, and the picture."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors import ResultMissing
from trabecula.domain.results.result import ObjectKind, ResultObject
from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries.study_document import study_document
from trabecula.web.access.asked import Asked
from trabecula.web.api.door import Door, Viewer
from trabecula.web.api.problems import refusals
from trabecula.web.api.shapes.words import StudyUidInPath
from trabecula.web.desk.pages.visible import visible_study

router = APIRouter(prefix="/studies/{study_uid}", tags=["results"])
_DICOM, _PNG, _FHIR = "application/dicom", "image/png", "application/fhir+json"
_BYTES = {"schema": {"type": "string", "format": "binary"}}


@router.get(
    "/objects/{kind}",
    response_class=Response,
    responses=refusals(404) | {200: {"content": {_DICOM: _BYTES}, "description": "A Part 10 file."}},
)
def download_object(door: Viewer, study_uid: StudyUidInPath, kind: ObjectKind) -> Response:
    """Get a DICOM object of the newest report, byte for byte as it was sent: SR, SEG or SC."""
    found, name = _object(door, kind)
    return Response(
        found.content, media_type=_DICOM, headers={"content-disposition": f'attachment; filename="{name}.dcm"'}
    )


@router.get(
    "/fhir",
    response_class=Response,
    responses=refusals(404) | {200: {"content": {_FHIR: {"schema": {"type": "object"}}}, "description": "A Bundle."}},
)
def show_fhir(door: Viewer, study_uid: StudyUidInPath) -> Response:
    """Get the newest report as FHIR R4 resources.

    A Bundle: DiagnosticReport, an Observation for each measurement group and for each number in it, Devices for the
    algorithms, Patient, ImagingStudy; read from the report as it was sent. It holds no interpretation.
    """
    from trabecula.reporting.fhir.bundle import fhir_bundle  # pydicom and the models of FHIR: half a second

    found, _ = _object(door, ObjectKind.STRUCTURED_REPORT, subject="FHIR")
    return Response(fhir_bundle(found.content), media_type=_FHIR)


@router.get(
    "/picture",
    response_class=Response,
    responses=refusals(404) | {200: {"content": {_PNG: _BYTES}, "description": "The page as an image."}},
)
def show_picture(door: Viewer, study_uid: StudyUidInPath) -> Response:
    """Get the one-page picture of the newest report as PNG."""
    found, _ = _object(door, ObjectKind.PICTURE)
    return Response(door.parts.picture(found.content), media_type=_PNG)


def _object(door: Door, kind: ObjectKind, subject: str = "") -> tuple[ResultObject, str]:
    """Return an object of the newest report and a name for its file. Raises ResultMissing, ResultsRemoved."""
    with door.opened() as asked:
        uid, _ = visible_study(asked)
        revision = reported_revision(asked, uid)
        for item in door.parts.artifacts.load_objects(uid, revision):
            if item.kind is kind:
                asked.audit(AuditAction.OBJECT_DOWNLOADED, studies=[uid], subject=subject or str(kind))
                return item, f"{uid}-r{revision}-{kind}"
    raise ResultMissing(f"revision {revision} has no {kind}")


def reported_revision(asked: Asked, study_uid: StudyUid) -> int:
    """Return the newest revision of a study where it has a report. Raises ResultMissing."""
    document = study_document(asked.connection, study_uid)
    if document is None or not document["objects"]:
        raise ResultMissing("the study has no report yet")
    return int(document["revision"])
