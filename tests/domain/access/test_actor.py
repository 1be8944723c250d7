from __future__ import annotations

import pytest

from trabecula.domain.access.account import account_name
from trabecula.domain.access.actor import Grant, Principal, grants_of
from trabecula.domain.access.password_rules import check_password
from trabecula.domain.access.roles import Permission, Role
from trabecula.domain.errors_of.access import AccountNameInvalid, PasswordTooWeak, PermissionMissing


def _actor(*grants: Grant, scopes: frozenset[Permission] | None = None) -> Principal:
    return Principal(account="ann", grants=frozenset(grants), scopes=scopes)


def test_a_role_at_one_site_holds_its_permissions_on_studies_there_and_nowhere_else() -> None:
    actor = _actor(Grant(Role.COORDINATOR, "CT_WEST"), Grant(Role.VIEWER, "CT_EAST"))

    assert actor.sites(Permission.VIEW_STUDIES) == {"CT_WEST", "CT_EAST"}
    assert actor.sites(Permission.OPERATE_STUDIES) == {"CT_WEST"}
    assert actor.may(Permission.OPERATE_STUDIES, "CT_WEST")
    assert not actor.may(Permission.OPERATE_STUDIES, "CT_EAST")
    with pytest.raises(PermissionMissing, match="studies:operate at CT_EAST"):
        actor.demand(Permission.OPERATE_STUDIES, "CT_EAST")


def test_a_role_everywhere_holds_at_every_site() -> None:
    actor = _actor(Grant(Role.VIEWER))

    assert actor.sites(Permission.VIEW_STUDIES) is None
    assert actor.may(Permission.VIEW_STUDIES, "ANY_SITE")


def test_what_is_of_the_whole_installation_is_not_held_by_the_administrator_of_one_site() -> None:
    assert not _actor(Grant(Role.ADMIN, "CT_WEST")).may(Permission.MANAGE_USERS)
    assert _actor(Grant(Role.ADMIN)).may(Permission.MANAGE_USERS)


def test_a_token_may_at_most_what_its_scopes_say_and_at_most_what_its_account_may() -> None:
    scopes = frozenset({Permission.VIEW_STUDIES, Permission.MANAGE_USERS})

    viewer = _actor(Grant(Role.VIEWER), scopes=scopes)
    admin = _actor(Grant(Role.ADMIN), scopes=frozenset({Permission.VIEW_STUDIES}))

    assert viewer.may(Permission.VIEW_STUDIES)
    assert not viewer.may(Permission.MANAGE_USERS)
    assert not admin.may(Permission.OPERATE_STUDIES)


def test_nobody_may_anything_without_a_role() -> None:
    assert not any(_actor().may(permission) for permission in Permission)


@pytest.mark.parametrize(("words", "expected"), [
    (["viewer"], {Grant(Role.VIEWER)}),
    (["Coordinator@CT_WEST", "admin"], {Grant(Role.COORDINATOR, "CT_WEST"), Grant(Role.ADMIN)}),
])  # fmt: skip
def test_grants_are_read_as_people_write_them(words: list[str], expected: set[Grant]) -> None:
    assert grants_of(words) == expected


@pytest.mark.parametrize("text", ["", "a b", "-a", "ann!", "x" * 65, "a\nb", "änn"])
def test_a_name_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(AccountNameInvalid):
        account_name(text)


def test_a_name_has_one_form() -> None:
    assert account_name(" Ann.Lee@St-Vincent ") == "ann.lee@st-vincent"


@pytest.mark.parametrize(("password", "why"), [
    ("short", "5 characters"), ("aaaaaaaaaaaaaaaa", "repeats"), ("ann-and-ann-again", "name of the account"),
    ("x" * 5000, "more than"),
])  # fmt: skip
def test_a_weak_password_is_refused_with_the_reason(password: str, why: str) -> None:
    with pytest.raises(PasswordTooWeak, match=why):
        check_password(password, "ann")


def test_four_words_are_enough() -> None:
    check_password("correct horse staple battery", "ann")
