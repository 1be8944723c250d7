"""The bodies of one segmented series: each cut out of the volume, with its own axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.segmentation import Segmentation, SegmentedBody
from trabecula.domain.spine import Level
from trabecula.domain.volume import FloatArray, Geometry, Plane, Volume
from trabecula.regions import BodyFrame, Mask, crop_geometry, fit_frame

NOT_FINITE = "values that are not finite numbers"
"""What is said of a body whose voxels hold NaN or infinity."""

_MARGIN_MM = 4.0
TOUCHING_VOXELS = 3
"""Voxels of one outer face of the volume that a body must fill to count as cut off there."""

Window = tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False, kw_only=True)
class Body:
    """One vertebral body: ``mask`` on ``geometry`` is the part ``window`` of the volume's grid."""

    segmented: SegmentedBody
    level: Level
    window: Window
    mask: Mask
    geometry: Geometry
    volume: Volume
    toward_sacrum_mm: FloatArray | None

    @cached_property
    def frame(self) -> BodyFrame:
        """The body's own axes."""
        return fit_frame(self.mask, self.geometry, self.toward_sacrum_mm)

    @cached_property
    def values(self) -> NDArray[np.float32]:
        """The intensities of the window."""
        return self.volume.array[self.window]

    @cached_property
    def measured(self) -> Mask:
        """True where the scanner measured something (no padding)."""
        if self.volume.padding is None:
            return np.ones(self.mask.shape, dtype=np.bool_)
        return np.asarray(~self.volume.padding[self.window])

    @cached_property
    def volume_cm3(self) -> float:
        """Volume of the body by its voxels."""
        return float(self.mask.sum()) * self.geometry.voxel_volume_mm3 / 1000.0

    def wider_window(self, margin_mm: float) -> Window:
        """The window grown by ``margin_mm`` on every side, within the volume."""
        parts = []
        for part, size, spacing in zip(self.window, self.volume.geometry.shape, self.geometry.spacing_mm, strict=True):
            more = int(np.ceil(margin_mm / spacing))
            parts.append(slice(max(0, part.start - more), min(size, part.stop + more)))
        return parts[0], parts[1], parts[2]

    @cached_property
    def cut_in_plane(self) -> bool:
        """True where the body reaches the edge of the slices: a part of it was not imaged."""
        return self._touches(1) or self._touches(2)

    @cached_property
    def cut_across(self) -> bool:
        """True where the body reaches the first or last slice."""
        return self._touches(0)

    def _touches(self, axis: int) -> bool:
        part, size = self.window[axis], self.volume.geometry.shape[axis]
        faces = [np.take(self.mask, 0, axis=axis)] if part.start == 0 else []
        faces += [np.take(self.mask, -1, axis=axis)] if part.stop == size else []
        return any(int(face.sum()) >= TOUCHING_VOXELS for face in faces)

    @property
    def whole_sideways(self) -> bool:
        """False in a sagittal series that ends within the body: its volume and width are then not known."""
        return not (self.geometry.plane is Plane.SAGITTAL and self.cut_across)


def cut_bodies(volume: Volume, segmentation: Segmentation) -> tuple[Body, ...]:
    """Return the bodies of known level from head to foot."""
    boxes = ndimage.find_objects(segmentation.labels)
    found: list[tuple[SegmentedBody, Level, Window]] = []
    for segmented in segmentation.bodies:
        box = boxes[segmented.label - 1] if segmented.label <= len(boxes) else None
        if segmented.level is not None and box is not None:
            found.append((segmented, segmented.level, _grown(box, volume.geometry)))
    found.sort(key=lambda item: item[1].value)
    centres = [_centre(volume, segmentation, segmented.label, window) for segmented, _, window in found]
    bodies = []
    for place, (segmented, level, window) in enumerate(found):
        mask = np.asarray(segmentation.labels[window] == segmented.label)
        geometry = crop_geometry(volume.geometry, window)
        bodies.append(
            Body(
                segmented=segmented,
                level=level,
                window=window,
                mask=mask,
                geometry=geometry,
                volume=volume,
                toward_sacrum_mm=_direction(centres, place),
            )
        )
    return tuple(bodies)


def _grown(box: tuple[slice, ...], geometry: Geometry) -> Window:
    parts = []
    for part, size, spacing in zip(box, geometry.shape, geometry.spacing_mm, strict=True):
        more = max(2, int(np.ceil(_MARGIN_MM / spacing)))
        parts.append(slice(max(0, part.start - more), min(size, part.stop + more)))
    return parts[0], parts[1], parts[2]


def _centre(volume: Volume, segmentation: Segmentation, label: int, window: Window) -> FloatArray:
    indices = np.argwhere(segmentation.labels[window] == label).mean(axis=0)
    return volume.geometry.to_lps(indices + [part.start for part in window])


def _direction(centres: list[FloatArray], place: int) -> FloatArray | None:
    if len(centres) < 2:
        return None
    first, last = max(0, place - 1), min(len(centres) - 1, place + 1)
    return np.asarray((centres[last] - centres[first]) / (last - first))
