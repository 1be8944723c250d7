"""Measurement groups of the report: one per vertebra, and one for the lumbar spine (PS3.16 TID 1411)."""

from __future__ import annotations

from dataclasses import dataclass

from highdicom.sr import ContentItem

from trabecula.domain import codes
from trabecula.domain.errors import ReportInvalid
from trabecula.domain.results.result import LevelResult, Measurement, Outline, Score, StudyResult
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import InstanceUid
from trabecula.reporting.identifiers import Identities
from trabecula.reporting.languages.telling import ENGLISH, Texts
from trabecula.reporting.sr.concepts import (
    category_code,
    level_code,
    method_code,
    quality_code,
    reason_code,
    role_code,
)
from trabecula.reporting.sr.content_items import (
    HAS_CONCEPT_MOD,
    HAS_OBS_CONTEXT,
    SELECTED_FROM,
    code,
    container,
    image,
    number,
    region,
    text,
    uid,
)
from trabecula.reporting.sr.named_numbers import NamedNumber, level_numbers, role_of, score_name, spine_numbers
from trabecula.reporting.wording import rounded, shown_scores

LUMBAR_SPINE = "Lumbar spine L1-L4"


@dataclass(frozen=True, kw_only=True)
class ReportSubject:
    """What the groups are written from: the result, the files its outlines lie on (by SOP Instance UID), its UIDs,
    where the numbers of the whole study are drawn (None where nothing was measured), and a remark on header values
    that are not as the images have them, and the language of its texts."""

    result: StudyResult
    files: dict[InstanceUid, StoredFile]
    identities: Identities
    overview: Outline | None = None
    remark: str = ""
    texts: Texts = ENGLISH


def measured_levels(result: StudyResult) -> tuple[LevelResult, ...]:
    """Return the levels that get a group: those with a number. Raises ReportInvalid for one without an outline.

    Viewers fail on a group of numbers without a region, so none is ever written.
    """
    levels = tuple(level for level in result.levels if level.measurements)
    for level in levels:
        if not level.outlines:
            raise ReportInvalid(f"{level.level} was measured but has no outline")
    return levels


def groups(subject: ReportSubject) -> list[ContentItem]:
    """Return all groups: L1-L4, their neighbours, then the spine as a whole; none where nothing was measured.

    A viewer opens the report at the first group, so that is L1.
    """
    levels = measured_levels(subject.result)
    if not levels:
        return []
    ordered = sorted(levels, key=lambda level: level.level not in MEASURED_LEVELS)
    whole = [_spine(subject, levels)] if subject.result.summary or shown_scores(subject.result) else []
    return [*(_vertebra(subject, level) for level in ordered), *whole]


def _spine(subject: ReportSubject, levels: tuple[LevelResult, ...]) -> ContentItem:
    result = subject.result
    passed = all(level.evaluable for level in levels)
    deformity = [code("deformity", "deformity_suspected")] if result.deformity_suspected else []
    values, details = spine_numbers(result)
    return container(
        "group",
        [
            *_tracking(subject, LUMBAR_SPINE),
            code("finding", "vertebra"),
            code("finding_site", "lumbar_spine", HAS_CONCEPT_MOD),
            *(_measurement(subject, item) for item in values),
            *(_score(subject, score) for score in shown_scores(result)),
            *(_measurement(subject, item) for item in details),
            code("category", category_code(result.category)),
            code("quality", "quality_pass" if passed else "quality_warn"),
            *deformity,
            _region(subject, subject.overview or levels[0].outlines[0]),
            *_source_series(subject, result.summary),
        ],
        template="1411",
    )


def _vertebra(subject: ReportSubject, level: LevelResult) -> ContentItem:
    flags = dict.fromkeys(reason.code for reason in level.flags)
    return container(
        "group",
        [
            *_tracking(subject, str(level.level)),
            code("finding", "vertebra"),
            code("finding_site", level_code(level.level), HAS_CONCEPT_MOD),
            *(_measurement(subject, item) for item in level_numbers(level, subject.result.primary)),
            code("quality", quality_code(level)),
            *(code("reason", reason_code(flag)) for flag in flags),
            *(_region(subject, outline) for outline in level.outlines),
            *_source_series(subject, level.measurements),
        ],
        template="1411",
    )


def _tracking(subject: ReportSubject, name: str) -> list[ContentItem]:
    return [
        text("tracking_id", name, HAS_OBS_CONTEXT),
        uid("tracking_uid", subject.identities.tracking(name), HAS_OBS_CONTEXT),
    ]


def _measurement(subject: ReportSubject, named: NamedNumber) -> ContentItem:
    """TID 1419: the number with its derivation, its method, and its series where the study has several."""
    item = named.measurement
    children: list[ContentItem] = []
    if item.derivation is None or item.method:
        children.append(code("measurement_method", method_code(item.method, item.concept), HAS_CONCEPT_MOD))
    if item.derivation is not None:
        children.append(code("derivation", item.derivation, HAS_CONCEPT_MOD))
    role = role_of(item, subject.result)
    if role is not None:
        children.append(code("series_role", role_code(role), HAS_CONCEPT_MOD))
    return number(named.name, rounded(item.value, item.unit, item.concept), named.unit, children)


def _score(subject: ReportSubject, score: Score) -> ContentItem:
    """A model's probability with its algorithm identification (TID 4019); a demonstration model says so here too."""
    parameters = [f"sha256:{score.model_sha256}"]
    if score.threshold is not None:
        parameters.append(f"operating point {score.operating_point or 'default'}: threshold {score.threshold:.4g}")
    if score.demonstration:
        parameters.append("demonstration model: no clinical meaning")
    parameters.append(f"verdict of its own validation: {score.verdict}")
    children: list[ContentItem] = [
        code("measurement_method", "model_output", HAS_CONCEPT_MOD),
        text("algorithm_name", score.model_id, HAS_CONCEPT_MOD),
        text("algorithm_version", score.model_version, HAS_CONCEPT_MOD),
        *(text("algorithm_parameters", subject.texts.said(words), HAS_CONCEPT_MOD) for words in parameters),
    ]
    if score.role is not None and len(subject.result.sources) > 1:
        children.append(code("series_role", role_code(score.role), HAS_CONCEPT_MOD))
    percent = rounded(100.0 * (score.probability or 0.0), codes.PERCENT, codes.PERCENT)
    return number(score_name(score), percent, codes.PERCENT, children)


def _region(subject: ReportSubject, outline: Outline) -> ContentItem:
    file = subject.files.get(outline.sop_instance_uid)
    if file is None:
        raise ReportInvalid("an outline lies on an image that the study does not hold")
    source = image(file.sop_class_uid, outline.sop_instance_uid, outline.frame_number, SELECTED_FROM)
    return region(outline.points, source)


def _source_series(subject: ReportSubject, measurements: tuple[Measurement, ...]) -> list[ContentItem]:
    """The series the outlines were drawn on, first; then the other series that numbers came from."""
    found = dict.fromkeys([subject.result.primary, *(item.series_uid for item in measurements)])
    return [uid("source_series", series) for series in found if series]
