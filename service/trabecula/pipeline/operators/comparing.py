"""Comparing: what an analysis of today would say of studies, beside what the ledger holds; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trabecula.domain.errors import ResultMissing, TrabeculaError
from trabecula.domain.modality import Modality
from trabecula.domain.ports.analyser import Analyser
from trabecula.domain.results.difference import Difference, difference
from trabecula.domain.results.prior import with_priors
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import StudyResult
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.study.study import StoredFile, StudyState
from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.pipeline.services import Services, stored_files

_MAY_PASS = {ReasonCode.MODEL_UNAVAILABLE, ReasonCode.ANALYSIS_FAILED}
"""Reasons whose cause lies outside of images and versions: another run may do better."""


@dataclass(frozen=True, kw_only=True)
class KeptStudy:
    """The newest result of a study and the files it was made from."""

    result: StudyResult
    files: tuple[StoredFile, ...]
    correction: LevelCorrection | None
    """How a reader named the levels."""
    outlines: tuple[InstanceUid, ...]
    """DICOM SEGs among the files in which a reader drew, the newest first."""
    complete: bool
    """True where the study is DONE and no image has come since."""

    @property
    def modality(self) -> Modality | None:
        """The modality that was measured, or None."""
        source = self.result.primary_source
        return source.modality if source else None

    def repeated_by(self, versions: Mapping[str, str]) -> bool:
        """Return whether an analysis made by ``versions`` would give this result again: images and versions
        determine a result, unless something failed that may pass."""
        scores = [reason for score in self.result.scores for reason in score.reasons]
        passing = any(reason.code in _MAY_PASS for reason in (*self.result.reasons, *scores))
        own = {name: value for name, value in self.result.versions.items() if name != "outlined_by"}
        return self.complete and not passing and own == dict(versions)


def kept_study(services: Services, study_uid: StudyUid) -> KeptStudy:
    """Return the newest result of a study with its files. Raises StudyUnknown, ResultMissing, SpoolObjectMissing."""
    with services.open_ledger() as ledger:
        standing = ledger.studies.standing(study_uid)
        result = ledger.revisions.result(study_uid, standing.revision) if standing.revision else None
        if result is None:
            raise ResultMissing(f"{study_uid} is {standing.state}")
        files = stored_files(services, ledger, study_uid, standing.revision)
        current = ledger.revisions.is_current_set(study_uid, standing.revision)
        correction = ledger.revisions.correction(study_uid, standing.revision)
        outlines = ledger.revisions.outlines_from(study_uid, standing.revision, services.reader_ae_titles)
        complete = current and standing.state is StudyState.DONE
        return KeptStudy(result=result, files=files, correction=correction, outlines=outlines, complete=complete)


def compare_study(kept: KeptStudy, analyser: Analyser) -> Difference:
    """Return what the analyser says otherwise of the same files. Raises what the analyser raises."""
    result = kept.result
    again = analyser.analyse(result.study_uid, result.revision, kept.files, kept.correction)
    return difference(result, with_priors(again.result, result.priors))


@dataclass(frozen=True)
class StudyComparison:
    """One study: the difference, or the code and sentence of why there is none."""

    study_uid: StudyUid
    difference: Difference | None
    code: str = ""
    sentence: str = ""


def comparison_of(kept: KeptStudy, analyser_for: Callable[[KeptStudy], Analyser]) -> StudyComparison:
    """Return the comparison of one study; an error of ours, of building the analyser too, is its answer."""
    study_uid = kept.result.study_uid
    try:
        return StudyComparison(study_uid, compare_study(kept, analyser_for(kept)))
    except TrabeculaError as error:
        return StudyComparison(study_uid, None, error.code, error.sentence)


def compare_studies(
    services: Services,
    study_uids: Sequence[StudyUid],
    compare: Callable[[Sequence[KeptStudy]], Iterable[StudyComparison]],
    at_once: int,
) -> Iterator[StudyComparison]:
    """Yield the comparison of each study; ``compare`` gets ``at_once`` of them, as results are large in memory.

    Within such a batch those come first that have nothing to compare with.
    """
    for start in range(0, len(study_uids), at_once):
        batch: list[KeptStudy] = []
        for study_uid in study_uids[start : start + at_once]:
            try:
                batch.append(kept_study(services, study_uid))
            except TrabeculaError as error:
                yield StudyComparison(study_uid, None, error.code, error.sentence)
        yield from compare(batch)
