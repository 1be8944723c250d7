"""The provider's own description and its keys (OpenID Connect Discovery 1.0, RFC 7517), kept for an hour."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trabecula.domain.addresses import is_safe_url
from trabecula.domain.errors_of.provider import ProviderUnavailable
from trabecula.web.access.provider.terms import ProviderTerms

if TYPE_CHECKING:
    import httpx
    from joserfc.jwk import KeySet

KEPT_SECONDS = 3600.0
"""How long description and keys are believed without asking again."""
_AGAIN_SECONDS = 10.0
"""Nobody makes us ask for keys more often than this by naming keys that do not exist."""
TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 5.0
"""A provider that did not answer is not asked again for so long: threads that wait for it would be missed elsewhere."""
_AT_ONCE = 4
"""Sign-ins that talk with the provider at the same time, for the same reason."""
_OK, _FAULT = 200, 500
_WELL_KNOWN = "/.well-known/openid-configuration"
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, kw_only=True)
class Description:
    """Where the provider answers what, and how a client shows its secret there."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    secret_in_body: bool
    names_issuer: bool
    """Whether every answer carries the issuer (RFC 9207)."""


class Discovery:
    """Asks when it has to, keeps the answers; used by several threads."""

    def __init__(self, terms: ProviderTerms, clock: Callable[[], float] = time.monotonic) -> None:
        self.terms = terms
        self._clock = clock
        self._lock = threading.Lock()
        self._description: tuple[float, Description] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._failed: tuple[float, ProviderUnavailable] | None = None
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    @cached_property
    def trusted(self) -> ssl.SSLContext:
        """Whose certificates are believed: oidc_ca_file, else what the system trusts."""
        return ssl.create_default_context(cafile=str(self.terms.ca_file) if self.terms.ca_file else None)

    @cached_property
    def client(self) -> httpx.Client:
        """The connection to the provider; it follows no redirect."""
        import httpx

        return httpx.Client(timeout=TIMEOUT_SECONDS, verify=self.trusted)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place among those who talk with the provider. Raises ProviderUnavailable when all are had."""
        if not self._places.acquire(timeout=_PAUSE_SECONDS):
            raise ProviderUnavailable("too many sign-ins wait for its answer")
        try:
            yield
        finally:
            self._places.release()

    def description(self) -> Description:
        """Return the provider's addresses; old ones while it does not answer. Raises ProviderUnavailable."""
        with self._lock:
            known = self._description
            if known is not None and self._clock() - known[0] < KEPT_SECONDS:
                return known[1]
            try:
                found = _description(self.terms.issuer, self._asked(self.terms.issuer.rstrip("/") + _WELL_KNOWN))
            except ProviderUnavailable:
                if known is None:
                    raise
                return known[1]
            self._description = (self._clock(), found)
            return found

    def keys(self, kid: str | None) -> KeySet:
        """Return the provider's keys, fetched anew where they are old or ``kid`` is none of them.

        Raises ProviderUnavailable.
        """
        address = self.description().jwks_uri
        with self._lock:
            known = self._keys
            if known is not None:
                age = self._clock() - known[0]
                named = kid is None or any(key.kid == kid for key in known[1].keys)
                if age < (KEPT_SECONDS if named else _AGAIN_SECONDS):
                    return known[1]
            found = _keys(self._asked(address))
            self._keys = (self._clock(), found)
            return found

    def claims_of_user(self, access_token: str) -> Mapping[str, Any]:
        """Return what the provider tells at its userinfo address, nothing where it has none.

        Raises ProviderUnavailable.
        """
        address = self.description().userinfo_endpoint
        return self._fetched(address, {"authorization": f"Bearer {access_token}"}) if address else {}

    def _asked(self, address: str) -> dict[str, Any]:
        """Fetch, unless that failed a moment ago; the lock is held."""
        if self._failed is not None and self._clock() - self._failed[0] < _PAUSE_SECONDS:
            raise self._failed[1]
        try:
            found = self._fetched(address)
        except ProviderUnavailable as error:
            self._failed = (self._clock(), error)
            raise
        self._failed = None
        return found

    def posted(
        self, address: str, form: Mapping[str, str], basic: tuple[str, str] | None
    ) -> tuple[int, dict[str, Any]]:
        """Send a form, and user and password beside it; return status and document. Raises ProviderUnavailable."""
        status, document = self._sent("POST", address, data=form, auth=basic)
        if document is None or status >= _FAULT:
            raise ProviderUnavailable(f"{address} answers {status}")
        return status, document

    def _fetched(self, address: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        status, document = self._sent("GET", address, headers=headers)
        if document is None or status != _OK:
            raise ProviderUnavailable(f"{address} answers {status}")
        return document

    def _sent(self, method: str, address: str, **more: Any) -> tuple[int, dict[str, Any] | None]:
        import httpx

        try:
            answer = self.client.request(method, address, **more)
            document = answer.json()
        except (httpx.HTTPError, OSError) as error:
            raise ProviderUnavailable(f"{address} ({type(error).__name__})") from error
        except ValueError:
            document = None
        return answer.status_code, document if isinstance(document, dict) else None


def _description(issuer: str, document: Mapping[str, Any]) -> Description:
    if document.get("issuer") != issuer:
        raise ProviderUnavailable(f"it calls itself {str(document.get('issuer'))[:200]!r}, and oidc_issuer {issuer!r}")
    addresses = {name: document.get(name) for name in (*_NEEDED, "userinfo_endpoint")}
    for name, address in addresses.items():
        if address is None and name not in _NEEDED:
            continue
        if not isinstance(address, str) or not is_safe_url(address):
            raise ProviderUnavailable(f"its {name} is {str(address)[:200]!r}, no address with https")
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return Description(
        authorization_endpoint=str(addresses["authorization_endpoint"]),
        token_endpoint=str(addresses["token_endpoint"]),
        jwks_uri=str(addresses["jwks_uri"]),
        userinfo_endpoint=str(addresses["userinfo_endpoint"] or ""),
        secret_in_body="client_secret_basic" not in methods and "client_secret_post" in methods,
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _keys(document: Mapping[str, Any]) -> KeySet:
    """Return the keys that can sign and that we know; a symmetric one is none that a provider publishes."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

    kinds: dict[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    found: list[OctKey | RSAKey | ECKey | OKPKey] = []
    for entry in document.get("keys") or ():
        kind = kinds.get(str(entry.get("kty"))) if isinstance(entry, dict) else None
        if kind is None or entry.get("use", "sig") != "sig":
            continue
        try:
            found.append(kind.import_key(entry))
        except (JoseError, ValueError, TypeError):  # a curve that is not known here
            continue
    if not found:
        raise ProviderUnavailable("it publishes no key that could sign")
    return KeySet(found)
