from __future__ import annotations

from collections import Counter

import pytest

from tests.reporting.languages.samples import COMPOSED, OTHERS, composed_details, every_pattern, filled
from trabecula.domain.language import Language
from trabecula.domain.results.advice import ADVICE
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category
from trabecula.domain.spine import Level
from trabecula.reporting.languages.telling import ENGLISH, texts_of
from trabecula.reporting.series_lines import _WORDS as SERIES_WORDS
from trabecula.reporting.wording import _SHORT_REASONS

SAID_ALIKE = {"listed_series", "level_left_out", "deformity_detail"}
"""Two say in English what another phrase says too, the third takes any two words."""


@pytest.mark.parametrize("language", OTHERS)
def test_every_phrase_is_found_again_in_the_sentence_made_of_it(language: Language) -> None:
    texts = texts_of(language)

    found = {pattern.key: (texts.told(filled(pattern)), filled(pattern, language)) for pattern in every_pattern()}

    assert {key: both for key, both in found.items() if both[0] != both[1]}.keys() <= SAID_ALIKE


@pytest.mark.parametrize("language", OTHERS)
def test_every_detail_that_the_code_composes_is_told(language: Language) -> None:
    texts, untold = texts_of(language), Counter[str]()
    for place, looks in composed_details():
        if looks[0] and not any(texts.told(look) for look in looks):
            untold[place.split(":")[0]] += 1

    assert all(texts.told(example) for examples in COMPOSED.values() for example in examples)
    assert {place: count for place, count in untold.items() if count > len(COMPOSED.get(place, ()))} == {}


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_is_told_with_its_level_its_value_and_what_would_help(
    language: Language, code: ReasonCode
) -> None:
    texts = texts_of(language)
    reason = Reason(code=code, level=Level.L2, detail="not corrected", value=6.5, limit=5.0, unit="mm")

    told = texts.said(reason.sentence)

    sentence, step = texts.files.reasons[code]
    assert told.startswith("L2")
    assert sentence in told
    assert told.endswith(texts.files.layout.stop)
    assert f"6{texts.files.layout.decimal}5 mm" in told
    assert texts.files.phrases["not_corrected"] in told
    if step:
        assert texts.said(f"{reason.sentence} {code.next_step}").endswith(step)


@pytest.mark.parametrize("language", OTHERS)
def test_words_of_tables_are_told(language: Language) -> None:
    texts = texts_of(language)
    words = [*SERIES_WORDS.values(), *_SHORT_REASONS.values(), *(each.words for each in Category), *ADVICE.values()]

    assert [word for word in words if texts.told(word) is None] == []


def test_english_stays_as_it_is() -> None:
    for text in ("Indeterminate.", "anything 12.5 at all", ""):
        assert ENGLISH.said(text) == text


@pytest.mark.parametrize(
    ("english", "german", "japanese"),
    [
        (
            "Trabecular attenuation mean of L2-L4 205 HU (as scanned 238 HU; 210 HU before the site's offset of 5 HU), "
            "above 160 HU; left open: the tube voltage is not recorded; the conversion to 120 kVp would decide.",
            "Trabekuläre Dichte Mittel von L2-L4 205 HU (wie aufgenommen 238 HU; 210 HU vor der Korrektur des "
            "Standorts um 5 HU), über 160 HU; offen gelassen: die Röhrenspannung ist nicht angegeben; die Umrechnung "
            "auf 120 kVp würde entscheiden.",
            "海綿骨CT値 L2-L4平均 205 HU（撮影時の値238 HU；施設補正5 HU前は210 HU）、160 HUを超える；"
            "保留：管電圧の記録がない；120 kVpへの換算が判定を左右する。",
        ),
        (
            "Possible vertebral fracture (mild), L1: height loss 22.5 % (wedge); possible vertebral fracture (severe), "
            "a body whose level is not certain: height loss 41 % (crush).",
            "Mögliche Wirbelkörperfraktur (leicht), L1: Höhenminderung 22,5 % (Keilform); mögliche Wirbelkörperfraktur "
            "(schwer), ein Wirbelkörper, dessen Höhe nicht sicher ist: Höhenminderung 41 % (Kompression).",
            "椎体骨折の可能性（軽度）、L1：椎体高の減少22.5%（楔状）；椎体骨折の可能性（高度）、"
            "レベルが確かでない椎体：椎体高の減少41%（圧潰）。",
        ),
        (
            "Earlier CT (2024-03-02): L1 110 HU, low bone density suspected; not comparable with this study.",
            "Früher, CT (2024-03-02): L1 110 HU, niedrige Knochendichte vermutet; mit dieser Untersuchung nicht "
            "vergleichbar.",
            "以前のCT（2024-03-02）：L1 110 HU、骨密度低下の疑い；今回の検査とは比較できない。",
        ),
        ("Words of nobody", "Words of nobody", "Words of nobody"),
    ],
)
def test_sentences_of_results_are_told(english: str, german: str, japanese: str) -> None:
    assert texts_of(Language.GERMAN).said(english) == german
    assert texts_of(Language.JAPANESE).said(english) == japanese
