"""How a phantom is scanned: CT and MR protocols as plain values, the small ones for tests and the full-size ones."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from enum import StrEnum

from trabecula.domain.volume import Plane
from trabecula.phantom.tables import entry


class Kernel(StrEnum):
    """Reconstruction kernel families of CT."""

    SOFT = "soft"
    SHARP = "sharp"


class Phase(StrEnum):
    """Contrast phase of a CT."""

    NATIVE = "NATIVE"
    ARTERIAL = "ARTERIAL"
    PORTAL = "PORTAL"


class Weighting(StrEnum):
    """Kinds of MR sequence a phantom study can hold."""

    T1 = "T1"
    T2 = "T2"
    STIR = "STIR"


@dataclass(frozen=True, kw_only=True)
class CtProtocol:
    """One CT acquisition; lengths in mm. ``centre_shift_mm`` moves the field of view (LPS) off the lumbar spine.

    ``slices`` None covers T12 to S1. ``scanner`` is a key of [scanners.ct]. ``sagittal_reformat_mm`` > 0 adds a
    reformat of that thickness. ``noise_factor`` scales the noise of the table.
    """

    pixel_mm: float = 0.95
    matrix: tuple[int, int] = (204, 176)
    thickness_mm: float = 2.5
    increment_mm: float = 2.5
    slices: int | None = None
    kvp: int = 120
    kernel: Kernel = Kernel.SOFT
    phase: Phase = Phase.NATIVE
    scanner: str = "siemens"
    noise_factor: float = 1.0
    tilt_deg: float = 0.0
    sagittal_reformat_mm: float = 0.0
    scout: bool = False
    centre_shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rescale_fault_hu: float = 0.0

    @property
    def centre_behind_mm(self) -> float:
        """How far behind the bodies the field of view is centred: so that the skin of the back is in it, if it can."""
        return max(115.0 - self.matrix[0] * self.pixel_mm / 2, -35.0)

    @property
    def kernel_name(self) -> str:
        """Convolution Kernel (0018,1210) as the scanner's vendor calls it."""
        return str(entry("scanners", "ct", self.scanner)[self.kernel.value])


@dataclass(frozen=True)
class MrSequence:
    """One MR series; times in ms, lengths in mm. ``description`` None names it after what it is.

    ``disguised_as`` makes every tag say another weighting than the physics has.
    """

    weighting: Weighting
    _: KW_ONLY
    plane: Plane = Plane.SAGITTAL
    repetition_ms: float | None = None
    echo_ms: float | None = None
    inversion_ms: float | None = None
    fat_saturated: bool = False
    gadolinium: bool = False
    description: str | None = None
    disguised_as: Weighting | None = None


@dataclass(frozen=True, kw_only=True)
class MrProtocol:
    """One MR examination: scanner (key of [scanners.mr]), sampling of the sagittal series, and its sequences in order.

    ``coil_bias`` None takes the table's value; 0 switches the surface coil's shading off.
    """

    scanner: str = "siemens15"
    pixel_mm: float = 1.0
    matrix: tuple[int, int] = (256, 200)
    thickness_mm: float = 4.0
    gap_mm: float = 0.4
    slices: int = 13
    sequences: tuple[MrSequence, ...] = (MrSequence(weighting=Weighting.T1), MrSequence(weighting=Weighting.T2))
    localizer: bool = False
    snr_factor: float = 1.0
    coil_bias: float | None = None
    centre_shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def centre_behind_mm(self) -> float:
        """How far behind the bodies the field of view is centred."""
        return 22.0

    @property
    def tesla(self) -> float:
        """Field strength of the scanner."""
        return float(entry("scanners", "mr", self.scanner)["tesla"])

    def times(self, sequence: MrSequence) -> tuple[float, float, float]:
        """Return TR, TE and TI (0 without inversion) in ms, from the sequence or else from the scanner's protocol."""
        scanner = entry("scanners", "mr", self.scanner)
        key = "t1" if sequence.weighting is Weighting.T1 else "t2"
        repetition = sequence.repetition_ms or float(scanner[f"tr_{key}"])
        echo = sequence.echo_ms or float(scanner[f"te_{key}"])
        if sequence.weighting is not Weighting.STIR:
            return repetition, echo, sequence.inversion_ms or 0.0
        inversion = sequence.inversion_ms or (210.0 if self.tesla > 2 else 160.0 if self.tesla > 1 else 105.0)
        return sequence.repetition_ms or 4000.0, sequence.echo_ms or 45.0, inversion


SMALL_CT = CtProtocol()
"""Seconds to make: for the canary and tests."""

DEMO_CT = replace(SMALL_CT, slices=104, centre_shift_mm=(0.0, 0.0, 5.0))
"""Seconds to make, with the 26 cm of a hospital's lumbar protocol: from the upper end of T11 to S2."""

ROUTINE_CT = CtProtocol(pixel_mm=0.8, matrix=(256, 256), thickness_mm=1.0, increment_mm=1.0)
"""A hospital's reconstruction around the spine."""

COHORT_CT = CtProtocol(pixel_mm=0.8, matrix=(184, 152), thickness_mm=1.0, increment_mm=1.0)
"""The spine alone at texture resolution: what a cohort of hundreds can afford."""

FULL_CT = CtProtocol(pixel_mm=0.78, matrix=(512, 512), thickness_mm=0.625, increment_mm=0.625, slices=600, scout=True)
"""600 slices of 512 x 512, as a modern scanner sends them."""

SMALL_MR = MrProtocol()
"""Seconds to make: T1 and T2."""

COHORT_MR = MrProtocol(pixel_mm=0.8, matrix=(312, 248))
"""T1 and T2 at the sampling of a hospital, cropped to the spine."""

ROUTINE_MR = MrProtocol(
    pixel_mm=0.7,
    matrix=(448, 384),
    thickness_mm=4.0,
    gap_mm=0.4,
    slices=15,
    localizer=True,
    sequences=(
        MrSequence(weighting=Weighting.T1),
        MrSequence(weighting=Weighting.T2),
        MrSequence(weighting=Weighting.STIR),
        MrSequence(weighting=Weighting.T2, plane=Plane.AXIAL),
    ),
)
"""A hospital's lumbar examination, distractors included."""


def with_sequences(protocol: MrProtocol, *sequences: MrSequence) -> MrProtocol:
    """Return the examination with other sequences."""
    return replace(protocol, sequences=tuple(sequences))
