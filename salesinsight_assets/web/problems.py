"""Errors of the API, as problem details for HTTP APIs (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

API_PATH = "/api/"
MEDIA_TYPE = "application/problem+json"
_LONGEST_DETAIL = 1000


class ProblemError(Exception):
    """What went wrong with a call of the API, raised from wherever it is found out."""

    def __init__(
        self,
        status: HTTPStatus,
        title: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(title)
        self.answer = problem(status, title, detail, **(more or {}))
        self.answer.headers.update(headers or {})


def wants_json(request: Request) -> bool:
    """Whether whoever asks is a program."""
    return request.url.path.startswith(API_PATH)


def problem(status: HTTPStatus, title: str, detail: str, **more: Any) -> JSONResponse:
    """What went wrong, and what to do. What came from outside may be no text at all: it is shown as far as it is."""
    shown = detail[:_LONGEST_DETAIL].encode(errors="replace").decode()
    content = {"type": "about:blank", "status": status.value, "title": title, "detail": shown, **more}
    return JSONResponse(content, status, media_type=MEDIA_TYPE)


def problem_of(_: Request, error: Exception) -> JSONResponse:
    """The answer that a `ProblemError` carries."""
    if not isinstance(error, ProblemError):
        raise error
    return error.answer


def not_found(what: str, then: str = "It may not be yours to see.") -> ProblemError:
    """For what is not there, and for what is not the caller's to see: the two look the same."""
    return ProblemError(HTTPStatus.NOT_FOUND, f"There is no such {what}.", then)


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong and what to do (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
    },
    "required": ["type", "status", "title", "detail"],
}
_CONTENT = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_DESCRIPTIONS = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read",
    HTTPStatus.UNAUTHORIZED: "No token, or one that is unknown, expired or revoked",
    HTTPStatus.FORBIDDEN: "The token lacks the scope, or the person the right",
    HTTPStatus.NOT_FOUND: "There is none, or it is not the caller's to see",
    HTTPStatus.CONFLICT: "It is not in a state for this",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Something in the call cannot be used",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many calls; `Retry-After` says in how many seconds to go on",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong on our side, with a reference",
    HTTPStatus.SERVICE_UNAVAILABLE: "What is shown is not fresh, and why",
}


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Problems, as the API's description names them."""
    return {status.value: {"description": _DESCRIPTIONS[status], "content": _CONTENT} for status in statuses}


OF_EVERY_CALL = documented(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
"""Problems that every call with a token can have."""
