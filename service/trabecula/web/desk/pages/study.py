"""The page of one study: what was found, on which images, what became of it, and what may be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.responses import Response

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction, PatientKey
from trabecula.domain.delivery import DeliveryState
from trabecula.domain.results.result import Category
from trabecula.domain.spine import Level
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.search import study_rows
from trabecula.ledger.desk.tags import tags_of
from trabecula.ledger.queries.activity import Activities
from trabecula.ledger.queries.person import StudyPerson, other_studies
from trabecula.ledger.queries.quarantine import QuarantineFilter, list_quarantine
from trabecula.ledger.queries.studies import study_events
from trabecula.ledger.queries.study_document import study_document
from trabecula.ledger.readings.readings import readings_of
from trabecula.reporting.level_columns import columns_with_values
from trabecula.web.access.asked import Asked
from trabecula.web.desk.pages.visible import visible_study
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page
from trabecula.web.desk.trend import Trend, trend

CATEGORY_WORDS = {str(category): category.words for category in Category}
_ENDED = (StudyState.DONE, StudyState.FAILED, StudyState.CANCELLED)
_RUNNING = (StudyState.RECEIVING, StudyState.ANALYSING, StudyState.REPORTING, StudyState.DELIVERING)


@dataclass(frozen=True)
class Step:
    """A line of a study's trail, with the seconds since the one before it."""

    at: datetime
    after_s: float | None
    what: str
    detail: str
    who: str
    revision: int | None


def show_study_page(parts: DeskParts, asked: Asked) -> Response:
    """Show everything about one study; that it was seen stands in the audit log before it is."""
    study_uid, person = visible_study(asked)
    asked.audit(AuditAction.STUDY_VIEWED, studies=[study_uid], patients=[PatientKey(person.patient_id, person.issuer)])
    document = study_document(asked.connection, study_uid)
    assert document is not None, "whom it is of was known just now"
    activity = Activities(driver_connection(asked.connection), [study_uid]).of(study_uid, document["state"])
    columns = columns_with_values(document["levels"])
    others = other_studies(asked.connection, study_uid, person, asked.sites())
    engine = asked.connection.engine
    values = {
        "uid": study_uid,
        "person": person,
        "study": document,
        "activity": activity,
        "columns": columns,
        "rows": [(level, [column.value(level) for column in columns]) for level in document["levels"]],
        "steps": steps_of(study_events(engine, study_uid)),
        "others": others,
        "trends": trends_of(asked, study_uid, others),
        "readings": readings_of(asked.connection, study_uid),
        "held": list_quarantine(engine, QuarantineFilter(study_uid=study_uid)),
        "words": CATEGORY_WORDS,
        "destinations": sorted(parts.services(engine).destinations),
        "actions": actions_of(document, asked, person),
        "sent_at": _sent_at(document),
        "has_picture": any(item["kind"] == "SC" for item in document["objects"]) and not _results_gone(document),
        "results_gone": _results_gone(document),
        "tags": tags_of(driver_connection(asked.connection), study_uid),
        "level_names": [level.name for level in Level],
        "done": asked.field("done"),
    }
    return page(parts, asked, "study.html", values)


def actions_of(document: Mapping[str, Any], asked: Asked, person: StudyPerson) -> frozenset[str]:
    """Return what the visitor may do to a study: by its state, and by whether there is a result to act on."""
    state = StudyState(document["state"])
    reported = bool(document["objects"])
    whole = reported and document["newest"] is None and state is not StudyState.RECEIVING
    found = set()
    if asked.actor.may(Permission.OPERATE_STUDIES, person.site):
        found.add("tag")
        if state in _ENDED or (whole and state is StudyState.DELIVERING):
            found.add("reprocess")
        if state in (StudyState.FAILED, StudyState.CANCELLED) or _waits(document):
            found.add("retry")
        if whole and state is not StudyState.CANCELLED:
            found.add("resend")
        if state in _RUNNING:
            found |= {"cancel", "urgent"}
        if state is StudyState.RECEIVING:
            found.add("complete")
    if asked.actor.may(Permission.READ_STUDIES, person.site) and reported:
        found |= {"reading", "name-levels"} if whole else {"reading"}
    if asked.actor.may(Permission.RELEASE_QUARANTINE, person.site):
        found.add("release")
    return frozenset(found)


def _waits(document: Mapping[str, Any]) -> bool:
    """Return whether a delivery waits for its next try."""
    return document["state"] == StudyState.DELIVERING and any(
        sent["state"] == DeliveryState.PENDING and sent["next_attempt_at"]
        for item in document["objects"]
        for sent in item["destinations"].values()
    )


def _sent_at(document: Mapping[str, Any]) -> datetime | None:
    """Return when a destination last took an object of what is shown."""
    taken = (DeliveryState.SENT, DeliveryState.CONFIRMED)
    moments = [
        datetime.fromisoformat(sent["changed_at"])
        for item in document["objects"]
        for sent in item["destinations"].values()
        if sent["state"] in taken
    ]
    return max(moments, default=None)


def trends_of(asked: Asked, study_uid: StudyUid, others: Sequence[Mapping[str, Any]]) -> list[Trend]:
    """Return the charts of the values that this person's studies have in common; other scanners measure otherwise."""
    here = study_rows(driver_connection(asked.connection), [study_uid])
    rows = [(item["study_date"], item, item["study_uid"]) for item in others]
    rows += [(row.study_date, {"l1_hu": row.l1_hu, "vbq": row.vbq}, study_uid) for row in here]
    found = []
    for name, title, unit, digits in (("l1_hu", "Attenuation of L1 at 120 kVp", "HU", 0), ("vbq", "VBQ", "", 2)):
        values = [(day, float(item[name]), uid) for day, item, uid in rows if day and item[name] is not None]
        if any(uid == study_uid for _, _, uid in values) and (chart := trend(title, unit, values, study_uid, digits)):
            found.append(chart)
    return found


def steps_of(events: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Return the trail with the time between its lines."""
    found: list[Step] = []
    for event in events:
        at = datetime.fromisoformat(event["at"])
        after = (at - found[-1].at).total_seconds() if found else None
        found.append(Step(at, after, event["what"], event["detail"], event["who"], event["revision"]))
    return found


def _results_gone(document: Mapping[str, Any]) -> bool:
    revision = document["revision"]
    return any(gone["kind"] == "RESULTS" and gone["revision"] == revision for gone in document["removed"])
