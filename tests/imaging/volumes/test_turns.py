"""Two scans or two gains that take turns in an MR volume are seen and refused; one scan is not accused."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.imaging.drawn_series import MR_TAGS, DrawnSegmenter, sagittal, write_stack
from trabecula.analysis.gates.outlines import is_trusted
from trabecula.domain.results.reasons import ReasonCode
from trabecula.imaging.headers.frames import read_headers, scan_folder
from trabecula.imaging.volumes.turns import turns
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import MrProtocol
from trabecula.phantom.study import MrStudySpec
from trabecula.segmentation.attempts import AnalysisConfig, segment_best
from trabecula.series.choice import choose


@cache
def scans(number: int) -> tuple[NDArray[np.float32], ...]:
    study = make_mr_study(MrStudySpec(sample_patient(21, number), MrProtocol()))
    return tuple(series.volume.array for series in study.series)


def gained(array: NDArray[np.float32], gain: float, period: int, brighter: tuple[int, ...]) -> NDArray[np.float32]:
    factors = [gain if index % period in brighter else 1.0 for index in range(len(array))]
    return np.asarray(array * np.array(factors, dtype=np.float32)[:, None, None])


@pytest.mark.parametrize(("period", "brighter"), [(2, (1,)), (3, (0,)), (3, (0, 1)), (4, (3,)), (4, (0, 1))])
@pytest.mark.parametrize("gain", [1.1, 1.3])
def test_gains_that_take_turns_are_seen_with_their_period(period: int, brighter: tuple[int, ...], gain: float) -> None:
    found = turns(gained(scans(0)[0], gain, period, brighter))
    assert found is not None
    assert found.period == period
    assert found.ratio == pytest.approx(gain, rel=0.06)


def test_two_kinds_of_scan_that_take_turns_are_seen() -> None:
    t1, t2 = scans(0)[:2]
    found = turns(np.stack([(t1, t2)[index % 2][index] for index in range(len(t1))]))
    assert found is not None
    assert found.period == 2


def test_no_phantom_is_accused() -> None:
    assert [turns(array) for array in scans(0)] == [None] * len(scans(0))
    assert turns(scans(0)[0][:5]) is None


@pytest.mark.parametrize(("gain", "measured"), [(1.0, True), (1.1, True), (1.25, False)])
def test_turns_are_refused_or_told(tmp_path: Path, gain: float, measured: bool) -> None:
    array = gained(scans(0)[0], gain, 2, (1,))
    write_stack(tmp_path, array, sagittal(array.shape, (4.0, 1.0, 1.0)), MR_TAGS)  # type: ignore[arg-type]
    found = segment_best(
        choose(read_headers(scan_folder(tmp_path))[0]).candidates, DrawnSegmenter(()), AnalysisConfig(), is_trusted
    )
    reasons = found.found.candidate.reasons if found.found else found.reasons
    assert (found.found is not None) is measured
    assert [reason.code for reason in reasons] == ([] if gain == 1.0 else [ReasonCode.SLICES_ALTERNATE])
