"""What one series says: measurements and reasons per level, values for the decision; CT and MR each in its way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from trabecula.analysis.biomarkers.attenuation import LevelAttenuation, mean_over_levels, measure_attenuation, outliers
from trabecula.analysis.biomarkers.deformity import Deformity, Heights, grade_deformities
from trabecula.analysis.biomarkers.fracture_rules import ToldFractures, told_fractures
from trabecula.analysis.biomarkers.vbq import (
    T2_VBQ_VERSION,
    VBQ_VERSION,
    BoneQuality,
    LevelSignal,
    bone_quality,
    measure_signal,
    summary,
)
from trabecula.analysis.gates import mr
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.mr_values import signal_values
from trabecula.analysis.gates.shading import shading
from trabecula.analysis.gates.table import ask
from trabecula.domain import codes
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Measurement, SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.uids import SeriesUid
from trabecula.regions import CsfRegion, body_heights, csf_v1
from trabecula.regions.bodies import Body
from trabecula.series.limits import SERIES


@dataclass(kw_only=True)
class Findings:
    """Everything measured on one series; ``reasons`` with a level concern that level."""

    context: GateContext
    reasons: list[Reason] = field(default_factory=list)
    attenuation: dict[Level, LevelAttenuation] = field(default_factory=dict)
    signals: dict[Level, LevelSignal] = field(default_factory=dict)
    csf: CsfRegion | None = None
    quality: BoneQuality | None = None
    deformities: dict[Level, Deformity] = field(default_factory=dict)

    def level_reasons(self, level: Level) -> tuple[Reason, ...]:
        """The reasons of one level."""
        return tuple(reason for reason in self.reasons if reason.level is level)

    @property
    def study_reasons(self) -> tuple[Reason, ...]:
        """The reasons that concern the study."""
        return tuple(reason for reason in self.reasons if reason.level is None)

    @property
    def withheld(self) -> tuple[Reason, ...]:
        """Why no value of the series stands, of whatever level: its values or its levels are not what they seem."""
        return tuple(item for item in self.study_reasons if item.blocking and item.code in _VALUES_IN_DOUBT)

    def evaluable(self, level: Level) -> bool:
        """True where the level was measured and nothing blocks it."""
        measured = level in self.attenuation or level in self.signals
        return measured and not any(reason.blocking for reason in self.level_reasons(level))

    @property
    def evaluable_levels(self) -> tuple[Level, ...]:
        """Those of L1-L4 that count."""
        return tuple(level for level in MEASURED_LEVELS if self.evaluable(level))

    @property
    def told_fractures(self) -> ToldFractures:
        """The bodies that are told as possible fractures: none where the heights themselves are in doubt (images upside
        down, levels out of order, values of no CT) or not to be held against those of adults."""
        patient, thresholds = self.context.patient, self.context.thresholds
        of_no_adult = patient.may_be_younger_than(thresholds.minimum_age_years)
        if of_no_adult or any(reason.code in _HEIGHTS_IN_DOUBT for reason in self.withheld):
            return ToldFractures()
        return told_fractures(self.deformities, patient, thresholds.deformity)

    def measurements(self, level: Level) -> tuple[Measurement, ...]:
        """All measurements of one level."""
        series_uid, found = self.context.series_uid, list[Measurement]()
        body = next((item for item in self.context.bodies if item.level is level), None)
        if level in self.attenuation:
            found.extend(self.attenuation[level].measurements(series_uid))
        if level in self.signals:
            method = VBQ_VERSION if self.context.role is SeriesRole.T1W else T2_VBQ_VERSION
            found.extend(self.signals[level].measurements(series_uid, self.csf, method))
        if body is not None:
            found.extend(_of_body(body, series_uid))
        if level in self.deformities:
            found.extend(self.deformities[level].measurements(series_uid))
        return tuple(found)

    def summary(self) -> tuple[Measurement, ...]:
        """The study-level values: L1 and L1-L4 attenuation as scanned, or VBQ; none where they are withheld."""
        if self.withheld:
            return ()
        if self.quality is not None:
            return summary(self.quality, self.context.series_uid, t2=self.context.role is SeriesRole.T2W)
        return tuple(
            Measurement(
                concept=codes.ATTENUATION,
                value=value,
                unit=codes.HOUNSFIELD,
                derivation=codes.MEAN,
                method=method,
                series_uid=self.context.series_uid,
            )
            for method, value in (("trab_v1 L1", self.first_hu), ("trab_v1 L1-L4", self.mean_hu))
            if value is not None
        )

    @property
    def first_hu(self) -> float | None:
        """Attenuation of L1 where it counts."""
        return self.attenuation[Level.L1].mean_hu if self.evaluable(Level.L1) and self.attenuation else None

    @property
    def mean_hu(self) -> float | None:
        """Mean attenuation of the levels of L1-L4 that count."""
        return mean_over_levels(
            {level: self.attenuation[level].mean_hu for level in self.evaluable_levels if level in self.attenuation}
        )


_HEIGHTS_IN_DOUBT = (ReasonCode.UPSIDE_DOWN, ReasonCode.SEG_QC, ReasonCode.HU_SANITY, ReasonCode.PIXEL_SPACING)
_VALUES_IN_DOUBT = (*_HEIGHTS_IN_DOUBT, ReasonCode.SIGNAL_WINDOWED, ReasonCode.SIGNAL_OFFSET)
"""Reasons of the study under which no level is evaluable."""


def _of_body(body: Body, series_uid: SeriesUid) -> Iterable[Measurement]:
    if body.whole_sideways and not body.cut_in_plane:
        volume = round(body.volume_cm3, 2)
        yield Measurement(
            concept=codes.VOLUME,
            value=volume,
            unit=codes.CUBIC_CENTIMETRE,
            derivation=None,
            method="segmentation",
            series_uid=series_uid,
        )
    quality = round(body.segmented.quality, 3)
    yield Measurement(
        concept=codes.SEGMENTATION_QUALITY,
        value=quality,
        unit=codes.RATIO,
        derivation=None,
        method="segmenter",
        series_uid=series_uid,
    )


def measure_ct(context: GateContext) -> Findings:
    """Measure attenuation and deformity on a segmented CT series."""
    findings = Findings(context=context, reasons=list(ask(context)))
    sound = [body for body in context.bodies if not _blocked(findings, body.level)]
    thick = context.candidate.slice_mm
    if thick <= SERIES.ct_shape_maximum_thickness_mm + 0.01:
        _grade(findings, sound)
    for body in sound:
        found = measure_attenuation(body, context.thresholds.oval)
        if not isinstance(found, Reason):
            findings.attenuation[body.level] = found
        elif not _blocked(findings, body.level):
            findings.reasons.append(found)
    values = {level: findings.attenuation[level].mean_hu for level in findings.evaluable_levels}
    findings.reasons.extend(outliers(values, context.thresholds.attenuation.outlier_hu))
    return findings


def measure_mr(context: GateContext) -> Findings:
    """Measure marrow signal, VBQ and deformity on a segmented T1w or T2w series; no VBQ of signals that are not whole
    or do not begin at zero."""
    findings = Findings(context=context, reasons=list(ask(context)))
    sound = [body for body in context.bodies if not _blocked(findings, body.level)]
    _grade(findings, sound)
    for body in sound:
        found = measure_signal(body)
        if not isinstance(found, Reason):
            findings.signals[body.level] = found
        elif not _blocked(findings, body.level):
            findings.reasons.append(found)
    csf = csf_v1(context.segmentation, context.volume, bright=context.role is SeriesRole.T2W)
    counted = {level: findings.signals[level] for level in findings.evaluable_levels}
    told = signal_values(context, counted, csf if isinstance(csf, CsfRegion) else None)
    findings.reasons.extend(told)
    if any(reason.blocking for reason in told):
        return findings
    if isinstance(csf, CsfRegion):
        findings.csf = csf
        findings.quality = bone_quality(counted, csf)
        veto = list(mr.tissue_rank(context, counted, csf))
        findings.reasons.extend(shading(context, findings.signals, list(counted), csf))
    else:
        veto = [context.reason(csf.code, detail=f"{context.role.value}: {csf.detail}")]
    findings.reasons.extend(veto or mr.diffuse_marrow(context, counted))
    return findings


def _blocked(findings: Findings, level: Level) -> bool:
    return any(reason.blocking for reason in findings.level_reasons(level))


def _grade(findings: Findings, sound: Iterable[Body]) -> None:
    """Grade the heights of whole bodies; a graded deformity is a reason of its level.

    A body sampled too coarsely along its height has none: slices far apart make deformities of their own, however
    thin each of them is. Nor has one whose pixels may have another size, nor one that ends beside the edge of the
    images: an outline that stops a slice short of it looks like a crushed body.
    """
    context, heights = findings.context, dict[Level, Heights]()
    if any(reason.code is ReasonCode.PIXEL_SPACING for reason in findings.reasons):
        return
    coarsest = SERIES.ct_shape_maximum_thickness_mm + 0.01
    for body in sound:
        if _step_along_height_mm(body) > coarsest or _ends_beside_edge(body):
            continue
        found = body_heights(body.mask, body.geometry, body.frame)
        if found is not None:
            heights[body.level] = Heights(found.anterior_mm, found.middle_mm, found.posterior_mm, body.frame.depth_mm)
    findings.deformities = grade_deformities(heights, context.patient.sex, context.thresholds.deformity)
    bands = context.thresholds.deformity
    told = told_fractures(findings.deformities, context.patient, bands)
    for level, deformity in findings.deformities.items():
        if level in told.bodies or deformity.grade >= bands.exclude_from_grade:
            findings.reasons.append(deformity.reason(bands))


def _axis_along_height(body: Body) -> int:
    """The axis of the grid nearest to the height of a body."""
    return int(np.argmax(np.abs(body.geometry.directions.T @ body.frame.axes[2])))


def _step_along_height_mm(body: Body) -> float:
    """Distance of the samples along the grid's axis nearest to the height of a body."""
    return float(body.geometry.spacing_mm[_axis_along_height(body)])


def _ends_beside_edge(body: Body) -> bool:
    """Whether a body ends within a sample, or SERIES.shape_edge_mm, of the upper or lower edge of the images."""
    axis = _axis_along_height(body)
    rows = np.flatnonzero(body.mask.any(axis=tuple(other for other in range(3) if other != axis)))
    start = body.window[axis].start
    before, after = start + rows[0], body.volume.geometry.shape[axis] - 1 - (start + rows[-1])
    step = body.geometry.spacing_mm[axis]
    return bool(min(before, after) * step <= max(step, SERIES.shape_edge_mm) + 1e-6)
