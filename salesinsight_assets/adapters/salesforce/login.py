"""OAuth logins: from the settings of a flow to an access token and the address it is good for.

simple_salesforce would log in at `{domain}.salesforce.com` only; this posts to the login URL of the settings, with its
host and port as given. When to log in again belongs to `session`. No message of this module holds a secret.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import requests

from salesinsight_assets.adapters.salesforce.errors import LoginError
from salesinsight_assets.settings import SalesforceSettings, SettingsError, now

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIFETIME = timedelta(minutes=3)
_SECRETS = ("client_secret", "password", "security_token", "refresh_token")


@dataclass(frozen=True)
class Token:
    """An access token and the https address of the org that accepts it."""

    instance_url: str
    access_token: str = field(repr=False)


def token(settings: SalesforceSettings, http: requests.Session) -> Token:
    """A fresh token by the flow `settings.auth`, with a single call.

    Raises:
        SettingsError: the flow needs a setting that is not there.
        LoginError: Salesforce refused the login.
        requests.RequestException: Salesforce was not reached, or is busy (429, 5xx).
    """
    url = f"{settings.login_url.rstrip('/')}/services/oauth2/token"
    # a redirect that keeps the body would hand the secret to another host
    response = http.post(url, data=_grant(settings), headers={"Accept": "application/json"}, allow_redirects=False)
    if response.status_code == 429 or response.status_code >= 500:
        raise requests.ConnectionError(f"{url}: expected a token, got HTTP {response.status_code}")
    answer = _json_object(response)
    if response.status_code != 200 or not answer.get("access_token"):
        raise LoginError(_refusal(settings, url, response.status_code, answer))
    return Token(_instance_url(url, answer), str(answer["access_token"]))


def _grant(settings: SalesforceSettings) -> dict[str, str]:
    if settings.auth == "jwt":
        return {"grant_type": _JWT_BEARER, "assertion": _assertion(settings)}
    grant = {"grant_type": settings.auth, "client_id": _needed(settings, "client_id")}
    if settings.auth == "refresh_token":
        grant["refresh_token"] = _needed(settings, "refresh_token")
        return grant | ({"client_secret": settings.client_secret} if settings.client_secret else {})
    grant["client_secret"] = _needed(settings, "client_secret")
    if settings.auth == "password":  # legacy: Salesforce switches it off for new orgs
        grant["username"] = _needed(settings, "username")
        grant["password"] = _needed(settings, "password") + (settings.security_token or "")
    return grant


def _assertion(settings: SalesforceSettings) -> str:
    claims = {
        "iss": _needed(settings, "client_id"),
        "sub": _needed(settings, "username"),
        "aud": settings.login_url.rstrip("/"),
        "exp": int((now() + _ASSERTION_LIFETIME).timestamp()),
    }
    path = Path(_needed(settings, "private_key_file"))
    try:
        return jwt.encode(claims, path.read_text(encoding="utf-8"), algorithm="RS256")
    except (OSError, ValueError, jwt.PyJWTError) as error:
        raise SettingsError(
            f"SALESFORCE_PRIVATE_KEY_FILE: expected a readable RSA key in PEM form, got {path} "
            f"({type(error).__name__}); correct the path or the file"
        ) from None  # the cause may quote the key


def _needed(settings: SalesforceSettings, name: str) -> str:
    value = getattr(settings, name)
    if not value:
        raise SettingsError(
            f"SALESFORCE_{name.upper()}: expected a value because SALESFORCE_AUTH is {settings.auth}, got none; set it"
        )
    return str(value)


def _json_object(response: requests.Response) -> Mapping[str, Any]:
    try:
        answer = response.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _instance_url(url: str, answer: Mapping[str, Any]) -> str:
    instance_url = str(answer.get("instance_url", ""))
    if instance_url.startswith("https://"):
        return instance_url
    raise LoginError(f"{url}: expected an instance_url with https://, got {instance_url!r}; check SALESFORCE_LOGIN_URL")


def _refusal(settings: SalesforceSettings, url: str, status: int, answer: Mapping[str, Any]) -> str:
    told = f"{answer.get('error', 'no OAuth error')}: {answer.get('error_description', 'no description')}"
    return (
        f"Salesforce login at {url}: expected a token for SALESFORCE_AUTH {settings.auth}, "
        f"got HTTP {status} ({_without_secrets(settings, told)}); check the SALESFORCE_ settings of this flow"
    )


def _without_secrets(settings: SalesforceSettings, text: str) -> str:
    """`text` on one line, without any secret that the server may have sent back."""
    for secret in filter(None, (getattr(settings, name) for name in _SECRETS)):
        text = text.replace(secret, "***")
    return re.sub(r"\s+", " ", text).strip()
