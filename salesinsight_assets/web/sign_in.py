"""Signing in and out. How somebody proves who they are is said by the ways in: here that of `salesinsight dev` on one's own machine.

What belongs elsewhere: links by e-mail (`sign_in_mail`), single sign-on (`sign_in_oidc`).
"""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from salesinsight_assets.adapters.dashboard.people import active_people, person_with_address
from salesinsight_assets.domain.access.viewer import LOCAL_ENGINEER_ADDRESS, ROLE_NAMES, Identity
from salesinsight_assets.web.frame import bare_page
from salesinsight_assets.web.site import Site, SiteOf
from salesinsight_assets.web.visits import COOKIE

SIGN_IN = "/sign-in"
SINGLE_SIGN_ON = f"{SIGN_IN}/oidc"
LOCAL_ENGINEER = Identity(LOCAL_ENGINEER_ADDRESS, "Data engineer")
_MOST_PEOPLE_SHOWN = 60
router = APIRouter()


@dataclass(frozen=True)
class Ways:
    """The ways in that are set up: links by e-mail, and where single sign-on begins."""

    by_mail: bool
    single_sign_on: str | None

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self.by_mail or self.single_sign_on is not None


def _ways(site: Site, then: str) -> Ways:
    settings = site.settings
    by_mail = settings.mail is not None and settings.links is not None
    return Ways(by_mail, f"{SINGLE_SIGN_ON}?{urlencode({'next': then})}" if settings.oidc else None)


def own_address(address: str) -> str:
    r"""Where to go after signing in: a page of ours, and nothing that leads elsewhere.

    >>> own_address("/deals?risk=HIGH"), own_address("//evil.example"), own_address("https://evil.example"), own_address("/\\evil")
    ('/deals?risk=HIGH', '/', '/', '/')
    """
    is_ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_ours else "/"


def signed_in(site: Site, request: Request, identity: Identity, by: str, then: str) -> Response:
    """The answer that signs somebody in and leads to a page; who sees nothing is not signed in."""
    at = site.clock()
    if site.viewer(identity) is None:
        site.audit.note("refused", at, email=identity.email, about=by, address=_address(request))
        return bare_page(
            "error.html.jinja",
            HTTPStatus.FORBIDDEN,
            told="There is nothing here for you yet.",
            then=f"{identity.email} is no active user of your company's Salesforce. Ask your data engineer to add the address.",
        )
    hours = site.policies.access.session_hours
    token = site.sessions.begin(identity, by, at, hours)
    site.audit.note("signed in", at, email=identity.email, about=by, address=_address(request))
    answer = RedirectResponse(own_address(then), HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=int(timedelta(hours=hours).total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@router.get(SIGN_IN)
def ways_in(request: Request, site: SiteOf, next: str = "/", said: str = "") -> HTMLResponse:  # noqa: A002 - stands in addresses
    """The ways in."""
    people = _people_here(site, request)
    return bare_page(
        "sign_in.html.jinja", next=own_address(next), people=people, ways=_ways(site, own_address(next)), said=said
    )


@router.post(f"{SIGN_IN}/here")
def as_somebody(
    request: Request,
    site: SiteOf,
    email: Annotated[str, Form()],
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    """Sign in as anyone, on one's own machine."""
    if not _is_here(site, request):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    identity = LOCAL_ENGINEER if email == LOCAL_ENGINEER.email else person_with_address(site.database, email)
    if identity is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return signed_in(site, request, identity, "own machine", next)


@router.post("/sign-out")
def sign_out(request: Request, site: SiteOf) -> Response:
    """End the session."""
    site.sessions.end(request.cookies.get(COOKIE, ""))
    answer = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
    answer.delete_cookie(COOKIE)
    return answer


def _address(request: Request) -> str | None:
    return request.client.host if request.client else None


def _is_here(site: Site, request: Request) -> bool:
    """Whether the request was made on this machine and for it.

    The name is looked at too: a page of elsewhere may have its own name lead to 127.0.0.1 (DNS rebinding).
    """
    address, name = _address(request), request.url.hostname
    return site.signs_in_locally and address is not None and _is_loopback(address) and _is_loopback(name or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _people_here(site: Site, request: Request) -> list[dict[str, str]]:
    """Whom one can be on one's own machine: those who see most first, then the others by name."""
    if not _is_here(site, request):
        return []
    identities = [LOCAL_ENGINEER, *active_people(site.database)]
    viewers = [viewer for identity in identities if (viewer := site.viewer(identity))]
    order = list(reversed(ROLE_NAMES))
    viewers.sort(key=lambda viewer: order.index(viewer.role))
    return [
        {"email": viewer.identity.email, "name": viewer.identity.name, "role": ROLE_NAMES[viewer.role]}
        for viewer in viewers[:_MOST_PEOPLE_SHOWN]
    ]
