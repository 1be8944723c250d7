"""Believing an ID token: signed with the provider's key, for us, now, for this sign-in.

The checks are those of OpenID Connect Core 1.0, 3.1.3.7.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trabecula.domain.errors_of.provider import ProviderAnswerInvalid
from trabecula.web.access.secrets_kept import digest, is_same

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Asymmetric ones alone: with HS256 the client's secret, and with none anybody, could sign (RFC 8725, 3.1)."""
_SKEW_SECONDS = 60.0
"""By how much the provider's clock may differ from ours."""
_OLDEST_SECONDS = 600.0
"""A token of this sign-in was made within its lifetime."""
_LONGEST_SUBJECT = 255
_LONGEST_TOKEN = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class ExpectedClaims:
    """What the token must name. ``nonce_hash`` is SHA-256 of the nonce of this sign-in."""

    issuer: str
    client_id: str
    nonce_hash: str


def believed_claims(
    token: str, keys: Callable[[str | None], KeySet], expected: ExpectedClaims, now: float | None = None
) -> Mapping[str, Any]:
    """Return the claims of a token; ``keys`` gives the provider's keys for the key that the token names.

    Raises ProviderAnswerInvalid saying what is wrong with it, and what ``keys`` raises.
    """
    claims = _verified(token, keys)
    moment = time.time() if now is None else now
    if claims.get("iss") != expected.issuer:
        raise ProviderAnswerInvalid("the ID token is of another issuer")
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    if expected.client_id not in audiences:
        raise ProviderAnswerInvalid("the ID token is for another client")
    if claims.get("azp", expected.client_id) != expected.client_id or (len(audiences) > 1 and "azp" not in claims):
        raise ProviderAnswerInvalid("the ID token was given to another client")
    _check_times(claims, moment)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not is_same(digest(nonce), expected.nonce_hash):
        raise ProviderAnswerInvalid("the ID token is of another sign-in")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise ProviderAnswerInvalid("the ID token names nobody")
    return claims


def _verified(token: str, keys: Callable[[str | None], KeySet]) -> Mapping[str, Any]:
    from joserfc import jws, jwt
    from joserfc.errors import JoseError

    if len(token) > _LONGEST_TOKEN:
        raise ProviderAnswerInvalid("the ID token is too long")
    try:
        header = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError) as error:
        raise ProviderAnswerInvalid("the ID token cannot be read") from error
    algorithm, kid = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS:
        raise ProviderAnswerInvalid("the ID token is not signed with a key of the provider's own (alg)")
    if kid is not None and not isinstance(kid, str):
        raise ProviderAnswerInvalid("the ID token names no key")
    try:
        return jwt.decode(token, keys(kid), algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError) as error:
        raise ProviderAnswerInvalid(f"the ID token's signature is not right ({type(error).__name__})") from error


def _check_times(claims: Mapping[str, Any], moment: float) -> None:
    ends, made, begins = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not all(isinstance(at, int | float) and not isinstance(at, bool) for at in (ends, made, begins)):
        raise ProviderAnswerInvalid("the ID token does not say when it was made and when it ends")
    assert ends is not None
    assert made is not None
    if moment >= ends + _SKEW_SECONDS:
        raise ProviderAnswerInvalid("the ID token has expired")
    if max(made, begins) > moment + _SKEW_SECONDS or made < moment - _OLDEST_SECONDS - _SKEW_SECONDS:
        raise ProviderAnswerInvalid("the ID token was not made now; compare the clocks of both hosts")
