from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.web.desk.conftest import PASSWORD, Desk, form_secret, sign_in
from trabecula.web.access.signing_in import FAILURES_HERE

Actions = Callable[[], list[tuple[str, str, str]]]


def test_who_is_not_signed_in_is_led_to_the_form_and_then_on_to_the_page(desk: Desk) -> None:
    desk.account("ann", "viewer")
    client = desk.browser()

    led = client.get("/account?x=1")
    there = sign_in(client, "ann", target="/account?x=1")

    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?target=%2Faccount%3Fx%3D1")
    assert (there.status_code, there.headers["location"]) == (303, "/account?x=1")
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\\\\evil"]
)
def test_a_sign_in_leads_nowhere_but_to_our_own_pages(desk: Desk, target: str) -> None:
    desk.account("ann", "viewer")

    assert sign_in(desk.browser(), "ann", target=target).headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(desk: Desk, actions: Actions) -> None:
    desk.account("ann", "viewer")

    wrong = sign_in(desk.browser(), "ann", "a wrong password")
    unknown = sign_in(desk.browser(), "nobody", "a wrong password")

    assert wrong.status_code == unknown.status_code == 401
    assert "do not belong together" in wrong.text
    assert wrong.text.replace("ann", "").count("\n") == unknown.text.count("\n")
    assert actions() == [("SIGN_IN_REFUSED", "REFUSED", "ann"), ("SIGN_IN_REFUSED", "REFUSED", "(no such account)")]


def test_what_was_typed_into_the_field_of_the_name_is_not_kept(desk: Desk) -> None:
    sign_in(desk.browser(), PASSWORD, "x")

    with desk.engine.connect() as connection:
        kept = connection.execute(text("SELECT row_to_json(e)::text FROM audit_entries e")).scalars().all()
    assert kept
    assert not any(PASSWORD in row for row in kept)


def test_five_failures_from_one_address_pause_it_and_the_right_password_does_not_help(
    desk: Desk, actions: Actions
) -> None:
    desk.account("ann", "viewer")
    client = desk.browser()
    for _ in range(FAILURES_HERE):
        assert sign_in(client, "ann", "wrong").status_code == 401

    paused = sign_in(client, "ann")

    assert paused.status_code == 429
    assert "15 minutes" in paused.text
    assert actions()[-1] == ("ACCOUNT_LOCKED", "REFUSED", "ann")
    with desk.engine.begin() as connection:  # a quarter of an hour later
        connection.execute(text("UPDATE sign_in_failures SET at = at - interval '16 minutes'"))
    assert sign_in(client, "ann").status_code == 303


def test_failures_elsewhere_do_not_lock_somebody_out(desk: Desk) -> None:
    desk.account("ann", "viewer")
    with desk.engine.begin() as connection:
        for _ in range(20):
            connection.execute(text("INSERT INTO sign_in_failures (account, address) VALUES ('ann', '198.51.100.7')"))

    assert sign_in(desk.browser(), "ann").status_code == 303


def test_many_failures_from_anywhere_pause_the_account(desk: Desk) -> None:
    desk.account("ann", "viewer")
    with desk.engine.begin() as connection:
        for number in range(50):
            connection.execute(
                text("INSERT INTO sign_in_failures (account, address) VALUES ('ann', :address)"),
                {"address": f"198.51.100.{number}"},
            )

    assert sign_in(desk.browser(), "ann").status_code == 429


def test_a_form_of_another_browser_is_refused(desk: Desk) -> None:
    desk.account("ann", "viewer")
    other = form_secret(desk.browser(), "/sign-in")
    client = desk.browser()
    client.get("/sign-in")

    answer = client.post("/sign-in", data={"form_secret": other, "account": "ann", "password": PASSWORD})

    assert answer.status_code == 403
    assert "REQUEST_FORGED" in answer.text


def test_another_site_cannot_send_the_form(desk: Desk) -> None:
    desk.account("ann", "viewer")
    client = desk.browser()
    data = {"form_secret": form_secret(client, "/sign-in"), "account": "ann", "password": PASSWORD}

    assert client.post("/sign-in", data=data, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post("/sign-in", data=data, headers={"origin": "https://evil.example"}).status_code == 403
    assert client.post("/sign-in", data=data, headers={"sec-fetch-site": "same-origin"}).status_code == 303


def test_the_cookie_is_bound_to_the_host_where_there_is_tls_and_scripts_never_get_it(desk: Desk) -> None:
    desk.account("ann", "viewer")
    plain = sign_in(desk.browser(), "ann").headers["set-cookie"]
    client = desk.browser()
    client.base_url = "https://desk.example"

    encrypted = sign_in(client, "ann").headers.get_list("set-cookie")

    assert "trabecula-session=" in plain
    assert "HttpOnly" in plain
    session = next(line for line in encrypted if "__Host-trabecula-session=" in line)
    assert "Secure" in session
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert "domain" not in session.lower()


def test_a_password_that_was_set_for_somebody_has_to_be_changed_before_anything_else_opens(desk: Desk) -> None:
    desk.account("ann", "admin", must_change=True)
    client = desk.browser()
    sign_in(client, "ann")

    assert client.get("/account").headers["location"] == "/account/password"
    secret = form_secret(client, "/account/password")
    short = client.post(
        "/account/password", data={"form_secret": secret, "current": PASSWORD, "new": "x", "again": "x"}
    )
    same = client.post("/account/password", data={
        "form_secret": secret, "current": PASSWORD, "new": PASSWORD, "again": PASSWORD,
    })  # fmt: skip
    new = {
        "form_secret": secret,
        "current": PASSWORD,
        "new": "four quite other words",
        "again": "four quite other words",
    }
    done = client.post("/account/password", data=new)

    assert (short.status_code, same.status_code, done.status_code) == (422, 422, 303)
    assert client.get("/account").status_code == 200
    assert sign_in(desk.browser(), "ann").status_code == 401
    assert sign_in(desk.browser(), "ann", "four quite other words").status_code == 303


def test_changing_the_password_ends_the_other_sessions(desk: Desk) -> None:
    here = desk.signed_in("ann", "viewer")
    there = desk.browser()
    sign_in(there, "ann")
    new = {"current": PASSWORD, "new": "four quite other words", "again": "four quite other words"}

    here.post("/account/password", data=new | {"form_secret": form_secret(here, "/account/password")})

    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303


def test_signing_out_ends_the_session_and_not_only_the_cookie(desk: Desk, actions: Actions) -> None:
    client = desk.signed_in("ann", "viewer")
    cookie = client.cookies["trabecula-session"]

    client.post("/sign-out", data={"form_secret": form_secret(client, "/account")})
    client.cookies.set("trabecula-session", cookie)

    assert client.get("/account").status_code == 303
    assert [action for action, _, _ in actions()] == ["SIGNED_IN", "SIGNED_OUT"]


def test_a_session_that_is_not_used_ends_and_so_does_an_old_one(desk: Desk) -> None:
    client = desk.signed_in("ann", "viewer")

    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE web_sessions SET last_seen_at = last_seen_at - interval '31 minutes'"))
    idle = client.get("/account").status_code
    other = desk.browser()
    sign_in(other, "ann")
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE web_sessions SET ends_at = clock_timestamp() - interval '1 second'"))

    assert idle == 303
    assert other.get("/account").status_code == 303


def test_only_hashes_of_secrets_are_kept(desk: Desk) -> None:
    client = desk.signed_in("ann", "viewer")
    secret = client.cookies["trabecula-session"]

    with desk.engine.connect() as connection:
        kept = "".join(
            connection.execute(text(f"SELECT string_agg(row_to_json(t)::text, '') FROM {table} t")).scalar_one() or ""
            for table in ("accounts", "web_sessions", "audit_entries")
        )

    assert secret not in kept
    assert PASSWORD not in kept
    assert "$argon2id$" in kept
