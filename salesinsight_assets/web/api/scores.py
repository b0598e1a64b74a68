"""Scores: of all open deals of a day, of one deal over its days, and the reasons of the latest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from salesinsight_assets.adapters.dashboard.api_scores import ScoresWanted, scores_of_day, scores_of_deal
from salesinsight_assets.adapters.dashboard.rows import Row
from salesinsight_assets.domain.delivery.texts import caveat
from salesinsight_assets.web.api.calls import Call, ScoresCall
from salesinsight_assets.web.api.values import (
    CursorText,
    Day,
    Limit,
    OpportunityId,
    Text,
    cursor_of,
    forms_of,
    read_cursor,
)
from salesinsight_assets.web.formats import is_missing
from salesinsight_assets.web.problems import OF_EVERY_CALL, documented, not_found

Risk = Literal["HIGH", "MEDIUM", "LOW"]
router = APIRouter(prefix="/api/v1", tags=["Scores"], responses={**OF_EVERY_CALL, **documented(HTTPStatus.NOT_FOUND)})


class Score(BaseModel):
    """What was said of a deal at the end of a day.

    `amount` is in the company's currency; `caveat` says so where the score is not a model's, but a base rate or of rules.
    """

    as_of_date: date
    opportunity_id: str
    name: str | None
    account_name: str | None
    owner_id: str | None
    owner_name: str | None
    stage_name: str | None
    close_date: date | None
    amount: float | None
    win_probability: float
    win_probability_7d_ago: float | None
    risk_level: Risk
    model_id: str
    is_fallback: bool
    caveat: str | None
    scored_at: datetime


class Reason(BaseModel):
    """One reason, in plain words with the number and the norm. It claims no cause; `source` says whether the model or a rule gives it."""

    text: str
    fact: str
    direction: Literal["against", "for"]
    source: Literal["model", "rule"]
    value: float | None
    norm: float | None


class ScoreList(BaseModel):
    """A page of the scores of a day; `as_of_date` is missing where nothing was scored yet, `next_cursor` on the last page."""

    as_of_date: date | None
    scores: list[Score]
    next_cursor: str | None


class ScoreWithReasons(Score):
    """The latest score of a deal, with its reasons, the weightiest first."""

    reasons: list[Reason]


class ScoreHistory(BaseModel):
    """A page of the scores of a deal, the latest first."""

    opportunity_id: str
    scores: list[Score]
    next_cursor: str | None


class Reasons(BaseModel):
    """Why a deal got its latest score, the weightiest reason first."""

    as_of_date: date
    opportunity_id: str
    caveat: str | None
    reasons: list[Reason]


@dataclass(frozen=True)
class _Page:
    day: date | None
    after: str


def _wanted(
    risk_level: Risk | None = None,
    owner_id: Text = "",
    stage_name: Text = "",
    least_probability: Annotated[float, Query(ge=0, le=1)] = 0.0,
    most_probability: Annotated[float, Query(ge=0, le=1)] = 1.0,
) -> ScoresWanted:
    return ScoresWanted(risk_level or "", owner_id, stage_name, least_probability, most_probability)


@router.get("/scores", summary="The scores of a day")
def scores(
    call: ScoresCall,
    wanted: Annotated[ScoresWanted, Depends(_wanted)],
    day: Day | None = None,
    limit: Limit = 200,
    cursor: CursorText = "",
) -> ScoreList:
    """The open deals that the caller may see, by Id: of the latest day, or of `day`. A cursor stays on its day."""
    page = _page(call, day, cursor)
    if page.day is None:
        return ScoreList(as_of_date=None, scores=[], next_cursor=None)
    found = scores_of_day(call.rows, page.day, wanted, page.after, limit + 1)
    shown = found[:limit]
    call.note_export(f"scores of {page.day}: {len(shown)} rows")
    more = cursor_of([page.day.isoformat(), shown[-1]["opportunity_id"]]) if len(found) > limit else None
    return ScoreList(as_of_date=page.day, scores=[_score(row) for row in shown], next_cursor=more)


def _page(call: Call, day: date | None, cursor: str) -> _Page:
    if not cursor:
        return _Page(day or call.day, "")
    place, after = read_cursor(cursor, 2)
    return _Page(day_in(place), str(after))


def day_in(place: object) -> date:
    """The day that a cursor names.

    Raises:
        ProblemError: 404, it names none.
    """
    try:
        return date.fromisoformat(str(place))
    except ValueError:
        raise not_found("page") from None


@router.get("/scores/{opportunity_id}", summary="The latest score of a deal")
def score(call: ScoresCall, opportunity_id: OpportunityId) -> ScoreWithReasons:
    """The latest score of a deal, with its reasons; of a closed deal the last one before."""
    row = _latest(call, opportunity_id)
    return ScoreWithReasons(**_fields(row), reasons=_reasons(row))


@router.get("/scores/{opportunity_id}/history", summary="The scores of a deal over its days")
def history(
    call: ScoresCall, opportunity_id: OpportunityId, limit: Limit = 100, cursor: CursorText = ""
) -> ScoreHistory:
    """What was said of a deal day by day, the latest first. Whose the deal is now decides who sees it."""
    before = day_in(read_cursor(cursor, 1)[0]) if cursor else date.max
    found = scores_of_deal(call.rows, forms_of(opportunity_id), before, limit + 1)
    if not found:
        raise not_found("deal")
    shown = found[:limit]
    call.note_export(f"scores of the deal {found[0]['opportunity_id']}: {len(shown)} rows")
    more = cursor_of([shown[-1]["as_of_date"].isoformat()]) if len(found) > limit else None
    return ScoreHistory(
        opportunity_id=found[0]["opportunity_id"], scores=[_score(row) for row in shown], next_cursor=more
    )


@router.get("/deals/{opportunity_id}/reasons", summary="The reasons of a deal's latest score")
def reasons(call: ScoresCall, opportunity_id: OpportunityId) -> Reasons:
    """What speaks against and for a deal, in plain words."""
    row = _latest(call, opportunity_id)
    said = caveat(row["model_id"], row["is_fallback"])
    return Reasons(
        as_of_date=row["as_of_date"], opportunity_id=row["opportunity_id"], caveat=said, reasons=_reasons(row)
    )


def _latest(call: Call, opportunity_id: str) -> Row:
    found = scores_of_deal(call.rows, forms_of(opportunity_id), date.max, 1)
    if not found:
        raise not_found("deal")
    return found[0]


def _score(row: Row) -> Score:
    return Score(**_fields(row))


def _fields(row: Row) -> dict[str, Any]:
    values = {name: None if is_missing(value) else value for name, value in row.items() if name != "reasons"}
    return {**values, "caveat": caveat(row["model_id"], row["is_fallback"])}


def _reasons(row: Row) -> list[Reason]:
    stored: Sequence[dict[str, Any]] = row["reasons"]
    return [Reason(**reason) for reason in stored]
