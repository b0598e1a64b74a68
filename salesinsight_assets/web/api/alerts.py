"""Alerts of a day: told, suppressed or held out, each with its reason."""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from salesinsight_assets.adapters.dashboard.api_alerts import AlertsWanted, alerts_of_day, latest_alert_day
from salesinsight_assets.adapters.dashboard.rows import Row
from salesinsight_assets.web.api.calls import AlertsCall
from salesinsight_assets.web.api.scores import day_in
from salesinsight_assets.web.api.values import CursorText, Day, Limit, Text, cursor_of, read_cursor
from salesinsight_assets.web.formats import is_missing
from salesinsight_assets.web.problems import OF_EVERY_CALL, documented, not_found

Status = Literal["to_send", "suppressed", "held_out"]
_FIRST = (-1, "", "")
_LARGEST_RANK = 2**63 - 1
router = APIRouter(prefix="/api/v1", tags=["Alerts"], responses={**OF_EVERY_CALL, **documented(HTTPStatus.NOT_FOUND)})


class Alert(BaseModel):
    """A rule that held for a deal at the end of a day, and what became of it.

    `rank` 1 is the largest amount at risk of the day. `message_status` and `sent_at` are of the owner's e-mail that told of it.
    """

    alert_id: str
    as_of_date: date
    opportunity_id: str
    name: str | None
    owner_id: str | None
    owner_name: str | None
    rule: str
    priority: Literal["HIGH", "MEDIUM"]
    amount: float | None
    win_probability: float
    rank: int
    status: Status
    suppressed_because: str | None
    message_status: str | None
    sent_at: datetime | None
    verdict: Literal["helpful", "not_helpful", "wrong"] | None


class AlertList(BaseModel):
    """A page of the alerts of a day; `as_of_date` is missing where there was no night yet, `next_cursor` on the last page."""

    as_of_date: date | None
    alerts: list[Alert]
    next_cursor: str | None


def _wanted(status: Status | None = None, rule: Text = "", owner_id: Text = "") -> AlertsWanted:
    return AlertsWanted(status or "", rule, owner_id)


@router.get("/alerts", summary="The alerts of a day")
def alerts(
    call: AlertsCall,
    wanted: Annotated[AlertsWanted, Depends(_wanted)],
    day: Day | None = None,
    limit: Limit = 200,
    cursor: CursorText = "",
) -> AlertList:
    """The alerts on deals that the caller may see, by rank: of the latest day, or of `day`. A cursor stays on its day."""
    place = read_cursor(cursor, 4) if cursor else None
    of_day = day_in(place[0]) if place else day or latest_alert_day(call.rows)
    if of_day is None:
        return AlertList(as_of_date=None, alerts=[], next_cursor=None)
    found = alerts_of_day(call.rows, of_day, wanted, _after(place), limit + 1)
    shown = found[:limit]
    call.note_export(f"alerts of {of_day}: {len(shown)} rows")
    more = _end(shown[-1]) if len(found) > limit else None
    return AlertList(as_of_date=of_day, alerts=[_alert(row) for row in shown], next_cursor=more)


def _after(place: list[Any] | None) -> tuple[int, str, str]:
    if place is None:
        return _FIRST
    _, rank, deal, rule = place
    if type(rank) is not int or abs(rank) > _LARGEST_RANK:
        raise not_found("page")
    return rank, str(deal), str(rule)


def _end(row: Row) -> str:
    return cursor_of([row["as_of_date"].isoformat(), row["rank"], row["opportunity_id"], row["rule"]])


def alert_id(row: Row) -> str:
    """What an alert is called by.

    >>> alert_id({"as_of_date": date(2024, 3, 1), "rule": "slow_deal", "opportunity_id": "006A"})
    '2024-03-01.slow_deal.006A'
    """
    return f"{row['as_of_date']}.{row['rule']}.{row['opportunity_id']}"


def _alert(row: Row) -> Alert:
    values: dict[str, Any] = {name: None if is_missing(value) else value for name, value in row.items()}
    return Alert(alert_id=alert_id(row), **values)
