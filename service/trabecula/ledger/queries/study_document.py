"""One study as the published JSON: result, objects with their deliveries, timings, and the reason of a failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select, text

from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries.quarantine import study_conflicts
from trabecula.ledger.queries.retention import removals_of
from trabecula.ledger.reception_tables import RefusedInstanceRow
from trabecula.ledger.tables import Instance, ObjectDelivery, ResultObjectRow, Revision, Study


def study_document(connection: Connection, study_uid: StudyUid) -> dict[str, Any] | None:
    """Return the document of a study, or None for an unknown one: of its newest revision that has a report, else of
    its newest.

    ``newest`` tells of a revision behind the one that is shown: its number, the state it is in and since when.
    ``result`` keys (reasons, levels, scores, summary ...) are those of domain.result_json, without the outlines.
    """
    found = connection.execute(select(Study.__table__).where(Study.study_uid == study_uid)).mappings().one_or_none()
    if found is None:
        return None
    study: dict[str, Any] = {**found}
    key = (study_uid, shown_revision(connection, study_uid))
    revision = (
        connection.execute(select(Revision.__table__).where(Revision.study_uid == key[0], Revision.revision == key[1]))
        .mappings()
        .one_or_none()
    )
    objects = connection.execute(
        select(ResultObjectRow.__table__)
        .where(ResultObjectRow.study_uid == key[0], ResultObjectRow.revision == key[1])
        .order_by(ResultObjectRow.kind.desc(), ResultObjectRow.language)
    ).mappings()
    deliveries = connection.execute(
        select(ObjectDelivery.__table__)
        .where(ObjectDelivery.study_uid == key[0], ObjectDelivery.revision == key[1])
        .order_by(ObjectDelivery.destination)
    ).mappings()
    result = dict(revision["result"]) if revision is not None and revision["result"] is not None else {}
    return {
        "study_uid": study_uid,
        "revision": key[1],
        "newest": _newest(connection, study, key[1]),
        "state": study["state"],
        "category": result.get("category"),
        "reasons": result.get("reasons", []),
        "levels": [_without_outlines(level) for level in result.get("levels", [])],
        "summary": result.get("summary", []),
        "scores": result.get("scores", []),
        "impression": result.get("impression", []),
        "sources": [_without_instances(source) for source in result.get("sources", [])],
        "series_used": result.get("series_used", []),
        "series_not_used": result.get("series_not_used", []),
        "versions": result.get("versions", {}),
        "objects": _objects([{**row} for row in objects], [{**row} for row in deliveries]),
        "timings": _timings(study, {**revision} if revision is not None else None, result.get("timings_s", {})),
        "correction": None if revision is None else revision["correction"],
        "recall": None if revision is None else revision["recall"],
        "failure": _failure(study),
        "conflicts": study_conflicts(connection, study_uid),
        "refused": _refused(connection, study_uid),
        "removed": removals_of(connection, study_uid),
        "scanner": {name: study[name] for name in ("manufacturer", "scanner_model", "station")},
        "calling_ae_title": study["calling_ae_title"],
        "received_at": study["first_image_at"].isoformat(),
    }


def shown_revision(connection: Connection, study_uid: StudyUid) -> int:
    """Return the revision of a study that is shown: the newest that has a report, else the newest; 0 without any."""
    query = text("SELECT revision FROM shown_studies WHERE study_uid = :uid")
    return int(connection.execute(query, {"uid": study_uid}).scalar_one_or_none() or 0)


def _newest(connection: Connection, study: Mapping[str, Any], shown: int) -> dict[str, Any] | None:
    if study["revision"] == shown:
        return None
    query = select(Revision.frozen_at).where(
        Revision.study_uid == study["study_uid"], Revision.revision == study["revision"]
    )
    frozen_at = connection.execute(query).scalar_one()
    return {"revision": study["revision"], "state": study["state"], "frozen_at": frozen_at.isoformat()}


def _refused(connection: Connection, study_uid: StudyUid) -> int:
    """Return how many images of the study were refused, or damaged here, and have not come since."""
    came = exists().where(Instance.sop_instance_uid == RefusedInstanceRow.sop_instance_uid)
    query = select(func.count()).select_from(RefusedInstanceRow)
    return connection.execute(query.where(RefusedInstanceRow.study_uid == study_uid, ~came)).scalar_one()


def _objects(objects: Sequence[Mapping[str, Any]], deliveries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "kind": item["kind"],
            "sop_class_uid": item["sop_class_uid"],
            "sop_instance_uid": item["sop_instance_uid"],
            "series_uid": item["series_uid"],
            "language": item["language"],
            "destinations": {
                sent["destination"]: _delivery(sent)
                for sent in deliveries
                if sent["kind"] == item["kind"] and sent["sop_instance_uid"] in forms.get(item["language"], ())
            },
        }
        for item in objects
        if item["rank"] == 0
        for forms in [_forms(objects, item["kind"])]
    ]


def _forms(objects: Sequence[Mapping[str, Any]], kind: str) -> dict[str | None, set[str]]:
    """The SOP Instance UIDs of a kind by language, fall-back forms included."""
    found: dict[str | None, set[str]] = {}
    for item in objects:
        if item["kind"] == kind:
            found.setdefault(item["language"], set()).add(item["sop_instance_uid"])
    return found


def _delivery(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "state": sent["state"],
        "status": None if sent["status"] is None else f"0x{sent['status']:04X}",
        "sop_class_uid": sent["sop_class_uid"],
        "commitment": sent["commitment"],
        "attempts": sent["attempts"],
        "error_code": sent["error_code"],
        "comment": sent["comment"],
        "changed_at": sent["changed_at"].isoformat(),
        "next_attempt_at": sent["next_attempt_at"].isoformat() if sent["next_attempt_at"] else None,
    }


def _timings(
    study: Mapping[str, Any], revision: Mapping[str, Any] | None, measured: Mapping[str, float]
) -> dict[str, float]:
    """Return seconds: what the analysis measured inside, and how long each stage took from the ledger's clock."""
    timings = dict(measured)
    if revision is None:
        return timings
    marks: list[tuple[str, datetime | None]] = [
        ("settling", revision["frozen_at"]),
        ("analysing", revision["analysed_at"]),
        ("reporting", revision["reported_at"]),
        ("delivering", revision["done_at"]),
    ]
    before: datetime = study["last_image_at"]
    for name, moment in marks:
        if moment is None:
            break
        timings[name] = round(max(0.0, (moment - before).total_seconds()), 3)
        before = moment
    if revision["done_at"] is not None:
        timings["total"] = round((revision["done_at"] - study["first_image_at"]).total_seconds(), 3)
    return timings


def _failure(study: Mapping[str, Any]) -> dict[str, str] | None:
    if study["failure_code"] is None:
        return None
    return {
        "stage": study["failed_stage"],
        "code": study["failure_code"],
        "sentence": study["failure_sentence"],
        "next_step": study["failure_next_step"],
    }


def _without_outlines(level: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in level.items() if key != "outlines"}


def _without_instances(source: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key != "instance_uids"}
