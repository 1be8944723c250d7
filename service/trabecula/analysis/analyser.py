"""The analyser: one study from its files to its result, by measuring and then deciding."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from trabecula.analysis.accounting import series_uses
from trabecula.analysis.expected import expected_at_age, value_scale
from trabecula.analysis.findings import Findings
from trabecula.analysis.fractures import fracture_lines, graded_deformities, study_fractures
from trabecula.analysis.gates import common
from trabecula.analysis.impression import impression, report_sentence
from trabecula.analysis.measuring import MeasuredStudy, measure
from trabecula.analysis.result import finite, level_results, levels_assumed, ordered_reasons, study_reasons, versions
from trabecula.analysis.verdict import decide
from trabecula.domain.modality import Modality
from trabecula.domain.ports.scorer import Scorer
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, Measurement, Score, SeriesRole, StudyResult
from trabecula.domain.results.thresholds import Thresholds
from trabecula.domain.segmentation import Segmenter
from trabecula.domain.study.activity import doing
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import StudyUid
from trabecula.imaging.acquisition import Frame
from trabecula.scoring.answers import checked
from trabecula.segmentation.attempts import AnalysisConfig
from trabecula.series.choice import Choice


class StudyAnalyser:
    """Chooses series, segments, measures and decides (implements the Analyser port)."""

    def __init__(
        self,
        segmenter: Segmenter,
        scorers: Sequence[Scorer],
        thresholds: Thresholds,
        config: AnalysisConfig | None = None,
    ) -> None:
        self._segmenter = segmenter
        self._scorers = tuple(scorers)
        self._thresholds = thresholds
        self._config = config or AnalysisConfig()

    def analyse(
        self,
        study_uid: StudyUid,
        revision: int,
        files: Sequence[StoredFile],
        correction: LevelCorrection | None = None,
    ) -> Analysis:
        """Return the analysis of a frozen revision, with the levels as a reader named them where there is a correction.

        What cannot be measured is NOT_EVALUABLE with reasons. Raises SpoolObjectMissing where a file is gone, and
        SegmenterFailed where the segmenter broke on every series.
        """
        started = time.monotonic()
        measured = self.measure(files, correction)
        analysis = self.decide(study_uid, revision, measured)
        timings = {**analysis.result.timings_s, "total": round(time.monotonic() - started, 3)}
        return replace(analysis, result=replace(analysis.result, timings_s=timings))

    def measure(self, files: Sequence[StoredFile], correction: LevelCorrection | None = None) -> MeasuredStudy:
        """Return what was measured, undecided. Raises as ``analyse`` does."""
        return measure(files, self._segmenter, self._thresholds, self._config, correction)

    def decide(self, study_uid: StudyUid, revision: int, measured: MeasuredStudy) -> Analysis:
        """Ask the models about what was measured, and decide."""
        started = time.monotonic()
        doing("asking the models")
        scores = self._scores(measured)
        timings = dict(measured.timings_s)
        if self._scorers and measured.primary is not None:
            timings["score"] = round(time.monotonic() - started, 3)
        result = replace(self._result(study_uid, revision, measured, scores), timings_s=timings)
        return Analysis(result, measured.volumes)

    def versions(self, modality: Modality | None) -> dict[str, str]:
        """Return what makes the result of a study of this modality (None: nothing in it could be measured)."""
        models = self._config.models.get(modality, "") if modality else ""
        return versions(self._segmenter.identity, self._thresholds, models)

    def _scores(self, measured: MeasuredStudy) -> tuple[Score, ...]:
        context = measured.scoring_context if self._scorers else None
        if context is None:
            return ()
        scores: list[Score] = []
        for scorer in self._scorers:
            answer = scorer.score(context)
            scores.extend(map(checked, (answer,) if isinstance(answer, Score) else answer))
        return tuple(scores)

    def _result(
        self, study_uid: StudyUid, revision: int, measured: MeasuredStudy, scores: tuple[Score, ...]
    ) -> StudyResult:
        primary, fractures = measured.primary, study_fractures(measured.findings)
        decision = decide(measured.findings, scores, measured.patient, self._thresholds)
        expected = expected_at_age(decision, primary, measured.patient, self._thresholds.norm)
        fractured = fracture_lines(fractures, measured.patient, self._thresholds)
        levels = level_results(measured.findings, primary)
        evaluable = decision.category is not Category.NOT_EVALUABLE
        reasons = ordered_reasons(
            _study_reasons(measured, decision.reasons, evaluable=evaluable),
            levels,
            () if measured.segmented else measured.choice.refused,
            evaluable=evaluable,
        )
        candidates = {role: item.candidate for role, item in measured.segmented.items()}
        frames = _images(measured.frames, primary)
        used, unused = series_uses(frames, measured.unreadable, measured.choice, candidates, measured.tried)
        return StudyResult(
            study_uid=study_uid,
            revision=revision,
            category=decision.category,
            reasons=reasons,
            levels=levels,
            summary=(
                *_summary(measured.findings, primary),
                *(expected.measurements(primary) if expected is not None and primary is not None else ()),
            ),
            scores=scores,
            sources=tuple(item.source for item in measured.segmented.values()),
            series_used=used,
            series_not_used=unused,
            primary=primary.context.series_uid if primary else "",
            numbering=_numbering(primary),
            deformity_suspected=bool(fractures),
            deformities=graded_deformities(measured.findings, fractures, self._thresholds.deformity),
            decided_by=decision.ground.decided_by,
            for_report=report_sentence(decision, fractured, reasons),
            scale=value_scale(decision, expected, self._thresholds.attenuation.least_change_percent),
            impression=(*fractured, *impression(decision, primary, expected, reasons)),
            versions=self.versions(primary.context.volume.modality if primary else None) | _outlined_by(primary),
        )


def _study_reasons(measured: MeasuredStudy, decided: Sequence[Reason], *, evaluable: bool) -> list[Reason]:
    """The reasons of the study as a whole, in the order in which they came up."""
    primary = measured.primary
    study = [*(() if evaluable else measured.reasons), *study_reasons(measured.findings, primary), *decided]
    if primary is None:
        return study
    study.extend(levels_assumed(_numbering(primary), study) if primary.context.bodies else ())
    study.extend(common.patient(primary.context))
    if not evaluable and primary.context.role is SeriesRole.T2W:
        return [*_why_no_t1(measured.choice), *study]
    return study


def _numbering(primary: Findings | None) -> str:
    return primary.context.segmentation.numbering if primary else ""


def _images(frames: Sequence[Frame], primary: Findings | None) -> tuple[Frame, ...]:
    """The frames without those of the reader's DICOM SEG that was used: it is no image that was left out."""
    seg_uid = primary.context.segmentation.outlined_by if primary else ""
    return tuple(frame for frame in frames if not seg_uid or frame.file.sop_instance_uid != seg_uid)


def _outlined_by(primary: Findings | None) -> dict[str, str]:
    """The reader's DICOM SEG, where the outlines are a reader's: with it the result is made again."""
    seg_uid = primary.context.segmentation.outlined_by if primary else ""
    return {"outlined_by": seg_uid} if seg_uid else {}


def _why_no_t1(choice: Choice) -> list[Reason]:
    """Why a study with a T2w series has no T1w series before contrast agent."""
    contrast = (ReasonCode.POST_CONTRAST_MR, ReasonCode.CONTRAST_UNCLEAR)
    refused = [reason for reason in choice.refused if reason.code in contrast]
    return [replace(reason, blocking=True) for reason in refused]


def _summary(findings: Mapping[SeriesRole, Findings], primary: Findings | None) -> tuple[Measurement, ...]:
    ordered = sorted(findings.values(), key=lambda found: found is not primary)
    return tuple(finite(value for found in ordered for value in found.summary()))


__all__ = ["AnalysisConfig", "StudyAnalyser"]
