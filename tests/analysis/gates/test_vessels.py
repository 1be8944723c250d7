"""Contrast agent that no header names: seen in the vessels before the spine."""

from __future__ import annotations

import pytest

from tests.analysis.truth_segmenter import TruthSegmenter
from trabecula.analysis.gates.vessels import enhanced_vessel
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol, Phase
from trabecula.phantom.study import CtStudySpec
from trabecula.regions.bodies import Body, cut_bodies


def bodies_of(number: int, phase: Phase) -> tuple[Body, ...]:
    protocol = CtProtocol(phase=phase, pixel_mm=1.1, matrix=(190, 150), slices=78)
    study = make_ct_study(CtStudySpec(sample_patient(77, number), protocol, case="vessels"))
    series = next(item for item in study.series if item.labels is not None)
    found = cut_bodies(series.volume, TruthSegmenter([study]).segment(series.volume))
    return tuple(body for body in found if body.level in MEASURED_LEVELS)


@pytest.mark.parametrize(
    ("phase", "lowest", "highest"), [(Phase.NATIVE, None, None), (Phase.PORTAL, 130, 175), (Phase.ARTERIAL, 260, 310)]
)
def test_an_enhanced_vessel_is_seen_in_every_phase_but_native(
    phase: Phase, lowest: float | None, highest: float | None
) -> None:
    bodies = bodies_of(3, phase)

    found = enhanced_vessel(bodies)

    if lowest is None or highest is None:
        assert found is None
    else:
        assert found is not None
        assert lowest <= found <= highest
    assert enhanced_vessel(bodies[:1]) is None  # one body alone shows no vessel that goes on
