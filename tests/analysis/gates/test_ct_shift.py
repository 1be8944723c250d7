"""A shift that air, fat and soft tissue of a CT share is told or refused; what one tissue does alone is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.analysis.gates.test_gates import CT, context
from tests.imaging.drawn_series import LEVELS, DrawnSpine, axial, ct_image, draw_spine
from trabecula.analysis.gates.ct_shift import common_shift, shift_of
from trabecula.analysis.gates.table import ask
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.volume import Volume
from trabecula.imaging.headers.frames import read_headers, scan_folder
from trabecula.imaging.stacks.geometry_gate import RegularStack, check_geometry
from trabecula.imaging.stacks.split import split
from trabecula.imaging.volumes.dicom import load_volume

AXIAL = axial((94, 90, 90), (2.5, 1.6, 1.6), top_z=-103.0)
SMALL = axial((8, 90, 90), (2.5, 1.6, 1.6))


def tissues(air: float = -1000.0, fat: float = -104.0, soft: float = 55.0, noise: float = 15.0) -> Volume:
    """Three belts with noise."""
    image = np.random.default_rng(4).normal(0, noise, SMALL.shape)
    image[:, :30] += air
    image[:, 30:60] += fat
    image[:, 60:] += soft
    return Volume(array=image.astype(np.float32), geometry=SMALL, modality=Modality.CT)


@pytest.mark.parametrize("shift", [24.0, 14.0, -24.0])
@pytest.mark.parametrize("noise", [0.0, 15.0, 50.0])
def test_a_shift_of_all_tissues_is_measured(shift: float, noise: float) -> None:
    found = shift_of(tissues(-1000 + shift, -104 + shift, 55 + shift, noise))
    assert found is not None
    assert found[0] == pytest.approx(shift, abs=2.5)
    assert found[1]


@pytest.mark.parametrize(
    ("air", "fat", "soft"),
    [
        (-1000, -104, 55),
        (-978, -93, 61),
        (-975, -80, 55),
        (-975, -104, 80),
        (-1000, -80, 80),
        (-1012, -118, 50),
        (-1000, -118, 35),
    ],
    ids=["usual", "one side, little", "fat", "muscle", "no air", "dark", "wasted muscle"],
)
def test_what_tissues_do_alone_is_no_shift(air: float, fat: float, soft: float) -> None:
    assert shift_of(tissues(air, fat, soft)) is None


def test_without_air_in_view_only_a_large_shift_upwards_counts() -> None:
    large, small = tissues(-80, -80, 79), tissues(-90, -90, 69)
    assert shift_of(large) is not None
    assert shift_of(small) is None
    assert shift_of(replace(large, array=large.array - 48)) is None


@pytest.fixture(scope="module")
def spine() -> DrawnSpine:
    return draw_spine(AXIAL)


@pytest.mark.parametrize(("shift", "blocking"), [(0.0, []), (15.0, [False]), (24.0, [True])])
def test_a_shifted_ct_is_told_or_refused(spine: DrawnSpine, shift: float, blocking: list[bool]) -> None:
    image = ct_image(spine, dict.fromkeys(LEVELS, 130.0))
    image[:, :12] = -1000.0
    found = context(spine, image + shift)
    reasons = ask(found)
    assert [(reason.code, reason.blocking) for reason in reasons] == [(ReasonCode.HU_SANITY, item) for item in blocking]
    after_agent = replace(found.candidate, acquisition=replace(CT, contrast_agent="Omnipaque"))
    assert list(common_shift(replace(found, candidate=after_agent))) == []


def test_real_scans_have_no_shift_and_show_one_that_is_laid_over_them(development_data: Path) -> None:
    frames = read_headers(scan_folder(development_data / "lumbar-ct-mr" / "20180201_CT"))[0]
    volumes = []
    for stack in split(frames):
        regular = check_geometry(stack)
        if len(stack.frames) >= 20 and isinstance(regular, RegularStack):
            volumes.append(load_volume(regular))
    assert len(volumes) >= 3
    assert [shift_of(volume) for volume in volumes] == [None] * len(volumes)
    assert None not in [shift_of(replace(volume, array=volume.array + np.float32(24))) for volume in volumes]
