"""The choice of series: which stacks of a study may be measured, in which order, and why the others are refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from trabecula.analysis.acquisition import Acquisition, Frame
from trabecula.analysis.contrast import contrast_phase, contrast_remark
from trabecula.analysis.geometry_gate import RegularStack, check_geometry
from trabecula.analysis.kernels import KernelClass, kernel_class
from trabecula.analysis.mr_sequences import SequenceClass, classify_sequence
from trabecula.analysis.names import name_rank, names_lumbar, spectral_remark
from trabecula.analysis.series_rules import limits, refusal
from trabecula.analysis.stacks import Stack, split
from trabecula.analysis.wording import is_term
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.result import SeriesRole
from trabecula.domain.thresholds import ContrastPhase
from trabecula.domain.volume import Plane


@dataclass(frozen=True)
class Candidate:
    """A stack that may be measured in a role. ``reasons`` only warn."""

    role: SeriesRole
    stack: RegularStack
    acquisition: Acquisition
    plane: Plane
    reasons: tuple[Reason, ...] = ()

    @property
    def series_uid(self) -> str:
        """The series it belongs to."""
        return self.acquisition.series_uid

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
    """Candidates by role, best first, and one reason for each refused series."""

    candidates: tuple[Candidate, ...]
    refused: tuple[Reason, ...]

    def of(self, role: SeriesRole) -> tuple[Candidate, ...]:
        """The candidates of a role, best first."""
        return tuple(candidate for candidate in self.candidates if candidate.role is role)


def choose(frames: Iterable[Frame]) -> Choice:
    """Return the candidates of a study, best first within each role, and the refusals."""
    candidates: list[Candidate] = []
    refused: list[Reason] = []
    for stack in split(frames):
        found = _candidate(stack)
        if isinstance(found, Candidate):
            candidates.append(found)
        else:
            refused.append(found)
    used, candidates = _without_second_t1(candidates)
    refused.extend(used)
    accepted = {candidate.series_uid for candidate in candidates}
    return Choice(tuple(sorted(candidates, key=_rank)), _one_per_series(refused, accepted))


def _candidate(stack: Stack) -> Candidate | Reason:
    reason = refusal(stack)
    if reason is not None:
        return reason
    regular = check_geometry(stack)
    if isinstance(regular, Reason):
        return regular
    if len(regular.frames) < limits()["minimum_slices"]:
        return Reason(ReasonCode.GEOMETRY, series_uid=stack.series_uid, detail=f"{len(regular.frames)} regular slices")
    made = stack.acquisition
    reasons = [*regular.reasons, *spectral_remark(made), *contrast_remark(made)]
    role = SeriesRole.CT
    if made.modality == "MR":
        verdict = classify_sequence(made)
        role = SeriesRole.T1W if verdict.sequence is SequenceClass.T1W else SeriesRole.T2W
        if verdict.conflict:
            detail = f"{verdict.sequence.value} by its physics; the description says otherwise"
            reasons.append(
                Reason(ReasonCode.SEQUENCE_UNSUPPORTED, blocking=False, series_uid=made.series_uid, detail=detail)
            )
    return Candidate(role, regular, made, stack.plane or Plane.AXIAL, tuple(reasons))


def _without_second_t1(candidates: Sequence[Candidate]) -> tuple[list[Reason], list[Candidate]]:
    """Refuse a T1w series with the geometry of an earlier one: it is the one after contrast agent."""
    kept: list[Candidate] = []
    refused: list[Reason] = []
    for candidate in sorted(candidates, key=lambda item: (item.acquisition.acquired_at, item.series_uid)):
        twin = candidate.role is SeriesRole.T1W and any(_same_place(candidate, other) for other in kept)
        if twin and candidate.acquisition.acquired_at:
            detail = "second T1-weighted series at the same place, later in the study"
            refused.append(Reason(ReasonCode.CONTRAST_UNCLEAR, series_uid=candidate.series_uid, detail=detail))
        else:
            kept.append(candidate)
    return refused, kept


def _same_place(one: Candidate, other: Candidate) -> bool:
    first, second = one.stack.geometry, other.stack.geometry
    return (
        other.role is SeriesRole.T1W
        and one.series_uid != other.series_uid
        and first.shape == second.shape
        and bool((abs(first.affine - second.affine) < 0.5).all())
    )


def _one_per_series(refused: Sequence[Reason], accepted: set[str]) -> tuple[Reason, ...]:
    """Fold the refusals of a series' stacks into one, the most telling; series that gave a candidate stay silent."""
    by_series: dict[str, list[Reason]] = {}
    for reason in refused:
        if reason.series_uid not in accepted:
            by_series.setdefault(reason.series_uid, []).append(reason)
    folded = []
    for reasons in by_series.values():
        telling = [item for item in reasons if item.code is not ReasonCode.NO_SUITABLE_SERIES] or reasons
        first = telling[0]
        more = f"{len(reasons)} stacks" if len(reasons) > 1 else ""
        detail = "; ".join(part for part in (first.detail, more) if part)
        folded.append(replace(first, blocking=False, detail=detail))
    return tuple(folded)


def _rank(candidate: Candidate) -> tuple[object, ...]:
    return (candidate.role.value, *(_ct_rank(candidate) if candidate.role is SeriesRole.CT else _mr_rank(candidate)))


def _ct_rank(candidate: Candidate) -> tuple[object, ...]:
    """By name; axial original, then axial, sagittal, coronal; soft kernel; native; usual thickness; long reach."""
    made, stack = candidate.acquisition, candidate.stack
    original = "ORIGINAL" in {part.upper() for part in made.image_type}
    reformat = is_term(made.image_type, "image_type_reformat")
    plane = {Plane.AXIAL: 0 if original and not reformat else 1, Plane.SAGITTAL: 2, Plane.CORONAL: 3}[candidate.plane]
    thickness = made.slice_thickness or stack.slice_spacing_mm
    reach = stack.slice_spacing_mm * len(stack.frames)
    return (
        name_rank(made),
        plane,
        (KernelClass.SOFT, KernelClass.UNKNOWN, KernelClass.SHARP).index(candidate.kernel),
        candidate.phase is not ContrastPhase.NATIVE,
        thickness > limits()["ct_shape_maximum_thickness_mm"],
        -round(reach / 100),
        round(abs(thickness - limits()["preferred_ct_thickness_mm"]), 2),
        *_settled(candidate),
    )


def _mr_rank(candidate: Candidate) -> tuple[object, ...]:
    """By name; agreeing words, lumbar, 2D, fine pixels and slices, the later acquisition."""
    made, stack = candidate.acquisition, candidate.stack
    _, row, column = stack.geometry.spacing_mm
    return (
        name_rank(made),
        bool(candidate.reasons),
        not names_lumbar(made) and "LSPINE" not in made.body_part.upper(),
        made.three_dimensional,
        round(row * column * stack.slice_spacing_mm, 1),
        *_settled(candidate),
    )


def _settled(candidate: Candidate) -> tuple[object, ...]:
    made = candidate.acquisition
    return (-len(candidate.stack.frames), -float(made.series_number or 0), made.series_uid)
