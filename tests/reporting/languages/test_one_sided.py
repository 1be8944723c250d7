"""No sentence of any language says that bone is normal, or that anything is excluded."""

from __future__ import annotations

import re

import pytest

from trabecula.domain.language import Language
from trabecula.reporting.languages.files import files_of

FORBIDDEN = {
    Language.ENGLISH: r"\bnormal|exclud|ruled? out|ruling out|healthy|unremarkable|no evidence|inconspicuous|clear of",
    Language.GERMAN: (
        r"\bnormal|ausgeschlossen|ausschlie|schließt|ausschluss|gesund|unauffällig|kein hinweis|ohne befund|o\. ?b\."
    ),
    Language.FRENCH: r"\bnormal|exclu|écarté|sans anomalie|\bsain|rassurant|pas de signe",
    Language.SPANISH: r"\bnormal|descart|exclu|\bsan[oa]s?\b|sin alteraci|sin hallazgo|sin signos",
    Language.CHINESE: r"正常|排除|健康|未见异常|无异常|阴性|除外",
    Language.JAPANESE: r"正常|異常なし|除外|否定|健常|健康|所見なし|問題なし|陰性",
}
"""Words that clear a patient, in any spelling a translator may choose."""
ALLOWED = {
    Language.ENGLISH: (
        "No flag (does not exclude osteoporosis)",
        "This does not exclude osteoporosis",
        "not for ruling out low bone density",
        "a transitional vertebra cannot be excluded by counting",
    ),
    Language.GERMAN: (
        "schließt Osteoporose nicht aus",
        "nicht zum Ausschluss einer niedrigen Knochendichte",
    ),
    Language.FRENCH: (
        "n'exclut pas une ostéoporose",
        "n'exclut pas une faible densité",
        "Ni suspecté ni écarté",
        "écarté : {why}",
        "qu'aucun autre motif n'écarte",
    ),
    Language.SPANISH: ("no descarta osteoporosis", "no descarta baja densidad ósea"),
    Language.CHINESE: ("不能排除骨质疏松", "不得用于排除骨密度降低"),
    Language.JAPANESE: ("骨粗鬆症を除外するものではない", "骨密度低下の除外には用いない"),
}
"""The negated forms, and words about a level or a series and not about bone, spelled exactly."""
NOT_EXCLUDED = {
    Language.ENGLISH: "does not exclude osteoporosis",
    Language.GERMAN: "schließt Osteoporose nicht aus",
    Language.FRENCH: "n'exclut pas une ostéoporose",
    Language.SPANISH: "no descarta osteoporosis",
    Language.CHINESE: "不能排除骨质疏松",
    Language.JAPANESE: "骨粗鬆症を除外するものではない",
}


def sentences(language: Language) -> list[str]:
    found = files_of(language)
    return [*found.phrases.values(), *(text for pair in found.reasons.values() for text in pair)]


def clearing_words(language: Language, text: str) -> list[str]:
    for allowed in ALLOWED[language]:
        text = text.replace(allowed, "")
    return re.findall(FORBIDDEN[language], text, re.IGNORECASE)


@pytest.mark.parametrize("language", Language)
def test_no_sentence_clears_a_patient(language: Language) -> None:
    said = {text: words for text in sentences(language) if (words := clearing_words(language, text))}

    assert said == {}


@pytest.mark.parametrize("language", Language)
def test_the_words_would_be_seen(language: Language) -> None:
    cleared = {
        Language.ENGLISH: "Normal bone density; osteoporosis is excluded.",
        Language.GERMAN: "Unauffällig; Osteoporose ausgeschlossen.",
        Language.FRENCH: "Densité normale, ostéoporose exclue.",
        Language.SPANISH: "Densidad normal, osteoporosis descartada.",
        Language.CHINESE: "骨密度正常，排除骨质疏松。",
        Language.JAPANESE: "骨密度は正常で、骨粗鬆症は除外される。",
    }
    assert len(clearing_words(language, cleared[language])) == 2


@pytest.mark.parametrize("language", Language)
def test_without_a_flag_osteoporosis_is_not_excluded_in_so_many_words(language: Language) -> None:
    phrases = files_of(language).phrases

    assert NOT_EXCLUDED[language] in phrases["category_no_flag"]
    assert NOT_EXCLUDED[language] in phrases["advice_no_flag"]


@pytest.mark.parametrize("language", Language)
def test_research_use_stands_in_every_language(language: Language) -> None:
    assert "DXA/QCT" in files_of(language).phrases["research_use"]
