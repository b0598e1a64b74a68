"""The pages behind the links of a digest: a GET shows what a link would do, a POST to the same address does it."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from salesinsight_assets.adapters.warehouse.feedback_store import FeedbackStore
from salesinsight_assets.domain.feedback.answers import Answer, ToldAlert, what_follows
from salesinsight_assets.domain.feedback.links import (
    ANSWER_PATH,
    OPENED_PATH,
    UNSUBSCRIBE_PATH,
    LinkError,
    Links,
)
from salesinsight_assets.domain.feedback.policy import FeedbackPolicy
from salesinsight_assets.domain.plain_text import one_line
from salesinsight_assets.web.frame import bare_page

EMAIL = "email"
_NOTHING = base64.b64decode("R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==")
"""A transparent GIF of one pixel."""
AFTER: dict[Answer, tuple[Answer, ...]] = {
    "helpful": (),
    "not_helpful": ("wrong", "snooze", "mute_deal", "mute_rule"),
    "wrong": ("tell_me_again",),
    "snooze": ("tell_me_again", "mute_deal"),
    "mute_deal": ("tell_me_again",),
    "mute_rule": ("tell_me_again",),
    "unsubscribe": ("subscribe",),
    "tell_me_again": (),
    "subscribe": (),
}
"""What is offered after an answer."""
_INSTEAD: tuple[Answer, ...] = ("helpful", "not_helpful", "wrong", "snooze", "mute_deal", "mute_rule")


@dataclass(frozen=True)
class _Pages:
    links: Links
    store: FeedbackStore
    policy: FeedbackPolicy
    clock: Callable[[], datetime]
    zone: ZoneInfo

    def read(self, token: str) -> tuple[Answer, ToldAlert]:
        return self.links.read(token, self.clock().astimezone(self.zone).date())

    def asked(self, token: str) -> HTMLResponse:
        """What a link would do, with its button."""
        try:
            answer, alert = self.read(token)
        except LinkError as error:
            return _refused(error)
        self.store.note("clicked", alert, self.clock())
        is_digest = alert.opportunity_id is None
        others = [] if is_digest else [self._choice(other, alert) for other in _INSTEAD if other != answer]
        heading = "Unsubscribe from these e-mails?" if is_digest else "Was this alert helpful?"
        return _page(
            heading=heading,
            about=self._about(alert),
            first=self._choice(answer, alert),
            others=others,
            more="Or rather:",
        )

    def answered(self, token: str) -> HTMLResponse:
        """The answer is recorded; what can be said further."""
        try:
            answer, alert = self.read(token)
        except LinkError as error:
            return _refused(error)
        self.store.record(answer, alert, self.clock(), EMAIL, self.policy)
        return _page(
            heading=what_follows(answer, alert, self.policy),
            about=self._about(alert),
            first=None,
            others=[self._choice(other, alert) for other in AFTER[answer]],
            more="Anything else?",
        )

    def _about(self, alert: ToldAlert) -> str:
        day = f"{alert.as_of_date.day} {alert.as_of_date:%B %Y}"
        if alert.opportunity_id is None:
            return "SalesInsight tells you each morning of at most three deals that need you."
        return f"{one_line(self.store.deal_name(alert) or '') or 'A deal'} · as of {day}"

    def _choice(self, answer: Answer, alert: ToldAlert) -> dict[str, str]:
        rule = alert.rule_in_words
        text = {
            "helpful": "👍 Helpful",
            "not_helpful": "👎 Not helpful",
            "wrong": f"It is wrong: “{rule}” does not fit this deal",
            "snooze": f"Snooze this deal for {self.policy.snooze_days} days",
            "mute_deal": f"Mute this deal for {self.policy.mute_deal_days} days",
            "mute_rule": f"Mute “{rule}” on all my deals for {self.policy.mute_rule_days} days",
            "unsubscribe": "Unsubscribe",
            "tell_me_again": "Undo: tell me of it again",
            "subscribe": "Undo: send me the e-mails again",
        }[answer]
        path = UNSUBSCRIBE_PATH if alert.opportunity_id is None else ANSWER_PATH
        return {"text": text, "address": f"{path}/{self.links.token(answer, alert)}"}


def router(
    links: Links, store: FeedbackStore, policy: FeedbackPolicy, clock: Callable[[], datetime], zone: ZoneInfo
) -> APIRouter:
    """The pages of answers, of unsubscribing, and the picture that tells of opened mails."""
    made, pages = APIRouter(), _Pages(links, store, policy, clock, zone)
    for path in (ANSWER_PATH, UNSUBSCRIBE_PATH):
        made.add_api_route(f"{path}/{{token}}", pages.asked, methods=["GET"], response_class=HTMLResponse)
        made.add_api_route(f"{path}/{{token}}", pages.answered, methods=["POST"], response_class=HTMLResponse)

    @made.get(f"{OPENED_PATH}/{{token}}.gif")
    def opened(token: str) -> Response:
        try:
            _, alert = pages.read(token)
        except LinkError:
            return Response(status_code=404)
        store.note("opened", alert, clock())
        return Response(_NOTHING, media_type="image/gif", headers={"Cache-Control": "no-store"})

    return made


def _refused(error: LinkError) -> HTMLResponse:
    told: dict[str, Any] = {"heading": "This link does not work", "about": str(error), "first": None, "others": []}
    return _page(HTTPStatus.BAD_REQUEST, more="", **told)


def _page(status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
    """A page whose address is the key: it is told to nobody, not even to our own pages."""
    answer = bare_page("answer.html.jinja", status, **values)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
