"""How a call travels: timeouts, certificate authority, and the counts and clocks that the answers bring along.

Mounted on the one `requests` session that a client's login, REST and Bulk share, because simple_salesforce passes no
timeout and `requests` lets REQUESTS_CA_BUNDLE overrule the session's own CA. What is asked again belongs to `retry`.
"""

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError

from salesinsight_assets.adapters.salesforce.quota import ApiQuota, ApiUsage

# A timeout ends only a silence; an answer that drips would never end. A part of a Bulk job may be large on a slow line.
LONGEST_ANSWER_TIMEOUTS = 10
LONGEST_ANSWER_SECONDS = 300.0
_READ_BYTES = 65_536


class Transport(HTTPAdapter):
    """Sends every call with a timeout (seconds) and the given CA bundle, and notes what the answer's headers say.

    `timeout_seconds` bounds each silence, ten times that (at least 300 s) an answer as a whole.
    """

    def __init__(self, timeout_seconds: float, ca_bundle: str | None, quota: ApiQuota) -> None:
        super().__init__()
        self._timeout = timeout_seconds
        self._ca_bundle = ca_bundle
        self._quota = quota
        self.api_calls = 0
        self.told_usage: ApiUsage | None = None
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
        self.server_time = self.told_usage = self.retry_after_seconds = None
        is_api_call = "/services/data/" in (request.url or "")
        self.api_calls += is_api_call
        deadline = time.monotonic() + max(LONGEST_ANSWER_TIMEOUTS * self._timeout, LONGEST_ANSWER_SECONDS)
        authority = self._ca_bundle or verify or True
        response = super().send(request, stream, timeout or self._timeout, authority, cert, proxies)
        self._note(response.headers, is_api_call)
        response.raw = _TimedBody(response.raw, deadline)
        return response

    def close(self) -> None:
        """Close every connection, also one that an answer kept alive by an error's traceback still refers to."""
        pools = self.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118 a container of urllib3's own that refuses to be iterated
            pools[key].close()
        super().close()

    def _note(self, headers: Mapping[str, str], is_api_call: bool) -> None:
        self.server_time = http_date(headers.get("Date"))
        self.retry_after_seconds = _retry_after(headers.get("Retry-After"), self.server_time)
        self.told_usage = _api_usage(headers.get("Sforce-Limit-Info"))
        if is_api_call:
            self._quota.note(self.told_usage)


class _TimedBody:
    """A urllib3 answer whose body has to arrive until a moment on the monotonic clock."""

    def __init__(self, raw: Any, deadline: float) -> None:
        self._raw = raw
        self._deadline = deadline

    def stream(self, amt: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """The body in the pieces in which it arrives. Waiting for `amt` bytes could take a timeout for each of them."""
        while piece := self._raw.read1(max(amt, _READ_BYTES), decode_content=decode_content):
            yield piece
            if time.monotonic() > self._deadline:
                self._raw.close()
                raise ProtocolError("expected the whole answer by now, it still drips in")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def http_session(transport: Transport) -> requests.Session:
    """A `requests` session whose every call goes through `transport`."""
    session = requests.Session()
    session.adapters.clear()  # there is no plain http here, not even after a redirect
    session.mount("https://", transport)
    session.auth = _unchanged  # without one, requests would put a ~/.netrc entry in place of the access token
    return session


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def http_date(text: str | None) -> datetime | None:
    """The moment that a header such as Date tells, in UTC; None where it tells none."""
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
    until = http_date(text)
    return max((until - server_time).total_seconds(), 0.0) if until and server_time else None
