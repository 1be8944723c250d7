"""The API is put into the desk: its routes beside the pages, behind the door, and its description."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from trabecula.web.api import account, audit, operation, overview, quarantine, references, users
from trabecula.web.api.description import describe
from trabecula.web.api.problems import answer_misfit
from trabecula.web.api.studies import bulk, changes, export, files, listing
from trabecula.web.desk.parts import DeskParts

PREFIX = "/api/v1"
_ROUTERS = (
    overview.router, listing.router, export.router, files.router, changes.router, bulk.router, quarantine.router,
    references.router, account.router, users.router, operation.router, audit.router,
)  # fmt: skip


def _name(route: APIRoute) -> str:
    return route.name


def mount_api(app: FastAPI, parts: DeskParts) -> None:
    """Add the routes under ``/api/v1`` to the desk, flat, so that whoever lists its routes sees each of them."""
    app.state.parts = parts
    api = APIRouter(generate_unique_id_function=_name)
    for router in _ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute), route
            api.add_api_route(
                PREFIX + route.path,
                route.endpoint,
                response_model=route.response_model,
                status_code=route.status_code,
                tags=route.tags,
                responses=route.responses,
                methods=list(route.methods or ()),
                response_class=route.response_class,
                openapi_extra=route.openapi_extra,
                name=route.name,
            )
    app.router.routes += api.routes
    app.add_exception_handler(RequestValidationError, answer_misfit)
    describe(app)
