"""What holds for every answer: security headers, where a form may come from, and a reference for whoever reports an error."""

import logging
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Request, Response

from salesinsight_assets.web.frame import error_page
from salesinsight_assets.web.kept import CHANGES_NOTHING

Next = Callable[[Request], Awaitable[Response]]
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Unless an answer says otherwise: what people see is theirs, and no proxy's to keep."""
_SECURE = {"Strict-Transport-Security": "max-age=31536000"}
FROM_ELSEWHERE = ("/answer/", "/unsubscribe/", "/slack/", "/api/")
"""Addresses that may be posted to from other sites and programs: what is signed there, not a cookie, says who it is."""
_log = logging.getLogger(__name__)


def comes_from_our_pages(request: Request) -> bool:
    """Whether a request that changes something was sent by a page of ours.

    Browsers say so themselves (Fetch Metadata, `Sec-Fetch-Site`), older ones by `Origin`; what says neither is no browser.
    https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
    """
    if request.method in CHANGES_NOTHING or request.url.path.startswith(FROM_ELSEWHERE):
        return True
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


async def guarded(request: Request, call_next: Next) -> Response:
    """Refuse foreign forms; what fails gets a page with a reference, which the log has too; every answer gets the headers."""
    if comes_from_our_pages(request):
        response = await _answered(request, call_next)
    else:
        response = error_page(
            request,
            HTTPStatus.FORBIDDEN,
            "This was not sent from a page of SalesInsight.",
            "Open the page again and repeat it there.",
        )
    for name, value in {**HEADERS, **(_SECURE if request.url.scheme == "https" else {})}.items():
        response.headers.setdefault(name, value)
    return response


async def _answered(request: Request, call_next: Next) -> Response:
    try:
        return await call_next(request)
    except Exception:  # noqa: BLE001 - logged, and the reader gets a page
        reference = secrets.token_hex(4)
        _log.exception("%s %s failed, reference %s", request.method, request.url.path, reference)
        return error_page(
            request,
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "Something went wrong on our side.",
            f"Try again in a minute. If it stays, tell your data engineer the reference {reference}.",
        )
