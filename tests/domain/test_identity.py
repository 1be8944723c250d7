from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.identity import MAX_UID_LENGTH, derived_uid, digest

VALID_UID = re.compile(r"^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$")


@given(st.lists(st.text(), min_size=1, max_size=4), st.sampled_from(["2.25", "1.2.826.0.1.3680043.10.999"]))
def test_a_uid_is_valid_and_follows_from_its_parts_alone(parts: list[str], root: str) -> None:
    uid = derived_uid(*parts, root=root)

    assert VALID_UID.match(uid)
    assert len(uid) <= MAX_UID_LENGTH
    assert uid == derived_uid(*parts, root=root)
    assert uid != derived_uid(*parts, "x", root=root)


def test_a_root_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        derived_uid("a", root="1." + "2" * 50)


@given(st.lists(st.text(alphabet="0123456789.", min_size=1)))
def test_a_digest_does_not_depend_on_the_order(items: list[str]) -> None:
    assert digest(items) == digest(list(reversed(items)))
