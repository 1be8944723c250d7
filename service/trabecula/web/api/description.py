"""The description of the API (OpenAPI 3.1): what FastAPI derives from the endpoints, with the door and the refusals."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from trabecula.web.access.cookies import SESSION
from trabecula.web.access.forgery import HEADER, SAFE_METHODS
from trabecula.web.api.door import Behind
from trabecula.web.api.problems import MEDIA_TYPE, WORDS, Misfit, ProblemDetails

VERSION = "1"
_TEXT = """Every request shows an API token (`Authorization: Bearer trb_...`) or the cookie of a session; a change by a
session also carries its form secret in `X-Form-Secret`. A study of a site that you do not see is unknown to you. What
names persons, and every change, stands in the audit log before it is answered. Times are ISO 8601 with their zone;
refusals are problem documents with a stable `code` and a next step."""
_TAGS = {
    "overview": "What came, waits, runs and was found.",
    "studies": "Lists and single studies (patient data).",
    "results": "Objects, picture and FHIR resources of a result.",
    "actions": "What is done to a study.",
    "bulk": "What is done to every study of a filter.",
    "quarantine": "What was acknowledged but is not used.",
    "references": "DXA and QCT of the site.",
    "account": "One's own API tokens.",
    "operation": "Models, destinations, settings.",
    "users": "Accounts and sessions of others.",
    "audit": "Who saw and did what.",
}
_SCHEMES: dict[str, Any] = {
    "token": {"type": "http", "scheme": "bearer", "description": "An API token, limited to its scopes."},
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION, "description": "`__Host-` before it behind TLS."},
    "form_secret": {"type": "apiKey", "in": "header", "name": HEADER, "description": "What pages of the session hold."},
}
_LINKS = {
    ("list_studies", "200"): {"show_study": {"study_uid": "$response.body#/studies/0/study_uid"}},
    ("list_entries", "200"): {"show_one": {"number": "$response.body#/entries/0/number"}},
    ("create_user", "201"): {
        "put_roles": {"name": "$response.body#/account/name"},
        "disable_user": {"name": "$response.body#/account/name"},
    },
    ("begin_bulk_action", "202"): {
        "show_bulk_action": {"number": "$response.body#/number"},
        "stop_bulk_action": {"number": "$response.body#/number"},
    },
    ("create_own_token", "201"): {"revoke_own_token": {"number": "$response.body#/number"}},
}
"""What an answer leads to: by operation and status, the operation behind it and where its parameters stand."""
_ALWAYS, _WITH_A_BODY = (401, 403, 422, 503), (400, 413)


def describe(app: FastAPI) -> None:
    """Have the application answer /openapi.json with the whole description."""

    @cache
    def made() -> dict[str, Any]:
        return description(app)

    app.openapi = made  # type: ignore[method-assign]


def description(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the application's API."""
    document = get_openapi(
        title=app.title,
        version=VERSION,
        openapi_version="3.1.0",
        summary=app.summary,
        description=_TEXT,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for shape in (ProblemDetails, Misfit):
        schemas[shape.__name__] = _schema(shape)
    for route in app.routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                _complete(document["paths"][route.path_format][method.lower()], method, route)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _complete(operation: dict[str, Any], method: str, route: APIRoute) -> None:
    """Add to an operation what the door asks for and how refusals look."""
    doors = list(_doors(route))
    assert len(doors) == 1, f"{route.path} does not stand behind the door"
    permission = doors[0].permission
    asked = [str(permission)] if permission is not None else []
    session = {"session": asked} | ({} if method in SAFE_METHODS else {"form_secret": []})
    operation["security"] = [session] if doors[0].in_person else [{"token": asked}, session]
    words = f"Needs `{permission}`." if permission is not None else "Needs somebody who is known."
    summary, _, text = operation["description"].partition("\n")
    operation["summary"] = summary.strip().rstrip(".")
    operation["description"] = f"{text.strip()}\n\n{words}".strip()
    with_a_body = _WITH_A_BODY if "requestBody" in operation else ()
    for status in (*_ALWAYS, *with_a_body):
        operation["responses"].setdefault(str(status), {})
    for status, answer in operation["responses"].items():
        if int(status) >= 400:
            answer["description"] = WORDS[int(status)]
            answer["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
        if led := _LINKS.get((operation["operationId"], status)):
            answer["links"] = {name: {"operationId": name, "parameters": where} for name, where in led.items()}
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _doors(route: APIRoute) -> Iterator[Behind]:
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, Behind):
            yield dependency.call


def _schema(shape: type[ProblemDetails] | type[Misfit]) -> dict[str, Any]:
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema
