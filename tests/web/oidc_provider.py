"""An OpenID provider that really answers by HTTP (oidc-provider-mock), and that can be made to lie."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import httpx
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from werkzeug.serving import make_server

from tests.web.served import served

Claims = dict[str, Any]


@dataclass
class Provider:
    """A running provider. ``lie`` changes the claims of the next ID tokens, ``forge`` signs them in another way."""

    issuer: str = ""
    lie: Callable[[Claims], Claims] = lambda claims: claims
    forge: Callable[[Claims, RSAKey], str] | None = None
    asked: list[str] = field(default_factory=list)
    """Path of every request."""
    bodies: list[dict[str, list[str]]] = field(default_factory=list)
    """What came to the token endpoint."""

    def person(self, sub: str, **claims: object) -> None:
        """Let the provider know somebody."""
        httpx.put(f"{self.issuer}/users/{sub}", json=claims).raise_for_status()

    def consent(self, address: str, sub: str) -> str:
        """Fill in the provider's form and return where it sends the browser: path and query at our desk."""
        answer = httpx.post(address, data={"sub": sub})
        assert answer.status_code == 302, answer.text[:300]
        back = urlsplit(answer.headers["location"])
        return f"{back.path}?{back.query}"


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run a provider on a free port of localhost."""
    import oidc_provider_mock

    provider = Provider()
    app = oidc_provider_mock.app()

    @app.before_request
    def note() -> None:
        provider.asked.append(flask.request.path)
        if flask.request.path == "/oauth2/token":
            provider.bodies.append({key: flask.request.form.getlist(key) for key in flask.request.form})

    @app.after_request
    def lie(answer: flask.Response) -> flask.Response:
        if flask.request.path == "/oauth2/token" and answer.status_code == 200:
            document = json.loads(answer.get_data())
            document["id_token"] = _told(provider, document["id_token"])
            answer.set_data(json.dumps(document))
        return answer

    with served(make_server("localhost", 0, app, threaded=True)) as provider.issuer:
        yield provider


def _told(provider: Provider, token: str) -> str:
    from oidc_provider_mock._storage import storage

    key = RSAKey.import_key(storage.jwk.as_dict(is_private=True))
    decoded = jwt.decode(token, key)
    claims = provider.lie(dict(decoded.claims))
    if provider.forge is not None:
        return provider.forge(claims, key)
    return jwt.encode(decoded.header, claims, key)


def signed_with_the_secret(claims: Claims, _key: RSAKey) -> str:
    """Sign as somebody would who knows the client's secret (HS256)."""
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("the client's secret, which is long enough"))


def signed_with_the_public_key(claims: Claims, key: RSAKey) -> str:
    """Sign with what everybody knows, as if it were a secret (the confusion of algorithms)."""
    header = _b64(json.dumps({"alg": "HS256"}).encode())
    signed = f"{header}.{_b64(json.dumps(claims).encode())}"  # by hand: libraries refuse to
    return f"{signed}.{_b64(hmac.digest(key.as_pem(private=False), signed.encode(), 'sha256'))}"


def not_signed(claims: Claims, _key: RSAKey) -> str:
    """Sign not at all (alg none)."""
    header = _b64(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    return f"{header}.{_b64(json.dumps(claims).encode())}."


def signed_by_a_stranger(claims: Claims, key: RSAKey) -> str:
    """Sign with a key of somebody else, under the name of the provider's."""
    return jwt.encode({"alg": "RS256"}, claims, RSAKey.generate_key(2048))


def query_of(address: str) -> dict[str, str]:
    """Return the query of an address."""
    return {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
