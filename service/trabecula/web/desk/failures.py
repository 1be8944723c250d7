"""What a failed request looks like: a page for a person, a problem document (RFC 9457) for a program."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlencode

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from trabecula.domain import errors
from trabecula.domain.errors_of import access, bulk, copies, ledger, provider, readers
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import bare_page

log = structlog.get_logger(__name__)

_STATUS: tuple[tuple[type[errors.TrabeculaError], int], ...] = (
    (access.NotSignedIn, 401),
    (access.TokenRefused, 401),
    (access.SignInRefused, 401),
    (access.SignInPaused, 429),
    (provider.ProviderRequestUnknown, 400),
    (provider.ProviderUnavailable, 503),
    (provider.ProviderNameTaken, 409),
    (provider.ProviderRefused, 403),
    (provider.ProviderAnswerInvalid, 403),
    (provider.ProviderRoleMissing, 403),
    (provider.AccountDisabled, 403),
    (provider.LocalAccountsOff, 403),
    (access.PermissionMissing, 403),
    (access.RequestForged, 403),
    (access.AccountUnknown, 404),
    (access.TokenUnknown, 404),
    (access.SessionUnknown, 404),
    (errors.StudyUnknown, 404),
    (errors.ResultMissing, 404),
    (errors.SpoolObjectMissing, 404),
    (errors.DestinationUnknown, 404),
    (errors.BundleUnknown, 404),
    (bulk.BulkUnknown, 404),
    (copies.QuarantineEntryUnknown, 404),
    (ledger.LedgerMissing, 503),
    (errors.SchemaOutdated, 503),
    (errors.DatabaseUnavailable, 503),
    (errors.SpoolUnavailable, 503),
    (errors.DestinationUnreachable, 502),
    (errors.AssociationRejected, 502),
    (errors.TransitionRefused, 409),
    (errors.NothingToSend, 409),
    (readers.StudyBusy, 409),
    (copies.CorrectionDisturbed, 409),
    (copies.ReleaseRefused, 409),
    (access.AccountExists, 409),
    (access.LastAdministrator, 409),
)
"""The first that fits; every other error of ours is a request that cannot be done as it is: 422."""
_OTHERWISE = 422
_NEXT_STEPS: Mapping[type[errors.TrabeculaError], str] = MappingProxyType(
    {
        errors.StudyUnknown: "Look for it among the studies that you may see.",
        copies.ReasonMissing: "Go back and say why in a sentence.",
    }
)
"""Where the command line's next step is none for who sees pages or asks the API."""
_PROGRAM = "/api/"
_SIGN_IN = "/sign-in"
_WORDS = {404: "There is no such page", 405: "This address does not take this kind of request", 413: "Too large"}


def status_of(error: errors.TrabeculaError) -> int:
    """Return the HTTP status of an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), _OTHERWISE)


def answer_error(parts: DeskParts, request: Request, error: errors.TrabeculaError) -> Response:
    """Answer a request that one of our errors ended."""
    status = status_of(error)
    next_step = _NEXT_STEPS.get(type(error), error.next_step)
    if for_a_program(request):
        return problem(status, error.code, error.sentence, next_step)
    if isinstance(error, access.NotSignedIn) and request.method == "GET":
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{_SIGN_IN}?{urlencode({'target': target})}", 303)
    values = {"status": status, "code": error.code, "sentence": error.sentence, "next_step": next_step}
    return bare_page(parts, "failure.html", values, status=status)


def answer_http(parts: DeskParts, request: Request, error: HTTPException) -> Response:
    """Answer what no route takes."""
    sentence = _WORDS.get(error.status_code, error.detail)
    if for_a_program(request):
        next_step = "Look at /openapi.json for what there is."
        return problem(error.status_code, "HTTP", f"{sentence}.", next_step, error.headers or {})
    values = {
        "status": error.status_code,
        "code": f"HTTP {error.status_code}",
        "sentence": f"{sentence}.",
        "next_step": "Go to the overview and look from there.",
    }
    return bare_page(parts, "failure.html", values, status=error.status_code)


def answer_fault(parts: DeskParts, request: Request, error: Exception) -> Response:
    """Answer where the program itself is at fault; the log has the trace, the page nothing of it."""
    log.error("request.crashed", path=request.scope.get("route_path", ""), error=type(error).__name__, exc_info=error)
    fault = errors.TrabeculaError()
    if for_a_program(request):
        return problem(500, fault.code, fault.sentence, fault.next_step)
    values = {"status": 500, "code": fault.code, "sentence": fault.sentence, "next_step": fault.next_step}
    return bare_page(parts, "failure.html", values, status=500)


def for_a_program(request: Request) -> bool:
    """Return whether a program asks: of the API, or with a token."""
    return request.url.path.startswith(_PROGRAM) or "authorization" in request.headers


def problem(
    status: int, code: str, sentence: str, next_step: str, headers: Mapping[str, str] = MappingProxyType({})
) -> JSONResponse:
    """Return a problem document."""
    headers = {**headers, "www-authenticate": "Bearer"} if status == 401 else dict(headers)
    document = {"title": sentence, "status": status, "code": code, "next_step": next_step}
    return JSONResponse(document, status, headers, media_type="application/problem+json")
