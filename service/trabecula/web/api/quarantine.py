"""What was acknowledged but is not used: list, show, take in, delete; of the sites whose entries one may release."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors_of.copies import QuarantineEntryUnknown
from trabecula.domain.study.copies import QuarantineState
from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries.quarantine import QuarantineFilter, list_quarantine
from trabecula.pipeline import EntryInFull, delete_entry, release_entry, show_entry
from trabecula.web.access.asked import Asked
from trabecula.web.api.door import Releaser
from trabecula.web.api.problems import refusals
from trabecula.web.api.shapes.quarantine import (
    DifferingAttribute,
    Ended,
    HeldAttribute,
    HeldConflict,
    HeldInFull,
    HeldInstance,
    QuarantineList,
    ReleaseReason,
)
from trabecula.web.api.shapes.words import Day, Number, Reason, Word

router = APIRouter(prefix="/quarantine", tags=["quarantine"])


@router.get("")
def list_entries(
    door: Releaser,
    code: Annotated[Word, Query(description="Why an entry is there.")] = "",
    study_uid: Annotated[Word, Query(description="The study it names or is a copy of.")] = "",
    since: Annotated[Day | None, Query(description="Came last on or after this day.")] = None,
    ended: Annotated[bool, Query(description="Also what was taken over, released or deleted.")] = False,
    before: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> QuarantineList:
    """List the quarantine, the newest entries first."""
    with door.opened() as asked:
        wanted = QuarantineFilter(
            code=code,
            study_uid=StudyUid(study_uid),
            since=since,
            ended=ended,
            before=before,
            senders=asked.sites(Permission.RELEASE_QUARANTINE),
        )
        rows = list_quarantine(asked.connection.engine, wanted, limit)
        asked.audit(AuditAction.QUARANTINE_VIEWED, studies={row["study_uid"] for row in rows if row["study_uid"]})
        entries = [HeldInstance.model_validate(row) for row in rows]
        return QuarantineList(entries=entries, next=rows[-1]["number"] if len(rows) == limit else None)


@router.get("/{number}", responses=refusals(404))
def show_one(door: Releaser, number: Number) -> HeldInFull:
    """Show one entry: why it is here, what its header says, how it differs from the image in use."""
    with door.opened() as asked:
        row = _visible(asked, number)
        asked.audit(AuditAction.QUARANTINE_VIEWED, studies=_named(row), subject=f"quarantine {number}")
        full = show_entry(door.parts.services(asked.connection.engine), number)
        attributes = [HeldAttribute(tag=item.tag, name=item.name, value=item.newer) for item in full.attributes]
        return HeldInFull(**row.model_dump(), attributes=attributes, conflict=_conflict(full))


@router.post("/{number}/release", responses=refusals(404, 409))
def release(door: Releaser, number: Number, why: ReleaseReason) -> Ended:
    """Take an instance into its study, e.g. what an earlier version could not read."""
    with door.opened() as asked:
        _visible(asked, number)
        asked.connection.commit()
        services = door.parts.services(asked.connection.engine)
        study_uid = release_entry(services, number, asked.actor.who, why.reason)
        return Ended(number=number, outcome=QuarantineState.RELEASED, study_uid=study_uid)


@router.delete("/{number}", responses=refusals(404))
def delete(door: Releaser, number: Number, reason: Annotated[Reason, Query(description="Why.")]) -> Ended:
    """Delete a file from the quarantine for good; a line with operator and reason stays in the ledger."""
    with door.opened() as asked:
        _visible(asked, number)
        asked.connection.commit()
        services = door.parts.services(asked.connection.engine)
        study_uid = delete_entry(services, number, asked.actor.who, reason)
        return Ended(number=number, outcome=QuarantineState.DELETED, study_uid=study_uid)


def _visible(asked: Asked, number: int) -> HeldInstance:
    """Return an entry that the visitor may release; one of another site is as unknown as one that does not exist."""
    senders = asked.sites(Permission.RELEASE_QUARANTINE)
    rows = list_quarantine(asked.connection.engine, QuarantineFilter(ended=True, number=number, senders=senders))
    if not rows:
        raise QuarantineEntryUnknown(f"number {number}")
    return HeldInstance.model_validate(rows[0])


def _named(row: HeldInstance) -> list[str]:
    return [row.study_uid] if row.study_uid else []


def _conflict(full: EntryInFull) -> HeldConflict | None:
    if full.conflict is None or full.difference is None:
        return None
    return HeldConflict(
        study_uid=full.conflict.study_uid,
        pixels=full.difference.pixels,
        formerly_used=full.conflict.formerly_used,
        differences=[
            DifferingAttribute(tag=item.tag, name=item.name, in_use=item.in_use, newer=item.newer)
            for item in full.difference.attributes
        ],
    )
