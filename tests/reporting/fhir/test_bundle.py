"""Reports of every kind as FHIR: valid by the library's models, with the codes that the mapping asks for, and the
numbers of the report and of the result it was written from."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from tests.reporting.builders import Study, demonstration_score, not_evaluable_result, result_of
from tests.reporting.conftest import ct, mr
from trabecula.domain.errors import ReportInvalid
from trabecula.domain.results.result import Category, StudyResult
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.reporting.fhir.bundle import fhir_bundle
from trabecula.reporting.fhir.values import day, human_name, moment
from trabecula.reporting.sr.concepts import level_code
from trabecula.reporting.sr.named_numbers import level_numbers
from trabecula.reporting.sr.reading_back import report_lines
from trabecula.reporting.wording import rounded

__all__ = ["ct", "mr"]


def _bundle(study: Study, result: StudyResult) -> tuple[dict[str, Any], bytes]:
    reporter = DicomReporter(ReportingConfig(with_picture=False))
    content = reporter.report(study.analysis(result), study.context())[0].content
    return json.loads(fhir_bundle(content)), content


def _of(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def _codes(concept: dict[str, Any]) -> set[str]:
    return {item["code"] for item in concept["coding"]}


def _quantities(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in _of(bundle, "Observation") if "valueQuantity" in item]


@pytest.mark.parametrize("kind", ["ct", "mr", "not evaluable", "demonstration"])
def test_every_resource_is_valid_and_every_reference_leads_somewhere(kind: str, ct: Study, mr: Study) -> None:
    result = {
        "ct": lambda: result_of(ct),
        "mr": lambda: result_of(mr),
        "not evaluable": not_evaluable_result,
        "demonstration": lambda: result_of(ct, scores=(demonstration_score(),)),
    }[kind]()
    bundle, _ = _bundle(mr if kind == "mr" else ct, result)
    names = {entry["fullUrl"] for entry in bundle["entry"]}

    for entry in bundle["entry"]:
        resource = entry["resource"]
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    used = [part.split('"')[0] for part in json.dumps(bundle).split('"reference": "')[1:]]
    assert used
    assert set(used) <= names
    assert len(names) == len(bundle["entry"])


def test_nothing_is_ever_called_normal(ct: Study, mr: Study) -> None:
    for study in (ct, mr):
        for category in Category:
            bundle, _ = _bundle(study, result_of(study, category=category, impression=()))
            assert "interpretation" not in json.dumps(bundle)
            assert "ormal" not in json.dumps([item.get("conclusionCode") for item in _of(bundle, "DiagnosticReport")])
    bundle, _ = _bundle(ct, result_of(ct, category=Category.NO_FLAG, impression=()))
    (report,) = _of(bundle, "DiagnosticReport")
    assert _codes(report["conclusionCode"][0]) == {"CAT-NOFLAG"}
    assert "does not exclude osteoporosis" in report["conclusion"]


def test_each_level_is_an_observation_with_its_site_and_the_numbers_of_the_result(ct: Study, mr: Study) -> None:
    for study in (ct, mr):
        result = result_of(study)
        bundle, _ = _bundle(study, result)
        by_name = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}
        groups = {item["code"]["text"]: item for item in _of(bundle, "Observation") if "hasMember" in item}
        measured = [level for level in result.levels if level.measurements]
        assert measured
        for level in measured:
            group = groups[str(level.level)]
            assert _codes(group["category"][0]) == {"125007"}
            assert _codes(group["valueCodeableConcept"]) == {"51282000"}
            assert _codes(group["bodySite"]) == {level_code(level.level).value}
            members = [by_name[item["reference"]] for item in group["hasMember"]]
            told = [
                (*_codes(item["code"]), item["valueQuantity"]["value"], item["valueQuantity"]["code"])
                for item in members
                if "valueQuantity" in item
            ]
            assert told == [
                (named.name.value, rounded(named.measurement.value, named.measurement.unit, named.measurement.concept),
                 named.unit.value)
                for named in level_numbers(level, result.primary)
            ]  # fmt: skip
            assert all(_codes(item["bodySite"]) == _codes(group["bodySite"]) for item in members)


def test_the_numbers_are_those_of_the_report_digit_by_digit(ct: Study, mr: Study) -> None:
    for study in (ct, mr):
        bundle, content = _bundle(study, result_of(study, scores=(demonstration_score(),)))
        here = sorted(
            (item["code"]["coding"][0]["display"], float(item["valueQuantity"]["value"]))
            for item in _quantities(bundle)
        )
        known = {item["code"]["coding"][0]["display"] for item in _quantities(bundle)}
        there = []
        for line in report_lines(content):
            number, _, _ = line.value.partition(" ")
            if line.concept in known:
                there.append((line.concept, float(number)))
        assert here == sorted(there)
        assert here


def test_a_model_is_a_device_of_its_own_and_says_what_speaks_against_it(ct: Study) -> None:
    score = demonstration_score()
    bundle, _ = _bundle(ct, result_of(ct, scores=(score,)))
    by_name = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}

    (said,) = [item for item in _quantities(bundle) if item["valueQuantity"]["code"] == "%" and "note" in item]

    device = by_name[said["device"]["reference"]]
    assert device["deviceName"][0]["name"] == score.model_id
    assert device["version"][0]["value"] == score.model_version
    assert "demonstration model: no clinical meaning" in [item["text"] for item in said["note"]]
    assert said["code"]["coding"][0]["display"].startswith("DEMONSTRATION")


def test_the_report_names_patient_study_and_order_as_its_header_does(ct: Study) -> None:
    bundle, _ = _bundle(ct, result_of(ct))
    (report,), (patient,), (study,) = (_of(bundle, kind) for kind in ("DiagnosticReport", "Patient", "ImagingStudy"))

    assert bundle["entry"][0]["resource"] == report
    assert report["status"] == "preliminary"
    assert _codes(report["code"]) == {"18748-4"}
    assert report["imagingStudy"][0]["reference"]
    assert study["identifier"][0]["value"].startswith("urn:oid:")
    assert patient["identifier"][0]["value"]


def test_the_same_report_becomes_the_same_bundle(ct: Study) -> None:
    assert _bundle(ct, result_of(ct))[0] == _bundle(ct, result_of(ct))[0]


def test_a_document_that_is_not_ours_is_refused(ct: Study) -> None:
    seg = DicomReporter(ReportingConfig(with_picture=False)).report(ct.analysis(result_of(ct)), ct.context())[1]

    for content in (seg.content, b"", b"x" * 500):
        with pytest.raises(ReportInvalid):
            fhir_bundle(content)


def test_days_and_names_that_are_none_are_left_out() -> None:
    assert (day("20260102"), day("2026"), day(None), day("20269999")) == ("2026-01-02", "", "", "")
    assert moment("20260102", "101500.5", "+0100") == "2026-01-02T10:15:00+01:00"
    assert moment("20260102", "", "") == "2026-01-02T12:00:00+00:00"
    assert moment("", "", "") == ""
    assert human_name("Doe^Jane^A^Dr") == {"family": "Doe", "given": ["Jane", "A"], "prefix": ["Dr"]}
    assert human_name("=山田^太郎=やまだ^たろう") == {"family": "山田", "given": ["太郎"]}
    assert human_name("^^") == {}
