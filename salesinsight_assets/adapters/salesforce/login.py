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
from salesinsight_assets.adapters.salesforce.refresh_tokens import RefreshTokens
from salesinsight_assets.adapters.salesforce.transport import http_date
from salesinsight_assets.settings import SalesforceSettings, SettingsError, now

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIFETIME = timedelta(minutes=3)
_TOLERATED_CLOCK_DIFFERENCE = timedelta(seconds=30)
_SECRETS = ("client_secret", "password", "security_token", "refresh_token", "assertion")

Grant = dict[str, str]


@dataclass(frozen=True)
class Token:
    """An access token and the https address of the org that accepts it."""

    instance_url: str
    access_token: str = field(repr=False)


def token(settings: SalesforceSettings, http: requests.Session, refresh_tokens: RefreshTokens) -> Token:
    """A fresh token by the flow `settings.auth`, with a single call; with two where the worker's clock is wrong.

    A refresh token that Salesforce gives in place of the one sent is stored before this returns.

    Raises:
        SettingsError: the flow needs a setting that is not there.
        LoginError: Salesforce refused the login, or a new refresh token cannot be stored.
        requests.RequestException: Salesforce was not reached, or is busy (429, 5xx).
    """
    if settings.auth == "jwt":
        return _jwt_token(settings, http)
    if settings.auth == "refresh_token":
        return _refreshed_token(settings, http, refresh_tokens)
    return _token(settings, *_posted(settings, http, _secret_grant(settings)))


def _jwt_token(settings: SalesforceSettings, http: requests.Session) -> Token:
    grant = _jwt_grant(settings, server_ahead=timedelta(0))
    response, grant = _posted(settings, http, grant)
    server_ahead = _server_ahead(response)
    if response.status_code in (400, 401) and abs(server_ahead) > _TOLERATED_CLOCK_DIFFERENCE:
        response, grant = _posted(settings, http, _jwt_grant(settings, server_ahead))
    return _token(settings, response, grant)


def _refreshed_token(settings: SalesforceSettings, http: requests.Session, refresh_tokens: RefreshTokens) -> Token:
    grant = {"grant_type": "refresh_token", "client_id": _needed(settings, "client_id")}
    _needed(settings, "refresh_token")
    if settings.client_secret:
        grant["client_secret"] = settings.client_secret
    with refresh_tokens.in_use() as sent:
        response, grant = _posted(settings, http, grant | {"refresh_token": sent})
        granted = _token(settings, response, grant)
        given = _json_object(response).get("refresh_token")
        if given and given != sent:
            refresh_tokens.keep(str(given))
    return granted


def _posted(settings: SalesforceSettings, http: requests.Session, grant: Grant) -> tuple[requests.Response, Grant]:
    """Salesforce's answer to a grant, beside the grant."""
    url = _url(settings)
    # a redirect that keeps the body would hand the secret to another host
    response = http.post(url, data=grant, headers={"Accept": "application/json"}, allow_redirects=False)
    if response.status_code == 429 or response.status_code >= 500:
        raise requests.ConnectionError(f"{url}: expected a token, got HTTP {response.status_code}")
    if response.status_code == 200 and not _json_object(response):
        raise requests.ConnectionError(f"{url}: expected a token, got a page instead of JSON")
    return response, grant


def _token(settings: SalesforceSettings, response: requests.Response, grant: Grant) -> Token:
    answer = _json_object(response)
    if response.status_code != 200 or not answer.get("access_token"):
        raise LoginError(_refusal(settings, response.status_code, answer, grant))
    return Token(_instance_url(_url(settings), answer), str(answer["access_token"]))


def _url(settings: SalesforceSettings) -> str:
    return f"{settings.login_url.rstrip('/')}/services/oauth2/token"


def _server_ahead(response: requests.Response) -> timedelta:
    """How far the server's clock is ahead of ours; nothing where it does not tell its time."""
    told = http_date(response.headers.get("Date"))
    return told - now() if told else timedelta(0)


def _secret_grant(settings: SalesforceSettings) -> Grant:
    grant = {"grant_type": settings.auth, "client_id": _needed(settings, "client_id")}
    grant["client_secret"] = _needed(settings, "client_secret")
    if settings.auth == "password":  # legacy: Salesforce switches it off for new orgs
        grant["username"] = _needed(settings, "username")
        grant["password"] = _needed(settings, "password") + (settings.security_token or "")
    return grant


def _jwt_grant(settings: SalesforceSettings, server_ahead: timedelta) -> Grant:
    claims = {
        "iss": _needed(settings, "client_id"),
        "sub": _needed(settings, "username"),
        "aud": settings.login_url.rstrip("/"),
        "exp": int((now() + server_ahead + _ASSERTION_LIFETIME).timestamp()),
    }
    path = Path(_needed(settings, "private_key_file"))
    try:
        assertion = jwt.encode(claims, path.read_text(encoding="utf-8"), algorithm="RS256")
    except (OSError, ValueError, jwt.PyJWTError) as error:
        failure = type(error).__name__
    else:
        return {"grant_type": _JWT_BEARER, "assertion": assertion}
    raise SettingsError(  # outside of the except block, since the cause may quote the key
        f"SALESFORCE_PRIVATE_KEY_FILE: expected a readable RSA key in PEM form, got {path} "
        f"({failure}); correct the path or the file"
    )


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


def _refusal(settings: SalesforceSettings, status: int, answer: Mapping[str, Any], grant: Grant) -> str:
    told = f"{answer.get('error', 'no OAuth error')}: {answer.get('error_description', 'no description')}"
    return (
        f"Salesforce login at {_url(settings)}: expected a token for SALESFORCE_AUTH {settings.auth}, "
        f"got HTTP {status} ({_without_secrets(settings, grant, told)}); check the SALESFORCE_ settings of this flow"
    )


def _without_secrets(settings: SalesforceSettings, grant: Grant, text: str) -> str:
    """`text` on one line, without any secret that the server may have sent back."""
    secrets = [grant.get(name) for name in _SECRETS] + [getattr(settings, name, None) for name in _SECRETS]
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return re.sub(r"\s+", " ", text).strip()
