from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.reporting.sources.text import character_set, decoded

CASES = [
    # Specific Character Set, bytes, text, as declared
    (["ISO-IR 58"], "王^小红".encode("gbk"), "王^小红", False),
    (["ISO_IR 58"], "王^小红".encode("gbk"), "王^小红", False),
    (["iso_ir 100"], "Müller".encode("latin-1"), "Müller", False),
    (["ISO_IR 100"], "Müller".encode("latin-1"), "Müller", True),
    (["ISO IR 100"], "Müller".encode("latin-1"), "Müller", False),
    (["ISO-IR-192"], "Müller".encode(), "Müller", False),
    (["UTF-8"], "王小红".encode(), "王小红", False),
    (["ISO_8859-2"], "Łódź".encode("iso8859-2"), "Łódź", False),
    (["ISO 8859-5"], "Иван".encode("iso8859-5"), "Иван", False),
    (["WINDOWS-1251"], "Иван".encode("cp1251"), "Иван", False),
    (["GB2312"], "王".encode("gb2312"), "王", False),
    (["GB18030"], "王^小东".encode("gb18030"), "王^小东", True),
    (["GBK"], "王".encode("gbk"), "王", True),
    (["Shift_JIS"], "山田".encode("shift_jis"), "山田", False),
    (["ISO_IR 87"], "山田".encode("shift_jis"), "山田", False),
    (["ISO_IR 149"], "김".encode("euc_kr"), "김", False),
    (["", "ISO 2022 IR 149"], "김".encode("euc_kr"), "김", False),
    (["", "ISO 2022 IR 87"], "Yamada=\x1b$B;3ED\x1b(B^".encode("ascii"), "Yamada=山田^", True),
    ([], "MÜLLER".encode("latin-1"), "MÜLLER", False),
    ([], "Müller".encode(), "Müller", False),
    (["ISO_IR 6"], "Müller".encode(), "Müller", False),
    (["ISO_IR 100"], "王小红".encode(), "王小红", False),
    (["nonsense"], "MÜLLER".encode("latin-1"), "MÜLLER", False),
    (["ISO_IR 192"], "MÜLLER".encode("latin-1"), "MÜLLER", False),
    (["nonsense"], b"PLAIN", "PLAIN", True),
]


@pytest.mark.parametrize(("terms", "raw", "text", "as_declared"), CASES)
def test_texts_are_read_as_they_were_meant(terms: list[str], raw: bytes, text: str, as_declared: bool) -> None:
    assert decoded(raw, character_set(terms)) == (text, as_declared)


@given(st.lists(st.text(max_size=20), max_size=3), st.binary(max_size=40))
def test_any_bytes_under_any_declaration_become_a_text(terms: list[str], raw: bytes) -> None:
    text, _ = decoded(raw, character_set(terms))

    assert isinstance(text, str)
    assert bool(text) == bool(raw)
