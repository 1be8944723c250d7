"""The page of one study: what was found, on which images, what became of it, and what may be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.responses import Response

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction, PatientKey
from trabecula.domain.results.result import Category
from trabecula.domain.spine import Level
from trabecula.domain.study.study import StudyState
from trabecula.ledger.database import driver_connection
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
    engine = asked.connection.engine
    values = {
        "uid": study_uid,
        "person": person,
        "study": document,
        "activity": activity,
        "columns": columns,
        "rows": [(level, [column.value(level) for column in columns]) for level in document["levels"]],
        "steps": steps_of(study_events(engine, study_uid)),
        "others": other_studies(asked.connection, study_uid, person, asked.sites()),
        "readings": readings_of(asked.connection, study_uid),
        "held": list_quarantine(engine, QuarantineFilter(study_uid=study_uid)),
        "words": CATEGORY_WORDS,
        "destinations": sorted(parts.services(engine).destinations),
        "actions": actions_of(StudyState(document["state"]), asked, person),
        "has_picture": any(item["kind"] == "SC" for item in document["objects"]) and not _results_gone(document),
        "results_gone": _results_gone(document),
        "tags": tags_of(driver_connection(asked.connection), study_uid),
        "level_names": [level.name for level in Level],
        "done": asked.field("done"),
    }
    return page(parts, asked, "study.html", values)


def actions_of(state: StudyState, asked: Asked, person: StudyPerson) -> frozenset[str]:
    """Return what the visitor may do to a study in this state."""
    found = set()
    if asked.actor.may(Permission.OPERATE_STUDIES, person.site):
        if state in (StudyState.FAILED, StudyState.CANCELLED, StudyState.DONE):
            found |= {"retry"} if state is not StudyState.DONE else set()
            found |= {"reprocess", "resend"}
        if state in _RUNNING:
            found |= {"cancel", "urgent"}
        found.add("tag")
        if state is StudyState.RECEIVING:
            found.add("complete")
    if asked.actor.may(Permission.READ_STUDIES, person.site) and state in _ENDED:
        found |= {"reading", "name-levels"}
    if asked.actor.may(Permission.RELEASE_QUARANTINE, person.site):
        found.add("release")
    return frozenset(found)


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
