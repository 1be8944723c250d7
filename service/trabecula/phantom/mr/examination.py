"""Makes MR examinations of digital phantoms: sagittal T1 and T2, and whatever else the protocol lists."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.identity import derived_uid
from trabecula.domain.modality import Modality
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.domain.uids import SeriesUid, StudyUid
from trabecula.domain.volume import FloatArray, Geometry, Plane, Volume
from trabecula.phantom.anatomy import AnatomyMap, PhantomTissue, Spine, render_anatomy
from trabecula.phantom.ct.attenuation import IS_MARROW
from trabecula.phantom.defects import Defect, mr_protocol
from trabecula.phantom.mr.headers import STUDY_DESCRIPTION, localizer_header, sequence_header
from trabecula.phantom.mr.image import mottled, rician, sensitivity, truncated, with_metal
from trabecula.phantom.mr.signal import Timing, marrow_signal, signal_of, signal_table, timing, tissue_signal
from trabecula.phantom.patient import PhantomPatient, generator
from trabecula.phantom.person import spine_of
from trabecula.phantom.placement import lumbar_centre, stack, subslices
from trabecula.phantom.protocols import MrProtocol, MrSequence, Weighting
from trabecula.phantom.study import MrStudySpec, PhantomSeries, PhantomStudy
from trabecula.phantom.tables import number
from trabecula.phantom.truth import SeriesTruth, study_truth

_SUBSLICES = 3
_WHITE = 1400.0
"""Stored value of marrow fat on T1: leaves room for bright fluid within 12 bits."""


@dataclass(frozen=True, eq=False)
class _Scene:
    """What lies in one stack, once for all sequences that share it: the anatomy at several depths of each slice."""

    geometry: Geometry
    depths: tuple[AnatomyMap, ...]

    @property
    def middle(self) -> AnatomyMap:
        return self.depths[len(self.depths) // 2]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Examination:
    patient: PhantomPatient
    spine: Spine
    protocol: MrProtocol
    study_uid: StudyUid
    defects: frozenset[Defect]
    rng: np.random.Generator


def make_mr_study(spec: MrStudySpec) -> PhantomStudy:
    """Make the examination; the same spec gives the same voxels and identifiers."""
    patient, protocol = spec.patient, mr_protocol(spec.defects, spec.protocol)
    spine = spine_of(patient, spec.defects)
    rng = generator(patient.seed, patient.number, 6)
    examination = _Examination(
        patient=patient, spine=spine, protocol=protocol, study_uid=spec.study_uid, defects=spec.defects, rng=rng
    )
    scenes: dict[Plane, _Scene] = {}
    series: list[PhantomSeries] = [_localizer(examination)] if protocol.localizer else []
    truths: list[SeriesTruth] = []
    for index, sequence in enumerate(protocol.sequences, start=2):
        if sequence.plane not in scenes:
            scenes[sequence.plane] = _scene(spine, mr_geometry(spine, protocol, sequence.plane), protocol.thickness_mm)
        made = _series(examination, scenes[sequence.plane], sequence, index)
        series.append(made)
        truths.append(_truth(patient, made, timing(protocol, sequence)))
    return PhantomStudy(
        study_uid=spec.study_uid,
        frame_of_reference_uid=derived_uid("frame", spec.study_uid),
        patient=patient,
        description=STUDY_DESCRIPTION,
        series=tuple(series),
        truth=study_truth(spec.study_uid, patient, spine, tuple(truths), tuple(sorted(spec.defects))),
    )


def mr_geometry(spine: Spine, protocol: MrProtocol, plane: Plane) -> Geometry:
    """Return the stack of a plane: sagittal over T12 to S1, axial through L3 to S1 with half the matrix."""
    behind = np.array([0.0, protocol.centre_behind_mm, 0.0])
    centre = lumbar_centre(spine) + behind + np.array(protocol.centre_shift_mm)
    step = protocol.thickness_mm + protocol.gap_mm
    if plane is Plane.SAGITTAL:
        shape = (protocol.slices, *protocol.matrix)
        return stack(plane, centre, shape, (step, protocol.pixel_mm, protocol.pixel_mm))
    size = min(protocol.matrix) // 2
    pixel = 190.0 / size
    below = np.array([0.0, 0.0, -40.0 if plane is Plane.AXIAL else 0.0])
    return stack(plane, centre + below, (protocol.slices + 4, size, size), (step, pixel, pixel))


def _scene(spine: Spine, geometry: Geometry, thickness_mm: float) -> _Scene:
    return _Scene(
        geometry, tuple(render_anatomy(spine, grid) for grid in subslices(geometry, thickness_mm, _SUBSLICES))
    )


def coil_centre(spine: Spine) -> FloatArray:
    """Return where the coil's shading is 1: the middle of the lumbar bodies."""
    return lumbar_centre(spine)


def _series(examination: _Examination, scene: _Scene, sequence: MrSequence, number_: int) -> PhantomSeries:
    protocol = examination.protocol
    image = _image(examination, scene, sequence)
    labels, tissue = scene.middle.body_labels(), scene.middle.tissue
    if Defect.UPSIDE_DOWN in examination.defects:
        image, labels, tissue = image[:, ::-1], labels[:, ::-1], tissue[:, ::-1]
    count = scene.geometry.shape[0]
    dropped = frozenset({count // 2, count // 2 - 2}) if Defect.MISSING_SLICES in examination.defects else frozenset()
    role = sequence.weighting.value
    return PhantomSeries(
        role=role if sequence.plane is Plane.SAGITTAL else f"{role}_{sequence.plane.value}",
        number=number_,
        uid=derived_uid("series", examination.study_uid, str(number_)),
        volume=Volume(array=np.ascontiguousarray(image), geometry=scene.geometry, modality=Modality.MR),
        header=sequence_header(protocol, sequence),
        labels=labels,
        tissue=tissue,
        omitted=frozenset(dropped),
    )


def _image(examination: _Examination, scene: _Scene, sequence: MrSequence) -> NDArray[np.float32]:
    """Signal, partial volume, shading, finite k-space, metal, noise; stored values as a scanner scales them."""
    protocol, rng = examination.protocol, examination.rng
    time = timing(protocol, sequence)
    table = signal_table(examination.patient, examination.spine, time)
    signals = np.stack([signal_of(depth, table) for depth in scene.depths])
    image = np.asarray(signals.mean(axis=0), dtype=np.float32)
    tissue = scene.middle.tissue
    soft = ~IS_MARROW[tissue] & (tissue != PhantomTissue.CSF)
    image = mottled(image, soft, 0.05, rng)
    strength = number("mr", "coil_bias") if protocol.coil_bias is None else protocol.coil_bias
    image = image * sensitivity(scene.geometry, coil_centre(examination.spine), strength)
    image = truncated(image)
    metal = np.isin(tissue, (PhantomTissue.METAL_ROD, PhantomTissue.METAL_SCREW))
    image = with_metal(image, metal, scene.geometry.spacing_mm)
    usual = timing(protocol, MrSequence(weighting=Weighting.T1))
    fat = examination.patient.bone[MEASURED_LEVELS[2]].fat_fraction
    sigma = float(marrow_signal(fat, usual)) / (_snr(protocol.tesla) * protocol.snr_factor)
    white = float(marrow_signal(1.0, replace(time, inversion_ms=0.0, fat_saturated=False)))
    return np.asarray(np.rint(rician(image, sigma, rng) * (_WHITE / white)), dtype=np.float32)


def _snr(tesla: float) -> float:
    return number("mr", "snr_high" if tesla > 2 else "snr_mid" if tesla > 1 else "snr_low")


def _truth(patient: PhantomPatient, series: PhantomSeries, time: Timing) -> SeriesTruth:
    fluid = tissue_signal(PhantomTissue.CSF, time)
    ratio = {level.name: float(marrow_signal(bone.fat_fraction, time)) / fluid for level, bone in patient.bone.items()}
    vbq = float(np.median([ratio[level.name] for level in MEASURED_LEVELS]))
    rounded = {name: round(value, 4) for name, value in ratio.items()}
    return SeriesTruth(role=series.role, series_uid=SeriesUid(series.uid), marrow_to_csf=rounded, vbq=round(vbq, 4))


def _localizer(examination: _Examination) -> PhantomSeries:
    """Three planes of three slices in one series."""
    protocol, spine = examination.protocol, examination.spine
    shown = replace(protocol, thickness_mm=8.0, gap_mm=12.0)
    centre = lumbar_centre(spine) + np.array([0.0, protocol.centre_behind_mm, 0.0])
    stacks = []
    for plane in (Plane.CORONAL, Plane.SAGITTAL, Plane.AXIAL):
        grid = stack(plane, centre, (3, 128, 128), (20.0, 2.2, 2.2))
        scene = _Scene(grid, (render_anatomy(spine, grid),))
        image = _image(replace(examination, protocol=shown), scene, MrSequence(weighting=Weighting.T1))
        stacks.append(Volume(array=image, geometry=grid, modality=Modality.MR))
    return PhantomSeries(
        role="LOCALIZER",
        number=1,
        uid=derived_uid("series", examination.study_uid, "1"),
        volume=stacks[0],
        header=localizer_header(protocol),
        more=tuple(stacks[1:]),
    )
