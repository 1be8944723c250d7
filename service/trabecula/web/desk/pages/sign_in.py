"""Signing in and out: the only pages for somebody who is not known."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trabecula.domain.audit.entry import ActorKind, AuditAction, AuditEntry, AuditOutcome
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.errors_of.access import SignInPaused, SignInRefused
from trabecula.domain.errors_of.provider import LocalAccountsOff
from trabecula.ledger.access.sessions import end_session, end_session_of_secret
from trabecula.ledger.audit.appending import append
from trabecula.ledger.database import database_errors
from trabecula.web.access.asked import Asked, origin_of
from trabecula.web.access.cookies import BEFORE, SESSION, cookies_of
from trabecula.web.access.forgery import FIELD, check_form, check_origin
from trabecula.web.access.secrets_kept import digest, form_secret, new_secret
from trabecula.web.access.signing_in import known_name, sign_in, visitor_of_session
from trabecula.web.access.this_host import is_from_this_host
from trabecula.web.desk.failures import status_of
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import bare_page

_LONGEST = 1024


def show_sign_in(parts: DeskParts, request: Request) -> Response:
    """Show the form; who is signed in already goes on at once."""
    target = local_target(request.query_params.get("target", ""))
    secret = cookies_of(request).read(request, SESSION)
    if secret:
        with database_errors(), parts.engine().begin() as connection:
            if visitor_of_session(connection, secret, parts.limits) is not None:
                return RedirectResponse(target, 303)
    return sign_in_page(parts, request, target)


def take_sign_in(parts: DeskParts, request: Request, form: FormData) -> Response:
    """Let somebody in, or show the form again with the reason. A failure is counted and stands in the audit log.

    Raises RequestForged, and LocalAccountsOff where passwords open nothing from there.
    """
    cookies = cookies_of(request)
    target = local_target(_text(form, "target"))
    if not _takes_passwords(parts, request):
        raise LocalAccountsOff
    check_origin(request)
    before = cookies.read(request, BEFORE)
    check_form(_text(form, FIELD), form_secret(before) if before else "")
    name, origin = _text(form, "account"), origin_of(request)
    with database_errors(), parts.engine().connect() as connection:
        try:
            secret = sign_in(connection, name, _text(form, "password"), origin, parts.limits)
        except (SignInRefused, SignInPaused) as error:
            paused = isinstance(error, SignInPaused)
            action = AuditAction.ACCOUNT_LOCKED if paused else AuditAction.SIGN_IN_REFUSED
            who = known_name(connection, name) or "(no such account)"
            append(connection, _entry(action, who, origin.address, AuditOutcome.REFUSED))
            connection.commit()
            return sign_in_page(parts, request, target, name=name, error=error)
        if old := cookies.read(request, SESSION):
            end_session_of_secret(connection, digest(old))
        append(connection, _entry(AuditAction.SIGNED_IN, known_name(connection, name), origin.address))
        connection.commit()
    answer = RedirectResponse(target, 303)
    cookies.write(answer, SESSION, secret)
    cookies.forget(answer, BEFORE)
    return answer


def sign_out(parts: DeskParts, asked: Asked) -> Response:
    """End the session of this browser."""
    if asked.visitor.session is not None:
        end_session(asked.connection, asked.visitor.session.number)
        entry = _entry(AuditAction.SIGNED_OUT, asked.actor.account, origin_of(asked.request).address)
        append(asked.connection, entry)
    answer = RedirectResponse("/sign-in", 303)
    cookies_of(asked.request).forget(answer, SESSION)
    answer.headers["clear-site-data"] = '"cache"'
    return answer


def local_target(text: str) -> str:
    """Return where to go on: an address of ours, whatever somebody put into the link."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or not text.startswith("/") or text.startswith("//") or "\\" in text:
        return "/"
    return text if text.isprintable() else "/"


def sign_in_page(
    parts: DeskParts, request: Request, target: str, *, name: str = "", error: TrabeculaError | None = None
) -> Response:
    """Return the page of somebody who is not signed in: the form, the way to the provider, and what went wrong."""
    cookies = cookies_of(request)
    before = cookies.read(request, BEFORE) or new_secret()
    values = {
        "target": target,
        "account": name,
        "error": error,
        "form_secret": form_secret(before),
        "takes_passwords": _takes_passwords(parts, request),
        "way_to_provider": f"/sign-in/provider?{urlencode({'target': target})}" if parts.provider else "",
    }
    answer = bare_page(parts, "sign_in.html", values, status=status_of(error) if error else 200)
    cookies.write(answer, BEFORE, before, strict=True)
    return answer


def _takes_passwords(parts: DeskParts, request: Request) -> bool:
    return parts.local_accounts or is_from_this_host(request)


def _entry(action: AuditAction, who: str, address: str, outcome: AuditOutcome = AuditOutcome.SUCCESS) -> AuditEntry:
    return AuditEntry(action=action, outcome=outcome, who=who, who_kind=ActorKind.ACCOUNT, address=address)


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value[:_LONGEST] if isinstance(value, str) else ""
