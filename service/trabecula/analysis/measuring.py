"""From the files of a study to what was measured in it: headers, choice, outlines, regions; nothing is decided here."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trabecula.analysis.agreement import disagreements
from trabecula.analysis.findings import Findings, measure_ct, measure_mr
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.outlines import is_trusted
from trabecula.analysis.result import level_results
from trabecula.analysis.verdict import deciding_findings
from trabecula.domain.errors import SpoolObjectMissing
from trabecula.domain.models.scoring import MeasuredSeries, ScoringContext
from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.results.thresholds import Thresholds
from trabecula.domain.segmentation import Segmenter
from trabecula.domain.study.activity import doing
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.study.study import StoredFile
from trabecula.imaging.acquisition import Frame, StatedPatient
from trabecula.imaging.headers.frames import read_headers
from trabecula.imaging.stacks.copies import distinct
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.segmentation.attempts import AnalysisConfig, Attempts, Segmented, segment_best
from trabecula.segmentation.reader_names import ReaderNames
from trabecula.series.choice import Choice, choose
from trabecula.series.names import names_other_region


@dataclass(frozen=True, eq=False, kw_only=True)
class MeasuredStudy:
    """What was read, chosen, outlined and measured of one study.

    ``reasons`` tell why nothing could be measured, where that is so; ``tried`` which scans were segmented and passed
    over; ``segmented`` and ``findings`` have one entry for each role that was measured. ``timings_s`` are seconds by
    step.
    """

    patient: StatedPatient
    frames: tuple[Frame, ...]
    unreadable: tuple[StoredFile, ...]
    choice: Choice
    reasons: tuple[Reason, ...] = ()
    tried: tuple[LeftOut, ...] = ()
    segmented: Mapping[SeriesRole, Segmented] = field(default_factory=dict)
    findings: Mapping[SeriesRole, Findings] = field(default_factory=dict)
    timings_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def primary(self) -> Findings | None:
        """The findings that decide; None where nothing was measured."""
        return deciding_findings(self.findings)

    @property
    def volumes(self) -> tuple[AnalysedVolume, ...]:
        """The measured volumes with their labels, that of the primary series first."""
        first = self.primary.context.series_uid if self.primary else ""
        ordered = sorted(self.segmented.values(), key=lambda item: item.candidate.series_uid != first)
        return tuple(item.analysed for item in ordered)

    @property
    def scoring_context(self) -> ScoringContext | None:
        """What a model is asked about; None where nothing was measured."""
        primary = self.primary
        if primary is None:
            return None
        return ScoringContext(
            series={role: _measured_series(item, self.findings.get(role)) for role, item in self.segmented.items()},
            levels=level_results(self.findings, primary),
            summary=tuple(value for found in self.findings.values() for value in found.summary()),
            reasons=primary.study_reasons,
            age_years=self.patient.age_years,
            sex=self.patient.sex,
            weight_kg=self.patient.weight_kg,
            height_m=self.patient.height_m,
        )


def measure(
    files: Sequence[StoredFile],
    segmenter: Segmenter,
    thresholds: Thresholds,
    config: AnalysisConfig,
    correction: LevelCorrection | None = None,
) -> MeasuredStudy:
    """Read, choose, outline and measure the files of one study; a reader's ``correction`` names the levels.

    Raises SpoolObjectMissing where a file is gone, and SegmenterFailed where the segmenter broke on every series.
    """
    doing(f"reading the headers of {len(files)} images")
    study = _segment(_read(files), segmenter, config, correction)
    doing("measuring")
    return _measure(study, thresholds)


def _read(files: Sequence[StoredFile]) -> MeasuredStudy:
    started = time.monotonic()
    missing = [file for file in files if not Path(file.path).is_file()]
    if missing:
        raise SpoolObjectMissing(f"{len(missing)} of {len(files)} files")
    frames, patient, unreadable = read_headers(files)
    frames = tuple(distinct(frames))
    choice, reasons = choose(frames), []
    if unreadable:
        named = f"file {Path(unreadable[0].path).name}, SOP Instance UID {unreadable[0].sop_instance_uid}"
        detail = f"{len(unreadable)} files are not readable; the first: {named}"
        reasons.append(Reason(code=ReasonCode.UNREADABLE_PIXELS, blocking=not frames, detail=detail))
    if patient.conflict is not None:  # facts of two people could mix: nothing is measured
        choice = choice.refused_for(patient.conflict)
        reasons.append(patient.conflict)
    elif not any(frame.acquisition.modality in ("CT", "MR") for frame in frames):
        reasons.append(Reason(code=ReasonCode.NOT_TARGET_MODALITY))
    elif not choice.candidates:
        if all(names_other_region(frame.acquisition) for frame in frames):
            detail = "the names of all series speak of another region"
            reasons.append(Reason(code=ReasonCode.NOT_TARGET_BODYPART, detail=detail))
        reasons.extend(_why_no_series(choice))
    return MeasuredStudy(
        patient=patient,
        frames=frames,
        unreadable=unreadable,
        choice=choice,
        reasons=tuple(reasons),
        timings_s={"headers": _seconds_since(started)},
    )


def _segment(
    study: MeasuredStudy, segmenter: Segmenter, config: AnalysisConfig, correction: LevelCorrection | None
) -> MeasuredStudy:
    attempts: dict[SeriesRole, Attempts] = {}
    names = ReaderNames.located(correction, study.frames)
    for role in SeriesRole:
        if candidates := study.choice.of(role):
            attempts[role] = segment_best(candidates, segmenter, config, is_trusted, names)
    timings = dict(study.timings_s)
    for made in attempts.values():
        for step, seconds in made.timings_s.items():
            timings[step] = round(timings.get(step, 0.0) + seconds, 3)
    segmented = {role: made.found for role, made in attempts.items() if made.found is not None}
    if correction is not None:
        segmented = {role: _with_unused_told(item) for role, item in segmented.items()}
    broken = [made.error for made in attempts.values() if made.found is None and made.error is not None]
    if broken and not segmented:
        raise broken[0]
    reasons = [*study.reasons, *(reason for made in attempts.values() for reason in made.reasons)]
    return replace(
        study,
        reasons=tuple(reasons if segmented else (replace(reason, blocking=True) for reason in reasons)),
        tried=tuple(item for made in attempts.values() for item in made.left_out),
        segmented=segmented,
        timings_s=timings,
    )


def _with_unused_told(item: Segmented) -> Segmented:
    """The same, with a remark where the software's names stand though a reader has named levels of this study."""
    found = item.segmentation
    if {reason.code for reason in found.numbering_reasons} & _BY_A_READER:
        return item
    reasons = (*found.numbering_reasons, Reason(code=ReasonCode.CORRECTION_UNUSED, blocking=False))
    return replace(item, segmentation=replace(found, numbering_reasons=reasons))


_BY_A_READER = frozenset({ReasonCode.LEVELS_CORRECTED, ReasonCode.OUTLINES_CORRECTED})


def _measure(study: MeasuredStudy, thresholds: Thresholds) -> MeasuredStudy:
    started = time.monotonic()
    findings: dict[SeriesRole, Findings] = {}
    for role, segmented in study.segmented.items():
        context = GateContext(
            candidate=segmented.candidate,
            volume=segmented.volume,
            segmentation=segmented.segmentation,
            bodies=segmented.bodies,
            patient=study.patient,
            thresholds=thresholds,
        )
        findings[role] = measure_ct(context) if role is SeriesRole.CT else measure_mr(context)
        findings[role].reasons.extend(segmented.candidate.reasons)
    first, second = (study.segmented.get(role) for role in (SeriesRole.T1W, SeriesRole.T2W))
    if first is not None and second is not None:
        findings[SeriesRole.T1W].reasons.extend(disagreements(first, second))
    return replace(study, findings=findings, timings_s={**study.timings_s, "measure": _seconds_since(started)})


def _seconds_since(started: float) -> float:
    return round(time.monotonic() - started, 3)


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


def _measured_series(item: Segmented, found: Findings | None) -> MeasuredSeries:
    phase = found.context.phase if found is not None else item.candidate.phase
    return MeasuredSeries(
        source=item.source,
        volume=item.volume,
        segmentation=item.segmentation,
        kernel_class=item.candidate.kernel,
        contrast_phase=phase,
    )
