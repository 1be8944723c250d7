"""Every other slice of another scan is seen in the pixels; one scan, however thin, noisy or short, is not accused."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from trabecula.imaging.volumes.alternation import alternates, jumps_throughout
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol, Phase
from trabecula.phantom.study import CtStudySpec


@cache
def scan(number: int, phase: Phase, increment_mm: float = 2.5, noise: float = 1.0) -> NDArray[np.float32]:
    protocol = CtProtocol(pixel_mm=1.9, matrix=(102, 88), increment_mm=increment_mm, phase=phase, noise_factor=noise)
    return make_ct_study(CtStudySpec(sample_patient(21, number), protocol)).series_of("CT").volume.array


@pytest.mark.parametrize("phase", [Phase.ARTERIAL, Phase.PORTAL])
def test_native_slices_between_enhanced_ones_are_seen(phase: Phase) -> None:
    native, enhanced = scan(1, Phase.NATIVE), scan(1, phase)
    mixed = np.empty((2 * len(native), *native.shape[1:]), dtype=np.float32)
    mixed[::2], mixed[1::2] = native, enhanced

    assert alternates(mixed)
    assert not alternates(native)
    assert not alternates(enhanced)


@pytest.mark.parametrize(("increment_mm", "noise"), [(1.25, 1.0), (2.5, 4.0), (5.0, 1.0)])
def test_one_scan_is_not_accused(increment_mm: float, noise: float) -> None:
    array = scan(2, Phase.NATIVE, increment_mm, noise)

    assert not alternates(array)
    assert not any(alternates(array[first : first + 24]) for first in range(0, len(array) - 24, 12))


def turns(*scans: NDArray[np.float32]) -> NDArray[np.float32]:
    """Slice by slice another of the scans, at its own place."""
    return np.stack([scans[index % len(scans)][index] for index in range(len(scans[0]))])


def test_slices_that_take_turns_at_their_own_places_are_seen() -> None:
    native, venous = scan(1, Phase.NATIVE), scan(1, Phase.PORTAL)

    assert alternates(turns(native, venous))
    assert alternates(turns(native, native, venous))
    assert alternates(turns(native, scan(1, Phase.ARTERIAL), venous))
    assert alternates(turns(native, native, venous, venous))
    assert alternates(turns(native, native, native, venous))


def test_rescale_values_that_take_turns_are_seen() -> None:
    native = scan(1, Phase.NATIVE)

    assert jumps_throughout(turns(native, native + 24))
    assert jumps_throughout(turns(native, native, native + 60))
    assert not jumps_throughout(native)


@pytest.mark.parametrize("number", range(10, 13))
def test_no_phantom_is_accused(number: int) -> None:
    array = scan(number, Phase.NATIVE)

    assert not alternates(array)
    assert not jumps_throughout(array)
