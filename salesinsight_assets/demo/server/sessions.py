"""Logins: the token endpoint's grants, and which access tokens are good."""

import functools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.responses import JSONResponse, Response

from salesinsight_assets import settings
from salesinsight_assets.demo.server.answers import SalesforceError

_ORG_ID = "00DgL0000000001UAA"
_USER_ID = "005gL0000000001YAA"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_ASSERTION = timedelta(minutes=5)
_LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")
Refusal = tuple[str, str]


@functools.cache
def private_key_pem() -> bytes:
    """The private key of the connected app, made once in a process; the org knows its public half."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_key() -> Any:
    return serialization.load_pem_private_key(private_key_pem(), password=None).public_key()


@dataclass(frozen=True)
class Credentials:
    """What a client must know to log in, by whatever grant."""

    client_id: str = "3MVG9demoConsumerKey"
    client_secret: str = field(default="demo-consumer-secret", repr=False)
    refresh_token: str = field(default="5Aep861demoRefreshToken", repr=False)
    username: str = "integration@northlight-sales.example"
    password: str = field(default="demo-password", repr=False)


@dataclass
class Sessions:
    """Access tokens that were handed out, each until its time has passed or all were expired.

    With `rotates_refresh_tokens` each use of the refresh token answers with a new one, and the old one is dead at once.
    `handed_out` holds every access and refresh token ever given to a client.
    """

    credentials: Credentials
    lifetime: timedelta = timedelta(hours=2)
    rotates_refresh_tokens: bool = False
    login_count: int = 0
    refresh_token: str = field(default="", repr=False)
    handed_out: set[str] = field(default_factory=set[str], repr=False)
    _ends: dict[str, datetime] = field(default_factory=dict[str, datetime])

    def __post_init__(self) -> None:
        self.refresh_token = self.refresh_token or self.credentials.refresh_token

    def login(self, form: Mapping[str, str], instance_url: str, org_time: datetime) -> Response:
        """The token endpoint's answer to a form; `org_time` is the org's own clock."""
        self.login_count += 1
        refusal = self._refusal(form, instance_url, org_time)
        if refusal is not None:
            error, description = refusal
            return JSONResponse({"error": error, "error_description": description}, 400)
        token = f"{_ORG_ID[:15]}!{secrets.token_urlsafe(60)}"
        now = settings.now()
        self._ends[token] = now + self.lifetime
        self.handed_out.add(token)
        return JSONResponse(
            {
                "access_token": token,
                "instance_url": instance_url,
                "id": f"{instance_url}/id/{_ORG_ID}/{_USER_ID}",
                "token_type": "Bearer",
                "issued_at": str(int(now.timestamp() * 1000)),
                "signature": secrets.token_urlsafe(32),
                "scope": "api",
                **self._rotated(form),
            }
        )

    def _rotated(self, form: Mapping[str, str]) -> Mapping[str, str]:
        if not self.rotates_refresh_tokens or form.get("grant_type") != "refresh_token":
            return {}
        self.refresh_token = f"5Aep861{secrets.token_urlsafe(40)}"
        self.handed_out.add(self.refresh_token)
        return {"refresh_token": self.refresh_token}

    def _refusal(self, form: Mapping[str, str], instance_url: str, org_time: datetime) -> Refusal | None:
        known = self.credentials
        if form.get("grant_type") == _JWT_GRANT:
            return self._assertion_refusal(form.get("assertion", ""), instance_url, org_time)
        grants = {
            "client_credentials": True,
            "refresh_token": form.get("refresh_token") == self.refresh_token,
            "password": (form.get("username"), form.get("password")) == (known.username, known.password),
        }
        is_granted = grants.get(form.get("grant_type", ""))
        if is_granted is None:
            return "unsupported_grant_type", "grant type not supported"
        if form.get("client_id") != known.client_id:
            return "invalid_client_id", "client identifier invalid"
        if form.get("client_secret") != known.client_secret:
            return "invalid_client", "invalid client credentials"
        if not is_granted and form.get("grant_type") == "refresh_token":
            return "invalid_grant", "expired access/refresh token"
        return None if is_granted else ("invalid_grant", "authentication failure")

    def _assertion_refusal(self, assertion: str, instance_url: str, org_time: datetime) -> Refusal | None:
        """What Salesforce finds wrong with a JWT; only its own clock says whether the time has passed."""
        options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp", "aud"]}
        audiences = [instance_url, *_LOGIN_HOSTS]
        try:
            claims = jwt.decode(assertion, _public_key(), algorithms=["RS256"], audience=audiences, options=options)
        except jwt.InvalidAudienceError:
            return "invalid_grant", "audience is invalid"
        except jwt.InvalidTokenError:
            return "invalid_grant", "invalid assertion"
        ahead = float(claims["exp"]) - org_time.timestamp()
        if not 0 < ahead <= _LONGEST_ASSERTION.total_seconds():
            return (
                "invalid_grant",
                "expired authorization code" if ahead <= 0 else "expiration is too far in the future",
            )
        if claims.get("iss") != self.credentials.client_id:
            return "invalid_client_id", "client identifier invalid"
        is_known = claims.get("sub") == self.credentials.username
        return None if is_known else ("invalid_grant", "user hasn't approved this consumer")

    def checked_token(self, authorization: str) -> str:
        """The access token of an Authorization header.

        Raises:
            SalesforceError: INVALID_SESSION_ID where it is not, or no longer, good.
        """
        token = authorization.removeprefix("Bearer ").removeprefix("OAuth ")
        if token not in self._ends or settings.now() >= self._ends[token]:
            raise SalesforceError("INVALID_SESSION_ID", "Session expired or invalid", 401)
        return token

    def expire_all(self) -> None:
        """End every session; each client has to log in again."""
        self._ends.clear()
