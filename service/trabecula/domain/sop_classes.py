"""SOP Classes (PS3.4 B.5 and others) by name, and which of them the service keeps: images and foreign segmentations."""

from __future__ import annotations

from trabecula.domain.identity import MANUFACTURER

VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT_PUSH = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_PUSH_INSTANCE = "1.2.840.10008.1.20.1.1"
"""The well-known SOP Instance of storage commitment (PS3.4 J.3.5)."""
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"

CT_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2",  # CT Image
        "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT Image
        "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT Image
    }
)
MR_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4",  # MR Image
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image
    }
)
IMAGE_CLASSES = CT_CLASSES | MR_CLASSES
"""This product writes none of them, so an image is never one of its own objects."""

SEGMENTATION_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""Segmentation and Label Map Segmentation: vertebrae that another product outlined."""


def is_wanted_class(sop_class_uid: str) -> bool:
    """True if instances of this class may be kept; everything else is acknowledged and dropped unread."""
    return sop_class_uid in IMAGE_CLASSES or sop_class_uid in SEGMENTATION_CLASSES


def is_wanted(sop_class_uid: str, manufacturer: str) -> bool:
    """True if this instance is kept: images, and segmentations that are not our own coming back from a router."""
    if sop_class_uid in SEGMENTATION_CLASSES:
        return manufacturer.strip().casefold() != MANUFACTURER.casefold()
    return sop_class_uid in IMAGE_CLASSES
