"""What a segmenter says about a volume: which voxels are which vertebral body, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from trabecula.domain.results.reasons import Reason
from trabecula.domain.spine import Level

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trabecula.domain.volume import Volume


@dataclass(frozen=True, kw_only=True)
class SegmentedBody:
    """One vertebral body of a segmentation.

    ``label`` is its integer in the label map; ``level`` is None where it cannot be known. ``quality`` is the calibrated
    estimate of its Dice against the truth (0 to 1). ``complete`` is False where the body touches the border of the
    image. ``reasons`` with ``blocking`` say why it must not be measured; the others only warn.
    """

    label: int
    level: Level | None
    quality: float
    complete: bool = True
    centroid_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    volume_mm3: float = 0.0
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class SegmenterIdentity:
    """Which program and which weights made a segmentation, and in words what they were trained on ("" if unsaid)."""

    name: str
    version: str
    weights_sha256: str = ""
    trained_on: str = ""


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """Vertebral bodies of one volume, on that volume's grid: on CT with their cortex, on MR the visible
    marrow (the dark rim is a tissue of its own), as expert masks of either draw them.

    ``labels`` is uint8 ``[slice, row, column]``: 0 background, else a label of domain.spine. ``tissues`` is uint8 on
    the same grid with the integers of ``TISSUE_LABELS``, or None where the segmenter gives none (an external program).
    ``quality`` estimates the mean Dice of the study's bodies. ``reasons`` concern the study as a whole.
    ``numbering`` says in words how the levels were named, e.g. "counted from the sacrum".
    """

    labels: NDArray[np.uint8]
    bodies: tuple[SegmentedBody, ...]
    segmenter: SegmenterIdentity
    quality: float
    numbering: str
    tissues: NDArray[np.uint8] | None = None
    reasons: tuple[Reason, ...] = ()
    timings_s: Mapping[str, float] = field(default_factory=dict)

    def body(self, level: Level) -> SegmentedBody | None:
        """Return the body of a level, or None where it was not found."""
        return next((body for body in self.bodies if body.level is level), None)


class Segmenter(Protocol):
    """Port: names and outlines the vertebral bodies of a volume."""

    @property
    def identity(self) -> SegmenterIdentity:
        """Which program and weights answer."""
        ...

    def segment(self, volume: Volume) -> Segmentation:
        """Return the bodies found; an image without a spine gives none and a reason, never an error.

        Raises SegmenterFailed when the program itself breaks.
        """
        ...
