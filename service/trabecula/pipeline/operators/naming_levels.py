"""Naming levels: a reader says which vertebra is which, and the study is measured anew with these names."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.errors import ResultMissing
from trabecula.domain.errors_of.copies import ReasonMissing
from trabecula.domain.errors_of.readers import BodyUnknown, StudyBusy
from trabecula.domain.ports.artifacts import AnalysisArtifacts
from trabecula.domain.results.stored_labels import StoredLabels
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, Level, level_of_label
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.pipeline.operators.next_revision import measure_anew
from trabecula.pipeline.services import Services, check_images, check_results


@dataclass(frozen=True, kw_only=True)
class NamedLevels:
    """What naming did: the correction (None: taken back), the result it was made on, and the new revision."""

    study_uid: StudyUid
    correction: LevelCorrection | None
    on_revision: int
    revision: int


def name_levels(
    services: Services,
    artifacts: AnalysisArtifacts,
    study_uid: StudyUid,
    called: str,
    level: Level,
    *,
    who: str,
    reason: str,
) -> NamedLevels:
    """Name the body that the study's result calls ``called`` (``L1``, or ``#3`` where it has no name) as ``level``.

    The study is measured anew as its next revision, whose report names the one before; the names hold for every later
    revision. Raises StudyUnknown, ReasonMissing, ResultMissing, StudyBusy, BodyUnknown, SpoolObjectMissing,
    ImagesRemoved, ResultsRemoved.
    """
    revision, outlined_by = _finished(services, study_uid, reason)
    with services.open_ledger() as ledger:
        check_results(ledger, study_uid, revision)
    labels = next(iter(artifacts.load_labels(study_uid, revision)), None)
    if labels is None:
        raise BodyUnknown(f"nothing was outlined in revision {revision}")
    correction = replace(_placed(labels, called, level), outlined_by=outlined_by)
    return _corrected(services, study_uid, revision, correction, who, reason)


def withdraw_names(services: Services, study_uid: StudyUid, *, who: str, reason: str) -> NamedLevels:
    """Take a reader's names back: the study is measured anew with those of the software.

    Raises StudyUnknown, ReasonMissing, ResultMissing, StudyBusy, BodyUnknown.
    """
    revision, _ = _finished(services, study_uid, reason)
    with services.open_ledger() as ledger:
        if ledger.revisions.correction(study_uid, revision) is None:
            raise BodyUnknown(f"no reader has named levels of revision {revision}")
    return _corrected(services, study_uid, revision, None, who, reason)


def _finished(services: Services, study_uid: StudyUid, reason: str) -> tuple[int, InstanceUid]:
    """The revision whose result a reader can have looked at, and the reader's DICOM SEG that it was outlined by."""
    with services.open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid)
        if not reason.strip():
            raise ReasonMissing
        result = ledger.revisions.result(study_uid, standing.revision) if standing.revision else None
        if result is None:
            raise ResultMissing(f"{study_uid} is {standing.state}")
        check_images(ledger, study_uid)
        return standing.revision, InstanceUid(result.versions.get("outlined_by", ""))


def _corrected(
    services: Services,
    study_uid: StudyUid,
    on_revision: int,
    correction: LevelCorrection | None,
    who: str,
    reason: str,
) -> NamedLevels:
    with services.open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid, lock=True)
        if standing.revision != on_revision or standing.state is StudyState.RECEIVING:
            raise StudyBusy(f"{study_uid} is {standing.state}, revision {standing.revision}")
        _, revision = measure_anew(services, ledger, study_uid)
        ledger.revisions.correct(study_uid, revision, correction)
        words = correction.words if correction else "the names of the software stand again"
        facts = {"reason": reason.strip(), "on_revision": str(on_revision)}
        if correction is not None:
            facts |= {"called": correction.called, "is": correction.level.name}
        what = "LEVELS_NAMED" if correction else "LEVEL_NAMES_WITHDRAWN"
        event = Event(what=what, detail=f"{words}: {reason.strip()}", who=who, revision=revision, facts=facts)
        ledger.studies.note(study_uid, event)
        ledger.commit()
    return NamedLevels(study_uid=study_uid, correction=correction, on_revision=on_revision, revision=revision)


def _placed(labels: StoredLabels, called: str, level: Level) -> LevelCorrection:
    """The correction at the pixel of the body that is nearest to its centre."""
    label = _label_of(called)
    voxels = np.argwhere(labels.labels == label).astype(np.int64)
    if not label or not len(voxels):
        known = ", ".join(_called(int(value)) for value in np.unique(labels.labels) if value)
        raise BodyUnknown(f"{called!r}; the result shows {known}")
    place = _middle(voxels)
    return LevelCorrection(
        sop_instance_uid=labels.sop_instance_uids[place[0]],
        frame=labels.frames[place[0]] if labels.frames else None,
        row=place[1],
        column=place[2],
        level=level,
        called=_called(label),
    )


def _middle(voxels: NDArray[np.int64]) -> tuple[int, int, int]:
    nearest = voxels[int(np.argmin(((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1)))]
    return int(nearest[0]), int(nearest[1]), int(nearest[2])


def _label_of(called: str) -> int:
    """The label that a name stands for, 0 for none: ``L1``, or ``#3`` for the third body without a name."""
    name = called.strip().upper()
    if name.startswith("#") and name[1:].isdecimal():
        return FIRST_UNKNOWN_LABEL + int(name[1:]) - 1
    return Level[name].label if name in Level.__members__ else 0


def _called(label: int) -> str:
    level = level_of_label(label)
    return str(level) if level else f"#{label - FIRST_UNKNOWN_LABEL + 1}"
