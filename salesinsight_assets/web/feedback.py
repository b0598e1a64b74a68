"""Answers that reps give to their alerts on the dashboard: what was said, what can be said, and the address that takes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import RedirectResponse, Response

from salesinsight_assets.adapters.dashboard.deal_alerts import told_alert
from salesinsight_assets.adapters.dashboard.rows import Row
from salesinsight_assets.adapters.warehouse.feedback_store import FeedbackStore
from salesinsight_assets.domain.feedback.answers import Answer, ToldAlert, what_follows
from salesinsight_assets.domain.feedback.policy import FeedbackPolicy
from salesinsight_assets.web.answers import AFTER
from salesinsight_assets.web.formats import day_in_words
from salesinsight_assets.web.visits import Visit, VisitOf

DASHBOARD = "dashboard"
DealAnswer = Literal["helpful", "not_helpful", "wrong", "snooze", "mute_deal", "mute_rule", "tell_me_again"]
AT_FIRST: tuple[Answer, ...] = ("helpful", "not_helpful", "snooze")
router = APIRouter()


@dataclass(frozen=True)
class Asked:
    """An alert that its owner may answer: what was answered so far, in words, and the answers that are offered next."""

    alert: ToldAlert
    said: Sequence[str]
    offered: Sequence[tuple[Answer, str]]
    is_silent: bool


def asked(
    alert: ToldAlert,
    verdict: str | None,
    silences: Sequence[Row],
    policy: FeedbackPolicy,
    at_first: Sequence[Answer] = AT_FIRST,
) -> Asked:
    """What to show of an alert; `silences` are those of its deal that hold, the latest first."""
    kind = silences[0]["kind"] if silences else verdict
    said = [silence_in_words(silence, alert) for silence in silences[:1]]
    if verdict is not None and (not silences or silences[0]["kind"] != verdict):
        said = [what_follows(cast("Answer", verdict), alert, policy), *said]
    offered = AFTER[cast("Answer", kind)] if kind else at_first
    if kind == "helpful":
        offered = ("not_helpful", "snooze")
    names = _names(alert, policy)
    return Asked(alert, said, [(answer, names[answer]) for answer in offered if answer in names], bool(silences))


def silence_in_words(silence: Row, alert: ToldAlert) -> str:
    """What is not told, and until when."""
    until = f"until {day_in_words(silence['until'].date())}"
    return {
        "snooze": f"Snoozed {until}.",
        "wrong": f"Called wrong: “{alert.rule_in_words}” is not told of this deal {until}.",
        "mute_deal": f"Muted {until}.",
        "mute_rule": f"“{str(silence['rule']).replace('_', ' ')}” is not told of any deal {until}.",
    }[silence["kind"]]


def _names(alert: ToldAlert, policy: FeedbackPolicy) -> dict[Answer, str]:
    """What stands on the buttons."""
    return {
        "helpful": "Helpful",
        "not_helpful": "Not helpful",
        "wrong": f"It is wrong: “{alert.rule_in_words}” does not fit",
        "snooze": f"Snooze {policy.snooze_days} days",
        "mute_deal": f"Mute {policy.mute_deal_days} days",
        "mute_rule": f"Mute “{alert.rule_in_words}” on all my deals",
        "tell_me_again": "Undo: tell me of it again",
    }


def answerable_since(visit: Visit) -> date:
    """The first day whose alerts may still be answered, as by the links of a message."""
    return visit.site.today - timedelta(days=visit.site.policies.feedback.links_last_days)


def alert_of_viewer(visit: Visit, opportunity_id: str, alert_day: date | None = None) -> ToldAlert | None:
    """The alert on a deal that the viewer may answer, as the owner who was told; None: there is none."""
    me = visit.viewer.identity.user_id
    if visit.day is None or me is None:
        return None
    return told_alert(visit.rows, visit.day, opportunity_id, me, answerable_since(visit), alert_day)


@router.post("/deals/{opportunity_id}/answers")
def answered(
    visit: VisitOf,
    opportunity_id: str,
    answer: Annotated[DealAnswer, Form()],
    day: Annotated[date, Form()],
    then: Annotated[Literal["today", "deal"], Form()] = "deal",
) -> Response:
    """Take an answer and lead back to the page that it came from."""
    alert = alert_of_viewer(visit, opportunity_id, day)
    if alert is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    _record(visit, answer, alert, visit.site.clock())
    there = f"/today#card-{opportunity_id}" if then == "today" else f"/deals/{opportunity_id}#answers"
    return RedirectResponse(there, HTTPStatus.SEE_OTHER)


def _record(visit: Visit, answer: Answer, alert: ToldAlert, at: datetime) -> None:
    FeedbackStore(visit.site.warehouse).record(answer, alert, at, DASHBOARD, visit.site.policies.feedback)
