"""The use cases: send somebody to the provider, and let them in when they come back.

A sign-in is bound to the browser that began it: what is kept of its state is the hash of state **and** the secret in
that browser's cookie, so that nobody is signed in as somebody else by a link with the attacker's code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from trabecula.domain.access.account import AccountSource
from trabecula.domain.errors_of.provider import (
    AccountDisabled,
    ProviderAnswerInvalid,
    ProviderNameTaken,
    ProviderRefused,
    ProviderRequestUnknown,
    ProviderRoleMissing,
)
from trabecula.ledger.access.accounts import (
    NewAccount,
    account_of_subject,
    create_account,
    is_name_taken,
    set_from_provider,
)
from trabecula.ledger.access.provider_requests import Outgoing, begin_request, take_request
from trabecula.ledger.access.sessions import SessionLimits, end_sessions_of
from trabecula.web.access.provider.discovery import Description, Discovery
from trabecula.web.access.provider.id_token import ExpectedClaims, believed_claims
from trabecula.web.access.provider.mapping import ProviderUser, claim_at, person_of
from trabecula.web.access.secrets_kept import digest, new_secret
from trabecula.web.access.signing_in import RequestOrigin, begin

_LONGEST = 4096
_OK = 200
_WORD = re.compile(r"[a-z_]{1,40}")
"""What an error of OAuth looks like (RFC 6749, 4.1.2.1); anything else in its place is not repeated."""


@dataclass(frozen=True, kw_only=True)
class Returned:
    """What a browser brings back from the provider, and the secret of its cookie."""

    state: str
    code: str
    error: str
    issuer: str
    browser: str


def sent_to_provider(
    connection: Connection, discovery: Discovery, *, browser: str, return_address: str, target: str
) -> str:
    """Begin a sign-in for the browser with this secret; return the provider's address to send it to.

    Raises ProviderUnavailable.
    """
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
    from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

    description = discovery.description()
    state, nonce, verifier = new_secret(), new_secret(), new_secret()
    outgoing = Outgoing(nonce_hash=digest(nonce), code_verifier=verifier, target=target)
    begin_request(connection, _bound(state, browser), outgoing)
    return str(
        prepare_grant_uri(
            description.authorization_endpoint,
            discovery.terms.client_id,
            "code",
            redirect_uri=return_address,
            scope=" ".join(discovery.terms.scopes),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
    )


def taken_back(connection: Connection, returned: Returned) -> Outgoing:
    """Return the sign-in to which an answer belongs, once; the caller commits before it asks the provider.

    Raises ProviderRequestUnknown.
    """
    known = bool(returned.state and returned.browser) and len(returned.state) <= _LONGEST
    outgoing = take_request(connection, _bound(returned.state, returned.browser)) if known else None
    if outgoing is None:
        raise ProviderRequestUnknown
    return outgoing


def person_from_provider(
    discovery: Discovery, outgoing: Outgoing, returned: Returned, return_address: str
) -> ProviderUser:
    """Exchange the code and return whom the provider vouches for.

    Raises ProviderRefused, ProviderUnavailable, ProviderAnswerInvalid.
    """
    terms, description = discovery.terms, discovery.description()
    if returned.issuer != terms.issuer and (returned.issuer or description.names_issuer):
        raise ProviderAnswerInvalid("the answer is of another issuer")
    if returned.error or not returned.code:
        raise ProviderRefused(returned.error if _WORD.fullmatch(returned.error) else "")
    with discovery.place():
        return _vouched(discovery, description, outgoing, returned, return_address)


def _vouched(
    discovery: Discovery, description: Description, outgoing: Outgoing, returned: Returned, return_address: str
) -> ProviderUser:
    terms = discovery.terms
    answer = _exchanged(discovery, description, outgoing, returned.code[:_LONGEST], return_address)
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise ProviderAnswerInvalid("there is no ID token")
    expected = ExpectedClaims(issuer=terms.issuer, client_id=terms.client_id, nonce_hash=outgoing.nonce_hash)
    claims = believed_claims(token, discovery.keys, expected)
    needed = (terms.name_claim, terms.roles_claim)
    access_token = answer.get("access_token")
    if isinstance(access_token, str) and any(claim_at(claims, path) is None for path in needed):
        more = discovery.claims_of_user(access_token)
        if more and more.get("sub") != claims["sub"]:
            raise ProviderAnswerInvalid("the userinfo is of another person")
        claims = {**claims, **more}  # an empty realm_access of the token must not hide the one of the userinfo
    return person_of(claims, terms)


def let_in(
    connection: Connection, person: ProviderUser, origin: RequestOrigin, limits: SessionLimits
) -> tuple[str, str, bool]:
    """Begin a session of a person; return the cookie's secret, the account, and whether it was made just now.

    An account has the roles that the provider gives now. The caller commits also what ProviderRoleMissing leaves: no
    roles, no session. Raises ProviderRoleMissing, ProviderNameTaken, AccountDisabled.
    """
    account = account_of_subject(connection, person.subject)
    if account is not None:
        set_from_provider(connection, account.name, person.full_name, person.grants)
        if account.disabled_at is not None:
            raise AccountDisabled(account.name)
    if not person.grants:
        if account is not None:
            end_sessions_of(connection, account.name)
        raise ProviderRoleMissing(person.name)
    if account is not None:
        return begin(connection, account.name, origin, limits), account.name, False
    if is_name_taken(connection, person.name):
        raise ProviderNameTaken(person.name)
    new = NewAccount(
        name=person.name,
        full_name=person.full_name,
        source=AccountSource.OIDC,
        subject=person.subject,
        created_by="OpenID provider",
    )
    create_account(connection, new, person.grants)
    return begin(connection, person.name, origin, limits), person.name, True


def _exchanged(
    discovery: Discovery, description: Description, outgoing: Outgoing, code: str, return_address: str
) -> Mapping[str, Any]:
    """Show the code and get tokens for it (RFC 6749, 4.1.3 and 2.3.1)."""
    terms = discovery.terms
    secret = terms.secret()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": return_address,
        "code_verifier": outgoing.code_verifier,
    }
    basic = None
    if secret and not description.secret_in_body:
        basic = (quote(terms.client_id, safe=""), quote(secret, safe=""))
    else:
        form |= {"client_id": terms.client_id} | ({"client_secret": secret} if secret else {})
    status, answer = discovery.posted(description.token_endpoint, form, basic)
    if status != _OK:
        word = str(answer.get("error", ""))
        raise ProviderRefused(word if _WORD.fullmatch(word) else "")
    return answer


def _bound(state: str, browser: str) -> str:
    return digest(f"{browser}.{state}")
