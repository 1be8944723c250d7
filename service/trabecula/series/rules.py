"""The table of rules that refuse a stack: each looks at one thing and gives one coded reason, or None."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.sop_classes import CT_CLASSES, MR_CLASSES
from trabecula.domain.volume import Plane
from trabecula.imaging.headers.contrast import ContrastState, contrast_evidence
from trabecula.imaging.stacks.geometry_gate import check_geometry, unplaced
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.imaging.stacks.split import Stack
from trabecula.imaging.words import is_term, mentions, without, word_of
from trabecula.series.limits import SERIES
from trabecula.series.sequences import SequenceClass, classify_sequence

Rule = Callable[[Stack], Reason | None]

_IMAGE_CLASSES = {"CT": CT_CLASSES, "MR": MR_CLASSES}


def refusal(stack: Stack) -> Reason | None:
    """Return the first reason why a stack is not measured, or None where it may be."""
    rules = _COMMON + (_CT if stack.acquisition.modality == "CT" else _MR)
    return next((reason for rule in rules if (reason := rule(stack)) is not None), None)


def thickness_limit(stack: Stack) -> float:
    """The largest Slice Thickness (mm) of the stack's modality and plane."""
    if stack.acquisition.modality != "CT":
        return SERIES.mr_maximum_thickness_mm
    axial = stack.plane is Plane.AXIAL
    return SERIES.ct_axial_maximum_thickness_mm if axial else SERIES.ct_reformat_maximum_thickness_mm


def without_thick(stack: Stack) -> Stack | Reason:
    """Leave out the images that are too thick where most are not; a reason where the others form no volume.

    However near its neighbours lie, a thick image holds what lies above and below it.
    """
    limit = thickness_limit(stack)
    over = [(frame.acquisition.slice_thickness or 0.0) > limit + _ROUNDING_MM for frame in stack.frames]
    thick = tuple(frame for frame, out in zip(stack.frames, over, strict=True) if out)
    if not thick or 2 * len(thick) > len(stack.frames) or stack.blocked is not None:
        return stack
    detail = f"{len(thick)} of {len(stack.frames)} images"
    largest = max(frame.acquisition.slice_thickness or 0.0 for frame in thick)
    reason = _refused(stack, ReasonCode.SLICE_THICKNESS, detail, largest, limit)
    rest = tuple(frame for frame, out in zip(stack.frames, over, strict=True) if not out)
    left_out = LeftOut(thick, replace(reason, blocking=False))
    thin = replace(stack, frames=rest, left_out=(*stack.left_out, left_out))
    return reason if isinstance(check_geometry(thin), Reason) else thin


_ROUNDING_MM = 0.01


def _refused(
    stack: Stack, code: ReasonCode, detail: str = "", value: float | None = None, limit: float | None = None
) -> Reason:
    unit = "mm" if value is not None else ""
    return Reason(code=code, series_uid=stack.series_uid, detail=detail, value=value, limit=limit, unit=unit)


def _modality(stack: Stack) -> Reason | None:
    made = stack.acquisition
    classes = _IMAGE_CLASSES.get(made.modality)
    if classes is None:
        return _refused(stack, ReasonCode.NOT_TARGET_MODALITY, made.modality)
    if made.sop_class_uid not in classes or made.samples_per_pixel != 1:
        return _refused(stack, ReasonCode.NO_SUITABLE_SERIES, "not an image series of the scanner")
    return None


def _purpose(stack: Stack) -> Reason | None:
    made = stack.acquisition
    if "LOCALIZER" in {part.upper() for part in made.image_type} or _names_localizer(made.description):
        return _refused(stack, ReasonCode.NO_SUITABLE_SERIES, "localizer")
    terms = made.image_type if made.modality == "MR" else tuple(part for part in made.image_type if len(part) > 2)
    if is_term(terms, "image_type_reject") or mentions(made.description, "derived_map"):
        return _refused(stack, ReasonCode.NO_SUITABLE_SERIES, "derived or projected images")
    if made.burned_in or mentions(made.description, "screenshot"):
        return _refused(stack, ReasonCode.NO_SUITABLE_SERIES, "annotation is burned in")
    return None


def _names_localizer(description: str) -> bool:
    """Whether a description calls the series a localizer, which "without topogram" does not."""
    return mentions(without(description, "contrast_absent", followed_by="localizer"), "localizer")


def _quality_control(stack: Stack) -> Reason | None:
    return _refused(stack, ReasonCode.QUALITY_CONTROL) if stack.acquisition.quality_control else None


def _count(stack: Stack) -> Reason | None:
    if len(stack.frames) < SERIES.minimum_slices:
        return _refused(stack, ReasonCode.NO_SUITABLE_SERIES, f"{len(stack.frames)} parallel slices")
    return None


def _placed(stack: Stack) -> Reason | None:
    if stack.normal is None or any(frame.position is None for frame in stack.frames):
        return unplaced(stack)
    return None


def _extent(stack: Stack) -> Reason | None:
    limit = SERIES.minimum_extent_mm
    if stack.extent_mm < limit:
        return _refused(
            stack,
            ReasonCode.NO_SUITABLE_SERIES,
            "length of the spine that the images cover",
            round(stack.extent_mm, 1),
            limit,
        )
    return None


def _ct_tilt(stack: Stack) -> Reason | None:
    found = check_geometry(stack)
    return found if isinstance(found, Reason) and found.code is ReasonCode.GANTRY_TILT else None


def _thickness(stack: Stack) -> Reason | None:
    made, limit = stack.acquisition, thickness_limit(stack)
    if made.slice_thickness is not None and made.slice_thickness > limit + _ROUNDING_MM:
        return _refused(stack, ReasonCode.SLICE_THICKNESS, "", made.slice_thickness, limit)
    return None


def _spectral(stack: Stack) -> Reason | None:
    made = stack.acquisition
    if made.multi_energy:
        return _refused(stack, ReasonCode.SPECTRAL, "Multi-energy CT Acquisition: YES")
    if is_term(made.image_type, "image_type_spectral"):
        return _refused(stack, ReasonCode.SPECTRAL, f"Image Type: {'/'.join(made.image_type)}")
    said = word_of(made.description, "spectral")
    return _refused(stack, ReasonCode.SPECTRAL, f"Series Description says '{said}'") if said else None


def _rescale(stack: Stack) -> Reason | None:
    made = stack.acquisition
    if made.rescale_type.strip().upper() not in ("", "HU", "US", "HOUNSFIELD", "HOUNSFIELD UNITS", "HOUNSFIELD UNIT"):
        return _refused(stack, ReasonCode.HU_SANITY, f"values in {made.rescale_type}")
    return None


def _oblique(stack: Stack) -> Reason | None:
    limit = SERIES.sagittal_maximum_angle_degrees
    if stack.obliquity_degrees > limit:
        detail = f"{stack.obliquity_degrees:.0f} degrees from the nearest plane; limit {limit:g}"
        return _refused(stack, ReasonCode.ORIENTATION, detail)
    return None


def _mr_plane(stack: Stack) -> Reason | None:
    limit = SERIES.mr_maximum_angle_degrees
    if stack.plane is not Plane.SAGITTAL:
        return _refused(stack, ReasonCode.ORIENTATION, f"{stack.plane or 'no plane'}".lower())
    if stack.obliquity_degrees > limit:
        detail = f"{stack.obliquity_degrees:.0f} degrees from sagittal; limit {limit:g}"
        return _refused(stack, ReasonCode.ORIENTATION, detail)
    return None


def _mr_sequence(stack: Stack) -> Reason | None:
    verdict = classify_sequence(stack.acquisition)
    if verdict.sequence in (SequenceClass.T1W, SequenceClass.T2W):
        return None
    told = "; the description says otherwise" if verdict.conflict else ""
    return _refused(stack, ReasonCode.SEQUENCE_UNSUPPORTED, f"{verdict.sequence.value}{told}")


def _mr_contrast(stack: Stack) -> Reason | None:
    found = contrast_evidence(stack.acquisition)
    if found.state is ContrastState.GIVEN:
        return _refused(stack, ReasonCode.POST_CONTRAST_MR, found.signs)
    if found.state is ContrastState.CONTRADICTED:
        return _refused(stack, ReasonCode.CONTRAST_UNCLEAR, found.signs)
    return None


_COMMON: tuple[Rule, ...] = (_modality, _quality_control, _purpose)
_CT: tuple[Rule, ...] = (_spectral, _rescale, _count, _placed, _ct_tilt, _oblique, _thickness, _extent)
_MR: tuple[Rule, ...] = (_mr_sequence, _count, _placed, _mr_plane, _mr_contrast, _thickness, _extent)
