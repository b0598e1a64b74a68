"""Signing in by a link of an e-mail, that works once. Who may is not said: the answer is the same for every address.

A GET of the link shows a button, a POST signs in: mail scanners open every link.
"""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from salesinsight_assets.adapters.mail import mail_door, mail_message
from salesinsight_assets.domain.access.sign_in_link import LINK_PATH, SignInLink, read_link
from salesinsight_assets.domain.delivery.addresses import is_address
from salesinsight_assets.domain.delivery.sign_in_mail import SUBJECT, SignInMail
from salesinsight_assets.settings import LinkSettings, MailSettings
from salesinsight_assets.web.frame import bare_page, error_page
from salesinsight_assets.web.limits import network_of, too_many
from salesinsight_assets.web.sign_in import SIGN_IN, signed_in
from salesinsight_assets.web.site import Site, SiteOf

BY_MAIL = "link by e-mail"
_LONGEST_ADDRESS, _LONGEST_NEXT = 254, 500
"""An address of RFC 5321, 4.5.3.1.3; and a page of ours that leaves the link short enough for mail programs."""
_OVER = "Links work once and for a short time. Ask for a new one."
_log = logging.getLogger(__name__)
router = APIRouter()


@router.post(f"{SIGN_IN}/mail")
def ask_for_link(
    request: Request,
    site: SiteOf,
    email: Annotated[str, Form()],
    next: Annotated[str, Form()] = "/",  # noqa: A002 - stands in addresses
) -> Response:
    """Send a link to an address, if it is somebody's. What is answered, and when, does not tell whether it is."""
    links, mail = _channel(site)
    email = email.strip()
    if not is_address(email) or len(email) > _LONGEST_ADDRESS:
        return error_page(
            request,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "This is no e-mail address.",
            "Go back and write one, such as ann@example.com.",
        )
    at = site.clock()
    wait = site.limits.links_from_network.wait(network_of(request), at) or site.limits.links_to_address.wait(
        email.casefold(), at
    )
    if wait is not None:
        return too_many(request, wait)
    then = next if len(next) <= _LONGEST_NEXT else "/"
    site.later(_sending(site, links, mail, email, then))
    minutes = f"{site.policies.access.link_minutes:g}"
    return bare_page("sign_in_sent.html.jinja", email=email, minutes=minutes, sign_in=SIGN_IN)


def _channel(site: Site) -> tuple[LinkSettings, MailSettings]:
    """What a mail with a link takes; without it there is no such way in."""
    if site.settings.links is None or site.settings.mail is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return site.settings.links, site.settings.mail


def _sending(site: Site, links: LinkSettings, mail: MailSettings, email: str, then: str) -> Callable[[], None]:
    """Looks whose the address is, and writes to the one that is on record, whatever was typed."""

    def send() -> None:
        at = site.clock()
        identity = site.identity_of(email)
        if identity is None or site.viewer(identity) is None:
            site.audit.note("refused", at, email=email, about=f"{BY_MAIL}: nobody's address")
            return
        token = site.sign_in_links.make(identity.email, at, site.policies.access.link_minutes)
        address = f"{links.base_url}{LINK_PATH}/{SignInLink(token, then).signed(links.secret_key)}"
        words = SignInMail(identity.email, address, site.policies.access.link_minutes)
        message = mail_message(mail, f"sign-in:{token}", identity.email, SUBJECT, words.text, words.html, at)
        with mail_door(mail) as door:
            attempt = door.send(message)
        said = "sent" if attempt.result == "taken" else f"not sent, {attempt.detail}"
        if attempt.result != "taken":
            _log.warning("A sign-in link was not sent: %s", attempt.detail)
        site.audit.note("sign-in link", at, email=identity.email, about=said)

    return send


@router.get(f"{LINK_PATH}/{{signed}}")
def link(signed: str, site: SiteOf) -> HTMLResponse:
    """Who would be signed in, and the button that does it."""
    found = _read(signed, site)
    email = found and site.sign_in_links.email(found.token, site.clock())
    if not email:
        return _is_over()
    return _without_referrer(bare_page("sign_in_link.html.jinja", email=email, address=f"{LINK_PATH}/{signed}"))


@router.post(f"{LINK_PATH}/{{signed}}")
def use_link(signed: str, request: Request, site: SiteOf) -> Response:
    """Sign in, once."""
    at, found = site.clock(), _read(signed, site)
    email = found and site.sign_in_links.use(found.token, at)
    identity = site.identity_of(email) if email else None
    if found is None or identity is None:
        site.audit.note(
            "refused",
            at,
            email=email or None,
            about=f"{BY_MAIL}: not ours, used or too old",
            address=network_of(request),
        )
        return _is_over()
    return signed_in(site, request, identity, BY_MAIL, found.then)


def _read(signed: str, site: Site) -> SignInLink | None:
    links, _ = _channel(site)
    return read_link(signed, links.secret_key)


def _is_over() -> HTMLResponse:
    told = {"told": "This link does not work any more.", "then": _OVER}
    return _without_referrer(bare_page("sign_in_again.html.jinja", HTTPStatus.GONE, **told, sign_in=SIGN_IN))


def _without_referrer(answer: HTMLResponse) -> HTMLResponse:
    """The address is the key: no page that is opened from here gets it."""
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
