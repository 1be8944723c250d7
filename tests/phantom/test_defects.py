"""Defects: each one changes what it names, in the anatomy, the acquisition or the field of view."""

from __future__ import annotations

import numpy as np
import pytest

from trabecula.domain.spine import Level
from trabecula.phantom.anatomy import Spine, render_anatomy
from trabecula.phantom.ct.examination import ct_geometry
from trabecula.phantom.defects import Defect, ct_protocol, mr_protocol
from trabecula.phantom.mr.examination import mr_geometry
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.person import spine_of
from trabecula.phantom.protocols import CtProtocol, Kernel, MrProtocol, Phase

CT = CtProtocol(pixel_mm=2.5, matrix=(76, 64), thickness_mm=5.0, increment_mm=5.0)
MR = MrProtocol(pixel_mm=2.5, matrix=(96, 80), slices=5)


def spine(*defects: Defect) -> Spine:
    return spine_of(sample_patient(31, 1, density_l1=150.0), frozenset(defects))


def test_a_person_without_defects_has_five_lumbar_bodies_and_no_implants() -> None:
    plain = spine()

    assert plain.lumbar_count == 5
    assert not any(vertebra.screws or vertebra.cement for vertebra in plain.vertebrae)


@pytest.mark.parametrize(("defect", "count"), [(Defect.FOUR_LUMBAR, 4), (Defect.SIX_LUMBAR, 6)])
def test_transitional_spines(defect: Defect, count: int) -> None:
    assert spine(defect).lumbar_count == count


@pytest.mark.parametrize(
    ("defect", "level", "ratio"),
    [(Defect.WEDGE, Level.L1, 0.75), (Defect.BICONCAVE, Level.L2, 0.8), (Defect.CRUSH, Level.L3, 0.75)],
)
def test_fractures_lower_the_height_that_names_them(defect: Defect, level: Level, ratio: float) -> None:
    whole, broken = spine().vertebra(level).body, spine(defect).vertebra(level).body
    height = {
        Defect.WEDGE: (whole.height_anterior, broken.height_anterior),
        Defect.BICONCAVE: (whole.height_middle, broken.height_middle),
        Defect.CRUSH: (whole.height_posterior, broken.height_posterior),
    }[defect]

    assert height[1] < ratio * height[0]


def test_metal_cement_and_scoliosis_are_in_the_spine() -> None:
    assert spine(Defect.METAL).vertebra(Level.L4).screws
    assert spine(Defect.CEMENT).vertebra(Level.L2).cement
    assert spine(Defect.SCOLIOSIS).scoliosis_deg > 20


def lumbar_voxels(defect: Defect | None) -> tuple[int, int]:
    """Voxels of L1-L5 in the field of view of a CT and of an MR with a defect."""
    defects = frozenset({defect}) if defect else frozenset[Defect]()
    body = spine()
    grids = (
        ct_geometry(body, ct_protocol(defects, CT)),
        mr_geometry(body, mr_protocol(defects, MR), MR.sequences[0].plane),
    )
    counts = [int(np.isin(render_anatomy(body, grid).body_labels(), range(20, 25)).sum()) for grid in grids]
    return counts[0], counts[1]


def test_fields_of_view_miss_or_cut_the_lumbar_spine() -> None:
    full, cut = lumbar_voxels(None), lumbar_voxels(Defect.TRUNCATED)

    assert lumbar_voxels(Defect.NO_SPINE) == (0, 0)
    assert all(part < 0.5 * whole for part, whole in zip(lumbar_voxels(Defect.THORACIC_ONLY), full, strict=True))
    assert all(0 < part < 0.8 * whole for part, whole in zip(cut, full, strict=True))


def test_acquisition_defects_of_ct() -> None:
    assert ct_protocol(frozenset({Defect.KVP_80}), CT).kvp == 80
    assert ct_protocol(frozenset({Defect.KVP_100}), CT).kvp == 100
    assert ct_protocol(frozenset({Defect.SHARP_KERNEL}), CT).kernel is Kernel.SHARP
    assert ct_protocol(frozenset({Defect.PORTAL}), CT).phase is Phase.PORTAL
    assert ct_protocol(frozenset({Defect.NOISE}), CT).noise_factor == 5.0
    assert ct_protocol(frozenset({Defect.RESCALE_FAULT}), CT).rescale_fault_hu == 1024.0
    assert ct_protocol(frozenset(), CT) == CT


def test_acquisition_defects_of_mr() -> None:
    assert mr_protocol(frozenset({Defect.FAT_SATURATED}), MR).sequences[0].fat_saturated
    assert not mr_protocol(frozenset({Defect.FAT_SATURATED}), MR).sequences[1].fat_saturated
    assert mr_protocol(frozenset({Defect.NOISE}), MR).snr_factor < 0.5
    assert mr_protocol(frozenset(), MR) == MR
