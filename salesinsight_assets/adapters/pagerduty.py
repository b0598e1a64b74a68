"""PagerDuty, by dagster-pagerduty: an incident begins with `trigger` and ends with `resolve`, under one key.

PagerDuty merges events of one key, so that an event whose answer was lost can be sent again.
"""

from typing import Any

import pypd
import requests
from dagster_pagerduty import PagerDutyService
from pypd.errors import UnknownError
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from salesinsight_assets.settings import PagerDutySettings

_SOURCE = "SalesInsight"
_ATTEMPTS, _LONGEST_WAIT_SECONDS = 3, 5
_LONGEST_SUMMARY = 1024
"""Characters that PagerDuty takes."""
Unreachable = (requests.RequestException, UnknownError)
"""No answer came, or one of 5xx: it may be well again in a moment."""


class _TimedEvent(pypd.EventV2):
    """pypd waits for an answer for ever, and knows one address only; PagerDuty's European service has another."""

    base_url: str = PagerDutySettings.api_url
    timeout_seconds: float = PagerDutySettings.timeout_seconds

    def _do_request(self, method: str, *args: Any, **kwargs: Any) -> Any:
        return super()._do_request(method, self.base_url, *args[1:], timeout=self.timeout_seconds, **kwargs)


pypd.EventV2 = _TimedEvent  # where dagster-pagerduty looks for it


@retry(
    retry=retry_if_exception_type(Unreachable),
    stop=stop_after_attempt(_ATTEMPTS),
    wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_WAIT_SECONDS),
    reraise=True,
)
def tell(
    settings: PagerDutySettings, action: str, key: str, severity: str, summary: str, details: dict[str, str]
) -> None:
    """Send one event: `trigger` or `resolve`.

    Raises:
        requests.RequestException, pypd.errors.Error: PagerDuty could not be reached, or refused it.
    """
    _TimedEvent.base_url, _TimedEvent.timeout_seconds = settings.api_url, settings.timeout_seconds
    PagerDutyService(routing_key=settings.routing_key).EventV2_create(
        summary=summary[:_LONGEST_SUMMARY],
        source=_SOURCE,
        severity=severity,
        event_action=action,
        dedup_key=key,
        custom_details=details,
    )
