"""Logins: the token endpoint's grants, and which access tokens are good."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.responses import JSONResponse, Response

from salesinsight_assets import settings
from salesinsight_assets.demo.server.answers import SalesforceError

_ORG_ID = "00DgL0000000001UAA"
_USER_ID = "005gL0000000001YAA"


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
    """Access tokens that were handed out, each until its time has passed or all were expired."""

    credentials: Credentials
    lifetime: timedelta = timedelta(hours=2)
    _ends: dict[str, datetime] = field(default_factory=dict[str, datetime])
    login_count: int = 0

    def login(self, form: Mapping[str, str], instance_url: str) -> Response:
        """The token endpoint's answer to a form."""
        self.login_count += 1
        refusal = self._refusal(form)
        if refusal is not None:
            error, description = refusal
            return JSONResponse({"error": error, "error_description": description}, 400)
        token = f"{_ORG_ID[:15]}!{secrets.token_urlsafe(60)}"
        now = settings.now()
        self._ends[token] = now + self.lifetime
        return JSONResponse(
            {
                "access_token": token,
                "instance_url": instance_url,
                "id": f"{instance_url}/id/{_ORG_ID}/{_USER_ID}",
                "token_type": "Bearer",
                "issued_at": str(int(now.timestamp() * 1000)),
                "signature": secrets.token_urlsafe(32),
                "scope": "api",
            }
        )

    def _refusal(self, form: Mapping[str, str]) -> tuple[str, str] | None:
        known = self.credentials
        grants = {
            "client_credentials": True,
            "refresh_token": form.get("refresh_token") == known.refresh_token,
            "password": (form.get("username"), form.get("password")) == (known.username, known.password),
        }
        is_granted = grants.get(form.get("grant_type", ""))
        if is_granted is None:
            return "unsupported_grant_type", "grant type not supported"
        if form.get("client_id") != known.client_id:
            return "invalid_client_id", "client identifier invalid"
        if form.get("client_secret") != known.client_secret:
            return "invalid_client", "invalid client credentials"
        return None if is_granted else ("invalid_grant", "authentication failure")

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
