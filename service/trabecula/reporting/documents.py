"""Which DICOM objects one analysis becomes, and how they refer to each other: the reporter behind the port."""

from __future__ import annotations

from dataclasses import dataclass, replace

from highdicom.sr import ContentItem
from pydicom import Dataset

from trabecula.domain.errors import ReportInvalid
from trabecula.domain.language import Language
from trabecula.domain.ports.reporter import ReportContext
from trabecula.domain.results.analysis import AnalysedVolume, Analysis
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import ResultObject, StudyResult
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import InstanceUid
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.identifiers import Identities, ToldIn, predecessors_of
from trabecula.reporting.languages.telling import texts_of
from trabecula.reporting.picture.page import Page, draw_page
from trabecula.reporting.picture.secondary_capture import secondary_capture
from trabecula.reporting.picture.typefaces import PACKAGED, Typeface, typeface_of
from trabecula.reporting.picture.views.refused import look_at_refused
from trabecula.reporting.segmentation_object import segmentation
from trabecula.reporting.sources.headers import (
    SourceHeader,
    check_identity,
    first_source,
    images_by_series,
    lenient,
    read_header,
    unread_source,
)
from trabecula.reporting.sr.content_tree import library_group, report_root
from trabecula.reporting.sr.measurement_groups import ReportSubject, measured_levels
from trabecula.reporting.sr.overview import overview_outline
from trabecula.reporting.sr.structured_report import evidence_item, structured_reports
from trabecula.reporting.stamping import Stamp, local_time

LIBRARY_SERIES_LIMIT = 20
"""Series listed in the image library of a study that was not measured; more would only make the report long."""


@dataclass(frozen=True)
class _SourceSeries:
    """A series the report names: its header, and its key images with frame numbers where it is multi-frame."""

    header: Dataset
    images: tuple[tuple[StoredFile, int | None], ...]


class DicomReporter:
    """Writes SR, SEG and picture (implements domain.ports.Reporter); the same input gives the same bytes."""

    def __init__(self, config: ReportingConfig) -> None:
        self._config = config

    def report(self, analysis: Analysis, context: ReportContext) -> tuple[ResultObject, ...]:
        """Return the SR of each language, then SEG and pictures where there are any.

        Raises ReportInvalid, PatientIdMissing, CjkFontMissing.
        """
        with lenient():
            return self._report(analysis, context)

    def _report(self, analysis: Analysis, context: ReportContext) -> tuple[ResultObject, ...]:
        primary = analysis.volumes[0] if analysis.volumes else None
        files = (*(primary.files if primary else ()), *context.study_files)
        source = _source(analysis.result, primary, context)
        header = source.dataset
        if _compressed_with_loss(analysis.result):  # also where only a transfer syntax says so, or other images do
            header.LossyImageCompression = "01"
        check_identity(header, analysis.result.study_uid, allow_empty_patient_id=self._config.allow_empty_patient_id)
        stamp = Stamp(
            header=header,
            when=local_time(context.analysed_at, header),
            installation_uid=context.installation_uid,
            config=self._config,
            identities=Identities.of(analysis, context, self._config),
            revision=analysis.result.revision,
        )
        outlines: tuple[ResultObject, ...] = ()
        if self._config.with_segmentation and primary is not None and primary.labels.any():
            outlines = (segmentation(primary, header, stamp, analysis.result),)
        levels = measured_levels(analysis.result)
        overview = overview_outline(levels, primary) if levels else None
        reports, pages = [], []
        for language in context.languages:
            told, typeface = self._told_in(language, stamp, analysis, context)
            page = self._page(analysis.result, primary, told, typeface, context, source.remark)
            subject = ReportSubject(
                result=analysis.result,
                files={file.sop_instance_uid: file for file in reversed(files)},
                identities=told.identities,
                overview=overview,
                remark=source.remark,
                texts=told.texts,
            )
            report = _structured_report(subject, files, context, told, (*outlines, *page))
            reports.append(replace(report, language=language))
            pages += [replace(item, language=language) for item in page]
        return (*reports, *outlines, *pages)

    def _told_in(
        self, language: Language, stamp: Stamp, analysis: Analysis, context: ReportContext
    ) -> tuple[Stamp, Typeface]:
        """The stamp of the objects of a language, and the typeface of its page."""
        if language is Language.ENGLISH:
            return stamp, PACKAGED
        typeface = typeface_of(language, self._config.cjk_font) if self._config.with_picture else PACKAGED
        told = ToldIn(language, typeface.digest)
        identities = Identities.of(analysis, context, self._config, told)
        return replace(stamp, identities=identities, texts=texts_of(language)), typeface

    def _page(
        self,
        result: StudyResult,
        primary: AnalysedVolume | None,
        stamp: Stamp,
        typeface: Typeface,
        context: ReportContext,
        remark: str,
    ) -> tuple[ResultObject, ...]:
        if not self._config.with_picture:
            return ()
        page = Page(
            result=result,
            primary=primary,
            header=stamp.header,
            when=stamp.when,
            with_name=self._config.name_on_picture,
            remark=remark,
            replaces=next(iter(predecessors_of(context, stamp.texts.language)), None),
            refused=look_at_refused(result, context.study_files) if primary is None else None,
            texts=stamp.texts,
            typeface=typeface,
        )
        sources = _picture_sources(result, primary, stamp.header)
        return (secondary_capture(draw_page(page), sources, stamp, result),)


def _compressed_with_loss(result: StudyResult) -> bool:
    """Whether images that segmentation and picture are made from had lost something: it stays true of what follows."""
    return any(item.code is ReasonCode.LOSSY and item.series_uid == result.primary for item in result.reasons)


def _source(result: StudyResult, primary: AnalysedVolume | None, context: ReportContext) -> SourceHeader:
    """Return the header that the objects take patient and study from: of the measured series, and of no other.

    Without a measured series it is the first readable image's; without any, nothing is known of the patient.
    """
    if primary is not None and primary.files:
        return first_source(primary.files)
    try:
        return first_source(context.study_files)
    except ReportInvalid:
        if not context.study_files:
            raise
        return unread_source(result.study_uid, context.study_files[0])


def _structured_report(
    subject: ReportSubject,
    files: tuple[StoredFile, ...],
    context: ReportContext,
    stamp: Stamp,
    images: tuple[ResultObject, ...],
) -> ResultObject:
    result = subject.result
    series = _named_series(subject, files, stamp)
    library: tuple[ContentItem, ...] = tuple(library_group(item.header, item.images) for item in series)
    root = report_root(subject, stamp.header, library, stamp.config, context.installation_uid)
    key_images = dict.fromkeys((item.header.SeriesInstanceUID, file) for item in series for file, _ in item.images)
    evidence = [
        *(evidence_item(result.study_uid, uid, file.sop_class_uid, file.sop_instance_uid) for uid, file in key_images),
        *(evidence_item(result.study_uid, it.series_uid, it.sop_class_uid, it.sop_instance_uid) for it in images),
    ]
    earlier = predecessors_of(context, subject.texts.language)
    return structured_reports(root, tuple(evidence), earlier, stamp, result)


def _named_series(subject: ReportSubject, files: tuple[StoredFile, ...], stamp: Stamp) -> tuple[_SourceSeries, ...]:
    """Return the series of the image library: those with outlines, then other sources, else one image per series."""
    result, by_uid = subject.result, subject.files
    outlines = [outline for level in result.levels for outline in level.outlines]
    outlines += [subject.overview] if subject.overview is not None else []
    images: dict[str, dict[tuple[StoredFile, int | None], None]] = {}
    for outline in outlines:
        file = by_uid.get(outline.sop_instance_uid)
        if file is None:
            raise ReportInvalid("an outline lies on an image that the study does not hold")
        images.setdefault(file.series_uid, {})[(file, outline.frame_number)] = None
    for source in result.sources:
        known = [by_uid[uid] for uid in source.instance_uids if uid in by_uid]
        if known:
            images.setdefault(source.series_uid, {(known[len(known) // 2], None): None})
    if not images:
        images = {file.series_uid: {(file, None): None} for file in images_by_series(files)[:LIBRARY_SERIES_LIMIT]}
    return tuple(_series(tuple(found), stamp) for found in images.values())


def _series(images: tuple[tuple[StoredFile, int | None], ...], stamp: Stamp) -> _SourceSeries:
    """Return a series by its key images; an unreadable file of a study that was not measured is named without facts."""
    file = images[0][0]
    try:
        header = read_header(file)
    except ReportInvalid:
        header = Dataset()
    if "SeriesInstanceUID" not in header:
        header.SeriesInstanceUID = file.series_uid
    if "Modality" not in header and file.series_uid == stamp.header.get("SeriesInstanceUID"):
        header = stamp.header
    return _SourceSeries(header, images)


def _picture_sources(
    result: StudyResult, primary: AnalysedVolume | None, header: Dataset
) -> tuple[tuple[str, InstanceUid], ...]:
    """Return the images the picture shows: the key images of the outlines, else the first image of the study."""
    classes = {file.sop_instance_uid: file.sop_class_uid for file in (primary.files if primary else ())}
    shown = dict.fromkeys(
        (classes[outline.sop_instance_uid], outline.sop_instance_uid)
        for level in result.levels
        for outline in level.outlines
        if outline.sop_instance_uid in classes
    )
    return tuple(shown) or ((str(header.SOPClassUID), InstanceUid(str(header.SOPInstanceUID))),)
