"""The files of a result: the picture, the report in words, and every object as it was sent."""

from __future__ import annotations

from starlette.responses import Response

from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors import ResultMissing
from trabecula.domain.results.result import ObjectKind, ResultObject
from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries.study_document import study_document
from trabecula.web.access.asked import Asked
from trabecula.web.desk.pages.visible import visible_study
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page

_DICOM, _PNG, _JSON = "application/dicom", "image/png", "application/json"


def show_picture(parts: DeskParts, asked: Asked) -> Response:
    """Answer with the one-page picture as PNG."""
    study_uid, _ = visible_study(asked)
    revision = _revision(asked, study_uid)
    found = _object(parts, study_uid, revision, ObjectKind.PICTURE)
    asked.audit(AuditAction.OBJECT_DOWNLOADED, studies=[study_uid], subject=str(ObjectKind.PICTURE))
    return Response(parts.picture(found.content), media_type=_PNG, headers={"cache-control": "private, no-store"})


def show_report(parts: DeskParts, asked: Asked) -> Response:
    """Show the structured report line by line, as it was sent."""
    study_uid, person = visible_study(asked)
    revision = _revision(asked, study_uid)
    found = _object(parts, study_uid, revision, ObjectKind.STRUCTURED_REPORT)
    asked.audit(AuditAction.OBJECT_DOWNLOADED, studies=[study_uid], subject=str(ObjectKind.STRUCTURED_REPORT))
    values = {"uid": study_uid, "person": person, "revision": revision, "lines": parts.report(found.content)}
    return page(parts, asked, "report.html", values)


def download(parts: DeskParts, asked: Asked) -> Response:
    """Answer with an object as a file: SR.dcm, SEG.dcm, SC.dcm, or result.json."""
    study_uid, _ = visible_study(asked)
    name = str(asked.parameters["file"])
    revision = _revision(asked, study_uid)
    asked.audit(AuditAction.OBJECT_DOWNLOADED, studies=[study_uid], subject=name[:40])
    disposition = {"content-disposition": f'attachment; filename="{study_uid}-r{revision}-{name[:40]}"'}
    if name == "result.json":
        content = (parts.artifacts.folder(study_uid, revision) / "result.json").read_bytes()
        return Response(content, media_type=_JSON, headers=disposition)
    kinds = {f"{kind}.dcm": kind for kind in ObjectKind}
    if name not in kinds:
        raise ResultMissing(f"there is no {name[:40]!r}; there are {', '.join(kinds)} and result.json")
    found = _object(parts, study_uid, revision, kinds[name])
    return Response(found.content, media_type=_DICOM, headers=disposition)


def _revision(asked: Asked, study_uid: StudyUid) -> int:
    document = study_document(asked.connection, study_uid)
    if document is None or not document["objects"]:
        raise ResultMissing(f"{study_uid} has no report yet")
    return int(document["revision"])


def _object(parts: DeskParts, study_uid: StudyUid, revision: int, kind: ObjectKind) -> ResultObject:
    for item in parts.artifacts.load_objects(study_uid, revision):
        if item.kind is kind:
            return item
    raise ResultMissing(f"revision {revision} has no {kind}")
