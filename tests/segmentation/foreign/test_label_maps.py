"""Label maps: the numbers of other programs, checked against what their makers publish."""

from __future__ import annotations

import numpy as np
import pytest

from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, LUMBAR_LEVELS, Level
from trabecula.domain.volume import TISSUE_LABELS, Tissue
from trabecula.segmentation.foreign.label_maps import label_map, label_maps

# From the public lists of classes: TotalSegmentator map_to_binary.py, TotalSpineSeg README, SPINEPS README, VerSe.
PUBLISHED = {
    "totalsegmentator": {26: "S1", 27: "L5", 28: "L4", 31: "L1", 32: "T12", 43: "T1", 44: "C7", 50: "C1"},
    "totalspineseg": {11: "C1", 17: "C7", 21: "T1", 32: "T12", 41: "L1", 45: "L5", 46: "L6"},
    "spineps": {1: "C1", 8: "T1", 19: "T12", 20: "L1", 24: "L5", 25: "L6", 220: "L1"},
    "verse": {19: "T12", 20: "L1", 24: "L5", 25: "L6"},
    "trabecula": {19: "T12", 20: "L1", 24: "L5", 26: "S1"},
}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_numbers_mean_what_their_makers_say(name: str) -> None:
    levels = label_map(name).levels

    assert {value: str(levels[value]) for value in PUBLISHED[name]} == PUBLISHED[name]


@pytest.mark.parametrize("name", sorted(label_maps()))
def test_every_map_knows_the_lumbar_spine_and_its_source(name: str) -> None:
    one = label_map(name)

    assert set(LUMBAR_LEVELS) <= set(one.levels.values())
    assert 0 < one.expected_dice < 1
    assert one.modalities
    assert not one.command or "{input}" in one.command
    assert not set(one.levels) & set(one.unknown_values)


def test_values_become_our_labels() -> None:
    theirs = np.array([[[0, 31, 27, 26, 5, 79]]], dtype=np.int32)

    ours = label_map("totalsegmentator").to_ours(theirs)

    assert ours.tolist() == [[[0, Level.L1.label, Level.L5.label, Level.S1.label, 0, 0]]]


def test_a_thirteenth_thoracic_vertebra_is_a_body_of_unknown_level() -> None:
    ours = label_map("spineps").to_ours(np.array([[[28, 20, 228]]], dtype=np.int32))

    assert ours[0, 0, 0] == FIRST_UNKNOWN_LABEL
    assert ours[0, 0, 1] == Level.L1.label


def test_tissues_come_from_either_image() -> None:
    vertebrae = np.array([[[20, 0, 0, 0]]], dtype=np.int32)
    regions = np.array([[[49, 61, 100, 42]]], dtype=np.int32)

    tissues = label_map("spineps").tissue_map(vertebrae, regions)

    wanted = [0, TISSUE_LABELS[Tissue.CANAL], TISSUE_LABELS[Tissue.DISC], TISSUE_LABELS[Tissue.POSTERIOR]]
    assert tissues.tolist() == [[wanted]]


def test_an_unknown_map_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationInvalid) as caught:
        label_map("nnspine")

    assert caught.value.code == "CONFIGURATION_INVALID"
    assert "totalsegmentator" in caught.value.sentence
    assert caught.value.next_step
