"""Pages from templates, with the headers that keep signed addresses to those who have them."""

from typing import Any

from fastapi.responses import HTMLResponse

from salesinsight_assets.domain.delivery.html import templates

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address is the key
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
}


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page of `templates/`."""
    return HTMLResponse(
        templates("salesinsight_assets.web", "templates").get_template(template).render(**values), status, _HEADERS
    )
