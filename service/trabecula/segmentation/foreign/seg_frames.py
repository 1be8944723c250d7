"""Where the frames of a DICOM SEG lie, and one segment carried onto the grid of an image volume (PS3.3 A.51, A.96)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy import ndimage

from trabecula.domain.errors import GeometryInvalid
from trabecula.domain.volume import FloatArray, Geometry
from trabecula.regions.distance import Mask, Window

LABELMAP = "LABELMAP"
_SAME_PLANE_MM = 0.01
_MAX_SLICES = 4000


@dataclass(frozen=True, eq=False, kw_only=True)
class SegFrames:
    """The decoded frames of one SEG: ``pixels[frame, row, column]``, the slice each lies on, and whose it is.

    ``segment_of`` is empty for a LABELMAP, whose pixel values are the segment numbers. ``full_value`` is the pixel
    value that stands for certainty (FRACTIONAL).
    """

    pixels: NDArray[np.unsignedinteger]
    slices: tuple[int, ...]
    segment_of: tuple[int, ...]
    geometry: Geometry
    full_value: float

    def segment(self, number: int) -> tuple[FloatArray, int] | None:
        """Return occupancy 0-1 ``[slice, row, column]`` of a segment and its first slice, None where it is empty."""
        frames = range(len(self.slices)) if not self.segment_of else self._frames_of(number)
        layers: dict[int, NDArray[np.float32]] = {}
        for frame in frames:
            pixels = self.pixels[frame]
            layer = (pixels == number) if not self.segment_of else pixels / np.float32(self.full_value)
            if layer.any():
                layers[self.slices[frame]] = np.maximum(layers.get(self.slices[frame], 0), layer.astype(np.float32))
        if not layers:
            return None
        first, last = min(layers), max(layers)
        occupancy = np.zeros((last - first + 1, *self.geometry.shape[1:]), dtype=np.float64)
        for place, layer in layers.items():
            occupancy[place - first] = layer
        return occupancy, first

    def _frames_of(self, number: int) -> list[int]:
        return [frame for frame, owner in enumerate(self.segment_of) if owner == number]


def read_frames(dataset: Dataset) -> SegFrames:
    """Decode a SEG. Raises GeometryInvalid where its frames have no place; pydicom's errors where bytes are broken."""
    count = int(dataset.get("NumberOfFrames") or 1)
    places = [_place(dataset, frame) for frame in range(count)]
    orientation, spacing = places[0][1], places[0][2]
    if any(np.abs(place[1] - orientation).max() > 1e-3 for place in places):
        raise GeometryInvalid("the frames of the SEG are not parallel")
    normal = np.cross(orientation[:3], orientation[3:])
    depths = np.array([place[0] @ normal for place in places])
    step = _slice_step(dataset, depths)
    slices = tuple(int(value) for value in np.rint((depths - depths.min()) / step))
    if max(slices) >= _MAX_SLICES:
        raise GeometryInvalid(f"the SEG spans {max(slices) + 1} slices")
    affine = np.eye(4)
    affine[:3, 0] = normal * step
    affine[:3, 1], affine[:3, 2] = orientation[3:] * spacing[0], orientation[:3] * spacing[1]
    affine[:3, 3] = places[int(np.argmin(depths))][0]
    pixels = np.asarray(dataset.pixel_array)
    pixels = pixels[np.newaxis] if pixels.ndim == 2 else pixels
    label_map = str(dataset.get("SegmentationType") or "") == LABELMAP
    owners = () if label_map else tuple(_owner(dataset, frame) for frame in range(count))
    fractional = str(dataset.get("SegmentationType") or "") == "FRACTIONAL"
    full = float(dataset.get("MaximumFractionalValue") or 255) if fractional else 1.0
    try:
        geometry = Geometry((max(slices) + 1, pixels.shape[1], pixels.shape[2]), affine)
    except ValueError as error:
        raise GeometryInvalid(str(error)) from error
    return SegFrames(pixels=pixels, slices=slices, segment_of=owners, geometry=geometry, full_value=full)


def carry_over(
    occupancy: FloatArray, first_slice: int, source: Geometry, target: Geometry
) -> tuple[Window, Mask] | None:
    """Return the part of the target's grid where the occupancy is at least one half, None where they do not meet."""
    inside = np.argwhere(occupancy >= 0.5)
    if inside.size == 0:
        return None
    low, high = inside.min(0) - 1.0, inside.max(0) + 1.0
    low[0], high[0] = low[0] + first_slice, high[0] + first_slice
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    reach = target.to_index(source.to_lps(corners))
    start = np.maximum(np.floor(reach.min(0)).astype(int), 0)
    stop = np.minimum(np.ceil(reach.max(0)).astype(int) + 1, target.shape)
    if (stop <= start).any():
        return None
    window = (slice(start[0], stop[0]), slice(start[1], stop[1]), slice(start[2], stop[2]))
    indices = np.moveaxis(np.mgrid[window], 0, -1).astype(np.float64)
    places = source.to_index(target.to_lps(indices)) - np.array([first_slice, 0, 0])
    values = ndimage.map_coordinates(
        occupancy, np.moveaxis(places, -1, 0), order=1, mode="grid-constant", cval=0.0, prefilter=False
    )
    return window, np.asarray(values >= 0.5 - 1e-6)


def _slice_step(dataset: Dataset, depths: FloatArray) -> float:
    gaps = np.diff(np.unique(np.round(depths, 3)))
    gaps = gaps[gaps > _SAME_PLANE_MM]
    measures = _group(dataset, 0, "PixelMeasuresSequence")
    if gaps.size:
        return float(gaps.min())
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        value = float((measures.get(keyword) if measures is not None else None) or 0)
        if value > 0:
            return value
    return 1.0


def _place(dataset: Dataset, frame: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    position = _group(dataset, frame, "PlanePositionSequence")
    orientation = _group(dataset, frame, "PlaneOrientationSequence")
    measures = _group(dataset, frame, "PixelMeasuresSequence")
    if position is None or orientation is None or measures is None:
        raise GeometryInvalid("a frame of the SEG has no position, orientation or pixel spacing")
    values = (position.ImagePositionPatient, orientation.ImageOrientationPatient, measures.PixelSpacing)
    first, second, third = (np.array([float(value) for value in row], dtype=np.float64) for row in values)
    if first.shape != (3,) or second.shape != (6,) or third.shape != (2,):
        raise GeometryInvalid("a frame of the SEG has an incomplete position")
    return first, second, third


def _owner(dataset: Dataset, frame: int) -> int:
    group = _group(dataset, frame, "SegmentIdentificationSequence")
    if group is None:
        raise GeometryInvalid("a frame of the SEG names no segment")
    return int(group.ReferencedSegmentNumber)


def _group(dataset: Dataset, frame: int, keyword: str) -> Dataset | None:
    """A functional group of a frame: its own, else the shared one."""
    for item in (
        dataset.PerFrameFunctionalGroupsSequence[frame],
        *(dataset.get("SharedFunctionalGroupsSequence") or ()),
    ):
        sequence = item.get(keyword)
        if sequence:
            return sequence[0]  # type: ignore[no-any-return]
    return None
