"""The list of open deals, the riskiest first; the same rows as a file."""

from dataclasses import replace
from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from salesinsight_assets.adapters.dashboard.deals import Wanted, choices, deal_list
from salesinsight_assets.adapters.dashboard.rows import EVERYTHING
from salesinsight_assets.domain.reports.periods import Period, quarter_of
from salesinsight_assets.web.exports import csv_file
from salesinsight_assets.web.frame import page
from salesinsight_assets.web.pages import AfterOf, pages_of
from salesinsight_assets.web.visits import VisitOf

router = APIRouter()
_COLUMNS = (
    "opportunity_id", "name", "account_name", "owner_name", "stage_name", "close_date", "amount", "win_probability",
    "win_probability_7d_ago", "risk_level", "at_risk", "why", "days_in_stage", "expected_stage_days", "days_since_last_activity",
)  # fmt: skip


def due_quarter(day: date) -> Period:
    """The quarter that is looked at on the morning after a day."""
    return quarter_of(day + timedelta(days=1))


def _wanted(
    visit: VisitOf,
    risk: Annotated[str, Query(pattern="^(HIGH|MEDIUM|LOW|AT_RISK|)$")] = "",
    owner: str = "",
    stage: str = "",
    words: str = "",
    due: Annotated[str, Query(pattern="^(quarter|passed|)$")] = "",
) -> Wanted:
    wanted = Wanted(risk, owner, stage, words.strip())
    if not due or visit.day is None:
        return wanted
    if due == "passed":
        return replace(wanted, due_until=visit.day)
    return replace(wanted, due_from=visit.day + timedelta(days=1), due_until=due_quarter(visit.day).last)


WantedOf = Annotated[Wanted, Depends(_wanted)]


@router.get("/deals")
def deals(visit: VisitOf, wanted: WantedOf, due: str = "", after: AfterOf = 0) -> Response:
    """A page of the list."""
    if visit.day is None:
        return page(visit, "empty.html.jinja", title="Deals", about="The list of open deals, the riskiest first,")
    found = deal_list(visit.rows, visit.day, wanted, after)
    chosen = {"risk": wanted.risk, "owner": wanted.owner_id, "stage": wanted.stage, "due": due, "words": wanted.words}
    given = {name: value for name, value in chosen.items() if value}
    return page(
        visit,
        "deals.html.jinja",
        found=found,
        choices=choices(visit.rows, visit.day),
        chosen=chosen,
        quarter=due_quarter(visit.day).name,
        is_filtered=bool(given),
        file=f"/deals.csv?{urlencode(given)}",
        pages=pages_of("/deals", given, found.deals, after),
    )


@router.get("/deals.csv")
def deals_file(visit: VisitOf, wanted: WantedOf) -> Response:
    """All rows of the list."""
    if visit.day is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    found = deal_list(visit.rows, visit.day, wanted, most=EVERYTHING)
    return csv_file(visit, f"deals-{visit.day}.csv", _COLUMNS, found.deals)
