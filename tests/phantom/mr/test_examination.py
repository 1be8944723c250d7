"""MR phantoms: signal ratios follow the spin-echo equation; sequences, coil and defects act as they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.phantom.anatomy import render_anatomy
from trabecula.phantom.anatomy.tissue import PhantomTissue
from trabecula.phantom.defects import Defect
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.person import spine_of
from trabecula.phantom.placement import subslices
from trabecula.phantom.protocols import SMALL_MR, MrProtocol, MrSequence, Weighting, with_sequences
from trabecula.phantom.study import MrStudySpec, PhantomSeries, PhantomStudy

EVEN = replace(SMALL_MR, coil_bias=0.0)
TINY = MrProtocol(pixel_mm=1.3, matrix=(190, 150), slices=7)


def core(series: PhantomSeries, *tissues: PhantomTissue, erosion: int = 2) -> NDArray[np.bool_]:
    assert series.tissue is not None
    mask = np.isin(series.tissue, tissues)
    return np.stack([ndimage.binary_erosion(plane, iterations=erosion) for plane in mask])


def through(study: PhantomStudy, series: PhantomSeries, tissue: PhantomTissue) -> NDArray[np.bool_]:
    """Voxels that hold one tissue through the whole thickness of the slice, a little away from its border."""
    spine = spine_of(study.patient)
    grids = subslices(series.volume.geometry, SMALL_MR.thickness_mm, 5)
    pure = np.logical_and.reduce([render_anatomy(spine, grid).tissue == tissue for grid in grids])
    return np.stack([ndimage.binary_erosion(plane, iterations=2) for plane in pure])


def vbq(study: PhantomStudy, role: str = "T1") -> float:
    series = study.series_of(role)
    fluid = series.volume.array[through(study, series, PhantomTissue.CSF)]
    marrow = core(series, PhantomTissue.BODY_MARROW)
    levels = [np.median(series.volume.array[marrow & (series.labels == level.label)]) for level in MEASURED_LEVELS]
    return float(np.median(levels) / np.median(fluid))


@pytest.mark.parametrize("scanner", ["siemens15", "siemens30"])
@pytest.mark.parametrize("density", [60.0, 160.0])
def test_vbq_is_the_truth_within_3_percent(scanner: str, density: float) -> None:
    protocol = replace(with_sequences(EVEN, MrSequence(weighting=Weighting.T1)), scanner=scanner, snr_factor=3.0)

    study = make_mr_study(MrStudySpec(sample_patient(11, 3, density_l1=density), protocol))

    assert study.truth.series[0].vbq is not None
    assert vbq(study) == pytest.approx(study.truth.series[0].vbq, rel=0.03)


def test_signal_order_is_that_of_t1_t2_and_stir() -> None:
    sequences = (
        MrSequence(weighting=Weighting.T1),
        MrSequence(weighting=Weighting.T2),
        MrSequence(weighting=Weighting.STIR),
    )
    study = make_mr_study(MrStudySpec(sample_patient(12, 1, density_l1=120.0), with_sequences(TINY, *sequences)))
    kinds = (PhantomTissue.CSF, PhantomTissue.BODY_MARROW, PhantomTissue.SUBCUTANEOUS_FAT)

    fluid, marrow, fat = (
        {
            role: float(np.median(study.series_of(role).volume.array[core(study.series_of(role), kind, erosion=1)]))
            for role in ("T1", "T2", "STIR")
        }
        for kind in kinds
    )

    assert fluid["T1"] < marrow["T1"] < fat["T1"]
    assert fluid["T2"] > marrow["T2"]
    assert fat["STIR"] < 0.3 * fluid["STIR"]
    assert marrow["STIR"] < fluid["STIR"]


def test_fatter_marrow_has_a_higher_truth() -> None:
    dense, sparse = (
        make_mr_study(
            MrStudySpec(sample_patient(13, 1, density_l1=density), with_sequences(TINY, MrSequence(weighting=t1)))
        )
        for density, t1 in ((160.0, Weighting.T1), (50.0, Weighting.T1))
    )

    assert dense.truth.series[0].vbq is not None
    assert sparse.truth.series[0].vbq is not None
    assert sparse.truth.series[0].vbq > 1.15 * dense.truth.series[0].vbq
    assert 1.8 < dense.truth.series[0].vbq < 4.5


def test_the_coil_lifts_what_lies_behind() -> None:
    patient, protocol = sample_patient(14, 1), with_sequences(TINY, MrSequence(weighting=Weighting.T1))
    even, shaded = (
        make_mr_study(MrStudySpec(patient, replace(protocol, coil_bias=bias, snr_factor=3.0))) for bias in (0.0, 0.25)
    )
    series = even.series_of("T1")

    gain = [
        float(np.median(shaded.series_of("T1").volume.array[place]) / np.median(series.volume.array[place]))
        for place in (
            core(series, kind, erosion=1) for kind in (PhantomTissue.BODY_MARROW, PhantomTissue.POSTERIOR_MARROW)
        )
    ]

    assert gain[0] == pytest.approx(0.97, abs=0.05)
    assert gain[1] > 1.05 * gain[0]
    assert shaded.truth.series[0].vbq == even.truth.series[0].vbq


def test_metal_makes_a_void_wider_than_itself() -> None:
    study = make_mr_study(MrStudySpec(sample_patient(15, 1), TINY, frozenset({Defect.METAL})))
    series = study.series_of("T1")
    assert series.tissue is not None
    metal = np.isin(series.tissue, (PhantomTissue.METAL_ROD, PhantomTissue.METAL_SCREW))
    assert metal.any()
    distance = ndimage.distance_transform_edt(~metal, sampling=series.volume.geometry.spacing_mm)
    marrow = np.isin(series.tissue, (PhantomTissue.BODY_MARROW, PhantomTissue.POSTERIOR_MARROW))

    near = series.volume.array[marrow & (distance < 4.0)]

    assert np.median(near) < 0.35 * np.median(series.volume.array[marrow & (distance > 40.0)])


@pytest.mark.parametrize(
    ("defect", "description", "inversion", "sequence"),
    [
        (Defect.STIR_LABELLED_T1, "T1 TSE sag", True, ["SE", "IR"]),
        (Defect.STIR_DISGUISED_AS_T1, "T1 TSE sag", False, "SE"),
    ],
    ids=str,
)
def test_a_stir_series_can_lie_in_words_or_in_every_tag(
    defect: Defect, description: str, inversion: bool, sequence: object
) -> None:
    protocol = with_sequences(TINY, MrSequence(weighting=Weighting.T1))
    honest = make_mr_study(MrStudySpec(sample_patient(16, 1), protocol))

    series = make_mr_study(MrStudySpec(sample_patient(16, 1), protocol, frozenset({defect}))).series[0]

    assert series.header["SeriesDescription"] == description
    assert ("InversionTime" in series.header) is inversion
    assert series.header["ScanningSequence"] == sequence
    fat = core(series, PhantomTissue.SUBCUTANEOUS_FAT, erosion=1)
    assert np.median(series.volume.array[fat]) < 0.4 * np.median(honest.series[0].volume.array[fat])


def test_gadolinium_is_in_the_header_and_brightens_marrow() -> None:
    protocol = with_sequences(TINY, MrSequence(weighting=Weighting.T1))
    plain, enhanced = (
        make_mr_study(MrStudySpec(sample_patient(17, 1), protocol, defects)).series[0]
        for defects in (frozenset[Defect](), frozenset({Defect.GADOLINIUM}))
    )
    marrow = core(plain, PhantomTissue.BODY_MARROW)

    assert enhanced.header["ContrastBolusAgent"] == "Gadobutrol"
    assert "ContrastBolusAgent" not in plain.header
    assert np.median(enhanced.volume.array[marrow]) > 1.08 * np.median(plain.volume.array[marrow])


def test_upside_down_turns_the_image_but_not_the_header() -> None:
    protocol = with_sequences(TINY, MrSequence(weighting=Weighting.T1))
    upright, turned = (
        make_mr_study(MrStudySpec(sample_patient(18, 1), protocol, defects)).series[0]
        for defects in (frozenset[Defect](), frozenset({Defect.UPSIDE_DOWN}))
    )
    assert upright.labels is not None
    assert turned.labels is not None

    assert np.array_equal(turned.labels, upright.labels[:, ::-1])
    assert np.array_equal(turned.volume.geometry.affine, upright.volume.geometry.affine)
