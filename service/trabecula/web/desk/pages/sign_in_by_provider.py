"""Signing in through the OpenID provider: the way there, and the way back."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trabecula.domain.audit.entry import ActorKind, AuditAction, AuditEntry, AuditOutcome
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.errors_of.provider import (
    AccountDisabled,
    ProviderAnswerInvalid,
    ProviderNameTaken,
    ProviderRefused,
    ProviderRequestUnknown,
    ProviderRoleMissing,
    ProviderUnavailable,
)
from trabecula.ledger.access.sessions import end_session_of_secret
from trabecula.ledger.audit.appending import append
from trabecula.ledger.database import database_errors
from trabecula.web.access.asked import origin_of
from trabecula.web.access.cookies import BEFORE, PROVIDER, SESSION, cookies_of
from trabecula.web.access.provider.coming_in import (
    Returned,
    let_in,
    person_from_provider,
    sent_to_provider,
    taken_back,
)
from trabecula.web.access.provider.discovery import Discovery
from trabecula.web.access.secrets_kept import digest, new_secret
from trabecula.web.desk.pages.sign_in import local_target, sign_in_page
from trabecula.web.desk.parts import DeskParts, ProviderDoor

_PROVIDER = "OpenID provider"
_STRANGER = "(nobody known)"
_OURS = frozenset({"same-origin", "none"})


def go_to_provider(parts: DeskParts, request: Request) -> Response:
    """Send somebody to the provider; where another site sent them here, to our page first."""
    discovery = _door(parts).discovery
    target = local_target(request.query_params.get("target", ""))
    if request.headers.get("sec-fetch-site", "none") not in _OURS:
        return RedirectResponse(f"/sign-in?{urlencode({'target': target})}", 303)
    cookies = cookies_of(request)
    browser = cookies.read(request, PROVIDER) or new_secret()
    try:
        discovery.description()  # before a connection of the database is held
        with database_errors(), parts.engine().begin() as connection:
            address = sent_to_provider(
                connection,
                discovery,
                browser=browser,
                return_address=_return_address(discovery, request),
                target=target,
            )
    except ProviderUnavailable as error:
        return sign_in_page(parts, request, target, error=error)
    answer = RedirectResponse(address, 303)
    cookies.write(answer, PROVIDER, browser)
    return answer


def come_from_provider(parts: DeskParts, request: Request) -> Response:
    """Let somebody in who comes back, or show the sign-in page with the reason; both stand in the audit log."""
    discovery = _door(parts).discovery
    query, cookies = request.query_params, cookies_of(request)
    returned = Returned(
        state=query.get("state", ""),
        code=query.get("code", ""),
        error=query.get("error", ""),
        issuer=query.get("iss", ""),
        browser=cookies.read(request, PROVIDER),
    )
    target, who = "/", _STRANGER
    try:
        with database_errors(), parts.engine().begin() as connection:
            outgoing = taken_back(connection, returned)
        target = outgoing.target
        person = person_from_provider(discovery, outgoing, returned, _return_address(discovery, request))
        who = person.name
        with database_errors(), parts.engine().connect() as connection:
            try:
                secret, account, is_new = let_in(connection, person, origin_of(request), parts.limits)
            except (ProviderRoleMissing, AccountDisabled):
                connection.commit()  # the roles that are gone
                raise
            if is_new:
                append(connection, _entry(request, AuditAction.USER_CREATED, _PROVIDER, subject=account))
            if old := cookies.read(request, SESSION):
                end_session_of_secret(connection, digest(old))
            append(connection, _entry(request, AuditAction.SIGNED_IN, account, detail=_PROVIDER))
            connection.commit()
    except (
        ProviderRequestUnknown,
        ProviderRefused,
        ProviderUnavailable,
        ProviderAnswerInvalid,
        ProviderRoleMissing,
        ProviderNameTaken,
        AccountDisabled,
    ) as error:
        return _refused(parts, request, target, who, error)
    answer = RedirectResponse(target, 303)
    cookies.write(answer, SESSION, secret)
    cookies.forget(answer, PROVIDER)
    cookies.forget(answer, BEFORE)
    return answer


def _refused(parts: DeskParts, request: Request, target: str, who: str, error: TrabeculaError) -> Response:
    if cookies_of(request).read(request, PROVIDER):  # without its cookie nobody began anything: it is noise
        entry = _entry(request, AuditAction.SIGN_IN_REFUSED, who, AuditOutcome.REFUSED, detail=error.code)
        with database_errors(), parts.engine().begin() as connection:
            append(connection, entry)
    return sign_in_page(parts, request, target, error=error)


def _door(parts: DeskParts) -> ProviderDoor:
    if parts.provider is None:
        raise HTTPException(404)
    return parts.provider


def _return_address(discovery: Discovery, request: Request) -> str:
    return discovery.terms.return_address(f"{request.url.scheme}://{request.url.netloc}")


def _entry(
    request: Request,
    action: AuditAction,
    who: str,
    outcome: AuditOutcome = AuditOutcome.SUCCESS,
    *,
    subject: str = "",
    detail: str = "",
) -> AuditEntry:
    return AuditEntry(
        action=action,
        outcome=outcome,
        who=who,
        who_kind=ActorKind.SYSTEM if who == _PROVIDER else ActorKind.ACCOUNT,
        address=origin_of(request).address,
        subject=subject,
        detail=detail,
    )
