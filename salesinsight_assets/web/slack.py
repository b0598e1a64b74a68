"""What Slack sends when someone clicks a button: its signature is checked, the answer stored, and the message says so.

Slack wants its own answer within three seconds: the message is changed after that.
https://docs.slack.dev/interactivity/handling-user-interaction
"""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, BackgroundTasks, Request, Response
from fastapi.concurrency import run_in_threadpool
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.webhook import WebhookClient

from salesinsight_assets.adapters.warehouse.feedback_store import FeedbackStore
from salesinsight_assets.domain.delivery.slack_blocks import ACTION_PREFIX, answered_blocks
from salesinsight_assets.domain.feedback.answers import ANSWERS, Answer, ToldAlert, from_button, what_follows
from salesinsight_assets.domain.feedback.policy import FeedbackPolicy

INTERACTIVITY_PATH = "/slack/interactivity"
_MOST_BYTES = 200_000
_TIMEOUT_SECONDS = 10
_OUR_OWN_MACHINE = "127.0.0.1"
_log = logging.getLogger(__name__)


class _OurClock(Clock):
    """The moment as the platform has it: a signature that is older than five minutes is refused."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock().timestamp()


def router(
    signing_secret: str, store: FeedbackStore, policy: FeedbackPolicy, clock: Callable[[], datetime]
) -> APIRouter:
    """The address that Slack's settings call the request URL of interactivity."""
    made, verifier = APIRouter(), SignatureVerifier(signing_secret, _OurClock(clock))

    @made.post(INTERACTIVITY_PATH)
    async def clicked(request: Request, later: BackgroundTasks) -> Response:
        body = await request.body()
        if not _is_from_slack(verifier, body, request):
            return Response("the signature is not Slack's, or too old", status_code=401)
        payload = json.loads(parse_qs(body.decode())["payload"][0])
        for answer, alert in _answers(payload):
            await run_in_threadpool(store.record, answer, alert, clock(), "slack", policy)
            later.add_task(_say, payload, what_follows(answer, alert, policy))
        return Response(status_code=200)

    return made


def _answers(payload: dict[str, Any]) -> list[tuple[Answer, ToldAlert]]:
    """What was clicked, as far as it is an answer: opening Salesforce is told to us too."""
    return [
        (answer, from_button(action["value"]))
        for action in payload.get("actions", [])
        for answer in ANSWERS
        if action.get("action_id") == f"{ACTION_PREFIX}{answer}"
    ]


def _is_from_slack(verifier: SignatureVerifier, body: bytes, request: Request) -> bool:
    """Whether Slack signed the body within the last five minutes; what cannot be read at all was not signed."""
    if len(body) > _MOST_BYTES or not request.headers.get("x-slack-request-timestamp", "").isdecimal():
        return False
    try:
        return verifier.is_valid_request(body, dict(request.headers))
    except UnicodeDecodeError:
        return False


def _say(payload: dict[str, Any], said: str) -> None:
    """Put what was said in place of the message's buttons."""
    address, message = payload.get("response_url", ""), payload.get("message", {})
    where = urlsplit(address)
    if not (where.scheme == "https" or where.hostname == _OUR_OWN_MACHINE):
        return
    blocks = answered_blocks(message.get("blocks", []), said)
    try:
        answer = WebhookClient(address, timeout=_TIMEOUT_SECONDS).send(
            text=message.get("text", said), blocks=blocks, replace_original=True
        )
    except OSError as error:  # the answer is stored: only its echo is missing
        _log.warning("Slack could not be told what was answered: %s", error)
        return
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        _log.warning("Slack did not take the changed message: %s %s", answer.status_code, answer.body)
