"""What is asked again, how long after, and when to give up.

Repeated: lost and refused connections, timeouts, 429, 5xx (JSON or HTML), row locks. Not repeated: anything that will
be answered the same way next time, such as a bad field, a bad query, a bad login, a wrong CA, an exhausted API quota, or
a query that takes too long.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import requests
from simple_salesforce.exceptions import SalesforceError
from tenacity import RetryCallState, Retrying, retry_if_exception

from salesinsight_assets.adapters.salesforce.errors import QUOTA_CODE, error_code, error_message
from salesinsight_assets.adapters.salesforce.transport import Transport

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
_BUSY_STATUSES = {408, 429, 500, 502, 503, 504}
_BUSY_CODES = {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE"}
_BROKEN_TRAVEL = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.InvalidJSONError,  # a maintenance page with status 200
)


def is_passing(error: BaseException) -> bool:
    """Whether the same call may well succeed a little later."""
    if isinstance(error, SalesforceError):
        return _is_passing_refusal(error)
    if isinstance(error, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" not in str(error)
    return isinstance(error, _BROKEN_TRAVEL)


def _is_passing_refusal(error: SalesforceError) -> bool:
    code = error_code(error)
    if code == QUOTA_CODE:  # one code for the calls of a day and for those that run side by side
        return error_message(error).startswith("Concurrent")
    return error.status in _BUSY_STATUSES or code in _BUSY_CODES


class RetryBudget:
    """The seconds in which calls may fail and be waited for, shared by all clients of one org.

    Where several threads fail at the same time, their time counts once: five minutes of outage cost five minutes.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._paid_until = 0.0
        self._lock = threading.Lock()

    def pays(self, begin: float, end: float) -> bool:
        """Take what is not paid for yet of the time from `begin` to `end` (monotonic); False where too little is left."""
        with self._lock:
            price = max(end - max(begin, self._paid_until), 0.0)
            if price > self._left:
                return False
            self._left -= price
            self._paid_until = max(self._paid_until, end)
            return True


class Repeater:
    """Repeats one client's calls with exponential backoff and jitter for as long as the budget pays.

    A Retry-After of the last answer is obeyed; where it reaches past the budget, the call is given up at once.
    """

    def __init__(self, transport: Transport, budget: RetryBudget) -> None:
        self._transport = transport
        self._budget = budget
        self.retries = 0

    def __call__(self, call: Callable[[], _Answer]) -> _Answer:
        """The answer of `call`; its last error once the budget is spent."""
        return Retrying(
            retry=retry_if_exception(is_passing),
            wait=self._wait,
            stop=self._is_too_dear,
            before_sleep=self._note,
            reraise=True,
        )(call)

    def _wait(self, state: RetryCallState) -> float:
        longest = min(FIRST_WAIT_SECONDS * 2 ** min(state.attempt_number - 1, 10), LONGEST_WAIT_SECONDS)
        backoff = random.uniform(longest / 2, longest)  # noqa: S311 - so that workers that failed together do not return together
        return max(backoff, self._transport.retry_after_seconds or 0.0)

    def _is_too_dear(self, state: RetryCallState) -> bool:
        """Whether the budget does not pay for the failed attempts and the waits after them any more."""
        return not self._budget.pays(state.start_time, time.monotonic() + state.upcoming_sleep)

    def _note(self, state: RetryCallState) -> None:
        self.retries += 1
        error = state.outcome.exception() if state.outcome else None
        told = f"HTTP {error.status}" if isinstance(error, SalesforceError) else type(error).__name__
        _log.warning("Salesforce call failed (%s), repeated in %.1f s", told, state.upcoming_sleep)
