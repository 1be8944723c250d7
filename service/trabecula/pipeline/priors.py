"""Earlier results of the same person: sought before a revision is measured, and frozen with its result."""

from __future__ import annotations

from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.results.prior import as_prior
from trabecula.domain.results.result import PriorResult
from trabecula.domain.uids import StudyUid


def priors_of(ledger: Ledger, study_uid: StudyUid) -> tuple[PriorResult, ...]:
    """Return the newest earlier result of each modality that has a number to compare, the newest first."""
    newest: dict[str, PriorResult] = {}
    for study_date, result in ledger.revisions.earlier_of_person(study_uid):
        prior = as_prior(result, study_date)
        if prior is not None:
            newest.setdefault(prior.modality, prior)
    return tuple(newest.values())
