"""Slack, by slack_sdk: messages to a channel, and alerts to one person, of whom each may get one once.

What can be repeated without harm (finding a person, reading a conversation, telling the data engineer) is left to slack_sdk's own
handling of rate limits, lost connections and server errors. An alert is repeated only where Slack said that it did not take it;
where its answer is lost, the conversation is read for the message's key, which every alert carries as metadata.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry import HttpResponse, RetryHandler
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)

from salesinsight_assets.domain.delivery.attempts import Attempt
from salesinsight_assets.settings import SlackSettings

_MOST_RETRIES = 2
_LONGEST_WAIT_SECONDS = 30
"""A longer wait that Slack asks for is the outbox's to wait: a claim lasts minutes."""
CLOCKS_DIFFER = timedelta(hours=1)
"""A conversation is read from so long before, because Slack's clock may be behind ours. A key is used once, so more does no harm."""
_NO_ANSWER = (OSError, HTTPException, ValueError, AttributeError)
"""What slack_sdk raises where no answer of Slack's came: lost, cut off, or not the JSON of Slack (whose error it takes for granted)."""
_EVENT = "salesinsight_alert"
_NOBODY = frozenset(
    {"users_not_found", "user_not_found", "user_disabled", "cannot_dm_bot", "user_is_bot", "user_is_restricted"}
)
"""Errors that say that this person cannot be reached, today or tomorrow."""
_REFUSED = frozenset({"msg_too_long", "invalid_blocks", "invalid_blocks_format", "no_text", "message_limit_exceeded"})
"""Errors that say that this message will never be taken."""
_UNCLEAR = frozenset({"internal_error", "fatal_error"})
"""Errors after which, by Slack's reference, the message may have been posted all the same."""
_HISTORY_PAGE = 200


def post(slack: SlackSettings, channel: str, text: str) -> None:
    """Post `text`, as Slack's mrkdwn, to a channel.

    Raises:
        slack_sdk.errors.SlackApiError: Slack refused it, with its reason.
        OSError: Slack could not be reached.
    """
    _client(slack, _RETRIED).chat_postMessage(channel=channel, text=text, unfurl_links=False)


class _ShortWaits(RateLimitErrorRetryHandler):
    """Waits as long as Slack asks for, unless that is long."""

    def _can_retry(self, *, response: HttpResponse | None = None, **rest: Any) -> bool:
        if response is None or not super()._can_retry(response=response, **rest):
            return False
        seconds = next((value for name, (value, *_) in response.headers.items() if name.lower() == "retry-after"), "1")
        return seconds.isdigit() and int(seconds) <= _LONGEST_WAIT_SECONDS


_RETRIED = (_ShortWaits, ConnectionErrorRetryHandler, ServerErrorRetryHandler)


class SlackDoor:
    """Direct messages to people, found by their e-mail addresses."""

    def __init__(self, slack: SlackSettings) -> None:
        self._asking = _client(slack, _RETRIED)
        self._posting = _client(slack, (_ShortWaits,))  # a limit is told before anything is posted
        self._conversations: dict[str, str] = {}

    def send(self, key: str, recipient: str, text: str, blocks: Sequence[dict[str, Any]]) -> Attempt:
        """Post one message to a person, with `key` as its metadata."""
        try:
            conversation = self._conversation(recipient)
        except SlackApiError as error:
            return _not_found(error, recipient)
        except _NO_ANSWER as error:
            return Attempt("busy", f"Slack could not be reached: {_reason(error)}")
        metadata = {"event_type": _EVENT, "event_payload": {"message_key": key}}
        try:
            answer = self._posting.chat_postMessage(
                channel=conversation, text=text, blocks=list(blocks), metadata=metadata, unfurl_links=False
            )
        except SlackApiError as error:
            return _not_posted(error)
        except (OSError, HTTPException) as error:
            return Attempt("unclear", f"the connection was lost before Slack had answered: {_reason(error)}")
        except _NO_ANSWER as error:
            return Attempt("unclear", f"what came is no answer of Slack's: {_reason(error)}")
        return Attempt("taken", reference=str(answer["ts"]))

    def find(self, key: str, recipient: str, since: datetime) -> Attempt:
        """Whether a message of which nobody knows arrived: `taken` with its id, `busy` where it did not, else `unclear`."""
        try:
            for message in self._history(self._conversation(recipient), since):
                payload = message.get("metadata", {}).get("event_payload", {})
                if payload.get("message_key") == key:
                    return Attempt("taken", reference=str(message["ts"]))
        except (SlackApiError, *_NO_ANSWER) as error:
            return Attempt("unclear", f"Slack could not be asked whether the message arrived: {_reason(error)}")
        return Attempt("busy", "Slack was asked: the message had not arrived")

    def _conversation(self, recipient: str) -> str:
        """The direct conversation with the person of an e-mail address."""
        if recipient not in self._conversations:
            found: Any = self._asking.users_lookupByEmail(email=recipient)
            opened: Any = self._asking.conversations_open(users=[found["user"]["id"]])
            self._conversations[recipient] = opened["channel"]["id"]
        return self._conversations[recipient]

    def _history(self, conversation: str, since: datetime) -> Any:
        cursor = None
        while True:
            page: Any = self._asking.conversations_history(
                channel=conversation,
                oldest=str((since - CLOCKS_DIFFER).timestamp()),
                include_all_metadata=True,
                limit=_HISTORY_PAGE,
                cursor=cursor,
            )
            yield from page["messages"]
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return


def _client(slack: SlackSettings, kinds: Sequence[type[RetryHandler]]) -> WebClient:
    handlers = [kind(max_retry_count=_MOST_RETRIES) for kind in kinds]
    seconds: Any = slack.timeout_seconds  # slack_sdk says int, urllib takes parts of a second too
    return WebClient(slack.bot_token, base_url=slack.api_url, timeout=seconds, retry_handlers=handlers)


def _not_found(error: SlackApiError, recipient: str) -> Attempt:
    reason = _reason(error)
    if reason in _NOBODY:
        return Attempt("refused", f"Slack has nobody with the address {recipient} who can be written to: {reason}")
    return Attempt("busy", f"Slack did not open a conversation: {reason}")


def _not_posted(error: SlackApiError) -> Attempt:
    reason = _reason(error)
    if reason in _UNCLEAR or error.response.status_code >= 500:
        return Attempt("unclear", f"Slack does not know itself whether it posted the message: {reason}")
    if not reason.isidentifier():  # what slack_sdk says of a body that is not Slack's: its own codes are words
        return Attempt("unclear", f"what came is no answer of Slack's: {reason}")
    return Attempt("refused" if reason in _NOBODY | _REFUSED else "busy", f"Slack did not post the message: {reason}")


def _reason(error: Exception) -> str:
    if not isinstance(error, SlackApiError):
        return str(error) or type(error).__name__
    said = error.response.get("error") if isinstance(error.response.data, dict) else None
    return str(said or f"HTTP {error.response.status_code}")
