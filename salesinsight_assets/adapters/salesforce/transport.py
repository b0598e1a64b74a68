"""How a call travels: timeout, certificate authority, and the counts and clocks that the answers bring along.

Mounted on the one `requests` session that login, REST and Bulk share, because simple_salesforce passes no timeout and
`requests` lets REQUESTS_CA_BUNDLE overrule the session's own CA. What is asked again belongs to `retry`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter


@dataclass(frozen=True)
class ApiUsage:
    """The org's API calls of the last 24 hours, as the latest answer told them."""

    used: int
    allowed: int


class Transport(HTTPAdapter):
    """Sends every call with a timeout (seconds) and the given CA bundle, and notes what the answer's headers say."""

    def __init__(self, timeout_seconds: float, ca_bundle: str | None) -> None:
        super().__init__()
        self._timeout = timeout_seconds
        self._ca_bundle = ca_bundle
        self.api_calls = 0
        self.api_usage: ApiUsage | None = None
        self.server_time: datetime | None = None
        self.retry_after_seconds: float | None = None

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send one call; an unverified connection is never made, whatever `verify` says."""
        self.retry_after_seconds = None
        self.api_calls += "/services/data/" in (request.url or "")
        authority = self._ca_bundle or verify or True
        response = super().send(request, stream, timeout or self._timeout, authority, cert, proxies)
        self._note(response.headers)
        return response

    def close(self) -> None:
        """Close every connection, also one that an answer kept alive by an error's traceback still refers to."""
        pools = self.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118 a container of urllib3's own that refuses to be iterated
            pools[key].close()
        super().close()

    def _note(self, headers: Mapping[str, str]) -> None:
        self.server_time = _http_date(headers.get("Date")) or self.server_time
        self.api_usage = _api_usage(headers.get("Sforce-Limit-Info")) or self.api_usage
        self.retry_after_seconds = _retry_after(headers.get("Retry-After"), self.server_time)


def http_session(transport: Transport) -> requests.Session:
    """A `requests` session whose every call goes through `transport`."""
    session = requests.Session()
    session.adapters.clear()  # there is no plain http here, not even after a redirect
    session.mount("https://", transport)
    session.auth = _unchanged  # without one, requests would put a ~/.netrc entry in place of the access token
    return session


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _http_date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def _api_usage(text: str | None) -> ApiUsage | None:
    found = re.search(r"(?<!-)\bapi-usage=(\d+)/(\d+)", text or "")
    return ApiUsage(int(found[1]), int(found[2])) if found else None


def _retry_after(text: str | None, server_time: datetime | None) -> float | None:
    """Seconds to wait: Retry-After holds a number of them, or a date on the server's clock."""
    if text and text.strip().isdigit():
        return float(text)
    until = _http_date(text)
    return max((until - server_time).total_seconds(), 0.0) if until and server_time else None
