"""The table of IHE AI Results primitives in docs/conformance.md, each row found in objects of CT and MR."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from tests.reporting.builders import Study, result_of
from tests.reporting.sr.test_content_tree import children, groups, name, only
from trabecula.domain.results.result import ObjectKind
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.reporting.sr.content_items import walk

DOCUMENT = Path(__file__).parents[2] / "docs" / "conformance.md"


@dataclass(frozen=True)
class Objects:
    """The objects of one result."""

    report: Dataset
    segmentation: Dataset
    picture: Dataset


@pytest.fixture(scope="module", params=["ct", "mr"])
def objects(request: pytest.FixtureRequest) -> Objects:
    study: Study = request.getfixturevalue(request.param)
    written = DicomReporter(ReportingConfig()).report(study.analysis(result_of(study)), study.context())
    found = {item.kind: dcmread(BytesIO(item.content)) for item in written}
    return Objects(found[ObjectKind.STRUCTURED_REPORT], found[ObjectKind.SEGMENTATION], found[ObjectKind.PICTURE])


def _root_result(objects: Objects) -> bool:
    evidence = {
        str(instance.ReferencedSOPInstanceUID)
        for study in objects.report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    ours = {str(objects.segmentation.SOPInstanceUID), str(objects.picture.SOPInstanceUID)}
    template = objects.report.ContentTemplateSequence[0].TemplateIdentifier
    return objects.report.SOPClassUID.name == "Comprehensive 3D SR Storage" and template == "1500" and ours <= evidence


def _qualitative_finding(objects: Objects) -> bool:
    said = only(objects.report, "Qualitative Evaluations")
    return bool(children(said, "Opportunistic bone density category")) and all(
        children(group, "Segmentation quality check") for group in groups(objects.report)
    )


def _measurement(objects: Objects) -> bool:
    numbers = [item for group in groups(objects.report) for item in group.ContentSequence if item.ValueType == "NUM"]
    how = {"Measurement Method", "Derivation"}
    return bool(numbers) and all(
        item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence
        and how & {name(child) for child in item.ContentSequence}
        for item in numbers
    )


def _location(objects: Objects) -> bool:
    sites = [only(group, "Finding Site").ConceptCodeSequence[0] for group in groups(objects.report)]
    return {site.CodingSchemeDesignator for site in sites} == {"SCT"} and "66794005" in [
        site.CodeValue for site in sites
    ]


def _region(objects: Objects) -> bool:
    return all(len(children(group, "Image Region")) == 1 for group in groups(objects.report))


def _tracking_identifier(objects: Objects) -> bool:
    segments = {(item.TrackingID, item.TrackingUID) for item in objects.segmentation.SegmentSequence}
    tracked = {
        (only(group, "Tracking Identifier").TextValue, only(group, "Tracking Unique Identifier").UID)
        for group in groups(objects.report)
    }
    return {pair for pair in tracked if pair[0].startswith("L")} - segments == {
        pair for pair in tracked if pair[0] == "Lumbar spine L1-L4"
    }


def _image_reference(objects: Objects) -> bool:
    library = only(objects.report, "Image Library", "Image Library Group")
    listed = {item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in children(library, "Source")}
    used = {
        item.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in walk(objects.report)
        if item.ValueType == "SCOORD"
    }
    return bool(used) and used == listed


def _algorithm_identification(objects: Objects) -> bool:
    named = children(only(objects.report, "Imaging Measurements"), "Algorithm Name")
    every = (objects.report, objects.segmentation, objects.picture)
    return len(named) == 1 and all(
        any("DeviceUID" in item for item in found.ContributingEquipmentSequence) for found in every
    )


def _parametric_map(objects: Objects) -> bool:
    """None is written, as the table says."""
    every = (objects.report, objects.segmentation, objects.picture)
    return "Parametric Map Storage" not in [found.SOPClassUID.name for found in every]


PRIMITIVES: dict[str, Callable[[Objects], bool]] = {
    "root result": _root_result,
    "qualitative finding": _qualitative_finding,
    "measurement": _measurement,
    "location": _location,
    "region": _region,
    "tracking identifier": _tracking_identifier,
    "image reference": _image_reference,
    "algorithm identification": _algorithm_identification,
    "parametric map": _parametric_map,
}


def test_the_document_lists_what_is_tested() -> None:
    section = DOCUMENT.read_text(encoding="utf-8").split("## Content primitives of IHE AI Results")[1].split("## ")[0]

    assert re.findall(r"^\| ([a-z ]+) \|", section, flags=re.MULTILINE)[1:] == list(PRIMITIVES)


@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_every_primitive_is_in_the_objects(objects: Objects, primitive: str) -> None:
    assert PRIMITIVES[primitive](objects)
