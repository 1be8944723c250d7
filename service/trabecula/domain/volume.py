"""Volumes, their geometry and label maps: arrays ``[slice, row, column]`` placed in LPS millimetres."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.modality import Modality
from trabecula.domain.uids import InstanceUid

FloatArray = NDArray[np.float64]


class Plane(StrEnum):
    """The anatomical plane of the acquired slices, by the dominant axis of their normal."""

    SAGITTAL = "SAGITTAL"
    CORONAL = "CORONAL"
    AXIAL = "AXIAL"


@dataclass(frozen=True)
class Geometry:
    """Where the voxels of an array ``[slice, row, column]`` lie in the patient (LPS, mm; DICOM PS3.3 C.7.6.2).

    ``affine`` is 4x4 and maps the homogeneous index ``(slice, row, column, 1)`` to ``(x, y, z, 1)`` in mm:
    x to the patient's left, y to posterior, z to superior. Index (0, 0, 0) is the centre of the first voxel.
    """

    shape: tuple[int, int, int]
    affine: FloatArray

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"a geometry needs three positive sizes, not {self.shape}")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise ValueError("the affine must be a finite, invertible 4x4 matrix")
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)

    @cached_property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along slice, row index and column index, in mm."""
        norms = np.linalg.norm(self.affine[:3, :3], axis=0)
        return (float(norms[0]), float(norms[1]), float(norms[2]))

    @cached_property
    def directions(self) -> FloatArray:
        """3x3; column k is the LPS unit vector in which index k (slice, row, column) grows."""
        return np.asarray(self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0), dtype=np.float64)

    @cached_property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in mm3."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @cached_property
    def plane(self) -> Plane:
        """The anatomical plane nearest to the acquired slices."""
        normal = np.abs(np.cross(self.directions[:, 1], self.directions[:, 2]))
        return (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[int(np.argmax(normal))]

    def to_lps(self, indices: FloatArray) -> FloatArray:
        """Map indices ``(..., 3)`` as (slice, row, column) to LPS points ``(..., 3)`` in mm."""
        return np.asarray(np.asarray(indices, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3])

    def to_index(self, points_mm: FloatArray) -> FloatArray:
        """Map LPS points ``(..., 3)`` in mm to fractional indices ``(..., 3)`` as (slice, row, column)."""
        inverse = np.linalg.inv(self.affine[:3, :3])
        return np.asarray((np.asarray(points_mm, dtype=np.float64) - self.affine[:3, 3]) @ inverse.T)


@dataclass(frozen=True, kw_only=True)
class Volume:
    """An image in the patient: intensities (HU for CT, arbitrary units for MR) on a regular grid.

    ``array`` is float32 ``[slice, row, column]``. ``source_uids`` names the SOP Instance of each slice (empty for a
    volume that did not come from DICOM); ``padding`` is True where the scanner wrote no measurement.
    ``source_frames`` is the frame number (from 1) of each slice within its SOP Instance, None in an instance without
    frames; empty where no slice comes from a multi-frame instance. Position alone does not tell a frame: one object
    may hold several kinds of image of the same slice.
    """

    array: NDArray[np.float32]
    geometry: Geometry
    modality: Modality
    source_uids: tuple[InstanceUid, ...] = ()
    padding: NDArray[np.bool_] | None = None
    source_frames: tuple[int | None, ...] = ()

    def __post_init__(self) -> None:
        if self.array.shape != self.geometry.shape:
            raise ValueError(f"array {self.array.shape} does not match geometry {self.geometry.shape}")
        if self.source_uids and len(self.source_uids) != self.geometry.shape[0]:
            raise ValueError("a volume has either no source UIDs or one for each slice")
        if self.source_frames and len(self.source_frames) != self.geometry.shape[0]:
            raise ValueError("a volume has either no source frames or one for each slice")

    def with_array(self, array: NDArray[np.float32]) -> Volume:
        """Return the same volume with other intensities."""
        return replace(self, array=array)


class Tissue(StrEnum):
    """What the segmenter's network tells apart; also what the digital phantoms are made of, at the least."""

    BACKGROUND = "background"
    BODY = "body"
    RIM = "rim"
    SACRUM = "sacrum"
    DISC = "disc"
    CANAL = "canal"
    POSTERIOR = "posterior"
    METAL = "metal"


TISSUE_LABELS: dict[Tissue, int] = {tissue: number for number, tissue in enumerate(Tissue)}
"""Integer of each tissue in a tissue map: background 0, body 1, rim 2 (cortex and endplates of the body), sacrum 3
(S1 and below), disc 4, canal 5 (thecal sac, cord and epidural fat), posterior elements 6, metal 7."""
