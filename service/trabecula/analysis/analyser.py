"""The analyser: the steps of one study in order, from headers to the result."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trabecula.analysis.accounting import series_uses
from trabecula.analysis.agreement import disagreements
from trabecula.analysis.findings import Findings, measure_ct, measure_mr
from trabecula.analysis.gates import common
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.impression import impression
from trabecula.analysis.result import finite, level_results, levels_assumed, ordered_reasons, study_reasons, versions
from trabecula.analysis.verdict import decide, deciding_findings
from trabecula.domain.errors import SpoolObjectMissing
from trabecula.domain.modality import Modality
from trabecula.domain.models.scoring import MeasuredSeries, ScoringContext
from trabecula.domain.ports.scorer import Scorer
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, Measurement, Score, SeriesRole, StudyResult
from trabecula.domain.results.thresholds import Thresholds
from trabecula.domain.segmentation import Segmenter
from trabecula.domain.study.activity import doing
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import StudyUid
from trabecula.imaging.acquisition import Frame, StatedPatient
from trabecula.imaging.headers.frames import read_headers
from trabecula.imaging.stacks.copies import distinct
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.scoring.answers import checked
from trabecula.segmentation.attempts import AnalysisConfig, Attempts, Segmented, segment_best
from trabecula.series.choice import Choice, choose


@dataclass(kw_only=True)
class _Progress:
    """What is known of the study so far."""

    patient: StatedPatient
    frames: tuple[Frame, ...]
    unreadable: tuple[StoredFile, ...]
    choice: Choice
    reasons: list[Reason] = field(default_factory=list)
    tried: list[LeftOut] = field(default_factory=list)
    segmented: dict[SeriesRole, Segmented] = field(default_factory=dict)
    findings: dict[SeriesRole, Findings] = field(default_factory=dict)
    scores: tuple[Score, ...] = ()
    timings_s: dict[str, float] = field(default_factory=dict)

    def took(self, step: str, since: float) -> None:
        self.timings_s[step] = round(self.timings_s.get(step, 0.0) + time.monotonic() - since, 3)


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

    def analyse(self, study_uid: StudyUid, revision: int, files: Sequence[StoredFile]) -> Analysis:
        """Return the analysis of a frozen revision.

        What cannot be measured is NOT_EVALUABLE with reasons. Raises SpoolObjectMissing where a file is gone, and
        SegmenterFailed where the segmenter broke on every series.
        """
        started = time.monotonic()
        doing(f"reading the headers of {len(files)} images")
        progress = self._read(files)
        self._segment(progress)
        doing("measuring")
        self._measure(progress)
        doing("asking the models")
        self._score(progress)
        result = self._result(study_uid, revision, progress)
        timings = {**progress.timings_s, "total": round(time.monotonic() - started, 3)}
        primary = result.primary
        volumes = sorted(progress.segmented.values(), key=lambda item: item.candidate.series_uid != primary)
        return Analysis(replace(result, timings_s=timings), tuple(item.analysed for item in volumes))

    def _read(self, files: Sequence[StoredFile]) -> _Progress:
        started = time.monotonic()
        missing = [file for file in files if not Path(file.path).is_file()]
        if missing:
            raise SpoolObjectMissing(f"{len(missing)} of {len(files)} files")
        frames, patient, unreadable = read_headers(files)
        frames = tuple(distinct(frames))
        progress = _Progress(patient=patient, frames=frames, unreadable=unreadable, choice=choose(frames))
        if unreadable:
            named = f"file {Path(unreadable[0].path).name}, SOP Instance UID {unreadable[0].sop_instance_uid}"
            detail = f"{len(unreadable)} files are not readable; the first: {named}"
            progress.reasons.append(Reason(code=ReasonCode.UNREADABLE_PIXELS, blocking=not frames, detail=detail))
        if patient.conflict is not None:  # facts of two people could mix: nothing is measured
            progress.choice = progress.choice.refused_for(patient.conflict)
            progress.reasons.append(patient.conflict)
        elif not any(frame.acquisition.modality in ("CT", "MR") for frame in frames):
            progress.reasons.append(Reason(code=ReasonCode.NOT_TARGET_MODALITY))
        elif not progress.choice.candidates:
            progress.reasons.extend(_why_no_series(progress.choice))
        progress.took("headers", started)
        return progress

    def _segment(self, progress: _Progress) -> None:
        broken: list[Attempts] = []
        for role in SeriesRole:
            candidates = progress.choice.of(role)
            if not candidates:
                continue
            attempts = segment_best(candidates, self._segmenter, self._config)
            progress.reasons.extend(attempts.reasons)
            progress.tried.extend(attempts.left_out)
            for step, seconds in attempts.timings_s.items():
                progress.timings_s[step] = round(progress.timings_s.get(step, 0.0) + seconds, 3)
            if attempts.found is not None:
                progress.segmented[role] = attempts.found
            elif attempts.error is not None:
                broken.append(attempts)
        if progress.segmented:
            return
        if broken and broken[0].error is not None:
            raise broken[0].error
        progress.reasons = [replace(reason, blocking=True) for reason in progress.reasons]

    def _measure(self, progress: _Progress) -> None:
        started = time.monotonic()
        for role, segmented in progress.segmented.items():
            context = GateContext(
                candidate=segmented.candidate,
                volume=segmented.volume,
                segmentation=segmented.segmentation,
                bodies=segmented.bodies,
                patient=progress.patient,
                thresholds=self._thresholds,
            )
            findings = measure_ct(context) if role is SeriesRole.CT else measure_mr(context)
            findings.reasons.extend(segmented.candidate.reasons)
            progress.findings[role] = findings
        first, second = (progress.segmented.get(role) for role in (SeriesRole.T1W, SeriesRole.T2W))
        if first is not None and second is not None:
            progress.findings[SeriesRole.T1W].reasons.extend(disagreements(first, second))
        progress.took("measure", started)

    def _score(self, progress: _Progress) -> None:
        started = time.monotonic()
        primary = deciding_findings(progress.findings)
        if primary is None or not self._scorers:
            return
        context = ScoringContext(
            series={role: _measured_series(item) for role, item in progress.segmented.items()},
            levels=level_results(progress.findings, primary),
            summary=tuple(value for found in progress.findings.values() for value in found.summary()),
            reasons=primary.study_reasons,
            age_years=progress.patient.age_years,
            sex=progress.patient.sex,
            weight_kg=progress.patient.weight_kg,
            height_m=progress.patient.height_m,
        )
        scores: list[Score] = []
        for scorer in self._scorers:
            answer = scorer.score(context)
            scores.extend(map(checked, (answer,) if isinstance(answer, Score) else answer))
        progress.scores = tuple(scores)
        progress.took("score", started)

    def _result(self, study_uid: StudyUid, revision: int, progress: _Progress) -> StudyResult:
        primary = deciding_findings(progress.findings)
        decision = decide(progress.findings, progress.scores, progress.patient, self._thresholds)
        levels = level_results(progress.findings, primary)
        numbering = primary.context.segmentation.numbering if primary else ""
        evaluable = decision.category is not Category.NOT_EVALUABLE
        measured = {role: item.candidate for role, item in progress.segmented.items()}
        study = [*(() if evaluable else progress.reasons), *study_reasons(progress.findings, primary)]
        study.extend(decision.reasons)
        study.extend(levels_assumed(numbering, study) if primary and primary.context.bodies else ())
        if primary is not None:
            study.extend(common.patient(primary.context))
        if not evaluable and primary is not None and primary.context.role is SeriesRole.T2W:
            study = [*_why_no_t1(progress.choice), *study]
        refused = () if measured else progress.choice.refused
        reasons = ordered_reasons(study, levels, refused, evaluable=evaluable)
        used, unused = series_uses(progress.frames, progress.unreadable, progress.choice, measured, progress.tried)
        return StudyResult(
            study_uid=study_uid,
            revision=revision,
            category=decision.category,
            reasons=reasons,
            levels=levels,
            summary=_summary(progress.findings, primary),
            scores=progress.scores,
            sources=tuple(item.source for item in progress.segmented.values()),
            series_used=used,
            series_not_used=unused,
            primary=primary.context.series_uid if primary else "",
            numbering=numbering,
            deformity_suspected=primary is not None and bool(primary.reported_deformities),
            decided_by=decision.ground.decided_by,
            impression=impression(decision, primary, progress.patient, self._thresholds, reasons),
            versions=self.versions(primary.context.volume.modality if primary else None),
        )

    def versions(self, modality: Modality | None) -> dict[str, str]:
        """Return what makes the result of a study of this modality (None: nothing in it could be measured)."""
        models = self._config.models.get(modality, "") if modality else ""
        return versions(self._segmenter.identity, self._thresholds, models)


def _why_no_series(choice: Choice) -> list[Reason]:
    """NO_SUITABLE_SERIES, after the reasons that tell most (contrast agent, spectral, tilt, ...); without any, it says
    itself what was found."""
    telling = [
        reason
        for reason in choice.refused
        if reason.code not in (ReasonCode.NO_SUITABLE_SERIES, ReasonCode.ORIENTATION)
    ]
    found = "" if telling else "; ".join(list(dict.fromkeys(item.detail for item in choice.refused if item.detail))[:3])
    last = Reason(code=ReasonCode.NO_SUITABLE_SERIES, detail=found)
    return [*(replace(reason, blocking=True) for reason in telling[:3]), last]


def _why_no_t1(choice: Choice) -> list[Reason]:
    """Why a study with a T2w series has no T1w series before contrast agent."""
    contrast = (ReasonCode.POST_CONTRAST_MR, ReasonCode.CONTRAST_UNCLEAR)
    refused = [reason for reason in choice.refused if reason.code in contrast]
    return [replace(reason, blocking=True) for reason in refused]


def _measured_series(item: Segmented) -> MeasuredSeries:
    return MeasuredSeries(
        source=item.source,
        volume=item.volume,
        segmentation=item.segmentation,
        kernel_class=item.candidate.kernel.value,
        contrast_phase=item.candidate.phase.value,
    )


def _summary(findings: Mapping[SeriesRole, Findings], primary: Findings | None) -> tuple[Measurement, ...]:
    ordered = sorted(findings.values(), key=lambda found: found is not primary)
    return tuple(finite(value for found in ordered for value in found.summary()))


__all__ = ["AnalysisConfig", "StudyAnalyser"]
