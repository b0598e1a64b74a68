"""Slack: messages to a channel, by slack_sdk with its own handling of rate limits, lost connections and server errors."""

from slack_sdk import WebClient
from slack_sdk.http_retry import RetryHandler
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)

from salesinsight_assets.settings import SlackSettings

_TIMEOUT_SECONDS = 15
_MOST_RETRIES = 2


def post(slack: SlackSettings, channel: str, text: str) -> None:
    """Post `text`, as Slack's mrkdwn, to a channel.

    Raises:
        slack_sdk.errors.SlackApiError: Slack refused it, with its reason.
        OSError: Slack could not be reached.
    """
    handlers: list[RetryHandler] = [
        kind(max_retry_count=_MOST_RETRIES)
        for kind in (RateLimitErrorRetryHandler, ConnectionErrorRetryHandler, ServerErrorRetryHandler)
    ]
    client = WebClient(slack.bot_token, base_url=slack.api_url, timeout=_TIMEOUT_SECONDS, retry_handlers=handlers)
    client.chat_postMessage(channel=channel, text=text, unfurl_links=False)
