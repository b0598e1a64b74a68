"""What is asked again, how long after, and when to give up.

Repeated: lost and refused connections, timeouts, 429, 5xx (JSON or HTML), row locks. Not repeated: anything that will
be answered the same way next time, such as a bad field, a bad query, a bad login, a wrong CA, an exhausted API quota.
"""

import logging
import random
from collections.abc import Callable
from typing import TypeVar

import requests
from simple_salesforce.exceptions import SalesforceError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay

from salesinsight_assets.adapters.salesforce.errors import error_code
from salesinsight_assets.adapters.salesforce.transport import Transport

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60.0
_BUSY_STATUSES = {408, 429, 500, 502, 503, 504}
_BUSY_CODES = {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT"}
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
        return error.status in _BUSY_STATUSES or error_code(error) in _BUSY_CODES
    if isinstance(error, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" not in str(error)
    return isinstance(error, _BROKEN_TRAVEL)


class Repeater:
    """Repeats calls with exponential backoff and jitter within one budget of seconds for all calls together.

    A Retry-After of the last answer is obeyed; where it reaches past the budget, the call is given up at once.
    """

    def __init__(self, transport: Transport, budget_seconds: float) -> None:
        self._transport = transport
        self._budget_seconds = budget_seconds
        self._spent_seconds = 0.0
        self._spent_on_earlier_calls = 0.0
        self.retries = 0

    def __call__(self, call: Callable[[], _Answer]) -> _Answer:
        """The answer of `call`; its last error once the budget is spent."""
        self._spent_on_earlier_calls = self._spent_seconds
        return Retrying(
            retry=retry_if_exception(is_passing),
            wait=self._wait,
            stop=stop_before_delay(self._budget_seconds - self._spent_seconds),
            before_sleep=self._count,
            reraise=True,
        )(call)

    def _wait(self, state: RetryCallState) -> float:
        longest = min(FIRST_WAIT_SECONDS * 2 ** min(state.attempt_number - 1, 10), LONGEST_WAIT_SECONDS)
        backoff = random.uniform(longest / 2, longest)  # noqa: S311 - so that workers that failed together do not return together
        return max(backoff, self._transport.retry_after_seconds or 0.0)

    def _count(self, state: RetryCallState) -> None:
        """Note a repetition; the failed attempts and the waits between them are what the budget pays for."""
        self.retries += 1
        error = state.outcome.exception() if state.outcome else None
        wait = state.next_action.sleep if state.next_action else 0.0
        self._spent_seconds = self._spent_on_earlier_calls + (state.seconds_since_start or 0.0) + wait
        _log.warning("Salesforce call failed (%s), repeated in %.1f s", type(error).__name__, wait)
