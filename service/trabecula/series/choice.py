"""The choice of series: which stacks of a study may be measured, in which order, and why the others are refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from trabecula.domain.reconstruction_kernel import KernelClass
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.domain.uids import SeriesUid
from trabecula.domain.volume import Plane
from trabecula.imaging.acquisition import Acquisition, Frame
from trabecula.imaging.headers.contrast import contrast_phase, contrast_remark
from trabecula.imaging.stacks.copies import ambiguous, distinct
from trabecula.imaging.stacks.geometry_gate import RegularStack, regular_stacks
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.imaging.stacks.split import Stack, split
from trabecula.imaging.volumes.remarks import image_remarks
from trabecula.imaging.words import is_term
from trabecula.series.continuing import goes_on
from trabecula.series.kernels import kernel_class
from trabecula.series.limits import SERIES
from trabecula.series.names import name_rank, names_lumbar, spectral_remark
from trabecula.series.repeats import order, same_place
from trabecula.series.rules import refusal, thickness_limit, without_thick
from trabecula.series.sequences import SequenceClass, classify_sequence


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A stack that may be measured in a role. ``reasons`` only warn."""

    role: SeriesRole
    stack: RegularStack
    acquisition: Acquisition
    plane: Plane
    reasons: tuple[Reason, ...] = ()

    @property
    def series_uid(self) -> SeriesUid:
        """The series it belongs to."""
        return self.acquisition.series_uid

    @property
    def slice_mm(self) -> float:
        """Slice thickness or the distance between slices, whichever is larger: what lies between is not seen."""
        return max(self.acquisition.slice_thickness or 0.0, self.stack.slice_spacing_mm)

    @property
    def lossy(self) -> bool:
        """Whether images were compressed with loss."""
        return any(frame.lossy for frame in self.stack.frames)

    def instead(self, stack: RegularStack) -> Candidate | None:
        """Return the candidate with another part of its images, or None where too little is left of them."""
        if len(stack.frames) < SERIES.minimum_slices:
            return None
        if _too_far_apart(Stack(stack.frames), stack) or Stack(stack.frames).extent_mm < SERIES.minimum_extent_mm:
            return None
        own = [reason for reason in stack.reasons if reason not in self.reasons]
        return replace(self, stack=stack, reasons=(*self.reasons, *own))

    @property
    def phase(self) -> ContrastPhase:
        """The contrast phase by the header."""
        return contrast_phase(self.acquisition)

    @property
    def kernel(self) -> KernelClass:
        """The class of the reconstruction kernel (CT)."""
        return kernel_class(self.acquisition.manufacturer, self.acquisition.kernel)


@dataclass(frozen=True)
class Choice:
    """Candidates by role, best first, one reason for each refused series, and the images of all refused stacks."""

    candidates: tuple[Candidate, ...]
    refused: tuple[Reason, ...]
    left_out: tuple[LeftOut, ...] = ()

    def of(self, role: SeriesRole) -> tuple[Candidate, ...]:
        """The candidates of a role, best first."""
        return tuple(candidate for candidate in self.candidates if candidate.role is role)

    def refused_for(self, reason: Reason) -> Choice:
        """Return the choice with every candidate refused for one reason of the whole study."""
        lost = [LeftOut(item.stack.frames, replace(reason, series_uid=item.series_uid)) for item in self.candidates]
        return Choice((), self.refused, (*self.left_out, *lost))


def choose(frames: Iterable[Frame]) -> Choice:
    """Return the candidates of a study, best first within each role, and the refusals."""
    candidates: list[Candidate] = []
    left_out: list[LeftOut] = []
    images = distinct(frames)
    stacks = split(images)
    for stack in stacks:
        thin = without_thick(stack)
        found = thin if isinstance(thin, Reason) else _candidates(thin)
        if isinstance(found, Reason):
            refused_one = stack if isinstance(thin, Reason) else thin
            left_out.extend((*refused_one.left_out, LeftOut(refused_one.frames, found)))
        else:
            candidates.extend(found)
    unnamed, candidates = _named_uniquely(candidates, ambiguous(images))
    later, candidates = _without_second_t1(candidates)
    left_out.extend((*unnamed, *later))
    candidates = [_beside_quality_control(candidate, left_out) for candidate in candidates]
    candidates = [replace(item, reasons=(*item.reasons, *goes_on(item.stack, stacks))) for item in candidates]
    accepted = {candidate.series_uid for candidate in candidates}
    refused = _one_per_series([item.reason for item in left_out], accepted)
    return Choice(tuple(sorted(candidates, key=_rank)), refused, tuple(left_out))


def _candidates(stack: Stack) -> list[Candidate] | Reason:
    """The volumes of a stack that may be measured, or why there is none."""
    reason = refusal(stack)
    if reason is not None:
        return reason
    volumes = regular_stacks(stack)
    if isinstance(volumes, Reason):
        return volumes
    found = [_candidate(stack, volume) for volume in volumes]
    able = [item for item in found if isinstance(item, Candidate)]
    return able or next(item for item in found if isinstance(item, Reason))


def _candidate(stack: Stack, regular: RegularStack) -> Candidate | Reason:
    if len(regular.frames) < SERIES.minimum_slices:
        return Reason(
            code=ReasonCode.GEOMETRY, series_uid=stack.series_uid, detail=f"{len(regular.frames)} regular slices"
        )
    reason = _too_far_apart(stack, regular) or _too_short(stack, regular)
    if reason is not None:
        return reason
    made = stack.acquisition
    faults = (item.reason for item in stack.left_out if item.reason.code is not ReasonCode.COPIES)
    reasons = [
        *regular.reasons,
        *faults,
        *image_remarks(regular.frames, made),
        *spectral_remark(made),
        *contrast_remark(made),
    ]
    if stack.scans > 1:
        detail = f"{stack.scans} told apart, one of them is measured"
        reasons.append(Reason(code=ReasonCode.SEVERAL_SCANS, blocking=False, series_uid=made.series_uid, detail=detail))
    thickest = max((frame.acquisition.slice_thickness or 0.0 for frame in regular.frames), default=0.0)
    made = replace(made, slice_thickness=thickest or None)  # the largest counts, as it does beside the distance
    role = SeriesRole.CT
    if made.modality == "MR":
        verdict = classify_sequence(made)
        role = SeriesRole.T1W if verdict.sequence is SequenceClass.T1W else SeriesRole.T2W
        if verdict.conflict:
            detail = f"{verdict.sequence.value} by its physics; the description says otherwise"
            reasons.append(
                Reason(code=ReasonCode.SEQUENCE_UNSUPPORTED, blocking=False, series_uid=made.series_uid, detail=detail)
            )
    return Candidate(
        role=role, stack=regular, acquisition=made, plane=stack.plane or Plane.AXIAL, reasons=tuple(reasons)
    )


def _too_far_apart(stack: Stack, regular: RegularStack) -> Reason | None:
    """Whether the distance between slices is more than the largest Slice Thickness allowed: nobody saw what lies
    between. On MR slices may have the usual gap."""
    ct = stack.acquisition.modality == "CT"
    limit, found = thickness_limit(stack) if ct else SERIES.mr_maximum_distance_mm, regular.slice_spacing_mm
    if found <= 1.01 * limit:
        return None
    return Reason(
        code=ReasonCode.SLICE_THICKNESS,
        series_uid=stack.series_uid,
        detail="distance between slices",
        value=round(found, 2),
        limit=limit,
        unit="mm",
    )


def _too_short(stack: Stack, regular: RegularStack) -> Reason | None:
    """Whether a run that is part of a stack reaches less far than a series must."""
    limit, reach = SERIES.minimum_extent_mm, Stack(regular.frames).extent_mm
    if len(regular.frames) == len(stack.frames) or reach >= limit:
        return None
    detail = "; ".join(["reach of the longest regular run", *(reason.detail for reason in regular.reasons)])
    return Reason(
        code=ReasonCode.MISSING_SLICES if not regular.reasons else regular.reasons[0].code,
        series_uid=stack.series_uid,
        detail=detail,
        value=round(reach, 1),
        limit=limit,
        unit="mm",
    )


def _named_uniquely(
    candidates: Sequence[Candidate], unclear: set[tuple[str, int | None]]
) -> tuple[list[LeftOut], list[Candidate]]:
    """Refuse a volume whose images share SOP Instance UIDs with others: report and outlines could not name them."""
    kept: list[Candidate] = []
    refused: list[LeftOut] = []
    for candidate in candidates:
        frames = candidate.stack.frames
        shared = sum((frame.file.sop_instance_uid, frame.number) in unclear for frame in frames)
        if not shared:
            kept.append(candidate)
            continue
        detail = f"{shared} of {len(frames)} images share a UID"
        reason = Reason(code=ReasonCode.UID_SHARED, series_uid=candidate.series_uid, detail=detail)
        refused.append(LeftOut(frames, reason))
    return refused, kept


def _beside_quality_control(candidate: Candidate, left_out: Sequence[LeftOut]) -> Candidate:
    """Tell of quality-control images of the same series: what is missing without them is no fault of the scan."""
    own = [item for item in left_out if item.reason.series_uid == candidate.series_uid]
    count = sum(len(item.frames) for item in own if item.reason.code is ReasonCode.QUALITY_CONTROL)
    if not count:
        return candidate
    detail = f"{count} image{'s' if count > 1 else ''} of the series left out"
    reason = Reason(code=ReasonCode.QUALITY_CONTROL, blocking=False, series_uid=candidate.series_uid, detail=detail)
    return replace(candidate, reasons=(reason, *candidate.reasons))


def _without_second_t1(candidates: Sequence[Candidate]) -> tuple[list[LeftOut], list[Candidate]]:
    """Refuse a T1w series at the place of an earlier one: it may be the one after contrast agent. Where no time tells
    which is earlier, the one that is kept warns."""
    kept = [item for item in candidates if item.role is not SeriesRole.T1W]
    firsts: list[Candidate] = []
    refused: list[LeftOut] = []
    for candidate in (item for item in candidates if item.role is SeriesRole.T1W):
        first, twins = candidate, []
        for other in firsts:
            if not same_place(candidate.stack.geometry, other.stack.geometry):
                continue
            twins.append(other)
            if _is_copy(first, other) or _is_copy(other, first):
                first, copy = (other, first) if first.lossy else (first, other)
                refused.append(_copy(copy))
                continue
            found = order(first.stack.frames, other.stack.frames)
            first, second = (first, other) if found.first else (other, first)
            refused.append(_second(second))
            first = first if found.certain else _order_unknown(first)
        firsts = [item for item in firsts if item not in twins] + [first]
    return refused, kept + firsts


def _is_copy(candidate: Candidate, original: Candidate) -> bool:
    """Whether a series compressed with loss is one of another that was acquired in the same moments."""
    times = [{frame.acquisition.acquired_at for frame in item.stack.frames} for item in (candidate, original)]
    return candidate.lossy and not original.lossy and times[0] == times[1] != {""}


def _copy(candidate: Candidate) -> LeftOut:
    detail = "lossy copies of another series"
    reason = Reason(code=ReasonCode.COPIES, blocking=False, series_uid=candidate.series_uid, detail=detail)
    return LeftOut(candidate.stack.frames, reason)


def _second(candidate: Candidate) -> LeftOut:
    detail = "second T1-weighted series at the same place, later in the study"
    reason = Reason(code=ReasonCode.CONTRAST_UNCLEAR, series_uid=candidate.series_uid, detail=detail)
    return LeftOut(candidate.stack.frames, reason)


def _order_unknown(candidate: Candidate) -> Candidate:
    detail = "another T1-weighted series lies at the same place, and the times do not tell for certain which was first"
    reason = Reason(code=ReasonCode.CONTRAST_UNCLEAR, blocking=False, series_uid=candidate.series_uid, detail=detail)
    return candidate if reason in candidate.reasons else replace(candidate, reasons=(*candidate.reasons, reason))


def _one_per_series(refused: Sequence[Reason], accepted: set[SeriesUid]) -> tuple[Reason, ...]:
    """Fold the refusals of a series' stacks into one, the most telling; series that gave a candidate stay silent."""
    by_series: dict[str, list[Reason]] = {}
    for reason in refused:
        if reason.series_uid not in accepted:
            by_series.setdefault(reason.series_uid, []).append(reason)
    folded = []
    for reasons in by_series.values():
        telling = [item for item in reasons if item.code is not ReasonCode.NO_SUITABLE_SERIES] or reasons
        first = telling[0]
        if first.code in _LEFT_BY_GAPS:
            first = next((item for item in telling if item.code is ReasonCode.QUALITY_CONTROL), first)
        more = f"{len(reasons)} stacks" if len(reasons) > 1 else ""
        detail = "; ".join(part for part in (first.detail, more) if part)
        folded.append(replace(first, blocking=False, detail=detail))
    return tuple(folded)


_LEFT_BY_GAPS = (ReasonCode.SLICE_THICKNESS, ReasonCode.MISSING_SLICES, ReasonCode.GEOMETRY)
"""What a series is refused for where quality-control images were taken out of it: they are the cause."""


def ranked_lower(best: Candidate, other: Candidate) -> str:
    """Return in a few words why a candidate comes after the measured one of its role."""
    names = _CT_RANK if best.role is SeriesRole.CT else _MR_RANK
    rank = _ct_rank if best.role is SeriesRole.CT else _mr_rank
    for name, first, second in zip(names, rank(best), rank(other), strict=False):
        if first != second:
            return f"ranked lower by {name}" if first < second else "more levels were found in the other"  # type: ignore[operator]
    return "ranked lower by its number"


def equal_rank(one: Candidate, other: Candidate) -> bool:
    """Return whether two series rank alike in all but their number, which tells nothing of what they show."""
    return one.series_uid != other.series_uid and _rank(one)[:-2] == _rank(other)[:-2]


def _rank(candidate: Candidate) -> tuple[object, ...]:
    return (candidate.role.value, *(_ct_rank(candidate) if candidate.role is SeriesRole.CT else _mr_rank(candidate)))


_CT_RANK = (
    "name",
    "plane",
    "kernel",
    "contrast agent",
    "compression with loss",
    "slice thickness",
    "reach",
    "slice thickness",
    "number of slices",
)


def _ct_rank(candidate: Candidate) -> tuple[object, ...]:
    """By name; axial original, then axial, sagittal, coronal; soft kernel; native; without loss; usual thickness;
    long reach."""
    made, stack = candidate.acquisition, candidate.stack
    original = "ORIGINAL" in {part.upper() for part in made.image_type}
    reformat = is_term(made.image_type, "image_type_reformat")
    plane = {Plane.AXIAL: 0 if original and not reformat else 1, Plane.SAGITTAL: 2, Plane.CORONAL: 3}[candidate.plane]
    thickness = candidate.slice_mm
    reach = stack.slice_spacing_mm * len(stack.frames)
    return (
        name_rank(made),
        plane,
        (KernelClass.SOFT, KernelClass.UNKNOWN, KernelClass.SHARP).index(candidate.kernel),
        candidate.phase is not ContrastPhase.NATIVE,
        candidate.lossy,
        thickness > SERIES.ct_shape_maximum_thickness_mm,
        -round(reach / 100),
        round(abs(thickness - SERIES.preferred_ct_thickness_mm), 2),
        *_settled(candidate),
    )


_MR_RANK = (
    "name",
    "words that contradict its physics",
    "name",
    "compression with loss",
    "3D",
    "voxel size",
    "number of slices",
)


def _mr_rank(candidate: Candidate) -> tuple[object, ...]:
    """By name; agreeing words, lumbar, without loss, 2D, fine pixels and slices, the earlier T1w and the later T2w."""
    made, stack = candidate.acquisition, candidate.stack
    _, row, column = stack.geometry.spacing_mm
    return (
        name_rank(made),
        any(reason.code is ReasonCode.SEQUENCE_UNSUPPORTED for reason in candidate.reasons),
        not names_lumbar(made) and "LSPINE" not in made.body_part.upper(),
        candidate.lossy,
        made.three_dimensional,
        round(row * column * stack.slice_spacing_mm, 1),
        *_settled(candidate),
    )


def _settled(candidate: Candidate) -> tuple[object, ...]:
    """By number of slices and Series Number: the earlier T1w series, which no agent reached; the later of others, which
    is the one that was worth repeating."""
    made = candidate.acquisition
    number = float(made.series_number or 0)
    return (-len(candidate.stack.frames), number if candidate.role is SeriesRole.T1W else -number, made.series_uid)
