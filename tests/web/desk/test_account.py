from __future__ import annotations

import re

from sqlalchemy import text

from tests.web.desk.conftest import Desk, form_secret, sign_in


def test_sessions_are_listed_for_their_owner_and_can_be_ended_one_by_one(desk: Desk) -> None:
    here = desk.signed_in("ann", "viewer")
    there = desk.browser()
    there.headers["user-agent"] = "Firefox on the ward"
    sign_in(there, "ann")
    listed = here.get("/account").text
    other = next(
        number for number in re.findall(r"/account/sessions/(\d+)/end", listed)
        if "this browser" not in listed.split(f"/account/sessions/{number}/end")[0].rsplit("<tr>", 1)[1]
    )  # fmt: skip

    here.post(f"/account/sessions/{other}/end", data={"form_secret": form_secret(here, "/account")})

    assert "Firefox on the ward" in listed
    assert there.get("/account").status_code == 303
    assert here.get("/account").status_code == 200


def test_nobody_ends_the_session_of_somebody_else(desk: Desk) -> None:
    ann = desk.signed_in("ann", "viewer")
    ben = desk.signed_in("ben", "viewer")
    number = re.findall(r"/account/sessions/(\d+)/end", ben.get("/account").text)[0]

    answer = ann.post(f"/account/sessions/{number}/end", data={"form_secret": form_secret(ann, "/account")})

    assert answer.status_code == 404
    assert ben.get("/account").status_code == 200


def _token(client: object, *scopes: str) -> str:
    data = {"form_secret": form_secret(client, "/account"), "name": "nightly", "days": "30", "scope": list(scopes)}
    page = client.post("/account/tokens", data=data).text
    return re.search(r"trb_[A-Za-z0-9_-]+", page)[0]


def test_a_token_is_shown_once_and_opens_what_its_scopes_say(desk: Desk) -> None:
    client = desk.signed_in("ann", "admin")
    token = _token(client, "studies:view")
    program = desk.browser()
    program.headers["authorization"] = f"Bearer {token}"

    assert token not in client.get("/account").text
    assert token[:12] in client.get("/account").text
    assert program.get("/studies/1.2.3").json()["code"] == "STUDY_UNKNOWN"
    refused = program.post("/studies/1.2.3/do/retry")
    assert (refused.status_code, refused.json()["code"]) == (403, "PERMISSION_MISSING")
    with desk.engine.connect() as connection:
        kept = connection.execute(text("SELECT row_to_json(t)::text FROM api_tokens t")).scalar_one()
    assert token not in kept


def test_a_revoked_and_an_expired_token_open_nothing(desk: Desk) -> None:
    client = desk.signed_in("ann", "viewer")
    token = _token(client, "studies:view")
    program = desk.browser()
    program.headers["authorization"] = f"Bearer {token}"
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE api_tokens SET expires_at = now() - interval '1 second'"))
    expired = program.get("/studies/1.2.3")
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE api_tokens SET expires_at = now() + interval '1 day'"))
    number = re.findall(r"/account/tokens/(\d+)/revoke", client.get("/account").text)[0]
    alive = program.get("/studies/1.2.3")

    client.post(f"/account/tokens/{number}/revoke", data={"form_secret": form_secret(client, "/account")})
    revoked = program.get("/studies/1.2.3")

    assert (expired.status_code, alive.status_code, revoked.status_code) == (401, 404, 401)
    assert revoked.json()["code"] == "TOKEN_REFUSED"
    assert revoked.headers["www-authenticate"] == "Bearer"


def test_a_token_without_a_scope_is_not_made(desk: Desk) -> None:
    client = desk.signed_in("ann", "viewer")

    answer = client.post("/account/tokens", data={"form_secret": form_secret(client, "/account"), "name": "x"})

    assert answer.status_code == 422
    assert "SCOPE_UNKNOWN" in answer.text


def test_what_somebody_named_a_token_is_text_and_never_markup(desk: Desk) -> None:
    client = desk.signed_in("ann", "viewer")
    data = {
        "form_secret": form_secret(client, "/account"),
        "name": "<script>alert(1)</script>",
        "scope": "studies:view",
    }

    client.post("/account/tokens", data=data)

    assert "<script>alert" not in client.get("/account").text
    assert "&lt;script&gt;alert" in client.get("/account").text


def test_a_token_makes_no_other_and_touches_nothing_of_the_account(desk: Desk) -> None:
    client = desk.signed_in("ann", "admin")
    program = desk.browser()
    program.headers["authorization"] = f"Bearer {_token(client, 'studies:view')}"

    made = program.post("/account/tokens", data={"name": "more", "days": "30", "scope": "users:manage"})
    ended = program.post("/account/sessions/1/end")

    assert (made.status_code, ended.status_code) == (403, 403)
    assert program.get("/account").status_code == 403
    assert client.get("/account").text.count("trb_") == 1
