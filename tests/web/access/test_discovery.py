"""What is kept of a provider's description and keys, and when it is asked again; by real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import flask
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

from tests.web.served import served
from trabecula.domain.access.actor import grants_of
from trabecula.domain.errors_of.provider import ProviderAnswerInvalid, ProviderUnavailable
from trabecula.web.access.provider.discovery import KEPT_SECONDS, Discovery
from trabecula.web.access.provider.id_token import ExpectedClaims, believed_claims
from trabecula.web.access.provider.mapping import claim_at, granted
from trabecula.web.access.provider.terms import ProviderTerms
from trabecula.web.access.secrets_kept import digest

NOW = 1_800_000_000.0


class Publisher:
    """Publishes a description and keys, and counts who asks."""

    def __init__(self) -> None:
        self.keys = [RSAKey.generate_key(2048, parameters={"kid": "first"})]
        self.asked: list[str] = []
        self.changes: dict[str, object] = {}
        self.app = flask.Flask("publisher")
        self.app.add_url_rule("/.well-known/openid-configuration", "description", self._description)
        self.app.add_url_rule("/keys", "keys", self._keys)

    def _description(self) -> flask.Response:
        self.asked.append("description")
        issuer = flask.request.host_url.rstrip("/")
        addresses = {name: f"{issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
        return flask.jsonify(addresses | {"issuer": issuer, "jwks_uri": f"{issuer}/keys"} | self.changes)

    def _keys(self) -> flask.Response:
        self.asked.append("keys")
        return flask.jsonify(KeySet(self.keys).as_dict(private=False))


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def discovery(publisher: Publisher, clock: list[float]) -> Iterator[Discovery]:
    with served(make_server("localhost", 0, publisher.app, threaded=True)) as issuer:
        terms = ProviderTerms(
            issuer=issuer,
            client_id="trabecula",
            secret=lambda: "",
            scopes=("openid",),
            name_claim="preferred_username",
            roles_claim="roles",
            roles={},
        )
        made = Discovery(terms, lambda: clock[0])
        yield made
        made.client.close()


def believed(discovery: Discovery, key: RSAKey, **changes: object) -> object:
    issuer = discovery.terms.issuer
    claims = {"iss": issuer, "aud": "trabecula", "sub": "7f3a", "nonce": "n", "iat": NOW, "exp": NOW + 300} | changes
    token = jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)
    expected = ExpectedClaims(issuer=issuer, client_id="trabecula", nonce_hash=digest("n"))
    return believed_claims(token, discovery.keys, expected, now=NOW)["sub"]


def test_a_key_that_is_new_is_fetched_at_once_and_a_made_up_one_asks_seldom(
    discovery: Discovery, publisher: Publisher, clock: list[float]
) -> None:
    first, second = publisher.keys[0], RSAKey.generate_key(2048, parameters={"kid": "second"})
    believed(discovery, first)
    believed(discovery, first)
    clock[0] = 11.0
    publisher.keys = [second]

    assert believed(discovery, second) == "7f3a"
    for _ in range(3):
        with pytest.raises(ProviderAnswerInvalid):
            believed(discovery, first)
    assert publisher.asked == ["description", "keys", "keys"]


def test_a_description_is_asked_for_again_after_an_hour_and_kept_while_the_provider_is_broken(
    discovery: Discovery, publisher: Publisher, clock: list[float]
) -> None:
    discovery.description()
    publisher.changes = {"issuer": "https://evil.example"}
    clock[0] = KEPT_SECONDS + 1

    assert discovery.description().token_endpoint == f"{discovery.terms.issuer}/token_endpoint"
    assert publisher.asked == ["description", "description"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"issuer": "https://evil.example"}, "calls itself"),
        ({"token_endpoint": "http://login.hospital.example/token"}, "no address with https"),
        ({"jwks_uri": None}, "no address with https"),
    ],
)
def test_a_description_that_is_of_another_or_leads_off_encryption_is_not_followed(
    discovery: Discovery, publisher: Publisher, changes: dict[str, object], told: str
) -> None:
    publisher.changes = changes

    with pytest.raises(ProviderUnavailable, match=told):
        discovery.description()


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": NOW + 61},
        {"iat": NOW - 3600},
        {"nbf": NOW + 61},
        {"exp": NOW - 60},
        {"exp": "never"},
        {"sub": ""},
        {"sub": "x" * 256},
        {"aud": []},
        {"aud": ["trabecula", "other"]},
    ],
)
def test_a_token_of_another_time_or_of_nobody_is_not_believed(
    discovery: Discovery, publisher: Publisher, changes: dict[str, object]
) -> None:
    with pytest.raises(ProviderAnswerInvalid):
        believed(discovery, publisher.keys[0], **changes)


def test_clocks_may_differ_by_a_minute(discovery: Discovery, publisher: Publisher) -> None:
    assert believed(discovery, publisher.keys[0], iat=NOW + 59, exp=NOW - 59) == "7f3a"


def test_roles_are_found_where_providers_put_them() -> None:
    roles = {"it": grants_of(["admin"]), "radiology west": grants_of(["viewer@CT_WEST", "coordinator@CT_EAST"])}

    assert claim_at({"realm_access": {"roles": ["it"]}}, "realm_access.roles") == ["it"]
    assert claim_at({"https://hospital.example/roles": ["it"]}, "https://hospital.example/roles") == ["it"]
    assert claim_at({"realm_access": "none"}, "realm_access.roles") is None
    assert granted(["it", "canteen", 7], roles) == grants_of(["admin"])
    assert granted("radiology west", roles) == grants_of(["viewer@CT_WEST", "coordinator@CT_EAST"])
    assert granted("canteen,it", roles) == grants_of(["admin"])
    assert granted({"it": True}, roles) == frozenset()
