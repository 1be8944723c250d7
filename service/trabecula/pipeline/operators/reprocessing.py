"""Reprocessing several studies: those whose result would come out again are left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trabecula.domain.errors import ResultMissing, TrabeculaError
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.operators.comparing import KeptStudy, kept_study
from trabecula.pipeline.operators.operating import reprocess_study
from trabecula.pipeline.services import Services

VersionsFor = Callable[[KeptStudy], Mapping[str, str]]
"""The versions by which an analysis of a study would be made now."""


class ReprocessOutcome(StrEnum):
    """What became of the wish to measure a study anew."""

    REPROCESSED = "REPROCESSED"
    UNCHANGED = "UNCHANGED"
    """Images, software, settings and models are those of its result."""
    REFUSED = "REFUSED"


@dataclass(frozen=True, kw_only=True)
class Reprocessed:
    """One study. ``revision`` is the new one, None unless REPROCESSED; ``refusal`` is why it was REFUSED."""

    study_uid: StudyUid
    outcome: ReprocessOutcome
    revision: int | None = None
    refusal: TrabeculaError | None = None


def reprocess_studies(
    services: Services, study_uids: Sequence[StudyUid], who: str, versions_for: VersionsFor | None
) -> Iterator[Reprocessed]:
    """Reprocess each study, in order; a refusal of one does not keep the others.

    A study that ``versions_for`` says would get the same result again is UNCHANGED; None asks nobody.
    """
    for study_uid in study_uids:
        try:
            if versions_for is not None and _repeats(services, study_uid, versions_for):
                yield Reprocessed(study_uid=study_uid, outcome=ReprocessOutcome.UNCHANGED)
                continue
            revision = reprocess_study(services.open_ledger, study_uid, who)
        except TrabeculaError as error:
            yield Reprocessed(study_uid=study_uid, outcome=ReprocessOutcome.REFUSED, refusal=error)
        else:
            yield Reprocessed(study_uid=study_uid, outcome=ReprocessOutcome.REPROCESSED, revision=revision)


def _repeats(services: Services, study_uid: StudyUid, versions_for: VersionsFor) -> bool:
    try:
        kept = kept_study(services, study_uid)
    except ResultMissing:
        return False
    return kept.repeated_by(versions_for(kept))
