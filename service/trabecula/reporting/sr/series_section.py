"""The section of the report on the series of the study: which were measured, how many images of each, why not all.

It is coded so that an archive can be asked, and stands after everything that speaks of the measurement.
"""

from __future__ import annotations

from highdicom.sr import ContentItem, ContentSequence, NumContentItem

from trabecula.domain import codes
from trabecula.domain.results.result import SeriesUse, StudyResult
from trabecula.reporting.languages.telling import Texts
from trabecula.reporting.series_lines import series_lines
from trabecula.reporting.sources.values import is_valid
from trabecula.reporting.sr.concepts import coded, reason_code, role_code
from trabecula.reporting.sr.content_items import HAS_CONCEPT_MOD, HAS_PROPERTIES, code, container, text, uid


def series_section(result: StudyResult, texts: Texts) -> list[ContentItem]:
    """Return the section, or nothing for a result that does not account for its images."""
    uses = (*result.series_used, *result.series_not_used)
    if not uses:
        return []
    told = series_lines(result.series_used, result.series_not_used, texts=texts)
    return [container("series_uses", [*(_use(use) for use in uses), *([text("comment", told)] if told else [])])]


def _use(use: SeriesUse) -> ContentItem:
    item = code("series_use", "series_measured" if use.role is not None else "series_not_used")
    properties: list[ContentItem] = []
    if use.role is not None:
        properties.append(code("series_role", role_code(use.role), HAS_PROPERTIES))
    if is_valid("SeriesInstanceUID", use.series_uid):
        properties.append(uid("series_uid", use.series_uid, HAS_PROPERTIES))
    if use.number is not None:
        properties.append(text("series_number", str(use.number), HAS_PROPERTIES))
    properties += [_count("images_used", use.images_used), _count("images_received", use.images_total)]
    reasons = dict.fromkeys(reason.code for reason in use.reasons)
    properties += [code("not_used_because", reason_code(reason), HAS_PROPERTIES) for reason in reasons]
    item.ContentSequence = ContentSequence(properties)
    return item


def _count(name: str, value: int) -> NumContentItem:
    """A number of images. Viewers fail on a number without a child, so it says how it was counted."""
    item = NumContentItem(coded(name), value, coded(codes.RATIO), relationship_type=HAS_PROPERTIES)
    item.ContentSequence = ContentSequence([code("measurement_method", "automatic", HAS_CONCEPT_MOD)])
    return item
