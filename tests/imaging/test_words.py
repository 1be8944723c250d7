"""Words in headers: normalisation, boundaries, wildcards, and the languages of the token lists."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trabecula.data import data_file
from trabecula.imaging.words import is_term, mentions, normalised

LISTS = [name for name, table in data_file("tokens.toml").items() if isinstance(table, dict)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("T1_TSE-Sag", "t1 tse sag"),
        ("Ｔ２強調　矢状", "t2強調 矢状"),
        ("rachis  lombäire", "rachis lombaire"),
        ("w/o", "w o"),
        ("+C", "+c"),
        ("", ""),
    ],
)
def test_text_is_normalised(text: str, expected: str) -> None:
    assert normalised(text) == expected


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=60), st.sampled_from(LISTS))
def test_any_text_can_be_asked(text: str, name: str) -> None:
    assert mentions(text, name) in (True, False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Sag T1 TSE", "t1"),
        ("t1w_sag", "t1"),
        ("T2強調矢状断", "t2"),
        ("AX T2 STIR", "stir"),
        ("t2_tirm_fs_sag", "fat_saturation"),
        ("T1 SE post KM", "contrast"),
        ("腰椎MRI", "lumbar"),
        ("поясничный отдел", "lumbar"),
        ("lędźwiowy", "lumbar"),
        ("Ländrygg", "lumbar"),
        ("3-plane loc", "localizer"),
        ("Mono 70 keV", "spectral"),
        ("Z.n. Spondylodese L4/5", "hardware"),
        ("Abdomen portal-venous", "phase_venous"),
        ("动脉期", "phase_arterial"),
    ],
)
def test_words_are_found(text: str, name: str) -> None:
    assert mentions(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("T2", "t1"),
        ("location", "localizer"),
        ("posterior", "contrast"),
        ("started", "phase_arterial"),
        ("fast", "fat_saturation"),
        ("lateral", "phase_delayed"),
        ("t2w", "gradient"),
        ("metal", "marrow_disease"),
    ],
)
def test_parts_of_words_are_not(text: str, name: str) -> None:
    assert not mentions(text, name)


def test_coded_terms_are_compared_whole() -> None:
    assert is_term(("ORIGINAL", "PRIMARY", "localizer"), "image_type_reject")
    assert not is_term(("ORIGINAL", "PRIMARY", "AXIAL"), "image_type_reject")
