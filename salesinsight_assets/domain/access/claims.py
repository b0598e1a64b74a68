"""Whose address an identity provider vouches for: the claims of an ID token (OpenID Connect Core 1.0, 5.1)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_VOUCHED_BY_THE_COMPANY = ("login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn")
"""Microsoft Entra sends no `email_verified`. With the issuer of one tenant, which is the company's own, the company's administrators
set the addresses. The issuers of many tenants (`common`, `organizations`) are refused earlier: their ID tokens have another issuer."""


class ClaimsError(ValueError):
    """Claims that sign nobody in; the message is for the log."""


def vouched_address(claims: Mapping[str, Any], issuer: str) -> str:
    """The e-mail address that the provider says is the person's.

    Where `email_verified` is missing, the address counts as not verified, unless the issuer is a tenant of Microsoft Entra; one whose
    domain Entra itself calls unverified (`xms_edov`) does not count.

    Raises:
        ClaimsError: there is no address, or nobody vouches for it.

    >>> vouched_address({"email": "ann@example.com", "email_verified": True}, "https://accounts.google.com")
    'ann@example.com'
    >>> vouched_address({"email": "ann@example.com"}, "https://login.microsoftonline.com/7f3a/v2.0")
    'ann@example.com'
    """
    email = claims.get("email")
    if not isinstance(email, str) or email.count("@") != 1:
        raise ClaimsError("the provider gave no e-mail address; let its application have the claim `email`")
    is_verified = _as_bool(claims.get("email_verified"))
    if is_verified is None:
        is_entra = urlsplit(issuer).hostname in _VOUCHED_BY_THE_COMPANY
        is_verified = is_entra and _as_bool(claims.get("xms_edov")) is not False
    if not is_verified:
        raise ClaimsError(f"the provider does not say that {email} was verified")
    return email


def _as_bool(value: object) -> bool | None:
    """Some providers send booleans as texts or numbers."""
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).casefold())
