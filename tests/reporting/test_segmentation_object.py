from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import dcmread

from tests.reporting.builders import Study, enhanced_mr_study, result_of
from trabecula.domain.errors import ReportInvalid
from trabecula.domain.results.analysis import AnalysedVolume, Analysis
from trabecula.domain.results.result import ObjectKind, ResultObject
from trabecula.domain.spine import Level
from trabecula.reporting.config import ReportingConfig, SegmentationEncoding
from trabecula.reporting.documents import DicomReporter
from trabecula.reporting.segmentation_object import label_name


def segmentation(study: Study, volume: AnalysedVolume | None = None, **config: object) -> ResultObject:
    reporter = DicomReporter(ReportingConfig(with_picture=False, **config))  # type: ignore[arg-type]
    objects = reporter.report(Analysis(result_of(study), (volume or study.volume,)), study.context())
    return next(item for item in objects if item.kind is ObjectKind.SEGMENTATION)


def read(item: ResultObject) -> hd.seg.Segmentation:
    return hd.seg.Segmentation.from_dataset(dcmread(BytesIO(item.content)))


@pytest.mark.parametrize("name", ["ct", "mr", "enhanced_mr"])
def test_the_labels_come_back_on_the_grid_they_were_measured_on(name: str, request: pytest.FixtureRequest) -> None:
    study: Study = request.getfixturevalue(name)
    geometry, labels = study.volume.volume.geometry, study.volume.labels

    seg = read(segmentation(study))
    volume = seg.get_volume(combine_segments=True)

    occupied = np.argwhere(volume.array > 0).astype(np.float64)
    points = occupied @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    indices = np.rint(geometry.to_index(points)).astype(int)
    assert len(indices) == np.count_nonzero(labels)
    numbers = {number: seg.get_segment_description(number).segment_label for number in seg.segment_numbers}
    names = [numbers[int(value)] for value in volume.array[volume.array > 0]]
    expected = [label_name(int(labels[tuple(index)])) for index in indices]
    assert names == expected


def test_segments_are_named_coded_and_tracked_from_head_to_foot(ct: Study) -> None:
    seg = read(segmentation(ct))

    labels = [seg.get_segment_description(number).segment_label for number in seg.segment_numbers]
    types = [seg.get_segment_description(number).segmented_property_type.value for number in seg.segment_numbers]

    assert labels == ["L1", "L2", "L3", "L4", "L5"]
    assert types == ["66794005", "14293000", "36470004", "11994002", "49668003"]
    assert len({uid for _, uid in seg.get_tracking_ids()}) == 5


def test_report_and_segmentation_share_their_tracking_uids(ct: Study) -> None:
    report, seg, _ = DicomReporter(ReportingConfig()).report(ct.analysis(result_of(ct)), ct.context())

    tracked = dict(read(seg).get_tracking_ids())

    content = hd.sr.Comprehensive3DSR.from_dataset(dcmread(BytesIO(report.content))).content
    for group in content.get_planar_roi_measurement_groups() + content.get_volumetric_roi_measurement_groups():
        if group.tracking_identifier in tracked:
            assert group.tracking_uid == tracked.pop(group.tracking_identifier)
    assert set(tracked) == {"L5"}


def test_every_frame_names_the_image_it_was_drawn_on(ct: Study) -> None:
    by_position = {
        round(float(ct.volume.volume.geometry.to_lps(np.array([index, 0.0, 0.0]))[2]), 3): file.sop_instance_uid
        for index, file in enumerate(ct.files)
    }

    for frame in dcmread(BytesIO(segmentation(ct).content)).PerFrameFunctionalGroupsSequence:
        position = round(float(frame.PlanePositionSequence[0].ImagePositionPatient[2]), 3)
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert source.ReferencedSOPInstanceUID == by_position[position]


def test_every_frame_names_the_frame_of_a_multi_frame_source(enhanced_mr: Study) -> None:
    source = dcmread(enhanced_mr.files[0].path)
    positions = [
        frame.PlanePositionSequence[0].ImagePositionPatient[0] for frame in source.PerFrameFunctionalGroupsSequence
    ]

    for frame in dcmread(BytesIO(segmentation(enhanced_mr).content)).PerFrameFunctionalGroupsSequence:
        reference = frame.DerivationImageSequence[0].SourceImageSequence[0]
        expected = frame.PlanePositionSequence[0].ImagePositionPatient[0]
        assert positions[int(reference.ReferencedFrameNumber) - 1] == pytest.approx(expected)


@pytest.mark.parametrize(("objects", "kinds"), [(1, 2), (1, 3), (2, 1), (2, 2), (11, 1), (11, 2)])
def test_frames_are_named_by_object_and_kind_not_by_position_alone(tmp_path: Path, objects: int, kinds: int) -> None:
    """An Enhanced object may hold more frames than the measured stack: echoes or Dixon images of the same slices."""
    study = enhanced_mr_study(tmp_path, objects=objects, kinds=kinds)
    sources = {str(source.SOPInstanceUID): source for source in (dcmread(file.path) for file in study.files)}

    report, seg, picture = (
        dcmread(BytesIO(item.content))
        for item in DicomReporter(ReportingConfig()).report(study.analysis(result_of(study)), study.context())
    )

    for frame in seg.PerFrameFunctionalGroupsSequence:
        reference = frame.DerivationImageSequence[0].SourceImageSequence[0]
        source = sources[reference.ReferencedSOPInstanceUID].PerFrameFunctionalGroupsSequence[
            int(reference.ReferencedFrameNumber) - 1
        ]
        expected = frame.PlanePositionSequence[0].ImagePositionPatient
        assert source.PlanePositionSequence[0].ImagePositionPatient == pytest.approx(expected)
        assert source.MRImageFrameTypeSequence[0].FrameType[3] == f"KIND_{kinds - 1}"
        assert reference.ReferencedSOPClassUID == study.files[0].sop_class_uid
    (series,) = seg.ReferencedSeriesSequence
    named = [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence]
    assert sorted(named) == sorted(sources)
    assert {item.ReferencedSOPInstanceUID for item in picture.SourceImageSequence} <= set(sources)
    assert b"2.25.1.1" not in report.to_json().encode() + seg.to_json().encode()


def test_a_frame_of_an_image_that_the_study_lacks_is_refused(enhanced_mr: Study) -> None:
    with pytest.raises(ReportInvalid, match="whose image the study does not hold"):
        segmentation(enhanced_mr, replace(enhanced_mr.volume, files=()))


def test_empty_slices_are_not_stored(ct: Study) -> None:
    seg = dcmread(BytesIO(segmentation(ct).content))

    assert seg.NumberOfFrames == 5 * 8
    assert len(segmentation(ct).content) < 100_000


def test_bodies_of_unknown_level_are_numbered_from_the_top(mr: Study) -> None:
    labels = mr.volume.labels.copy()
    labels[labels == Level.L1.label] = 101
    labels[labels == Level.L2.label] = 102

    seg = read(segmentation(mr, replace(mr.volume, labels=labels)))

    names = [seg.get_segment_description(number).segment_label for number in seg.segment_numbers]
    assert names[-2:] == ["Vertebra 1 (level unknown)", "Vertebra 2 (level unknown)"]


def test_a_site_may_ask_for_a_label_map(mr: Study) -> None:
    item = segmentation(mr, segmentation_encoding=SegmentationEncoding.LABELMAP)

    assert item.sop_class_uid == "1.2.840.10008.5.1.4.1.1.66.7"
    assert dcmread(BytesIO(item.content)).SegmentationType == "LABELMAP"


def test_labels_on_another_grid_are_refused(ct: Study) -> None:
    with pytest.raises(ReportInvalid, match="do not lie on the grid"):
        segmentation(ct, replace(ct.volume, labels=ct.volume.labels[:-1]))


def test_a_missing_image_is_refused(ct: Study) -> None:
    with pytest.raises(ReportInvalid, match="59 images for 60 slices"):
        segmentation(ct, replace(ct.volume, files=ct.files[:-1]))


def test_no_segmentation_is_written_without_labels(ct: Study) -> None:
    empty = replace(ct.volume, labels=np.zeros_like(ct.volume.labels))

    objects = DicomReporter(ReportingConfig()).report(
        Analysis(result_of(ct, levels=(), summary=()), (empty,)), ct.context()
    )

    assert [item.kind for item in objects] == [ObjectKind.STRUCTURED_REPORT, ObjectKind.PICTURE]
