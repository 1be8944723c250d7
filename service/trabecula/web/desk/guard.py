"""The one door: who asks, may they, did their own page send it; then the handler, in one transaction.

What a handler appends to the audit log is committed with it before the first byte of the page goes out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.acting import acting_as
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.errors_of.access import NotSignedIn, PermissionMissing, TokenRefused
from trabecula.ledger.database import database_errors
from trabecula.web.access.asked import Asked
from trabecula.web.access.cookies import SESSION, cookies_of
from trabecula.web.access.forgery import FIELD, HEADER, SAFE_METHODS, check_form, check_origin
from trabecula.web.access.refusals import note_refusal
from trabecula.web.access.secrets_kept import form_secret
from trabecula.web.access.signing_in import Visitor, visitor_of_session, visitor_of_token
from trabecula.web.desk.parts import DeskParts

Handler = Callable[[DeskParts, Asked], Response]
FIRST_PAGE = "/account/password"
_BEARER = "bearer "


@dataclass(frozen=True, kw_only=True)
class GuardedRoute:
    """A page: its path, what answers it, and the permission it asks for (None: to be signed in is enough)."""

    path: str
    handler: Handler
    permission: Permission | None
    methods: tuple[str, ...] = ("GET",)
    with_a_first_password: bool = False
    """Whether it answers also somebody who must choose a password of their own first."""
    in_person: bool = False
    """Whether it lets in nobody with a token: a token must not make others."""


def guarded(parts: DeskParts, route: GuardedRoute) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a route behind the door."""

    async def endpoint(request: Request) -> Response:
        form = FormData() if request.method in SAFE_METHODS else await request.form()
        try:
            return await run_in_threadpool(_answer, parts, route, request, form)
        finally:
            await form.close()

    return endpoint


def visitor_of(connection: Connection, request: Request, parts: DeskParts) -> Visitor:
    """Return who asks: by API token, else by session. Raises NotSignedIn, TokenRefused."""
    shown = request.headers.get("authorization", "")
    if shown[: len(_BEARER)].lower() == _BEARER:
        return visitor_of_token(connection, shown[len(_BEARER) :].strip())
    secret = cookies_of(request).read(request, SESSION)
    visitor = visitor_of_session(connection, secret, parts.limits) if secret else None
    if visitor is None:
        raise NotSignedIn
    return visitor


def is_known(parts: DeskParts, request: Request) -> bool:
    """Return whether somebody known asks; nothing else is decided by it."""
    try:
        with database_errors(), parts.engine().begin() as connection:
            visitor_of(connection, request, parts)
    except (NotSignedIn, TokenRefused):
        return False
    return True


def check_forgery(request: Request, visitor: Visitor, form: FormData) -> None:
    """Check a change that a browser sends with its cookie; a token is sent by no browser by itself.

    Raises RequestForged.
    """
    if request.method in SAFE_METHODS or visitor.session is None:
        return
    check_origin(request)
    shown = form.get(FIELD)
    check_form(shown if isinstance(shown, str) else request.headers.get(HEADER, ""), form_secret(visitor.secret))


def _answer(parts: DeskParts, route: GuardedRoute, request: Request, form: FormData) -> Response:
    with database_errors(), parts.engine().connect() as connection:
        visitor = visitor_of(connection, request, parts)
        connection.commit()
        try:
            check_forgery(request, visitor, form)
            if route.permission is not None:
                visitor.actor.demand(route.permission)
            if route.in_person and visitor.session is None:
                raise PermissionMissing("a token may not do this; sign in for it")
            if visitor.session is not None and visitor.account.must_change_password and not route.with_a_first_password:
                return RedirectResponse(FIRST_PAGE, status_code=303)
            asked = Asked(request=request, connection=connection, visitor=visitor, form=form)
            asked.check_text()
            with acting_as(asked.audit_actor):
                answer = route.handler(parts, asked)
        except TrabeculaError as error:
            connection.rollback()
            note_refusal(parts.engine(), visitor, request, route.path, error)
            raise
        connection.commit()
        return answer
