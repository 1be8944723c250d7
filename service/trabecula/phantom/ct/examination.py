"""Makes CT examinations of digital phantoms: an axial series, and a scout and sagittal reformat where asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.identity import derived_uid
from trabecula.domain.modality import Modality
from trabecula.domain.uids import SeriesUid, StudyUid
from trabecula.domain.volume import Geometry, Plane, Volume
from trabecula.phantom.anatomy import Spine, render_anatomy
from trabecula.phantom.anatomy.tissue import PhantomTissue
from trabecula.phantom.ct.attenuation import (
    AttenuationTable,
    attenuation_at,
    attenuation_of,
    attenuation_table,
    marrow_in_image,
)
from trabecula.phantom.ct.headers import axial_header, reformat_header, scout_header, study_description
from trabecula.phantom.ct.image import mottle, reconstruct
from trabecula.phantom.defects import Defect, ct_protocol
from trabecula.phantom.partial_volume import soften_edges
from trabecula.phantom.patient import generator
from trabecula.phantom.person import spine_of
from trabecula.phantom.placement import lumbar_centre, lumbar_range, part, stack, subslices
from trabecula.phantom.protocols import CtProtocol
from trabecula.phantom.study import CtStudySpec, PhantomSeries, PhantomStudy
from trabecula.phantom.truth import SeriesTruth, study_truth

_SLAB = 24
"""Slices rendered at a time, so that a full-size CT needs little more memory than its own array."""


@dataclass(frozen=True, eq=False)
class _Scan:
    array: NDArray[np.float32]
    labels: NDArray[np.uint8]
    tissue: NDArray[np.uint8]
    geometry: Geometry


def make_ct_study(spec: CtStudySpec) -> PhantomStudy:
    """Make the examination; the same spec gives the same voxels and identifiers."""
    patient, protocol = spec.patient, ct_protocol(spec.defects, spec.protocol)
    spine = spine_of(patient, spec.defects)
    study_uid = spec.study_uid
    rng = generator(patient.seed, patient.number, 5)
    scan = _scan(spine, attenuation_table(patient, spine, protocol, patient.seed), protocol, rng)
    if Defect.UPSIDE_DOWN in spec.defects:
        scan = _Scan(scan.array[::-1], scan.labels[::-1], scan.tissue[::-1], scan.geometry)
    series = [_axial(scan, study_uid, protocol, spec.defects)]
    if protocol.sagittal_reformat_mm > 0:
        series.append(_reformat(scan, study_uid, protocol))
    if protocol.scout:
        series.insert(0, _scout(spine, study_uid, protocol))
    reading = {level.name: round(marrow_in_image(bone, protocol), 2) for level, bone in patient.bone.items()}
    truths = tuple(
        SeriesTruth(role=item.role, series_uid=SeriesUid(item.uid), attenuation_hu=reading)
        for item in series
        if item.labels is not None
    )
    return PhantomStudy(
        study_uid=study_uid,
        frame_of_reference_uid=derived_uid("frame", study_uid),
        patient=patient,
        description=study_description(protocol),
        series=tuple(series),
        truth=study_truth(study_uid, patient, spine, truths, tuple(sorted(spec.defects))),
    )


def ct_geometry(spine: Spine, protocol: CtProtocol) -> Geometry:
    """Return the axial stack: the lumbar spine in the front half of the field of view, the skin of the back behind."""
    top, bottom = lumbar_range(spine)
    slices = protocol.slices or int(np.ceil((top - bottom) / protocol.increment_mm))
    behind = np.array([0.0, protocol.centre_behind_mm, 0.0])
    centre = lumbar_centre(spine) + behind + np.array(protocol.centre_shift_mm)
    spacing = (protocol.increment_mm, protocol.pixel_mm, protocol.pixel_mm)
    return stack(Plane.AXIAL, centre, (slices, *protocol.matrix), spacing, protocol.tilt_deg)


def _scan(spine: Spine, table: AttenuationTable, protocol: CtProtocol, rng: np.random.Generator) -> _Scan:
    geometry = ct_geometry(spine, protocol)
    array = np.empty(geometry.shape, dtype=np.float32)
    labels = np.empty(geometry.shape, dtype=np.uint8)
    tissue = np.empty(geometry.shape, dtype=np.uint8)
    count = 2 * int(protocol.thickness_mm / 2 / 1.3) + 1
    thickness = protocol.thickness_mm / protocol.increment_mm
    for first in range(0, geometry.shape[0], _SLAB):
        last = min(first + _SLAB, geometry.shape[0])
        grids = subslices(part(geometry, first, last), protocol.thickness_mm, count)
        hu = np.zeros(grids[0].shape, dtype=np.float32)
        for index, grid in enumerate(grids):
            anatomy = render_anatomy(spine, grid)
            image = attenuation_of(anatomy, table)
            soften_edges(spine, anatomy, image, partial(attenuation_at, table), (thickness / count, 1.0, 1.0))
            hu += image / np.float32(count)
            if index == count // 2:
                labels[first:last], tissue[first:last] = anatomy.body_labels(), anatomy.tissue
        hu += mottle(tissue[first:last], protocol, rng)
        array[first:last] = reconstruct(hu, protocol, rng)
    return _Scan(array, labels, tissue, geometry)


def _axial(scan: _Scan, study_uid: StudyUid, protocol: CtProtocol, defects: frozenset[Defect]) -> PhantomSeries:
    count = scan.geometry.shape[0]
    middle = count // 2
    gap = frozenset(range(middle - count // 16 - 1, middle + count // 16 + 1)) if count > 8 else frozenset({middle})
    return PhantomSeries(
        role="CT",
        number=2,
        uid=derived_uid("series", study_uid, "2"),
        volume=Volume(array=scan.array, geometry=scan.geometry, modality=Modality.CT),
        header=axial_header(protocol),
        labels=scan.labels,
        tissue=scan.tissue,
        omitted=gap if Defect.MISSING_SLICES in defects else frozenset(),
    )


def _reformat(scan: _Scan, study_uid: StudyUid, protocol: CtProtocol) -> PhantomSeries:
    """A sagittal reformat, averaged over its thickness; truth masks at the middle of each slice."""
    thick = protocol.sagittal_reformat_mm
    depth, rows, columns = scan.geometry.shape
    fine = min(protocol.pixel_mm, 0.9)
    count = max(int(columns * protocol.pixel_mm / thick) - 2, 1)
    extent = (int(depth * protocol.increment_mm / fine), int(rows * protocol.pixel_mm / fine))
    centre = scan.geometry.to_lps((np.array(scan.geometry.shape) - 1) / 2)
    grid = stack(Plane.SAGITTAL, centre, (count, *extent), (thick, fine, fine))
    steps = subslices(grid, thick, max(1, 2 * int(thick / 2 / protocol.pixel_mm) + 1))
    image = np.mean([_sample(scan.array, scan.geometry, step, True, -1024.0) for step in steps], axis=0)
    labels = _sample(scan.labels, scan.geometry, grid, False, 0.0).astype(np.uint8)
    return PhantomSeries(
        role="CT_SAGITTAL",
        number=3,
        uid=derived_uid("series", study_uid, "3"),
        volume=Volume(array=np.rint(image).astype(np.float32), geometry=grid, modality=Modality.CT),
        header=reformat_header(protocol),
        labels=labels,
        tissue=_sample(scan.tissue, scan.geometry, grid, False, 0.0).astype(np.uint8),
    )


def _sample(
    array: NDArray[np.float32] | NDArray[np.uint8], source: Geometry, grid: Geometry, linear: bool, outside: float
) -> NDArray[np.float32]:
    """Read an array at the voxels of another grid: linearly, or the nearest voxel."""
    turn = np.linalg.inv(source.affine) @ grid.affine
    values = np.empty(grid.shape, dtype=np.float32)
    ndimage.affine_transform(
        array.astype(np.float32, copy=False),
        turn[:3, :3],
        turn[:3, 3],
        output=values,
        order=1 if linear else 0,
        mode="constant",
        cval=outside,
    )
    return values


_SCOUT_BONE = (
    PhantomTissue.BODY_MARROW,
    PhantomTissue.BODY_CORTEX,
    PhantomTissue.POSTERIOR_CORTEX,
    PhantomTissue.POSTERIOR_MARROW,
    PhantomTissue.SACRUM_MARROW,
    PhantomTissue.SACRUM_CORTEX,
    PhantomTissue.ILIUM_MARROW,
    PhantomTissue.ILIUM_CORTEX,
)


def _scout(spine: Spine, study_uid: StudyUid, protocol: CtProtocol) -> PhantomSeries:
    """A frontal scout: the anatomy at 4 mm, summed from front to back."""
    grid = stack(Plane.CORONAL, lumbar_centre(spine), (40, 128, 96), (5.0, 3.0, 3.0))
    anatomy = render_anatomy(spine, grid)
    dense = np.isin(anatomy.tissue, _SCOUT_BONE).astype(np.float32)
    projection = anatomy.tissue.astype(bool).sum(axis=0) * 12.0 + dense.sum(axis=0) * 45.0 - 600.0
    flat = stack(Plane.CORONAL, lumbar_centre(spine), (1, 128, 96), (5.0, 3.0, 3.0))
    return PhantomSeries(
        role="SCOUT",
        number=1,
        uid=derived_uid("series", study_uid, "1"),
        volume=Volume(array=projection[None].astype(np.float32), geometry=flat, modality=Modality.CT),
        header=scout_header(protocol),
    )
