"""Content items of a structured report (PS3.3 C.17.3), one short constructor for each kind that our tree uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from highdicom.sr import (
    CodeContentItem,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    ImageContentItem,
    NumContentItem,
    RelationshipTypeValues,
    ScoordContentItem,
    TextContentItem,
    UIDRefContentItem,
)
from pydicom import Dataset

from trabecula.domain.codes import Code
from trabecula.domain.uids import InstanceUid
from trabecula.reporting.sources.values import plain_text
from trabecula.reporting.sr.concepts import coded

CONTAINS = RelationshipTypeValues.CONTAINS
HAS_CONCEPT_MOD = RelationshipTypeValues.HAS_CONCEPT_MOD
HAS_OBS_CONTEXT = RelationshipTypeValues.HAS_OBS_CONTEXT
HAS_ACQ_CONTEXT = RelationshipTypeValues.HAS_ACQ_CONTEXT
HAS_PROPERTIES = RelationshipTypeValues.HAS_PROPERTIES
SELECTED_FROM = RelationshipTypeValues.SELECTED_FROM

POLYGON_POINTS = 80
"""Points kept of an outline: more than a screen shows, few enough for a report below 40 KB."""


def container(
    name: str, items: Iterable[ContentItem], template: str = "", relation: RelationshipTypeValues | None = CONTAINS
) -> ContainerContentItem:
    """Return a container whose items are shown one by one with their names (Continuity of Content SEPARATE)."""
    item = ContainerContentItem(
        coded(name), is_content_continuous=False, template_id=template or None, relationship_type=relation
    )
    item.ContentSequence = ContentSequence(list(items))
    return item


def code(name: Code | str, value: Code | str, relation: RelationshipTypeValues = CONTAINS) -> CodeContentItem:
    """Return a CODE item."""
    return CodeContentItem(coded(name), coded(value), relationship_type=relation)


def text(name: str, value: str, relation: RelationshipTypeValues = CONTAINS) -> TextContentItem:
    """Return a TEXT item."""
    return TextContentItem(coded(name), plain_text(value), relationship_type=relation)


def uid(name: str, value: str, relation: RelationshipTypeValues = CONTAINS) -> UIDRefContentItem:
    """Return a UIDREF item."""
    return UIDRefContentItem(coded(name), value, relationship_type=relation)


def number(name: Code, value: float, unit: Code, children: Sequence[ContentItem]) -> NumContentItem:
    """Return a NUM item with the value as it is given. Viewers rely on at least one child, so it needs one."""
    if not children:
        raise ValueError("a number needs a derivation or a method")
    item = NumContentItem(coded(name), value, coded(unit), relationship_type=CONTAINS)
    item.ContentSequence = ContentSequence(list(children))
    return item


def image(
    sop_class_uid: str, sop_instance_uid: InstanceUid, frame: int | None, relation: RelationshipTypeValues
) -> ContentItem:
    """Return an IMAGE item for an image or one frame of it."""
    return ImageContentItem(
        coded("source_image"),
        sop_class_uid,
        sop_instance_uid,
        referenced_frame_numbers=frame,
        relationship_type=relation,
    )


def region(points: Sequence[tuple[float, float]], selected_from: ContentItem) -> ScoordContentItem:
    """Return a closed POLYLINE of (column, row) points, (0, 0) being the centre of the first pixel.

    In DICOM the centre of the first pixel is (0.5, 0.5) (PS3.3 C.18.6.1.2); the first point is repeated at the end.
    """
    step = -(-len(points) // POLYGON_POINTS)
    kept = np.asarray(points, dtype=np.float64)[::step] + 0.5
    closed = np.round(np.vstack([kept, kept[:1]]), 2)
    item = ScoordContentItem(coded("image_region"), "POLYLINE", closed, relationship_type=CONTAINS)
    item.ContentSequence = ContentSequence([selected_from])
    return item


def walk(item: Dataset) -> Iterable[Dataset]:
    """Yield a content item and everything below it, in document order."""
    yield item
    for child in item.get("ContentSequence", []):
        yield from walk(child)
