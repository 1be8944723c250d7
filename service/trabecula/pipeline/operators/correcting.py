"""Correcting: newer headers of images that came again are shown beside those in use, and taken over by an operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trabecula.domain.errors_of.copies import (
    CorrectionAltersImages,
    CorrectionDisturbed,
    CorrectionMissing,
    CorrectionMovesImages,
    ReasonMissing,
)
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.study.conflict import Conflict
from trabecula.domain.study.copies import (
    CopyDifference,
    PatientIdentity,
    PixelComparison,
    QuarantineEntry,
    QuarantineState,
    StoredCopy,
    check_one_patient,
)
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import NO_SERIES, SeriesUid, StudyUid
from trabecula.pipeline.operators.next_revision import measure_anew
from trabecula.pipeline.services import OperatorServices, check_images

_TRIES = 3
_SHOWN_IDENTITIES = 5


@dataclass(frozen=True)
class ComparedConflict:
    """A held copy beside the copy in use, and what they differ in."""

    conflict: Conflict
    difference: CopyDifference


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What taking the newer headers over would change, or has changed.

    ``taken`` are the copies that come into use, one an image; ``passed_over`` the older ones held of the same images.
    ``revision`` is 0 where the study still receives: it will settle with the newer headers.
    """

    study_uid: StudyUid
    images: int
    taken: tuple[ComparedConflict, ...]
    passed_over: tuple[QuarantineEntry, ...]
    state: StudyState
    revision: int = 0

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of all attributes that differ, in the order of their tags."""
        names = {(item.tag, item.name) for each in self.taken for item in each.difference.attributes}
        return tuple(name for _tag, name in sorted(names))


def study_conflicts(services: OperatorServices, study_uid: StudyUid) -> tuple[ComparedConflict, ...]:
    """Return every held copy of the study's images with its differences, the last that came first.

    Raises DatabaseUnavailable.
    """
    with services.open_ledger() as ledger:
        conflicts = ledger.quarantine.conflicts(study_uid)
    return tuple(ComparedConflict(item, compared(services, item)) for item in conflicts)


def compared(services: OperatorServices, conflict: Conflict) -> CopyDifference:
    """Return how a held copy differs from the one in use."""
    return services.copies.compare(conflict.in_use, held_copy(conflict.entry, conflict.in_use.series_uid))


def held_copy(entry: QuarantineEntry, series_uid: SeriesUid = NO_SERIES) -> StoredCopy:
    """Return a quarantined instance as a copy."""
    return StoredCopy(entry.sop_instance_uid, series_uid, entry.spool_key, entry.sha256)


def plan_correction(services: OperatorServices, study_uid: StudyUid) -> Correction:
    """Return what taking the newer headers over would do; nothing is written.

    Of several copies of an image the one that came last counts. Raises StudyUnknown, CorrectionMissing,
    CorrectionMovesImages, CorrectionAltersImages, CorrectionMixed, CorrectionIncomplete.
    """
    with services.open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid)
        check_images(ledger, study_uid)
        conflicts = ledger.quarantine.conflicts(study_uid)
        copies = ledger.copies.in_use(study_uid)
    newest: dict[str, Conflict] = {}
    for item in conflicts:
        newest.setdefault(item.entry.sop_instance_uid, item)
    taken = tuple(ComparedConflict(item, compared(services, item)) for item in newest.values())
    _check_images(taken)
    if not any(item.difference.attributes for item in taken):
        detail = "the copies in quarantine have the same headers" if taken else study_uid
        raise CorrectionMissing(detail)
    staying = {copy: services.copies.identity(copy) for copy in copies if copy.sop_instance_uid not in newest}
    check_one_patient([item.difference.newer for item in taken], staying, len(copies))
    return Correction(
        study_uid=study_uid,
        images=len(copies),
        taken=taken,
        passed_over=tuple(item.entry for item in conflicts if newest[item.entry.sop_instance_uid] is not item),
        state=standing.state,
    )


def adopt_correction(services: OperatorServices, study_uid: StudyUid, who: str, reason: str) -> Correction:
    """Take the newer headers of a study over and have it measured anew as its next revision.

    The files are durable before the one transaction that puts all of them into use; a crash before it changes nothing.
    Old files stay. Work on an older revision stops as after a late image. Raises what plan_correction raises, and
    ReasonMissing, CorrectionDisturbed, SpoolObjectMissing, SpoolUnavailable.
    """
    if not reason.strip():
        raise ReasonMissing
    for _ in range(_TRIES):
        plan = plan_correction(services, study_uid)
        placed = {item.conflict.entry.number: services.copies.put_beside(_copy(item)) for item in plan.taken}
        with services.open_ledger() as ledger:
            ledger.studies.standing(study_uid, lock=True)
            if not _still_holds(ledger, plan):
                continue
            done = _take_over(services, ledger, plan, placed, who, reason.strip())
            ledger.commit()
        for item in plan.taken:
            if item.conflict.entry.spool_key != placed[item.conflict.entry.number][0]:
                services.copies.remove(item.conflict.entry.spool_key)
        return done
    raise CorrectionDisturbed(study_uid)


def _check_images(taken: Sequence[ComparedConflict]) -> None:
    moved = sorted({name for item in taken for name in item.difference.moved})
    if moved:
        count = sum(bool(item.difference.moved) for item in taken)
        raise CorrectionMovesImages(f"{count} of {len(taken)} differ in {', '.join(moved)}")
    for kind in (PixelComparison.UNREADABLE, PixelComparison.OTHER_TRANSFER_SYNTAX, PixelComparison.DIFFERENT):
        count = sum(item.difference.pixels is kind for item in taken)
        if count:
            raise CorrectionAltersImages(f"{count} of {len(taken)}: {kind.words}")
    altered = sorted({name for item in taken for name in item.difference.image_attributes})
    if altered:
        raise CorrectionAltersImages(f"they differ in {', '.join(altered)}")


def _copy(item: ComparedConflict) -> StoredCopy:
    return held_copy(item.conflict.entry, item.conflict.in_use.series_uid)


def _still_holds(ledger: Ledger, plan: Correction) -> bool:
    """Return whether neither the held copies nor those in use have changed since the plan was made; locks them."""
    held = {item.entry.number: item for item in ledger.quarantine.conflicts(plan.study_uid, lock=True)}
    planned = {item.conflict.entry.number for item in plan.taken} | {item.number for item in plan.passed_over}
    in_use = {copy.sop_instance_uid: copy.sha256 for copy in ledger.copies.in_use(plan.study_uid)}
    return (
        set(held) == planned
        and len(in_use) == plan.images
        and all(in_use.get(_copy(item).sop_instance_uid) == item.conflict.in_use.sha256 for item in plan.taken)
        and all(
            held[item.conflict.entry.number].entry.last_received_at == item.conflict.entry.last_received_at
            for item in plan.taken
        )
    )


def _take_over(
    services: OperatorServices,
    ledger: Ledger,
    plan: Correction,
    placed: Mapping[int, tuple[str, str]],
    who: str,
    reason: str,
) -> Correction:
    for item in plan.taken:
        entry = item.conflict.entry
        key, transfer_syntax_uid = placed[entry.number]
        ledger.copies.replace(entry, key, transfer_syntax_uid, who)
        ledger.quarantine.close(entry.number, QuarantineState.ADOPTED, who, reason)
    for older in plan.passed_over:
        ledger.quarantine.close(older.number, QuarantineState.SUPERSEDED, who, reason)
    state, revision = measure_anew(services, ledger, plan.study_uid)
    detail = f"newer headers of {len(plan.taken)} of {plan.images} images taken over: {reason}"
    ledger.studies.note(
        plan.study_uid,
        Event(what="CORRECTED", detail=detail, who=who, revision=revision or None, facts=_facts(plan, reason)),
    )
    return Correction(
        study_uid=plan.study_uid,
        images=plan.images,
        taken=plan.taken,
        passed_over=plan.passed_over,
        state=state,
        revision=revision,
    )


def _facts(plan: Correction, reason: str) -> dict[str, str]:
    """Return what the trail keeps: reason, counts, the attributes, and whom the images named before and name now."""
    facts = {
        "reason": reason,
        "images": str(len(plan.taken)),
        "attributes": ", ".join(plan.attributes),
        "quarantine": ", ".join(str(item.conflict.entry.number) for item in plan.taken),
    }
    for side, identities in (
        ("old", [item.difference.in_use for item in plan.taken]),
        ("new", [item.difference.newer for item in plan.taken]),
    ):
        for name in PatientIdentity.__dataclass_fields__:
            values = sorted({str(getattr(item, name)) for item in identities})
            more = f" (+{len(values) - _SHOWN_IDENTITIES})" if len(values) > _SHOWN_IDENTITIES else ""
            facts[f"{side}_{name}"] = "; ".join(values[:_SHOWN_IDENTITIES]) + more
    return facts
