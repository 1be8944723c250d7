"""CT phantoms: trabecular bone reads what the truth says; same spec, same voxels; contrast and voltage act."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.volume import Plane
from trabecula.phantom.anatomy.tissue import PhantomTissue
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.defects import Defect
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import SMALL_CT, CtProtocol
from trabecula.phantom.study import CtStudySpec, PhantomSeries, PhantomStudy

TINY = CtProtocol(pixel_mm=1.2, matrix=(150, 120), thickness_mm=2.5, increment_mm=2.5)


@pytest.fixture(scope="module")
def small() -> PhantomStudy:
    return make_ct_study(CtStudySpec(sample_patient(1, 4, density_l1=105.0), SMALL_CT))


def trabecular(series: PhantomSeries, level: Level) -> NDArray[np.float32]:
    body = series.labels == level.label
    depth = ndimage.distance_transform_edt(body, sampling=series.volume.geometry.spacing_mm)
    assert series.tissue is not None
    return series.volume.array[(depth > 4.0) & (series.tissue == PhantomTissue.BODY_MARROW)]


@pytest.mark.parametrize("level", MEASURED_LEVELS)
def test_trabecular_attenuation_is_the_truth_within_3_hu(small: PhantomStudy, level: Level) -> None:
    series = small.series_of("CT")

    measured = float(trabecular(series, level).mean())

    assert measured == pytest.approx(small.truth.series[0].attenuation_hu[level.name], abs=3.0)


def test_sparse_bone_has_rougher_texture() -> None:
    dense, sparse = (
        trabecular(make_ct_study(CtStudySpec(sample_patient(3, 1, density_l1=density), TINY)).series_of("CT"), Level.L3)
        for density in (150.0, 45.0)
    )

    assert sparse.std() > dense.std() + 5.0


def test_the_same_spec_gives_the_same_study_and_another_case_other_uids() -> None:
    patient = sample_patient(5, 2)

    first, again = (make_ct_study(CtStudySpec(patient, TINY)) for _ in range(2))
    other = CtStudySpec(patient, TINY, case="second visit")

    assert np.array_equal(first.series[0].volume.array, again.series[0].volume.array)
    assert first.study_uid == again.study_uid
    assert first.truth == again.truth
    assert other.study_uid != first.study_uid


@pytest.mark.parametrize(
    ("defect", "factor", "contrast"),
    [(Defect.PORTAL, 1.16, True), (Defect.ARTERIAL, 1.11, True), (Defect.KVP_80, 1.2, False)],
    ids=str,
)
def test_contrast_and_tube_voltage_move_the_truth_and_the_image(defect: Defect, factor: float, contrast: bool) -> None:
    patient = sample_patient(6, 1, density_l1=120.0)
    native = patient.bone[Level.L3].attenuation_hu

    study = make_ct_study(CtStudySpec(patient, TINY, frozenset({defect})))
    series = study.series_of("CT")

    expected = native * factor
    assert study.truth.series[0].attenuation_hu["L3"] == pytest.approx(expected, abs=0.02)
    assert float(trabecular(series, Level.L3).mean()) == pytest.approx(expected, abs=4.0)
    assert ("ContrastBolusAgent" in series.header) == contrast


def test_tissues_read_what_they_should(small: PhantomStudy) -> None:
    series = small.series_of("CT")
    assert series.tissue is not None
    inside = {
        PhantomTissue.AIR: (-1001.0, 15.0),
        PhantomTissue.SUBCUTANEOUS_FAT: (-104.0, 6.0),
        PhantomTissue.MUSCLE: (54.0, 8.0),
    }

    for tissue, (expected, tolerance) in inside.items():
        core = ndimage.binary_erosion(series.tissue == tissue, iterations=2)
        assert float(np.median(series.volume.array[core])) == pytest.approx(expected, abs=tolerance)


def test_a_sharp_kernel_is_noisier_but_keeps_the_mean() -> None:
    patient = sample_patient(7, 1)
    soft, sharp = (
        make_ct_study(CtStudySpec(patient, TINY, defects)).series_of("CT")
        for defects in (frozenset[Defect](), frozenset({Defect.SHARP_KERNEL}))
    )

    values = trabecular(soft, Level.L2), trabecular(sharp, Level.L2)

    assert values[1].std() > 1.3 * values[0].std()
    assert values[1].mean() == pytest.approx(values[0].mean(), abs=4.0)
    assert soft.header["ConvolutionKernel"] != sharp.header["ConvolutionKernel"]


def test_metal_clips_and_streaks_while_far_bone_stays_near_the_truth() -> None:
    study = make_ct_study(CtStudySpec(sample_patient(8, 1), TINY, frozenset({Defect.METAL})))
    series = study.series_of("CT")

    assert series.volume.array.max() == 3071.0
    assert study.truth.level("L4").metal
    assert not study.truth.level("L1").metal
    expected = study.truth.series[0].attenuation_hu["L1"]
    assert float(trabecular(series, Level.L1).mean()) == pytest.approx(expected, abs=4.0)


def test_a_sagittal_reformat_and_a_scout_come_with_the_axial_series() -> None:
    protocol = CtProtocol(
        pixel_mm=1.2, matrix=(150, 120), thickness_mm=2.5, increment_mm=2.5, sagittal_reformat_mm=3.0, scout=True
    )

    study = make_ct_study(CtStudySpec(sample_patient(9, 1, density_l1=110.0), protocol))
    reformat = study.series_of("CT_SAGITTAL")

    assert [series.role for series in study.series] == ["SCOUT", "CT", "CT_SAGITTAL"]
    assert reformat.volume.geometry.plane is Plane.SAGITTAL
    expected = study.truth.series[0].attenuation_hu["L3"]
    assert float(trabecular(reformat, Level.L3).mean()) == pytest.approx(expected, abs=5.0)


def test_gantry_tilt_shears_the_stack() -> None:
    study = make_ct_study(CtStudySpec(sample_patient(10, 1), TINY, frozenset({Defect.GANTRY_TILT})))
    directions = study.series_of("CT").volume.geometry.directions
    normal = np.cross(directions[:, 2], directions[:, 1])

    tilt = np.degrees(np.arccos(abs(float(normal @ directions[:, 0]))))

    assert tilt == pytest.approx(18.0, abs=0.1)
