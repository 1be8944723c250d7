"""Series that nothing but their number tells apart: the result says so where their values differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.imaging.drawn_series import CT_TAGS, MR_TAGS, DrawnSegmenter, axial, sagittal, write_stack
from trabecula.analysis.gates.outlines import is_trusted
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.imaging.headers.frames import read_headers, scan_folder
from trabecula.segmentation.attempts import AnalysisConfig, segment_best
from trabecula.series.choice import choose

AXIAL = axial((40, 12, 10), (2.5, 4.0, 4.0))
SAGITTAL = sagittal((12, 40, 30), (4.0, 4.0, 4.0))
PLAIN = {name: value for name, value in CT_TAGS.items() if name != "ConvolutionKernel"}
T2 = {**MR_TAGS, "RepetitionTime": "3500", "EchoTime": "100", "SeriesDescription": "T2 TSE sag"}


def ct(noise: float, seed: int = 1) -> np.ndarray:
    return np.round(50 + np.random.default_rng(seed).normal(0, noise, AXIAL.shape))


def mr(scale: float) -> np.ndarray:
    return np.round(scale * np.random.default_rng(1).uniform(300, 900, SAGITTAL.shape))


def told(folder: Path, role: SeriesRole) -> list[Reason]:
    choice = choose(read_headers(scan_folder(folder))[0])
    found = segment_best(choice.of(role), DrawnSegmenter([]), AnalysisConfig(), is_trusted).found
    assert found is not None
    return [reason for reason in found.candidate.reasons if reason.code is ReasonCode.EQUAL_SERIES]


def test_two_kernels_without_names_are_told(tmp_path: Path) -> None:
    write_stack(tmp_path, ct(8.0), AXIAL, PLAIN, series=1)
    write_stack(tmp_path, ct(30.0), AXIAL, PLAIN, series=2)
    (reason,) = told(tmp_path, SeriesRole.CT)
    assert not reason.blocking
    assert reason.detail == "series 2 is measured; at the same places, with other values: 1"


@pytest.mark.parametrize(
    ("other", "tags", "geometry"),
    [
        (ct(8.0), PLAIN, AXIAL),
        (ct(30.0), {**PLAIN, "ConvolutionKernel": "B70f"}, AXIAL),
        (ct(30.0), PLAIN, axial((40, 12, 10), (2.5, 4.0, 4.0), top_z=70.0)),
    ],
    ids=["same values", "kernel named", "other places"],
)
def test_series_that_do_not_differ_or_are_told_apart_are_not(
    tmp_path: Path, other: np.ndarray, tags: dict[str, object], geometry: object
) -> None:
    write_stack(tmp_path, ct(8.0), AXIAL, PLAIN, series=1)
    write_stack(tmp_path, other, geometry, tags, series=2)  # type: ignore[arg-type]
    assert told(tmp_path, SeriesRole.CT) == []


@pytest.mark.parametrize(("scale", "count"), [(0.5, 1), (1.0, 0)])
def test_two_parts_of_a_t2w_scan_are_told(tmp_path: Path, scale: float, count: int) -> None:
    write_stack(tmp_path, mr(1.0), SAGITTAL, T2, series=1)
    write_stack(tmp_path, mr(scale), SAGITTAL, T2, series=2)
    assert len(told(tmp_path, SeriesRole.T2W)) == count


def test_parts_of_one_t1w_scan_have_no_certain_order(tmp_path: Path) -> None:
    for series, scale in ((1, 1.0), (2, 0.5)):
        times = {"AcquisitionTime": "091000", "SeriesTime": f"09150{series}", "AcquisitionDate": "20200101"}
        write_stack(tmp_path, mr(scale), SAGITTAL, {**MR_TAGS, **times}, series=series)
    (candidate,) = choose(read_headers(scan_folder(tmp_path))[0]).of(SeriesRole.T1W)
    assert [reason.code for reason in candidate.reasons] == [ReasonCode.CONTRAST_UNCLEAR]
