"""The objects of one result in six languages: what is coded is the same, what is read is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom as hd
import pytest
from pydicom import Dataset, dcmread

from tests.reporting.builders import Study, not_evaluable_result
from tests.reporting.sr.test_content_tree import rich_result
from tests.reporting.test_validators import run
from trabecula.domain.errors_of.fonts import CjkFontMissing
from trabecula.domain.language import Language
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.result import ObjectKind, ResultObject
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.reporting.languages.telling import texts_of
from trabecula.reporting.picture.typefaces import typeface_of
from trabecula.reporting.sr.content_items import walk

WORDS_ONLY = ReportingConfig(with_picture=False)
LANGUAGE = "121049"


def made(study: Study, *languages: Language, config: ReportingConfig = WORDS_ONLY) -> tuple[ResultObject, ...]:
    return DicomReporter(config).report(study.analysis(rich_result(study)), study.context(languages=languages))


def report(study: Study, language: Language) -> Dataset:
    return dcmread(BytesIO(made(study, language)[0].content))


def coded(root: Dataset) -> list[tuple[str, ...]]:
    """Every item but its words: name, value type, and code, number and unit, coordinates."""
    found = []
    for item in walk(root):
        name, values = item.ConceptNameCodeSequence[0], item.get("MeasuredValueSequence", [])
        codes = [] if name.CodeValue == LANGUAGE else item.get("ConceptCodeSequence", [])
        told = [(each.CodeValue, each.CodeMeaning) for each in codes]
        number = [(str(each.NumericValue), each.MeasurementUnitsCodeSequence[0].CodeValue) for each in values]
        said = (name.CodeValue, name.CodeMeaning, item.ValueType)
        found.append((*said, str(told), str(number), str(item.get("GraphicData"))))
    return found


def language_of(root: Dataset) -> list[str]:
    named = (item for item in walk(root) if item.ConceptNameCodeSequence[0].CodeValue == LANGUAGE)
    return [str(item.ConceptCodeSequence[0].CodeValue) for item in named]


def words(root: Dataset) -> list[str]:
    return [str(item.TextValue) for item in walk(root) if item.get("ValueType") == "TEXT"]


@pytest.mark.parametrize("language", [item for item in Language if item is not Language.ENGLISH])
def test_what_is_coded_is_the_same_and_what_is_read_is_not(ct: Study, language: Language) -> None:
    english, other = report(ct, Language.ENGLISH), report(ct, language)

    assert coded(other) == coded(english)
    assert language_of(other) == [str(language)]
    phrases = texts_of(language).files.phrases
    assert any(text.startswith(phrases["category_low"]) for text in words(other))
    assert any(phrases["research_use"] in text for text in words(other))
    assert set(words(other)) & set(words(english)) < set(words(english))
    assert other.SpecificCharacterSet == "ISO_IR 192"
    assert (str(other.PatientName), other.PatientID) == (str(english.PatientName), english.PatientID)
    assert other.SeriesDescription == phrases["series_description"]
    assert other.SOPInstanceUID != english.SOPInstanceUID
    assert other.SeriesInstanceUID != english.SeriesInstanceUID


def test_several_languages_are_the_same_bytes_as_each_alone(ct: Study) -> None:
    both = made(ct, Language.ENGLISH, Language.GERMAN)

    alone = {language: made(ct, language) for language in (Language.ENGLISH, Language.GERMAN)}
    reports = [item for item in both if item.kind is ObjectKind.STRUCTURED_REPORT]
    assert [item.content for item in reports] == [alone[item.language][0].content for item in reports]  # type: ignore[index]
    assert [item.kind for item in both].count(ObjectKind.SEGMENTATION) == 1
    assert alone[Language.GERMAN][1].content == alone[Language.ENGLISH][1].content


def test_a_report_supersedes_the_one_of_its_language(ct: Study) -> None:
    earlier = tuple(
        Predecessor(sop_class_uid="1.2", sop_instance_uid=f"1.3.{n}", series_uid="1.4", language=language)  # type: ignore[arg-type]
        for n, language in ((7, Language.ENGLISH), (8, Language.GERMAN))
    )
    context = ct.context(languages=(Language.GERMAN, Language.FRENCH), predecessors=earlier)

    german, french, *_ = DicomReporter(WORDS_ONLY).report(ct.analysis(rich_result(ct)), context)

    assert b"1.3.8" in german.content
    assert b"1.3.7" not in german.content
    assert b"1.3.7" in french.content


@pytest.fixture
def cjk_font(require_cjk_font: Callable[[], Path]) -> Path:
    return require_cjk_font()


def test_the_font_is_part_of_the_identity_of_a_chinese_page(ct: Study, cjk_font: Path, tmp_path: Path) -> None:
    config = ReportingConfig(with_segmentation=False)
    usual = made(ct, Language.CHINESE, config=config)
    other = tmp_path / "other.ttc"
    other.write_bytes(cjk_font.read_bytes() + b"\0")

    again = made(ct, Language.CHINESE, config=config)
    elsewhere = made(ct, Language.CHINESE, config=replace(config, cjk_font=other))

    assert [item.content for item in again] == [item.content for item in usual]
    assert {item.sop_instance_uid for item in elsewhere}.isdisjoint(item.sop_instance_uid for item in usual)


def test_a_font_that_is_not_there_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    for path in (tmp_path / "none.ttc", Path(__file__)):
        with pytest.raises(CjkFontMissing, match=path.name) as caught:
            typeface_of(Language.JAPANESE, path)
        assert "fonts-noto-cjk" in caught.value.next_step
    assert typeface_of(Language.GERMAN, tmp_path / "none.ttc").regular == ""


def test_the_font_holds_every_letter_of_the_texts(cjk_font: Path) -> None:
    for language in Language:
        found = texts_of(language).files
        signs = "".join([*found.phrases.values(), *(text for pair in found.reasons.values() for text in pair)])
        assert typeface_of(language, None).lacks(signs) == ""


@pytest.mark.system
def test_other_programs_read_the_letters_and_find_no_error(
    ct: Study, tmp_path: Path, require_tool: Callable[[str], str], cjk_font: Path
) -> None:
    dciodvfy, html = require_tool("dciodvfy"), require_tool("dsr2html")
    none = DicomReporter(ReportingConfig()).report(
        Analysis(not_evaluable_result(), ()), ct.context(languages=(Language.JAPANESE,))
    )
    objects = (*made(ct, Language.GERMAN, Language.CHINESE, config=ReportingConfig()), *none)

    for number, item in enumerate(objects):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(item.content)
        assert [line for line in run(dciodvfy, str(path)).splitlines() if line.startswith("Error")] == []
        if item.kind is not ObjectKind.STRUCTURED_REPORT or item.language is None:
            continue
        shown = run(html, "+U8", str(path))
        assert texts_of(item.language).files.phrases["not_reviewed"][:12] in shown
        hd.sr.srread(path)
        if item.language is Language.CHINESE:
            said = run(require_tool("DicomSRValidator"), "-checktemplateid", "-checkcontentitemorder", str(path))
            assert "IOD validation complete" in said
            assert [line for line in said.splitlines() if line.startswith("Error")] == []
