"""MR phantoms: signal ratios follow the spin-echo equation; sequences, coil and defects act as they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.phantom.anatomy_tissue import PhantomTissue
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import SMALL_MR, MrProtocol, MrSequence, Weighting, with_sequences
from trabecula.phantom.study import MrStudySpec, PhantomSeries, PhantomStudy

EVEN = replace(SMALL_MR, coil_bias=0.0)
TINY = MrProtocol(pixel_mm=1.3, matrix=(190, 150), slices=7)


def core(series: PhantomSeries, *tissues: PhantomTissue, erosion: int = 2) -> NDArray[np.bool_]:
    assert series.tissue is not None
    mask = np.isin(series.tissue, tissues)
    return np.stack([ndimage.binary_erosion(plane, iterations=erosion) for plane in mask])


def vbq(study: PhantomStudy, role: str = "T1") -> float:
    series = study.series_of(role)
    assert series.labels is not None
    middle = series.volume.geometry.shape[0] // 2
    near = np.zeros(series.volume.array.shape, dtype=bool)
    near[middle - 1 : middle + 2] = True
    fluid = series.volume.array[core(series, PhantomTissue.CSF) & near]
    marrow = core(series, PhantomTissue.BODY_MARROW) & near
    levels = [np.median(series.volume.array[marrow & (series.labels == level.label)]) for level in MEASURED_LEVELS]
    return float(np.median(levels) / np.quantile(fluid, 0.25))


@pytest.mark.parametrize("scanner", ["siemens15", "siemens30"])
@pytest.mark.parametrize("density", [60.0, 160.0])
def test_vbq_is_the_truth_within_3_percent(scanner: str, density: float) -> None:
    protocol = replace(with_sequences(EVEN, MrSequence(Weighting.T1)), scanner=scanner, snr_factor=3.0)

    study = make_mr_study(MrStudySpec(sample_patient(11, 3, density_l1=density), protocol))

    assert study.truth.series[0].vbq is not None
    assert vbq(study) == pytest.approx(study.truth.series[0].vbq, rel=0.03)
