"""The content tree of the report: an Imaging Measurement Report (PS3.16 TID 1500) with the answer first."""

from __future__ import annotations

from collections.abc import Sequence

from highdicom.sr import ContainerContentItem, ContentItem
from pydicom import Dataset

from trabecula.domain.study.study import StoredFile
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.sr.concepts import category_code, language_code, reason_code
from trabecula.reporting.sr.content_items import (
    CONTAINS,
    HAS_ACQ_CONTEXT,
    HAS_CONCEPT_MOD,
    HAS_OBS_CONTEXT,
    code,
    container,
    image,
    text,
    uid,
)
from trabecula.reporting.sr.measurement_groups import ReportSubject, groups
from trabecula.reporting.sr.series_section import series_section
from trabecula.reporting.wording import all_reasons, comments, impression_lines
from trabecula.version import __version__

_PROCEDURES = {"CT": "procedure_ct", "MR": "procedure_mr"}
_MODALITIES = {"CT": "modality_ct", "MR": "modality_mr"}


def report_root(
    subject: ReportSubject, header: Dataset, library: tuple[ContentItem, ...], config: ReportingConfig, device_uid: str
) -> ContainerContentItem:
    """Return the root container; ``library`` are the groups of the image library, ``device_uid`` the installation.

    Where nothing was measured it is a Diagnostic imaging report (TID 2000): it holds no measurement, and a viewer shows
    its text. OHIF shows a black viewport for an Imaging Measurement Report without a contour.
    """
    measured = groups(subject)
    algorithm = _algorithm(subject, config)
    body = (
        [_qualitative(subject), container("measurements", [*algorithm, *measured])]
        if measured
        else [_qualitative(subject, (code("quality", "quality_none"),), algorithm)]
    )
    return container(
        "report" if measured else "report_in_words",
        [
            code("language", language_code(subject.texts.language), HAS_CONCEPT_MOD),
            *_observer(config, device_uid),
            code(
                "procedure_reported", _PROCEDURES.get(str(header.get("Modality")), "procedure_other"), HAS_CONCEPT_MOD
            ),
            *body,
            container("image_library", library),
            *series_section(subject.result, subject.texts),
        ],
        template="1500" if measured else "2000",
        relation=None,
    )


def library_group(header: Dataset, images: tuple[tuple[StoredFile, int | None], ...]) -> ContentItem:
    """Return one group of the image library: a series' modality, frame of reference and key images (with frames)."""
    modality = _MODALITIES.get(str(header.get("Modality")))
    frame_of_reference = header.get("FrameOfReferenceUID")
    context: list[ContentItem] = [code("modality", modality, HAS_ACQ_CONTEXT)] if modality else []
    if frame_of_reference:
        context.append(uid("frame_of_reference", str(frame_of_reference), HAS_ACQ_CONTEXT))
    pictures = [image(file.sop_class_uid, file.sop_instance_uid, frame, CONTAINS) for file, frame in images]
    return container("image_library_group", [*context, *pictures])


def _observer(config: ReportingConfig, device_uid: str) -> list[ContentItem]:
    """TID 1004: the device that made the observations."""
    return [
        code("observer_type", "device", HAS_OBS_CONTEXT),
        uid("device_uid", device_uid, HAS_OBS_CONTEXT),
        text("device_name", config.device_name, HAS_OBS_CONTEXT),
        text("device_manufacturer", config.manufacturer, HAS_OBS_CONTEXT),
        text("device_model", config.model_name, HAS_OBS_CONTEXT),
        text("device_serial", config.device_serial_number or device_uid, HAS_OBS_CONTEXT),
    ]


def _qualitative(
    subject: ReportSubject, quality: Sequence[ContentItem] = (), behind: Sequence[ContentItem] = ()
) -> ContentItem:
    """The first thing a reader sees: category, impression, coded reasons, comments; ``behind`` comes after them."""
    result, said = subject.result, subject.texts.said
    reasons = dict.fromkeys(reason.code for reason in all_reasons(result))
    deformity = [code("deformity", "deformity_suspected")] if result.deformity_suspected else []
    return container(
        "qualitative",
        [
            code("category", category_code(result.category)),
            text("impression", "\n".join(map(said, impression_lines(result)))),
            *([text("report_text", said(result.for_report))] if result.for_report else []),
            *deformity,
            *quality,
            *(code("reason", reason_code(reason)) for reason in reasons),
            *(text("comment", said(line)) for line in (*comments(result), subject.remark) if line),
            *behind,
        ],
    )


def _algorithm(subject: ReportSubject, config: ReportingConfig) -> list[ContentItem]:
    """TID 4019, once for all groups: the software and everything whose version determines the numbers."""
    return [
        text("algorithm_name", config.model_name, HAS_CONCEPT_MOD),
        text("algorithm_version", __version__, HAS_CONCEPT_MOD),
        text("algorithm_manufacturer", config.manufacturer, HAS_CONCEPT_MOD),
        *(
            text("algorithm_parameters", f"{name} {value}", HAS_CONCEPT_MOD)
            for name, value in subject.result.versions.items()
        ),
        code("algorithm_family", "artificial_intelligence", HAS_CONCEPT_MOD),
    ]
