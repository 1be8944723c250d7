from __future__ import annotations

import pytest
from pydicom import uid

from trabecula.domain.sop_classes import is_wanted, is_wanted_class


@pytest.mark.parametrize(
    "sop_class",
    [
        uid.CTImageStorage,
        uid.EnhancedCTImageStorage,
        uid.LegacyConvertedEnhancedCTImageStorage,
        uid.MRImageStorage,
        uid.EnhancedMRImageStorage,
        uid.LegacyConvertedEnhancedMRImageStorage,
    ],
)
def test_images_are_wanted_whoever_made_them(sop_class: str) -> None:
    assert is_wanted_class(sop_class)
    assert is_wanted(sop_class, "Trabecula")  # our own phantoms are images like any other


@pytest.mark.parametrize("sop_class", [uid.SegmentationStorage, "1.2.840.10008.5.1.4.1.1.66.7"])
@pytest.mark.parametrize(
    ("manufacturer", "wanted"), [("Other", True), ("", True), ("Trabecula", False), ("TRABECULA ", False)]
)
def test_segmentations_are_wanted_unless_they_are_our_own(sop_class: str, manufacturer: str, wanted: bool) -> None:
    assert is_wanted_class(sop_class)
    assert is_wanted(sop_class, manufacturer) is wanted


@pytest.mark.parametrize(
    "sop_class",
    [
        uid.Comprehensive3DSRStorage,
        uid.SecondaryCaptureImageStorage,
        uid.EncapsulatedPDFStorage,
        uid.KeyObjectSelectionDocumentStorage,
        uid.PositronEmissionTomographyImageStorage,
        uid.XRayRadiationDoseSRStorage,
        uid.RawDataStorage,
        "1.3.12.2.1107.5.9.1",
    ],
)
def test_everything_else_is_dropped(sop_class: str) -> None:
    assert not is_wanted_class(sop_class)
    assert not is_wanted(sop_class, "Phantom")
