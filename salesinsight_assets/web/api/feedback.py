"""Answers to alerts: what its owner says of one, or asks for. The same answer again on the same day changes nothing."""

from datetime import date, datetime, time
from http import HTTPStatus
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from salesinsight_assets.adapters.dashboard.api_alerts import alert, stands_already
from salesinsight_assets.adapters.dashboard.rows import Row
from salesinsight_assets.adapters.warehouse.feedback_store import FeedbackStore
from salesinsight_assets.domain.delivery.messages import digest_key
from salesinsight_assets.domain.feedback.answers import ToldAlert, verdict_of, what_follows
from salesinsight_assets.web.api.calls import Call, FeedbackCall
from salesinsight_assets.web.problems import OF_EVERY_CALL, ProblemError, documented, not_found

CHANNEL = "api"
GivenAnswer = Literal["helpful", "not_helpful", "wrong", "snooze", "mute_deal", "mute_rule", "tell_me_again"]
_ALERT_ID = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\.[a-z_]{1,50}\.[^\x00]{1,100}$"
router = APIRouter(
    prefix="/api/v1",
    tags=["Alerts"],
    responses={**OF_EVERY_CALL, **documented(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)},
)


class FeedbackGiven(BaseModel):
    """An answer to the alert `alert_id` (see `GET /alerts`): a verdict, a silence, or `tell_me_again`, which takes silences back."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"alert_id": "2024-03-15.likely_loss.006Hu00003abcDEFGH", "answer": "snooze"}]},
    )
    alert_id: Annotated[str, Field(pattern=_ALERT_ID)]
    answer: GivenAnswer


class FeedbackTaken(BaseModel):
    """What follows from an answer, in words; `is_new` is false where it stood already."""

    alert_id: str
    answer: GivenAnswer
    is_new: bool
    what_follows: str


@router.post("/feedback", summary="Answer an alert")
def feedback(call: FeedbackCall, given: FeedbackGiven) -> FeedbackTaken:
    """Record what the owner of an alert says of it; nobody answers for another. The latest answer counts, by whichever channel."""
    told = _told(call, given)
    at, policy = call.site.clock(), call.site.policies.feedback
    since = _midnight(at, call.site.settings.zone)
    is_new = not stands_already(call.site.database, given.answer, told, at, since)
    if is_new:
        FeedbackStore(call.site.warehouse).record(given.answer, told, at, CHANNEL, policy)
    follows = what_follows(given.answer, told, policy)
    return FeedbackTaken(alert_id=given.alert_id, answer=given.answer, is_new=is_new, what_follows=follows)


def _told(call: Call, given: FeedbackGiven) -> ToldAlert:
    """The alert, if the caller is its owner and the answer fits it.

    Raises:
        ProblemError: 404 there is none to see, 403 it is another's, 409 nobody was told of it.
    """
    row = _alert(call, given.alert_id)
    if row["owner_id"] is None or row["owner_id"] != call.viewer.identity.user_id:
        raise ProblemError(HTTPStatus.FORBIDDEN, "This alert is not yours.", "Only the owner of its deal answers it.")
    if verdict_of(given.answer) is not None and row["status"] != "to_send":
        raise ProblemError(
            HTTPStatus.CONFLICT, "Nobody was told of this alert.", "A verdict is on an alert whose status is to_send."
        )
    day, owner = row["as_of_date"], row["owner_id"]
    return ToldAlert(digest_key(day, owner), day, owner, row["opportunity_id"], row["rule"])


def _alert(call: Call, alert_id: str) -> Row:
    day, rule, opportunity_id = alert_id.split(".", 2)
    try:
        found = alert(call.rows, date.fromisoformat(day), opportunity_id, rule)
    except ValueError:  # no such day
        found = None
    if found is None:
        raise not_found("alert")
    return found


def _midnight(at: datetime, zone: ZoneInfo) -> datetime:
    """When the day began, by the company's clock."""
    return datetime.combine(at.astimezone(zone).date(), time(), zone)
