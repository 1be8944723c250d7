"""The whole way through an OpenID provider by real HTTP, and what an attacker would try on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.web import oidc_provider
from tests.web.desk.conftest import Desk, sign_in
from tests.web.oidc_provider import Provider, query_of, running_provider
from trabecula.bootstrap.desk.parts import desk_parts
from trabecula.settings import load_settings

pytestmark = [  # of the provider under test, not of ours
    pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning"),
]

Actions = Callable[[], list[tuple[str, str, str]]]
ROLES = {"radiology": "viewer@CT_WEST", "bone-clinic": "coordinator", "it": "admin"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        running.person("7f3a", preferred_username="Ann.Lee", name="Ann Lee", realm_access={"roles": ["bone-clinic"]})
        yield running


@pytest.fixture
def oidc_desk(desk: Desk, provider: Provider, tmp_path: Path) -> Desk:
    (tmp_path / "secret").write_text("the client's secret, which is long enough\n")
    settings = load_settings(
        oidc_issuer=provider.issuer,
        oidc_client_id="trabecula",
        oidc_client_secret_file=tmp_path / "secret",
        oidc_roles_claim="realm_access.roles",
        oidc_roles=ROLES,
    )
    desk.parts = desk_parts(settings, lambda: desk.engine)
    return desk


def sent(client: TestClient, target: str = "/account") -> str:
    """Press the button; return the provider's address."""
    answer = client.get("/sign-in/provider", params={"target": target})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def come_in(client: TestClient, provider: Provider, sub: str = "7f3a", target: str = "/account") -> object:
    """Go the whole way; return our answer to the way back."""
    return client.get(provider.consent(sent(client, target), sub))


def grants(desk: Desk) -> list[tuple[str, str, str]]:
    with desk.engine.connect() as connection:
        rows = connection.execute(text("SELECT account, role, site FROM account_grants ORDER BY 1, 2, 3"))
        return [tuple(row) for row in rows]


def code_of(answer: object) -> str:
    """Which error a sign-in page or a failure page tells."""
    page = answer.text
    return next((word for word in ("another issuer", "another client", "another sign-in", "expired", "signed with",
        "signature", "not begun in this browser", "gives them no role", "Another account has the name",
        "did not let this person in", "does not answer", "no name of an account", "another person") if word in page),
        page)  # fmt: skip


def test_somebody_whom_the_provider_knows_comes_in_with_the_roles_it_gives(
    oidc_desk: Desk, provider: Provider, actions: Actions
) -> None:
    client = oidc_desk.browser()
    page = client.get("/sign-in?target=/account").text

    address = sent(client)
    there = client.get(provider.consent(address, "7f3a"))

    assert "Sign in with the hospital" in page
    assert 'href="/sign-in/provider?target=%2Faccount"' in page
    asked = query_of(address)
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == "http://127.0.0.1:8080/sign-in/provider/return"
    assert (there.status_code, there.headers["location"]) == (303, "/account")
    assert "Ann Lee" in client.get("/account").text
    assert grants(oidc_desk) == [("ann.lee", "coordinator", "")]
    assert actions() == [("USER_CREATED", "SUCCESS", "OpenID provider"), ("SIGNED_IN", "SUCCESS", "ann.lee")]
    assert len(provider.bodies[0]["code_verifier"][0]) >= 43


def test_roles_follow_the_provider_at_each_sign_in_and_who_has_none_is_out_everywhere(
    oidc_desk: Desk, provider: Provider, actions: Actions
) -> None:
    first = oidc_desk.browser()
    come_in(first, provider)
    provider.person("7f3a", preferred_username="ann.lee", realm_access={"roles": ["radiology", "it", "canteen"]})
    come_in(oidc_desk.browser(), provider)
    more = grants(oidc_desk)
    provider.person("7f3a", preferred_username="ann.lee", realm_access={"roles": ["canteen"]})

    refused = come_in(oidc_desk.browser(), provider)

    assert more == [("ann.lee", "admin", ""), ("ann.lee", "viewer", "CT_WEST")]
    assert refused.status_code == 403
    assert code_of(refused) == "gives them no role"
    assert grants(oidc_desk) == []
    assert first.get("/account").status_code == 303, "a session of before is still open"
    assert actions()[-1] == ("SIGN_IN_REFUSED", "REFUSED", "ann.lee")


def test_what_the_id_token_lacks_is_asked_of_the_userinfo_which_must_be_of_the_same_person(
    oidc_desk: Desk, provider: Provider
) -> None:
    provider.lie = lambda claims: claims | {"realm_access": {}}
    come_in(oidc_desk.browser(), provider)
    asked = list(provider.asked)
    provider.lie = lambda claims: claims | {"realm_access": {}, "sub": "somebody else"}

    other = come_in(oidc_desk.browser(), provider)

    assert "/userinfo" in asked
    assert grants(oidc_desk) == [("ann.lee", "coordinator", "")]
    assert (other.status_code, code_of(other)) == (403, "another person")


def test_nobody_without_a_role_gets_an_account(oidc_desk: Desk, provider: Provider) -> None:
    provider.person("zoe", preferred_username="zoe")

    refused = come_in(oidc_desk.browser(), provider, "zoe")

    assert refused.status_code == 403
    with oidc_desk.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 0


def test_an_account_of_the_same_name_is_never_taken_over(oidc_desk: Desk, provider: Provider) -> None:
    oidc_desk.account("ann.lee", "admin")
    local = come_in(oidc_desk.browser(), provider)
    provider.person("other", preferred_username="ben", realm_access={"roles": ["it"]})
    come_in(oidc_desk.browser(), provider, "other")
    provider.person("third", preferred_username="BEN", realm_access={"roles": ["it"]})

    another_person = come_in(oidc_desk.browser(), provider, "third")

    assert (local.status_code, another_person.status_code) == (409, 409)
    assert code_of(local) == "Another account has the name"
    assert "trabecula-session" not in local.headers.get("set-cookie", "")
    assert grants(oidc_desk) == [("ann.lee", "admin", ""), ("ben", "admin", "")]


def test_somebody_whose_name_changes_at_the_provider_keeps_the_account(oidc_desk: Desk, provider: Provider) -> None:
    come_in(oidc_desk.browser(), provider)
    provider.person("7f3a", preferred_username="ann.young", name="Ann Young", realm_access={"roles": ["it"]})
    client = oidc_desk.browser()

    come_in(client, provider)

    assert grants(oidc_desk) == [("ann.lee", "admin", "")]
    assert "Ann Young" in client.get("/account").text


def test_a_disabled_account_does_not_come_in(oidc_desk: Desk, provider: Provider) -> None:
    come_in(oidc_desk.browser(), provider)
    with oidc_desk.engine.begin() as connection:
        connection.execute(text("UPDATE accounts SET disabled_at = now()"))

    assert come_in(oidc_desk.browser(), provider).status_code == 403


def test_the_password_form_never_opens_an_account_of_the_provider(oidc_desk: Desk, provider: Provider) -> None:
    come_in(oidc_desk.browser(), provider)

    assert sign_in(oidc_desk.browser(), "ann.lee", "").status_code == 401
    assert sign_in(oidc_desk.browser(), "ann.lee").status_code == 401


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda claims: claims | {"nonce": "of another sign-in"}, "another sign-in"),
        (lambda claims: {key: value for key, value in claims.items() if key != "nonce"}, "another sign-in"),
        (lambda claims: claims | {"iss": "https://evil.example"}, "another issuer"),
        (lambda claims: claims | {"aud": "another client"}, "another client"),
        (lambda claims: claims | {"aud": ["trabecula", "other"], "azp": "other"}, "another client"),
        (lambda claims: claims | {"exp": time.time() - 61}, "expired"),
    ],
)
def test_an_id_token_that_is_not_for_this_sign_in_is_not_believed(
    oidc_desk: Desk, provider: Provider, actions: Actions, change: Callable[[dict], dict], told: str
) -> None:
    provider.lie = change
    client = oidc_desk.browser()

    answer = come_in(client, provider)

    assert (answer.status_code, code_of(answer)) == (403, told)
    assert "trabecula-session" not in client.cookies
    assert actions() == [("SIGN_IN_REFUSED", "REFUSED", "(nobody known)")]


@pytest.mark.parametrize(
    "forge",
    [
        oidc_provider.not_signed,
        oidc_provider.signed_with_the_secret,
        oidc_provider.signed_with_the_public_key,
        oidc_provider.signed_by_a_stranger,
    ],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_an_id_token_that_the_provider_did_not_sign_is_not_believed(
    oidc_desk: Desk, provider: Provider, forge: Callable[..., str]
) -> None:
    provider.forge = forge
    client = oidc_desk.browser()

    answer = come_in(client, provider)

    assert answer.status_code == 403
    assert code_of(answer) in ("signed with", "signature")
    assert "trabecula-session" not in client.cookies


def test_an_answer_is_taken_once_and_only_in_the_browser_that_asked(oidc_desk: Desk, provider: Provider) -> None:
    client, attacker = oidc_desk.browser(), oidc_desk.browser()
    back = provider.consent(sent(attacker), "7f3a")

    client_without = client.get(back)  # a link that the attacker sent: the victim would be signed in as the attacker
    sent(client)
    client_with_its_own = client.get(back)
    wrong_state = client.get("/sign-in/provider/return?code=x&state=wrong")
    first = attacker.get(back)
    attacker.cookies.set("trabecula-provider", "x")
    replayed = attacker.get(back)

    for answer in (client_without, client_with_its_own, wrong_state, replayed):
        assert (answer.status_code, code_of(answer)) == (400, "not begun in this browser")
    assert first.status_code == 303
    assert "trabecula-session" not in client.cookies


def test_a_code_that_was_used_opens_nothing_with_a_new_state(oidc_desk: Desk, provider: Provider) -> None:
    client = oidc_desk.browser()
    back = provider.consent(sent(client), "7f3a")
    client.get(back)
    again = oidc_desk.browser()
    state = query_of(sent(again))["state"]

    answer = again.get("/sign-in/provider/return", params={"code": query_of(back)["code"], "state": state})

    assert (answer.status_code, code_of(answer)) == (403, "did not let this person in")


def test_a_sign_in_that_took_longer_than_ten_minutes_begins_again(oidc_desk: Desk, provider: Provider) -> None:
    client = oidc_desk.browser()
    back = provider.consent(sent(client), "7f3a")
    with oidc_desk.engine.begin() as connection:
        connection.execute(text("UPDATE provider_requests SET at = at - interval '10 minutes 1 second'"))

    assert client.get(back).status_code == 400
    sent(client)
    with oidc_desk.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM provider_requests")).scalar_one() == 1


def test_an_answer_that_names_another_issuer_is_not_followed(oidc_desk: Desk, provider: Provider) -> None:
    client = oidc_desk.browser()
    back = provider.consent(sent(client), "7f3a")

    answer = client.get(f"{back}&iss=https://evil.example")

    assert code_of(answer) == "another issuer"
    assert "/oauth2/token" not in provider.asked


def test_what_somebody_puts_into_the_error_is_not_repeated(oidc_desk: Desk, provider: Provider) -> None:
    client = oidc_desk.browser()
    denied = client.get(f"/sign-in/provider/return?error=access_denied&state={query_of(sent(client))['state']}")
    forged = client.get(f"/sign-in/provider/return?error=Call+555+now&state={query_of(sent(client))['state']}")

    assert (denied.status_code, forged.status_code) == (403, 403)
    assert "access_denied" in denied.text
    assert "555" not in forged.text


@pytest.mark.parametrize("target", ["https://evil.example", "/x\r\nset-cookie: a=b"])
def test_nobody_is_led_elsewhere_after_the_sign_in(oidc_desk: Desk, provider: Provider, target: str) -> None:
    answer = come_in(oidc_desk.browser(), provider, target=target)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_another_site_does_not_start_a_sign_in(oidc_desk: Desk) -> None:
    answer = oidc_desk.browser().get("/sign-in/provider?target=/account", headers={"sec-fetch-site": "cross-site"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?target=%2Faccount")


def test_secrets_of_a_sign_in_are_kept_as_hashes(oidc_desk: Desk) -> None:
    client = oidc_desk.browser()
    asked = query_of(sent(client))
    with oidc_desk.engine.connect() as connection:
        kept = connection.execute(text("SELECT row_to_json(r)::text FROM provider_requests r")).scalar_one()

    assert re.search(r'"state_hash":"[0-9a-f]{64}"', kept)
    for secret in (asked["state"], asked["nonce"], client.cookies["trabecula-provider"]):
        assert secret not in kept


def test_a_provider_that_is_away_is_told_on_the_page_and_local_accounts_still_work(
    desk: Desk, embedded_database_url: str
) -> None:
    settings = load_settings(oidc_issuer="http://localhost:9", oidc_client_id="x", oidc_roles=ROLES)
    desk.parts = desk_parts(settings, lambda: desk.engine)
    desk.account("ben", "viewer")
    client = desk.browser()

    began = time.monotonic()
    answers = [client.get("/sign-in/provider") for _ in range(3)]

    assert {answer.status_code for answer in answers} == {503}
    assert code_of(answers[0]) == "does not answer"
    assert time.monotonic() - began < 5
    assert sign_in(client, "ben").status_code == 303


def test_local_accounts_can_be_left_to_the_host_itself(oidc_desk: Desk) -> None:
    oidc_desk.account("ben", "viewer")
    oidc_desk.parts = replace(oidc_desk.parts, local_accounts=False)
    elsewhere, here = oidc_desk.browser(), oidc_desk.browser_here()

    page = elsewhere.get("/sign-in").text
    refused = elsewhere.post("/sign-in", data={"account": "ben", "password": "x"})
    through_a_proxy = here.get("/sign-in", headers={"x-forwarded-for": "10.0.0.9"}).text
    rebound = here.get("/sign-in", headers={"host": "evil.example"}).text

    for shown in (page, through_a_proxy, rebound):
        assert 'name="password"' not in shown
        assert "/sign-in/provider" in shown
    assert (refused.status_code, "LOCAL_ACCOUNTS_OFF" in refused.text) == (403, True)
    assert sign_in(here, "ben").status_code == 303


def test_without_a_provider_there_is_no_way_to_one(desk: Desk) -> None:
    client = desk.browser()

    assert "/sign-in/provider" not in client.get("/sign-in").text
    assert client.get("/sign-in/provider").status_code == 404
    assert client.get("/sign-in/provider/return?code=x&state=y").status_code == 404
