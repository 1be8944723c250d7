"""The desk as one ASGI application: health and metrics, the sign-in, every page behind the door, the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from trabecula.domain.errors import TrabeculaError
from trabecula.version import __version__
from trabecula.web.access.body_limit import BodyBounds, BodyLimit
from trabecula.web.access.headers import SecureHeaders
from trabecula.web.access.provider.terms import RETURN_PATH
from trabecula.web.api.mounting import mount_api
from trabecula.web.desk import failures
from trabecula.web.desk.assets import PREFIX, asset
from trabecula.web.desk.guard import guarded, is_known
from trabecula.web.desk.pages.sign_in import show_sign_in, take_sign_in
from trabecula.web.desk.pages.sign_in_by_provider import come_from_provider, go_to_provider
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.routes import ROUTES
from trabecula.web.http.routes import Request as MonitorRequest
from trabecula.web.http.routes import Routes


def desk_app(parts: DeskParts, monitoring: Routes) -> FastAPI:
    """Return the application. ``monitoring`` answers /healthz, /readyz and /metrics, which need no login."""
    app = FastAPI(
        title="Trabecula",
        version=__version__,
        summary="Opportunistic bone-density screening: studies, results, operation.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        middleware=[Middleware(SecureHeaders), Middleware(BodyLimit, bounds=BodyBounds(), knows=_knowing(parts))],
    )
    for path, handler in monitoring.items():
        app.router.routes.append(Route(path, _monitored(handler), methods=["GET"]))
    app.router.routes += [
        Route(f"{PREFIX}/{{digest}}/{{name}}", asset, methods=["GET"]),
        Route("/favicon.ico", _icon, methods=["GET"]),
        Route("/sign-in", _open_page(parts, show_sign_in), methods=["GET"], name="sign_in"),
        Route("/sign-in", _taken_sign_in(parts), methods=["POST"]),
        Route("/sign-in/provider", _open_page(parts, go_to_provider), methods=["GET"]),
        Route(RETURN_PATH, _open_page(parts, come_from_provider), methods=["GET"]),
        *(Route(route.path, guarded(parts, route), methods=list(route.methods)) for route in ROUTES),
    ]
    mount_api(app, parts)
    _answer_failures(app, parts)
    return app


def _knowing(parts: DeskParts) -> Callable[[Scope], Awaitable[bool]]:
    async def knows(scope: Scope) -> bool:
        return await run_in_threadpool(is_known, parts, Request(scope))

    return knows


def _answer_failures(app: FastAPI, parts: DeskParts) -> None:
    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, TrabeculaError)
        return failures.answer_error(parts, request, error)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return failures.answer_http(parts, request, error)

    async def fault(request: Request, error: Exception) -> Response:
        return failures.answer_fault(parts, request, error)

    app.add_exception_handler(TrabeculaError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, fault)


def _open_page(
    parts: DeskParts, handler: Callable[[DeskParts, Request], Response]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(handler, parts, request)

    return endpoint


def _taken_sign_in(parts: DeskParts) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(take_sign_in, parts, request, await request.form())

    return endpoint


def _monitored(handler: Callable[[MonitorRequest], object]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        asked = MonitorRequest(path=request.url.path, query=request.url.query, headers=dict(request.headers))
        answer = await run_in_threadpool(handler, asked)
        return Response(answer.body, answer.status, dict(answer.headers), media_type=answer.content_type)  # type: ignore[attr-defined]

    return endpoint


async def _icon(_request: Request) -> Response:
    from trabecula.web.desk.assets import address_of

    return RedirectResponse(address_of("mark.svg"), 301)
