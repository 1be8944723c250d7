"""One report as a Bundle: DiagnosticReport, an Observation per group and per number in it, the algorithms as Devices.

HL7 "DICOM SR to FHIR Resource Mapping" 1.0.0 is written for R5; what R4 has no element for is told as R4 can: the site
of a group is ``bodySite``, not a BodyStructure, and regions on images stay in the report that ``derivedFrom`` names.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from fhir.resources.R4B.bundle import Bundle

from trabecula.domain.codes import Code
from trabecula.domain.identity import derived_uid
from trabecula.reporting.fhir import values
from trabecula.reporting.fhir.report_tree import CATEGORY, Algorithm, Group, Number, ReportTree, read_report
from trabecula.reporting.fhir.values import concept

_GROUP = Code("125007", "DCM", "Measurement Group")
_FINDING = Code("121071", "DCM", "Finding")
_DERIVATION = Code("121401", "DCM", "Derivation")
_TRACKING_UID = Code("112040", "DCM", "Tracking Unique Identifier")
_STUDY_UID = Code("110180", "DCM", "Study Instance UID")
_IMAGING = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "imaging"}
_RADIOLOGY = {"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "RAD", "display": "Radiology"}
_REPORT = Code("18748-4", "LN", "Diagnostic imaging study")
_ACCESSION = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN", "display": "Accession ID"}
_STATUS = "preliminary"
"""As the report: its Preliminary Flag is PRELIMINARY, and nobody has verified it."""

Resource = dict[str, Any]


def fhir_bundle(report: bytes) -> str:
    """Return the Bundle of a Part 10 report as JSON, checked by the library's models. Raises ReportInvalid."""
    built = _Builder(read_report(report)).bundle()
    return str(Bundle.model_validate(built).model_dump_json())


class _Builder:
    """Writes resources that name each other by URNs which follow from the report's UID."""

    def __init__(self, tree: ReportTree) -> None:
        self.tree = tree
        self.header = tree.header
        self.entries: dict[str, Resource] = {}
        self.issued = values.moment(
            self.header.get("ContentDate"), self.header.get("ContentTime"), self.header.get("TimezoneOffsetFromUTC")
        )

    def bundle(self) -> Resource:
        """Return the whole Bundle, the DiagnosticReport first."""
        self.add("patient", self.patient())
        self.add("study", self.imaging_study())
        self.add("device", self.device(self.tree.algorithm))
        results = [
            *self.study_observations(),
            *(self.group(number, item) for number, item in enumerate(self.tree.groups)),
        ]
        report = self.report(results)
        urn = self.urn("report")
        entries = [{"fullUrl": urn, "resource": report}]
        entries += [{"fullUrl": name, "resource": resource} for name, resource in self.entries.items()]
        bundle = {"resourceType": "Bundle", "type": "collection", "identifier": values.uid(self.header.SOPInstanceUID)}
        return bundle | ({"timestamp": self.issued} if self.issued else {}) | {"entry": entries}

    def urn(self, name: str) -> str:
        """Return the address of a resource inside the Bundle."""
        number = int(derived_uid(str(self.header.SOPInstanceUID), "fhir", name).removeprefix("2.25."))
        return uuid.UUID(int=number).urn

    def add(self, name: str, resource: Resource) -> Resource:
        """Keep a resource and return a Reference to it."""
        self.entries[self.urn(name)] = resource
        return self.reference(name)

    def reference(self, name: str) -> Resource:
        """Return a Reference to a resource of this name."""
        return {"reference": self.urn(name)}

    def patient(self) -> Resource:
        """Return whom the report is of, as its header says."""
        resource: Resource = {"resourceType": "Patient", "gender": values.gender(self.header.get("PatientSex"))}
        number, issuer = values.words(self.header.get("PatientID")), values.words(self.header.get("IssuerOfPatientID"))
        if number:
            resource["identifier"] = [{"value": number} | ({"assigner": {"display": issuer}} if issuer else {})]
        if name := values.human_name(self.header.get("PatientName")):
            resource["name"] = [name]
        if born := values.day(self.header.get("PatientBirthDate")):
            resource["birthDate"] = born
        return resource

    def imaging_study(self) -> Resource:
        """Return the study by its UID; its images stay in the archive."""
        resource: Resource = {
            "resourceType": "ImagingStudy",
            "status": "available",
            "identifier": [{"type": concept(_STUDY_UID), **values.uid(self.header.StudyInstanceUID)}],
            "subject": self.reference("patient"),
        }
        if started := values.day(self.header.get("StudyDate")):
            resource["started"] = started
        if words := values.words(self.header.get("StudyDescription")):
            resource["description"] = words
        return resource

    def device(self, algorithm: Algorithm) -> Resource:
        """Return software: this product, or a model that it asked."""
        resource: Resource = {
            "resourceType": "Device",
            "status": "active",
            "deviceName": [{"name": values.words(algorithm.name), "type": "model-name"}],
        }
        if algorithm.maker:
            resource["manufacturer"] = values.words(algorithm.maker)
        if algorithm.version:
            resource["version"] = [{"value": values.words(algorithm.version)}]
        if algorithm.parameters:
            resource["note"] = [{"text": values.words(item)} for item in algorithm.parameters]
        return resource

    def report(self, results: Sequence[Resource]) -> Resource:
        """Return the DiagnosticReport: the answer in words and in its code."""
        answer = [value for name, value in self.tree.remarks if (name.value, name.scheme) == _key(CATEGORY)]
        accession = values.words(self.header.get("AccessionNumber"))
        conclusion = values.lines("\n".join((self.tree.impression, *self.tree.comments)))
        resource: Resource = {
            "resourceType": "DiagnosticReport",
            "identifier": [values.uid(self.header.SOPInstanceUID)],
            "status": _STATUS,
            "category": [{"coding": [_RADIOLOGY]}],
            "code": concept(_REPORT, self.tree.title.meaning),
            "subject": self.reference("patient"),
            "imagingStudy": [self.reference("study")],
            "result": list(results),
            "conclusion": conclusion,
            "conclusionCode": [concept(code) for code in answer],
        }
        if accession:
            resource["basedOn"] = [{"identifier": {"type": {"coding": [_ACCESSION]}, "value": accession}}]
        return resource | self.when()

    def study_observations(self) -> Iterator[Resource]:
        """Yield references to what is said in codes about the whole study."""
        for number, (name, value) in enumerate(self.tree.remarks):
            yield self.add(f"remark {number}", self.remark(name, value, None))

    def group(self, number: int, group: Group) -> Resource:
        """Keep a group with its members and return a reference to it."""
        members = [
            self.add(f"group {number} number {place}", self.number(item, group))
            for place, item in enumerate(group.numbers)
        ]
        members += [
            self.add(f"group {number} remark {place}", self.remark(name, value, group.site))
            for place, (name, value) in enumerate(group.remarks)
        ]
        observation = self.observation(concept(_FINDING, group.name), group.site) | {
            "identifier": [{"type": concept(_TRACKING_UID), **values.uid(group.tracking_uid)}],
            "category": [concept(_GROUP)],
            "valueCodeableConcept": concept(group.finding),
            "hasMember": members,
        }
        return self.add(f"group {number}", observation)

    def number(self, item: Number, group: Group) -> Resource:
        """Return a measurement; what a model said has the model as its device, and says what speaks against it."""
        observation = self.observation(concept(item.concept), group.site)
        observation["valueQuantity"] = values.quantity(item.value, item.unit)
        if item.method is not None:
            observation["method"] = concept(item.method)
        if item.derivation is not None:
            observation["component"] = [
                {"code": concept(_DERIVATION), "valueCodeableConcept": concept(item.derivation)}
            ]
        if item.algorithm is not None:
            observation["device"] = self.add(f"model {item.algorithm.name}", self.device(item.algorithm))
            observation["note"] = [{"text": values.words(text)} for text in item.algorithm.parameters]
        return observation

    def remark(self, name: Code, value: Code, site: Code | None) -> Resource:
        """Return a qualitative evaluation."""
        return self.observation(concept(name), site) | {"valueCodeableConcept": concept(value)}

    def observation(self, code: Resource, site: Code | None) -> Resource:
        """Return what every Observation holds."""
        resource: Resource = {
            "resourceType": "Observation",
            "status": _STATUS,
            "category": [{"coding": [_IMAGING]}],
            "code": code,
            "subject": self.reference("patient"),
            "partOf": [self.reference("study")],
            "derivedFrom": [{"identifier": values.uid(self.header.SOPInstanceUID), "display": "structured report"}],
            "device": self.reference("device"),
        }
        return resource | ({"bodySite": concept(site)} if site is not None else {}) | self.when()

    def when(self) -> Resource:
        """Return when the images were taken and when this was said."""
        taken = values.day(self.header.get("StudyDate"))
        return ({"effectiveDateTime": taken} if taken else {}) | ({"issued": self.issued} if self.issued else {})


def _key(code: Code) -> tuple[str, str]:
    return code.value, code.scheme
