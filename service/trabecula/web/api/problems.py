"""Refusals of the API: problem documents (RFC 9457), also for a request that does not fit its description."""

from __future__ import annotations

from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MEDIA_TYPE = "application/problem+json"
_MOST_TOLD = 20
_CODE = "REQUEST_INVALID"
_NEXT_STEP = "Compare it with /openapi.json and send it again."

WORDS = {
    400: "The body cannot be read.",
    401: "Nobody is signed in, or the token is unknown, expired or revoked.",
    403: "The account or its token may not do this, or a session's form secret is missing.",
    404: "There is no such thing, or it is of a site that you do not see.",
    409: "It stands otherwise than the request needs.",
    413: "The body is too large.",
    422: "The request does not fit its description, or cannot be done as it is.",
    503: "The database does not answer, or is not migrated yet.",
}
"""What a status means, as the description says it."""


class Misfit(BaseModel):
    """One thing about a request that does not fit."""

    where: str = Field(description="Place in the request, e.g. `query.limit`.")
    what: str = Field(description="What was expected.")


class ProblemDetails(BaseModel):
    """Why a request was refused (RFC 9457); `code` is stable, docs/codes.md lists all of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "The ledger knows no study with this UID: 1.2.3.",
                    "status": 404,
                    "code": "STUDY_UNKNOWN",
                    "next_step": "`trabecula studies list` shows all of them.",
                }
            ]
        }
    )

    title: str = Field(description="A sentence for people.")
    status: int
    code: str
    next_step: str
    misfits: list[Misfit] | None = Field(None, description="Only with the code REQUEST_INVALID.")


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what an endpoint says of these statuses; their content is described for all endpoints together."""
    return {status: {"description": WORDS[status]} for status in statuses}


async def answer_misfit(_request: Request, error: Exception) -> Response:
    """Answer a request that does not fit its description: where, and what was expected, never what was sent."""
    assert isinstance(error, RequestValidationError)
    misfits = [
        {"where": ".".join(str(part) for part in item["loc"])[:200], "what": str(item["msg"])[:200]}
        for item in error.errors()[:_MOST_TOLD]
    ]
    document = {
        "title": "The request does not fit its description.",
        "status": 422,
        "code": _CODE,
        "next_step": _NEXT_STEP,
        "misfits": misfits,
    }
    return JSONResponse(document, 422, media_type=MEDIA_TYPE)
