"""Tests of the names that tools outside import: they stay where they are."""

from __future__ import annotations

import importlib

import pytest

import trabecula.phantom

OUTSIDE = {
    "trabecula.phantom": trabecula.phantom.__all__,
    "trabecula.phantom.anatomy_types": ["Sex"],
    "trabecula.phantom.ct": ["make_ct_study"],
    "trabecula.phantom.dicom": ["datasets"],
    "trabecula.phantom.mr": ["make_mr_study"],
    "trabecula.phantom.patient": ["sample_patient"],
    "trabecula.phantom.protocols": ["CtProtocol", "MrProtocol", "MrSequence", "Phase", "Weighting"],
    "trabecula.phantom.study": ["CtStudySpec", "MrStudySpec"],
    "tests.builders": ["write_series"],
}


@pytest.mark.parametrize("module", OUTSIDE)
def test_names_for_tools_outside_stay_importable(module: str) -> None:
    missing = [name for name in OUTSIDE[module] if not hasattr(importlib.import_module(module), name)]

    assert missing == []
