from __future__ import annotations

import pytest

from trabecula.web.desk.pages.sign_in import local_target


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "//[",
        "/x\r\nset-cookie: a=b",
        "javascript:alert(1)",
        "evil.example",
        "",
    ],
)
def test_an_address_that_leads_elsewhere_is_the_first_page(target: str) -> None:
    assert local_target(target) == "/"


@pytest.mark.parametrize("target", ["/", "/studies?state=FAILED&q=M%C3%BCller", "/studies/1.2.3#scores"])
def test_an_address_of_ours_is_kept(target: str) -> None:
    assert local_target(target) == target
