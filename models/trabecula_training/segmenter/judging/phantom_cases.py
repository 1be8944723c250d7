"""Unseen phantoms as whole volumes with truth: for evaluation, calibration and the robustness table.

Spines come from the anatomy, contrast and faults from the generator's scanner; the seeds lie apart from training.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.modality import Modality
from trabecula.domain.volume import Geometry, Volume
from trabecula.phantom.anatomy import AnatomyMap, PhantomTissue, Spine, SpineOptions, render_anatomy, sample_spine
from trabecula_training.segmenter.drawing.classes import codes_of
from trabecula_training.segmenter.drawing.contrast import Look
from trabecula_training.segmenter.drawing.scanner import DrawnAcquisition, scan_volume

_SEED = 77_000_000
_THIN_MM, _THICK_MM = 2.0, 3.5
BODY_ONLY = (PhantomTissue.BODY_CORTEX, PhantomTissue.SACRUM_CORTEX)
"""The rim: body on CT, not on MR."""


@dataclass(frozen=True, kw_only=True)
class CaseOptions:
    """How a phantom is acquired. Slices lie ``spacing_mm`` apart and cover a ``fill`` of it; ``field_mm`` is (height,
    depth, width) of what is in view, ``shift_mm`` moves it toward the head, ``side_mm`` to the left; ``turn_deg`` turns
    the patient about the three axes; ``flips`` are axes whose direction is reversed in array and header alike;
    ``noise`` scales the noise."""

    look: Look = Look.T2
    plane: str = "sagittal"
    pixel_mm: float = 0.9
    spacing_mm: float = 4.4
    fill: float = 0.9
    field_mm: tuple[float, float, float] = (270.0, 220.0, 66.0)
    shift_mm: float = 0.0
    side_mm: float = 0.0
    turn_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    flips: tuple[int, ...] = ()
    wrong_header: tuple[int, ...] = ()
    noise: float = 1.0
    spine: SpineOptions = field(default_factory=lambda: SpineOptions(lumbar_count=5))
    age_years: float | None = None

    @property
    def planes(self) -> int:
        """How many thin planes make a slice: one up to 2 mm, five from 3.5 mm on."""
        thickness = self.fill * self.spacing_mm
        return 1 if thickness <= _THIN_MM else 3 if thickness < _THICK_MM else 5


@dataclass(frozen=True, eq=False)
class PhantomCase:
    """A phantom volume and the label map of its bodies (outlined as the border convention of its modality says)."""

    volume: Volume
    truth: NDArray[np.uint8]


_PLANES = {"sagittal": (0, 1, 2), "axial": (1, 2, 0), "coronal": (2, 1, 0)}
"""Which of (left, down, back) the array's axes slice, row, column run along."""


def upper_edge_mm(options: CaseOptions) -> float:
    """How high the image reaches above the generator's origin, mm, where the patient is not turned."""
    return options.field_mm[0] / 2 - 8 + options.shift_mm


def _geometry(options: CaseOptions) -> Geometry:
    directions = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    height, depth, width = options.field_mm
    extent = (width, height, depth)
    start = (
        np.array([options.side_mm - width / 2, 0, 0]) + np.array([0, 0, upper_edge_mm(options)]) + [0, -depth * 0.48, 0]
    )
    affine = np.eye(4)
    shape = []
    for k, axis in enumerate(_PLANES[options.plane]):
        step = options.spacing_mm if k == 0 else options.pixel_mm
        shape.append(max(1, int(extent[axis] / step)))
        affine[:3, k] = directions[axis] * step
    turn = np.eye(3)
    for axis, angle in enumerate(np.radians(options.turn_deg)):
        c, s = np.cos(angle), np.sin(angle)
        part = np.eye(3)
        i, j = [n for n in range(3) if n != axis]
        part[i, i], part[i, j], part[j, i], part[j, j] = c, -s, s, c
        turn = part @ turn
    affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = turn @ start
    return Geometry((shape[0], shape[1], shape[2]), affine)


def _planes_of(geometry: Geometry, options: CaseOptions) -> list[Geometry]:
    """The geometry of the first, second, ... thin plane of every slice."""
    found = []
    for k in range(options.planes):
        affine = geometry.affine.copy()
        affine[:3, 3] += affine[:3, 0] * options.fill * (k - options.planes // 2) / options.planes
        found.append(Geometry(geometry.shape, affine))
    return found


def _interleave(parts: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.stack(parts, axis=1).reshape(-1, *parts[0].shape[1:])


def case_spine(number: int, options: CaseOptions) -> Spine:
    """The spine of phantom ``number``, wherever it is imaged."""
    return _draw_spine(np.random.default_rng([_SEED, number]), options)


def _draw_spine(rng: np.random.Generator, options: CaseOptions) -> Spine:
    return sample_spine(rng, age_years=options.age_years, options=options.spine)


def draw_case(number: int, options: CaseOptions) -> PhantomCase:
    """Draw phantom ``number``; the same number and options give the same volume."""
    rng = np.random.default_rng([_SEED, number])
    spine = _draw_spine(rng, options)
    geometry = _geometry(options)
    modality = Modality.CT if options.look is Look.CT else Modality.MR
    parts = [render_anatomy(spine, part) for part in _planes_of(geometry, options)]
    level = _interleave([part.level for part in parts])
    codes = codes_of(_interleave([part.tissue for part in parts]), level)
    how = DrawnAcquisition(options.planes, options.pixel_mm, options.noise)
    array, marrow = scan_volume(rng, codes, level, options.look, how)
    truth = marrow.of(truth_of(parts[len(parts) // 2], modality))
    affine = geometry.affine.copy()
    for axis in options.flips:
        array, truth = np.flip(array, axis), np.flip(truth, axis)
        affine[:3, 3] += affine[:3, axis] * (geometry.shape[axis] - 1)
        affine[:3, axis] *= -1
    for axis in options.wrong_header:
        array, truth = np.flip(array, axis), np.flip(truth, axis)
    volume = Volume(array=np.ascontiguousarray(array), geometry=Geometry(geometry.shape, affine), modality=modality)
    return PhantomCase(volume, np.ascontiguousarray(truth))


def truth_of(anatomy: AnatomyMap, modality: Modality) -> NDArray[np.uint8]:
    """Labels of bodies T8-L6 by the border convention: with the cortex on CT, marrow (its water) alone on MR."""
    labels = anatomy.body_labels()
    labels[labels == 26] = 0
    if modality is Modality.MR:
        labels[np.isin(anatomy.tissue, BODY_ONLY)] = 0
    return labels
