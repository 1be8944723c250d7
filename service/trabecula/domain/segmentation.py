"""What a segmenter finds in a volume: which voxels are which vertebral body, and the facts by which it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.spine import Level
from trabecula.domain.uids import NO_INSTANCE, InstanceUid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trabecula.domain.volume import Volume


@dataclass(frozen=True, kw_only=True)
class SegmentedBody:
    """One vertebral body of a segmentation.

    ``label`` is its integer in the label map; ``level`` is None where it cannot be known. ``quality`` is the calibrated
    estimate of its Dice against the truth (0 to 1). ``complete`` is False where the body touches the border of the
    image. ``metal_share`` is the part of it that the segmenter calls metal, ``main_share`` that of its largest piece
    (both 0 to 1). These are facts: whether the body may be measured is for the gates to say.
    """

    label: int
    level: Level | None
    quality: float
    complete: bool = True
    centroid_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    volume_mm3: float = 0.0
    metal_share: float = 0.0
    main_share: float = 1.0


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
    ``quality`` estimates the mean Dice of the study's bodies. ``numbering`` tells in words how the levels were named,
    e.g. "counted from the sacrum", ``numbering_reasons`` what is to be told about their names. ``against_header`` is
    True where the spine seems to stand upside down in the header's directions. ``outlined_by`` is the SOP Instance UID
    of the DICOM SEG in which a reader drew the bodies, "" where a program did.
    """

    labels: NDArray[np.uint8]
    bodies: tuple[SegmentedBody, ...]
    segmenter: SegmenterIdentity
    quality: float
    numbering: str
    tissues: NDArray[np.uint8] | None = None
    numbering_reasons: tuple[Reason, ...] = ()
    against_header: bool = False
    outlined_by: InstanceUid = NO_INSTANCE
    timings_s: Mapping[str, float] = field(default_factory=dict)

    def body(self, level: Level) -> SegmentedBody | None:
        """Return the body of a level, or None where it was not found."""
        return next((body for body in self.bodies if body.level is level), None)


@dataclass(frozen=True)
class SegmentationVerdict:
    """What is to be told of a segmentation: as a whole, and of each body by its label. Blocking reasons forbid a
    measurement; the others only warn."""

    reasons: tuple[Reason, ...]
    by_label: Mapping[int, tuple[Reason, ...]]

    @property
    def all_codes(self) -> frozenset[ReasonCode]:
        """Every code that is told, of the whole or of a body."""
        of_bodies = (reason for reasons in self.by_label.values() for reason in reasons)
        return frozenset(reason.code for reason in (*self.reasons, *of_bodies))

    def is_blocked(self, label: int) -> bool:
        """Whether a body must not be measured."""
        return any(reason.blocking for reason in self.by_label.get(label, ()))


class Segmenter(Protocol):
    """Port: names and outlines the vertebral bodies of a volume."""

    @property
    def identity(self) -> SegmenterIdentity:
        """Which program and weights answer."""
        ...

    def segment(self, volume: Volume) -> Segmentation:
        """Return the bodies found; an image without a spine gives none, never an error.

        Raises SegmenterFailed when the program itself breaks.
        """
        ...
