"""Errors of the API, as problem details for HTTP APIs (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

API_PATH = "/api/"
MEDIA_TYPE = "application/problem+json"


def wants_json(request: Request) -> bool:
    """Whether whoever asks is a program."""
    return request.url.path.startswith(API_PATH)


def problem(status: HTTPStatus, title: str, detail: str, **more: Any) -> JSONResponse:
    """What went wrong, and what to do."""
    content = {"type": "about:blank", "status": status.value, "title": title, "detail": detail, **more}
    return JSONResponse(content, status, media_type=MEDIA_TYPE)
