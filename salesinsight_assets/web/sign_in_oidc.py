"""Signing in at the company's identity provider. Whatever goes wrong ends on one page with a reference; the log says why."""

import logging
import secrets
from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from salesinsight_assets.adapters.dashboard.sessions import new_token
from salesinsight_assets.adapters.oidc import OidcError, OidcProvider, OidcUnreachableError
from salesinsight_assets.domain.access.claims import ClaimsError, vouched_address
from salesinsight_assets.domain.access.sign_in_attempt import SignInAttempt, read_attempt
from salesinsight_assets.domain.access.viewer import Identity
from salesinsight_assets.domain.plain_text import one_line
from salesinsight_assets.settings import LinkSettings, OidcSettings
from salesinsight_assets.web.frame import bare_page
from salesinsight_assets.web.limits import network_of
from salesinsight_assets.web.sign_in import SIGN_IN, SINGLE_SIGN_ON, signed_in
from salesinsight_assets.web.site import SINGLE_SIGN_ON_BACK, Site, SiteOf

BY_SINGLE_SIGN_ON = "single sign-on"
COOKIE = "salesinsight-sign-in"
_LASTS = timedelta(minutes=10)
_LONGEST_REASON, _LONGEST_NEXT = 300, 500
_AGAIN = "Start again from the sign-in page."
_log = logging.getLogger(__name__)
router = APIRouter()


class _UnknownError(Exception):
    """Somebody whom the provider knows and we do not."""


@router.get(SINGLE_SIGN_ON)
def begin(request: Request, site: SiteOf, next: str = "/") -> Response:  # noqa: A002 - stands in addresses
    """To the provider; the browser keeps what shows that it is the one that went there."""
    provider, links, _ = _single_sign_on(site)
    at, then = site.clock(), next if len(next) <= _LONGEST_NEXT else "/"
    attempt = SignInAttempt(new_token(), new_token(), new_token(), then, at + _LASTS)
    try:
        address = provider.address(attempt, at)
    except OidcError as error:
        return _failed(request, site, error)
    answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        COOKIE,
        attempt.signed(links.secret_key),
        max_age=int(_LASTS.total_seconds()),
        path=SINGLE_SIGN_ON,
        httponly=True,
        samesite="lax",  # `strict` would not come back with the browser from the provider
        secure=request.url.scheme == "https",
    )
    return answer


@router.get(SINGLE_SIGN_ON_BACK)
def back(request: Request, site: SiteOf) -> Response:
    """Back from the provider, with a code or with why there is none."""
    _single_sign_on(site)
    try:
        identity, then = _proved(request, site)
        answer = signed_in(site, request, identity, BY_SINGLE_SIGN_ON, then)
    except (OidcError, ClaimsError, _UnknownError) as error:
        answer = _failed(request, site, error)
    answer.delete_cookie(COOKIE, path=SINGLE_SIGN_ON)
    return answer


def _proved(request: Request, site: Site) -> tuple[Identity, str]:
    """Who came back, and where to go.

    Raises:
        OidcError: the browser is not the one that began, or the provider does not say who it is.
        ClaimsError: nobody vouches for the address.
        _UnknownError: the address is nobody's here.
    """
    provider, links, settings = _single_sign_on(site)
    at, told = site.clock(), request.query_params
    attempt = read_attempt(request.cookies.get(COOKIE, ""), links.secret_key, at)
    if attempt is None or not secrets.compare_digest(told.get("state", "").encode(), attempt.state.encode()):
        raise OidcError("this browser did not begin this sign-in, or longer than ten minutes ago")
    if told.get("iss", settings.issuer) != settings.issuer:  # RFC 9207
        raise OidcError(f"the answer is of another provider: {told['iss']}")
    if "code" not in told:
        raise OidcError(f"the provider says: {told.get('error', 'nothing')} {told.get('error_description', '')}")
    email = vouched_address(provider.claims(told["code"], attempt, at), settings.issuer)
    identity = site.identity_of(email)
    if identity is None or site.viewer(identity) is None:
        raise _UnknownError(email)
    return identity, attempt.then


def _single_sign_on(site: Site) -> tuple[OidcProvider, LinkSettings, OidcSettings]:
    """What it takes; where it is not set up there is no such page."""
    if site.oidc is None or site.settings.links is None or site.settings.oidc is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return site.oidc, site.settings.links, site.settings.oidc


def _failed(request: Request, site: Site, error: Exception) -> Response:
    """The page, and the entries that say why under its reference."""
    reference, why = secrets.token_hex(4), one_line(str(error))[:_LONGEST_REASON]
    is_unknown = isinstance(error, _UnknownError)
    _log.warning("Single sign-on failed, reference %s: %s", reference, why)
    site.audit.note(
        "refused",
        site.clock(),
        email=why if is_unknown else None,
        about=f"{BY_SINGLE_SIGN_ON}: {'nobody we know' if is_unknown else why}; reference {reference}",
        address=network_of(request),
    )
    unknown = f"{why} is no active user of your company's Salesforce. Ask your data engineer to add the address."
    return bare_page(
        "sign_in_again.html.jinja",
        _status(error),
        told="There is nothing here for you yet." if is_unknown else "Signing in did not work.",
        then=f"{unknown if is_unknown else _AGAIN} If it stays, tell your data engineer the reference {reference}.",
        sign_in=SIGN_IN,
    )


def _status(error: Exception) -> HTTPStatus:
    if isinstance(error, OidcUnreachableError):
        return HTTPStatus.BAD_GATEWAY
    return HTTPStatus.FORBIDDEN if isinstance(error, _UnknownError) else HTTPStatus.BAD_REQUEST
