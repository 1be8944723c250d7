"""Acting on every study that a search finds: recorded, a transaction for each batch, resumed where it was killed.

Whoever wants it records it (``begin_bulk``); workers of the queue ``sys`` do it (``work_on_bulk``), so that it ends
although the browser was closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from trabecula.domain.audit.acting import acting_as, named_actor
from trabecula.domain.desk.bulk import BulkAction, BulkKind, BulkOutcome, check_bulk
from trabecula.domain.desk.search import StudySearch
from trabecula.domain.errors import DatabaseUnavailable, TrabeculaError
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StudyPriority
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.operators.operating import (
    cancel_study,
    prioritise_study,
    reprocess_study,
    resend_study,
    retry_study,
    settle_now,
)
from trabecula.pipeline.services import Services, ShouldStop

_MOST_AT_ONCE = 50
"""So many studies change in one transaction, which holds them until it ends; each is a savepoint, of which PostgreSQL
keeps 64 at hand."""
_AT_ONCE = {BulkKind.RETRY: 10, BulkKind.REPROCESS: 10, BulkKind.SETTLE: 1}
"""Fewer where each study's images are read, and one where their files are."""


def begin_bulk(
    services: Services, kind: BulkKind, argument: str, wanted: StudySearch, *, who: str, most: int | None = None
) -> int:
    """Record the action on the studies that are here now, at most ``most``, the newest first; return its number.

    Raises BulkRefused, TagRefused, DestinationUnknown.
    """
    kept = check_bulk(kind, argument)
    if kind is BulkKind.RESEND:
        services.destination(kept)
    with services.open_ledger() as ledger:
        number = ledger.bulk.begin(kind, kept, wanted, who, most)
        ledger.commit()
    return number


def stop_bulk(services: Services, number: int) -> bool:
    """Let an action end where it is; False where it has ended. Raises BulkUnknown."""
    with services.open_ledger() as ledger:
        stopped = ledger.bulk.stop(number)
        ledger.commit()
    return stopped


def work_on_bulk(services: Services, should_stop: ShouldStop, seconds: float) -> None:
    """Go on with the open actions, the oldest first, for so many seconds. Raises DatabaseUnavailable."""
    until = time.monotonic() + seconds
    with services.open_ledger() as ledger:
        numbers = ledger.bulk.open()
    for number in numbers:
        while time.monotonic() < until and not should_stop() and bulk_step(services, number, should_stop):
            pass


def bulk_step(services: Services, number: int, should_stop: ShouldStop) -> bool:
    """Act on the next few studies; False where nothing is left to do here: it ended, or another process is at it.

    Acts and the place where they go on are one transaction, so that a kill repeats nothing and leaves nothing out; each
    study is a part of it, so that one that refuses takes back nothing but its own.
    """
    if should_stop():
        return False
    with services.open_ledger() as holder:
        action = holder.bulk.take(number)
        if action is None:
            return False
        size = _AT_ONCE.get(action.kind, _MOST_AT_ONCE)
        left = size if action.most is None else min(size, action.most - action.done - action.refused)
        found, behind = holder.bulk.batch(action, left) if left > 0 else ((), None)
        uids = [item.study_uid for item in found]
        holder.bulk.hold(uids)
        done_before = holder.bulk.done_to(action, uids)
        inside = replace(services, open_ledger=holder.part)
        refused: list[BulkOutcome] = []
        for study_uid in reversed(uids):  # the oldest first: figures of days are locked in their order
            problem = None if study_uid in done_before else _problem(inside, action, study_uid)
            refused += [problem] if problem is not None else []
        holder.bulk.record(action, len(found) - len(refused), refused, behind)
        holder.commit()
        return behind is not None


def _problem(services: Services, action: BulkAction, study_uid: StudyUid) -> BulkOutcome | None:
    try:
        with acting_as(named_actor(action.who)):  # a worker does it; the audit log has whoever wanted it
            _ACTS[action.kind](services, study_uid, action)
    except DatabaseUnavailable:
        raise
    except TrabeculaError as error:
        return BulkOutcome(study_uid, error.code, error.sentence)
    return None


def _tag(services: Services, study_uid: StudyUid, action: BulkAction) -> None:
    adds = action.kind is BulkKind.TAG
    with services.open_ledger() as ledger:
        if adds:
            ledger.tags.add(study_uid, action.argument, action.who)
        else:
            ledger.tags.remove(study_uid, action.argument)
        what = "TAGGED" if adds else "UNTAGGED"
        ledger.studies.note(study_uid, Event(what=what, detail=action.argument, who=action.signature))
        ledger.commit()


def _retry(services: Services, study_uid: StudyUid, action: BulkAction) -> None:
    retry_study(services.open_ledger, study_uid, action.signature)


def _cancel(services: Services, study_uid: StudyUid, action: BulkAction) -> None:
    cancel_study(services.open_ledger, study_uid, action.signature)


def _reprocess(services: Services, study_uid: StudyUid, action: BulkAction) -> None:
    reprocess_study(services.open_ledger, study_uid, action.signature)


def _settle(services: Services, study_uid: StudyUid, action: BulkAction) -> None:
    settle_now(services, study_uid, action.signature)


def _resend(services: Services, study_uid: StudyUid, action: BulkAction) -> None:
    resend_study(services, study_uid, action.argument, action.signature)


def _prioritise(services: Services, study_uid: StudyUid, action: BulkAction) -> None:
    prioritise_study(services.open_ledger, study_uid, StudyPriority(action.argument), action.signature)


_ACTS: dict[BulkKind, Callable[[Services, StudyUid, BulkAction], None]] = {
    BulkKind.RETRY: _retry,
    BulkKind.CANCEL: _cancel,
    BulkKind.REPROCESS: _reprocess,
    BulkKind.SETTLE: _settle,
    BulkKind.RESEND: _resend,
    BulkKind.TAG: _tag,
    BulkKind.UNTAG: _tag,
    BulkKind.PRIORITISE: _prioritise,
}
