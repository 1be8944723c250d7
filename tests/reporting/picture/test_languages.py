"""Pages in every language: nothing leaves its box, lines break where they may, and numbers are written as there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reporting.builders import Study, not_evaluable_result, result_of
from tests.reporting.languages.samples import every_pattern, filled
from tests.reporting.picture.pages import CT_SCALE, long_header, longest, not_used, sheet
from tests.reporting.picture.test_page import EARLIER, overlap
from trabecula.domain.language import Language
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, StudyResult
from trabecula.reporting.languages.telling import texts_of
from trabecula.reporting.picture.page import HEIGHT, WIDTH
from trabecula.reporting.picture.text import Sheet, wrapped
from trabecula.reporting.picture.typefaces import Typeface, font, typeface_of

TURN = tuple(ReasonCode)


@pytest.fixture(params=Language)
def language(request: pytest.FixtureRequest, require_cjk_font: Callable[[], Path]) -> Language:
    if request.param.needs_cjk_font:
        require_cjk_font()
    return Language(request.param)


def drawn(study: Study, result: StudyResult, language: Language, **changes: object) -> Sheet:
    return sheet(study, result, texts=texts_of(language), typeface=typeface_of(language, None), **changes)


def longest_told(study: Study, category: Category) -> StudyResult:
    """The longest page there can be, of sentences that every language has: all reasons with details, the longest
    sentences for the report, and over the levels every reason that can leave one out."""
    base = longest(study)
    said = sorted((filled(pattern) for pattern in every_pattern()), key=len)[-6:]
    flags = iter(TURN * 2)
    levels = tuple(
        replace(level, flags=tuple(Reason(code=next(flags), detail=said[0]) for _ in range(9))) for level in base.levels
    )
    return replace(
        base,
        category=category,
        levels=levels,
        reasons=tuple(Reason(code=code, detail=said[-1]) for code in ReasonCode),
        impression=tuple(f"{text}." for text in said),
        for_report=" ".join(f"{text}." for text in said),
        series_not_used=tuple(
            replace(use, reasons=(Reason(code=TURN[number]),)) for number, use in enumerate(not_used(40))
        ),
    )


@pytest.mark.parametrize("kind", ["ct", "mr", "nothing measured"])
def test_the_longest_texts_of_every_language_stay_in_their_boxes(
    kind: str, language: Language, ct: Study, mr: Study
) -> None:
    study, category = (mr, Category.INDETERMINATE) if kind == "mr" else (ct, Category.NO_FLAG)
    result, changes = longest_told(study, category), {"header": long_header(study), "replaces": EARLIER}
    if kind == "nothing measured":
        result = not_evaluable_result(reasons=result.reasons, series_not_used=result.series_not_used)

    page = drawn(study, result, language, with_volume=kind != "nothing measured", **changes)

    written = [item for item in page.written if item.text.strip()]
    assert len(written) > 8
    assert [item for item in written if not item.is_inside] == []
    assert all(item.drawn[0] >= 0 and item.drawn[2] <= WIDTH and item.drawn[3] <= HEIGHT for item in written)
    assert [(one.text, other.text) for one, other in combinations(written, 2) if overlap(one, other)] == []
    assert not any("?" in item.text for item in written)


def test_standing_words_are_whole_and_numbers_are_written_as_there(language: Language, mr: Study, ct: Study) -> None:
    texts = texts_of(language)
    words = [item.text for item in drawn(mr, result_of(mr), language).written]
    no_flag = result_of(ct, scale=CT_SCALE, category=Category.NO_FLAG)
    measured = [item.text for item in drawn(ct, no_flag, language).written]

    for key in ("research_use", "heading_sentence", "screening", "heading_loss"):
        assert texts.fill(key) in words
    assert texts.fill("screening") in measured
    assert texts.sentence(texts.fill("not_reviewed")) in words
    assert texts.fill("category_no_flag") in measured
    value = f"3{texts.files.layout.decimal}"
    assert any(word.startswith(value) for word in words)


@pytest.fixture(scope="module")
def chinese(require_cjk_font: Callable[[], Path]) -> Typeface:
    require_cjk_font()
    return typeface_of(Language.CHINESE, None)


def test_lines_break_between_wide_letters_and_never_before_a_sign_that_closes(chinese: Typeface) -> None:
    text = "松质骨CT值 L2-L4平均 205 HU（扫描原值238 HU），高于160 HU。既未提示可疑，也不能据此放心；请考虑骨折评估。"
    for width in range(120, 700, 37):
        lines = wrapped(text, chinese.font(30), width)

        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(chinese.font(30).getlength(line) <= width for line in lines)
        assert not any(line[0] in "，。；）、" or line[-1] == "（" for line in lines)


def test_words_of_other_letters_stay_whole(chinese: Typeface) -> None:
    lines = wrapped("对于该年龄的男性，Scheuermann病也有可能", chinese.font(30), 260)

    assert any("Scheuermann" in line for line in lines)


@settings(max_examples=40, deadline=None)
@given(text=st.text(alphabet="骨密度椎体，。（）、 ab1-", max_size=120), width=st.integers(80, 500))
def test_lines_of_any_letters_fit(text: str, width: int) -> None:
    assert all(font(20).getlength(line) <= width for line in wrapped(text, font(20), width))
