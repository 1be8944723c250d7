"""What can be wrong with an examination, on purpose: one word per gate, and what each one changes."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from trabecula.domain.spine import Level
from trabecula.phantom.anatomy import Fracture, FractureKind, SpineOptions
from trabecula.phantom.protocols import CtProtocol, Kernel, MrProtocol, MrSequence, Phase, Weighting


class Defect(StrEnum):
    """A fault, a rarity or a trap that a study can have."""

    METAL = "metal"
    CEMENT = "cement"
    WEDGE = "wedge"
    BICONCAVE = "biconcave"
    CRUSH = "crush"
    FOUR_LUMBAR = "four_lumbar"
    SIX_LUMBAR = "six_lumbar"
    SCOLIOSIS = "scoliosis"
    THORACIC_ONLY = "thoracic_only"
    NO_SPINE = "no_spine"
    TRUNCATED = "truncated"
    MISSING_SLICES = "missing_slices"
    NOISE = "noise"
    UPSIDE_DOWN = "upside_down"
    KVP_80 = "kvp_80"
    KVP_100 = "kvp_100"
    SHARP_KERNEL = "sharp_kernel"
    ARTERIAL = "arterial"
    PORTAL = "portal"
    GANTRY_TILT = "gantry_tilt"
    RESCALE_FAULT = "rescale_fault"
    GADOLINIUM = "gadolinium"
    STIR_LABELLED_T1 = "stir_labelled_t1"
    """A STIR series whose description says T1; its other tags are true."""
    STIR_DISGUISED_AS_T1 = "stir_disguised_as_t1"
    """A STIR series all of whose tags say T1: only the image tells."""
    FAT_SATURATED = "fat_saturated"


_FRACTURES: dict[Defect, Fracture] = {
    Defect.WEDGE: Fracture(Level.L1, FractureKind.WEDGE, 0.42),
    Defect.BICONCAVE: Fracture(Level.L2, FractureKind.BICONCAVE, 0.42),
    Defect.CRUSH: Fracture(Level.L3, FractureKind.CRUSH, 0.45),
}


def spine_options(defects: frozenset[Defect], options: SpineOptions) -> SpineOptions:
    """Return the anatomy's options with the anatomical defects added."""
    count = 4 if Defect.FOUR_LUMBAR in defects else 6 if Defect.SIX_LUMBAR in defects else options.lumbar_count
    fractures = tuple(fracture for defect, fracture in _FRACTURES.items() if defect in defects)
    return replace(
        options,
        lumbar_count=count,
        fractures=fractures or options.fractures,
        screws=(Level.L4, Level.L5) if Defect.METAL in defects and count != 4 else options.screws,
        cement=(Level.L2,) if Defect.CEMENT in defects else options.cement,
        scoliosis_deg=32.0 if Defect.SCOLIOSIS in defects else options.scoliosis_deg,
    )


def field_of_view_shift(defects: frozenset[Defect]) -> tuple[float, float, float]:
    """Return how far (LPS, mm) the images are taken from where they belong."""
    if Defect.NO_SPINE in defects:
        return (0.0, -190.0, 0.0)
    if Defect.THORACIC_ONLY in defects:
        return (0.0, 0.0, 195.0)
    return (0.0, 0.0, 0.0)


def ct_protocol(defects: frozenset[Defect], protocol: CtProtocol) -> CtProtocol:
    """Return the CT protocol with the defects of acquisition."""
    kvp = 80 if Defect.KVP_80 in defects else 100 if Defect.KVP_100 in defects else protocol.kvp
    phase = Phase.ARTERIAL if Defect.ARTERIAL in defects else protocol.phase
    phase = Phase.PORTAL if Defect.PORTAL in defects else phase
    shift = field_of_view_shift(defects)
    if Defect.TRUNCATED in defects:
        shift = (0.0, -protocol.pixel_mm * protocol.matrix[0] / 2 - protocol.centre_behind_mm, 0.0)
    return replace(
        protocol,
        kvp=kvp,
        phase=phase,
        kernel=Kernel.SHARP if Defect.SHARP_KERNEL in defects else protocol.kernel,
        noise_factor=protocol.noise_factor * (5.0 if Defect.NOISE in defects else 1.0),
        tilt_deg=18.0 if Defect.GANTRY_TILT in defects else protocol.tilt_deg,
        rescale_fault_hu=1024.0 if Defect.RESCALE_FAULT in defects else protocol.rescale_fault_hu,
        centre_shift_mm=(
            protocol.centre_shift_mm[0] + shift[0],
            protocol.centre_shift_mm[1] + shift[1],
            protocol.centre_shift_mm[2] + shift[2],
        ),
    )


def _defective(sequence: MrSequence, defects: frozenset[Defect]) -> MrSequence:
    if sequence.weighting is not Weighting.T1:
        return sequence
    if Defect.STIR_DISGUISED_AS_T1 in defects:
        return replace(sequence, weighting=Weighting.STIR, disguised_as=Weighting.T1)
    if Defect.STIR_LABELLED_T1 in defects:
        return replace(sequence, weighting=Weighting.STIR, description="T1 TSE sag")
    return replace(
        sequence,
        gadolinium=sequence.gadolinium or Defect.GADOLINIUM in defects,
        fat_saturated=sequence.fat_saturated or Defect.FAT_SATURATED in defects,
    )


def mr_protocol(defects: frozenset[Defect], protocol: MrProtocol) -> MrProtocol:
    """Return the MR protocol with the defects of acquisition."""
    shift = field_of_view_shift(defects)
    if Defect.TRUNCATED in defects:
        shift = (0.0, -protocol.pixel_mm * protocol.matrix[1] / 2 - protocol.centre_behind_mm, 0.0)
    return replace(
        protocol,
        sequences=tuple(_defective(sequence, defects) for sequence in protocol.sequences),
        snr_factor=protocol.snr_factor * (0.15 if Defect.NOISE in defects else 1.0),
        centre_shift_mm=(
            protocol.centre_shift_mm[0] + shift[0],
            protocol.centre_shift_mm[1] + shift[1],
            protocol.centre_shift_mm[2] + shift[2],
        ),
    )
