"""What makes the dashboard an app on a phone: its manifest, its icons, and a page for where there is no network.

https://developer.mozilla.org/docs/Web/Progressive_web_apps/Guides/Making_PWAs_installable
"""

from functools import cache
from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

from salesinsight_assets.web.frame import STATIC, bare_page, static

router = APIRouter()
Size = Literal["180", "192", "512"]
_FOR_A_DAY = {"Cache-Control": "public, max-age=86400"}


@router.get("/manifest.webmanifest")
def manifest() -> Response:
    """What a phone must know to install it."""
    icons: list[dict[str, Any]] = [
        {"src": f"/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png", "purpose": "any"}
        for size in (192, 512)
    ]
    content = {
        "id": "/",
        "name": "SalesInsight",
        "short_name": "SalesInsight",
        "description": "The deals that need you today, and why.",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f4f6fa",
        "theme_color": "#1d4ed8",
        "icons": [*icons, {"src": static("icon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    }
    return JSONResponse(content, media_type="application/manifest+json", headers=_FOR_A_DAY)


@router.get("/icon-{size}.png")
def icon(size: Size) -> Response:
    """The icon in the sizes that phones ask for."""
    return Response(_icon(int(size)), media_type="image/png", headers=_FOR_A_DAY)


@cache
def _icon(size: int) -> bytes:
    import vl_convert

    svg = (STATIC / "icon.svg").read_text(encoding="utf-8")
    return vl_convert.svg_to_png(svg.replace("<svg ", f'<svg width="{size}" height="{size}" ', 1))


@router.get("/worker.js")
def worker() -> Response:
    """The service worker; at the top, for it answers for the addresses below its own."""
    return FileResponse(STATIC / "worker.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@router.get("/offline")
def offline() -> HTMLResponse:
    """What stands where there is no network."""
    return bare_page("offline.html.jinja")
