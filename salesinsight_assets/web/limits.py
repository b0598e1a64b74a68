"""How often something may be asked for: sign-in links by address and by network, calls of the API by token.

Kept in the memory of the process that serves, not in the database: a limit is there for a flood, and a flood that had to write a row for
each request would do the harm that it is to keep away. A restart forgets at most an hour, and each of several processes counts its own.
"""

import ipaddress
import math
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import Response

from salesinsight_assets.domain.access.policy import AccessPolicy
from salesinsight_assets.web.frame import error_page
from salesinsight_assets.web.problems import ProblemError

_MOST_KEYS = 50_000
_FAILURES_PER_MINUTE = 60
_NETWORK_BITS = 64
"""Of an address of IPv6: who has one has all of its network (RFC 6177)."""


class RateLimit:
    """At most `most` in `per`, at once or spread; what is refused does not count.

    By the generic cell rate algorithm (ITU-T I.371): of each key only the moment is kept at which everything that it has asked for
    would be over, were it asked for evenly.
    """

    def __init__(self, most: int, per: timedelta) -> None:
        self._step, self._per = per / most, per
        self._over_at: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def wait(self, key: str, at: datetime) -> timedelta | None:
        """How long a key has to wait; None: it need not, and this time counts."""
        with self._lock:
            over_at = self._over_at.pop(key, at)
            if not at <= over_at <= at + self._per:  # over since, or of a clock that was set back
                over_at = at
            over_at += self._step
            too_early = over_at - at - self._per
            self._over_at[key] = over_at - self._step if too_early > timedelta(0) else over_at
            if len(self._over_at) > _MOST_KEYS:
                self._forget(at)
        return too_early if too_early > timedelta(0) else None

    def _forget(self, at: datetime) -> None:
        """Those that wait for nothing; of too many others those that were not heard of for longest."""
        kept = [(key, over_at) for key, over_at in self._over_at.items() if over_at > at]
        self._over_at = dict(kept[-_MOST_KEYS // 2 :])


@dataclass
class Limits:
    """The limits of one site."""

    policy: AccessPolicy
    links_to_address: RateLimit = field(init=False)
    links_from_network: RateLimit = field(init=False)
    calls: RateLimit = field(init=False)
    wrong_tokens: RateLimit = field(init=False)

    def __post_init__(self) -> None:
        hour, minute = timedelta(hours=1), timedelta(minutes=1)
        self.links_to_address = RateLimit(self.policy.links_per_hour, hour)
        self.links_from_network = RateLimit(self.policy.links_per_hour_of_network, hour)
        self.calls = RateLimit(self.policy.api_calls_per_minute, minute)
        self.wrong_tokens = RateLimit(_FAILURES_PER_MINUTE, minute)


def network_of(request: Request) -> str:
    """Where a request is from, as far as one somebody has it: an address of IPv4, a network of IPv6."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))


def too_many(request: Request, wait: timedelta) -> Response:
    """The refusal of what was asked for too often, with when to come again."""
    told, then, headers = _refusal(wait)
    answer = error_page(request, HTTPStatus.TOO_MANY_REQUESTS, told, then)
    answer.headers.update(headers)
    return answer


def retry_after(wait: timedelta) -> ProblemError:
    """The same of a call of the API."""
    return ProblemError(HTTPStatus.TOO_MANY_REQUESTS, *_refusal(wait))


def _refusal(wait: timedelta) -> tuple[str, str, dict[str, str]]:
    seconds = math.ceil(wait.total_seconds())
    return "That was too often.", f"Try again in {_in_words(seconds)}.", {"Retry-After": str(seconds)}


def _in_words(seconds: int) -> str:
    """A wait as people say it.

    >>> _in_words(42), _in_words(61), _in_words(1)
    ('42 seconds', '2 minutes', '1 second')
    """
    number, unit = (seconds, "second") if seconds < 60 else (math.ceil(seconds / 60), "minute")
    return f"{number} {unit}{'' if number == 1 else 's'}"
