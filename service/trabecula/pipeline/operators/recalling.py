"""Recalling: every result of a model, bundle, segmenter or version is found, marked, and superseded where it can be."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.domain.errors import TrabeculaError
from trabecula.domain.errors_of.copies import ReasonMissing
from trabecula.domain.study.recall import MadeBy, RecalledResult
from trabecula.domain.study.standing import Event
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.operators.operating import reprocess_study
from trabecula.pipeline.services import Services


@dataclass(frozen=True, kw_only=True)
class Recall:
    """What a recall found and did: ``reprocessed`` has the new revision of each study that is measured anew, ``kept``
    the error of each that could not be."""

    made_by: MadeBy
    results: tuple[RecalledResult, ...]
    marked: int = 0
    reprocessed: tuple[tuple[StudyUid, int], ...] = ()
    kept: tuple[tuple[StudyUid, TrabeculaError], ...] = ()


def find_results(services: Services, made_by: MadeBy) -> Recall:
    """Return every result of the maker; nothing is written. Raises DatabaseUnavailable."""
    with services.open_ledger() as ledger:
        return Recall(made_by=made_by, results=ledger.recalls.made_by(made_by))


def recall_results(services: Services, made_by: MadeBy, *, who: str, reason: str, reprocess: bool) -> Recall:
    """Mark every result of the maker as recalled, in one transaction, with a line in the trail of its study.

    With ``reprocess`` each study whose newest result it is is measured anew; its report then names the recalled one.
    A result that was marked before is not marked again. Raises ReasonMissing, DatabaseUnavailable.
    """
    if not reason.strip():
        raise ReasonMissing
    with services.open_ledger() as ledger:
        found = ledger.recalls.made_by(made_by)
        fresh = [item for item in found if not item.recalled]
        for item in fresh:
            ledger.recalls.mark(item.study_uid, item.revision, made_by, who, reason.strip())
            detail = f"the result of revision {item.revision} was recalled ({made_by.words}): {reason.strip()}"
            facts = {"maker": str(made_by.maker), "name": made_by.name, "reason": reason.strip()}
            event = Event(what="RECALLED", detail=detail, who=who, revision=item.revision, facts=facts)
            ledger.studies.note(item.study_uid, event)
        ledger.commit()
    done: list[tuple[StudyUid, int]] = []
    kept: list[tuple[StudyUid, TrabeculaError]] = []
    for item in (item for item in found if reprocess and item.newest):
        try:
            done.append((item.study_uid, reprocess_study(services.open_ledger, item.study_uid, who)))
        except TrabeculaError as error:
            kept.append((item.study_uid, error))
    return Recall(made_by=made_by, results=found, marked=len(fresh), reprocessed=tuple(done), kept=tuple(kept))
