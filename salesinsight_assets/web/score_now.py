"""A deal's score now, and what it would be with something different: nothing of it is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import Response

from salesinsight_assets.adapters.dashboard.score_now import deal_standing, scored_deal, visible_deal
from salesinsight_assets.domain.features.changes import Changes
from salesinsight_assets.domain.history.standing import Standing
from salesinsight_assets.domain.scores.open_deals import AS_IT_IS, OpenDeals, ScoredDeal, TriedChange, changes_to_try
from salesinsight_assets.web.formats import day_in_words
from salesinsight_assets.web.frame import page
from salesinsight_assets.web.visits import Visit, VisitOf

router = APIRouter()
_LONGEST_TEXT = 255
_LARGEST_AMOUNT = 1e15


@dataclass(frozen=True)
class ScoreOfNow:
    """A deal as it is, with some changes where any were asked for, and with each change that is worth a thought."""

    as_it_is: ScoredDeal
    changed: ScoredDeal | None
    tried: Sequence[tuple[TriedChange, float]]
    scored_by: str

    @property
    def by_whom(self) -> str:
        """Who scores, in words that end a sentence."""
        if not self.as_it_is.is_fallback:
            return "by the model"
        return "by the rules" if self.as_it_is.model_id == "rules" else "by the base rate of each stage"

    @property
    def reasons_that_differ(self) -> Mapping[str, list[str]]:
        """The reasons that only one of both has: `gone` with the changes, and `new` with them."""
        before = [reason["text"] for reason in self.as_it_is.reasons]
        after = [reason["text"] for reason in self.changed.reasons] if self.changed else before
        return {
            "gone": [text for text in before if text not in after],
            "new": [text for text in after if text not in before],
        }


class NotOpenError(Exception):
    """A deal that has no chance now; the text says what became of it."""


def found_deal(visit: Visit, given: str) -> str:
    """The Id of a deal that the viewer may see. Raises HTTPException 404 where there is none."""
    found = visible_deal(visit.rows, given)
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found


def score_of_now(visit: Visit, opportunity_id: str, deals: OpenDeals, changes: Changes = AS_IT_IS) -> ScoreOfNow:
    """The score of a deal that the viewer may see.

    Raises:
        NotOpenError: the deal is closed, or not yet known.
        ValueError: a change that cannot be made.
    """
    place = deals.place(opportunity_id)
    to_try = [] if place is None else changes_to_try(deals, place)
    variants = [AS_IT_IS, *([changes] if changes else []), *(tried.changes for tried in to_try)]
    found = scored_deal(visit.site.warehouse, deals, opportunity_id, variants)
    if found is None:
        raise NotOpenError(_why_not(visit, opportunity_id))
    (as_it_is, *others), scored_by = found
    changed = others.pop(0) if changes else None
    effects = [other.win_probability - as_it_is.win_probability for other in others]
    return ScoreOfNow(as_it_is, changed, list(zip(to_try, effects, strict=True)), scored_by)


def _why_not(visit: Visit, opportunity_id: str) -> str:
    _, found = deal_standing(visit.site.warehouse, opportunity_id, visit.site.clock())
    return not_open_in_words(found, visit)


def not_open_in_words(found: Standing, visit: Visit) -> str:
    """Why a deal cannot be scored, for people."""
    if found.status in ("won", "lost") and found.since is not None:
        day = day_in_words(found.since.tz_convert(visit.site.settings.zone).date())
        return f"This deal was {found.status} on {day}. Only open deals have a chance."
    return "This deal is not among the open ones of the last sync, so there is nothing to score. The next sync may bring it."


@dataclass(frozen=True)
class Given:
    """What the form says, as it came."""

    amount: Annotated[str, Query(max_length=30)] = ""
    stage_name: Annotated[str, Query(max_length=_LONGEST_TEXT)] = ""
    close_date: Annotated[str, Query(max_length=10)] = ""
    next_step: Annotated[str | None, Query(max_length=_LONGEST_TEXT)] = None
    activity: bool = False


GivenOf = Annotated[Given, Depends()]


@router.post("/deals/{opportunity_id}/score")
def score_again(visit: VisitOf, opportunity_id: str) -> Response:
    """The score as of now."""
    return _answer(visit, found_deal(visit, opportunity_id), Given(), is_now=True)


@router.get("/deals/{opportunity_id}/what-if")
def what_if(visit: VisitOf, opportunity_id: str, given: GivenOf) -> Response:
    """The score now, and with what the form says, as far as that differs from the deal."""
    return _answer(visit, found_deal(visit, opportunity_id), given)


def _answer(visit: Visit, opportunity_id: str, given: Given, *, is_now: bool = False) -> Response:
    deals = visit.site.score_now.deals(visit.site.clock())
    deal = _deal(deals, opportunity_id)
    told: dict[str, Any] = {"scoring": None, "said": None, "is_now": is_now, "stages": list(deals.now.stages.index)}
    status = HTTPStatus.OK
    try:
        told["scoring"] = score_of_now(visit, opportunity_id, deals, changes_of(given, deal))
    except NotOpenError as error:
        told["said"], status = str(error), HTTPStatus.CONFLICT
    except ValueError as error:
        told |= {"said": f"{error}.", "scoring": score_of_now(visit, opportunity_id, deals)}
        status = HTTPStatus.UNPROCESSABLE_ENTITY
    shown = {**deal, **{name: value for name, value in asdict(given).items() if value not in ("", None)}}
    return page(
        visit,
        "what_if.html.jinja",
        status,
        deal=deal,
        shown=shown,
        today=deals.now.day,
        **told,
    )


def _deal(deals: OpenDeals, opportunity_id: str) -> dict[str, Any]:
    """What the form shows of the deal; of one that is not open its Id only."""
    place = deals.place(opportunity_id)
    names = ("name", "account_name", "stage_name", "amount", "currency_iso_code", "close_date", "next_step")
    found = {name: None if place is None else _plain(deals.now.deals[name][place]) for name in names}
    return {"opportunity_id": opportunity_id, "activity": False, **found}


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.date() if isinstance(value, pd.Timestamp) else value


def changes_of(given: Given, deal: Mapping[str, Any]) -> Changes:
    """What a form says that differs from the deal.

    Raises:
        ValueError: what is no number or no day.
    """
    amount = _number(given.amount) if given.amount.strip() else deal["amount"]
    close_date = _day(given.close_date) if given.close_date else deal["close_date"]
    stage_name = given.stage_name or deal["stage_name"]
    next_step = deal["next_step"] if given.next_step is None else given.next_step
    return Changes(
        amount=None if amount == deal["amount"] else amount,
        stage_name=None if stage_name == deal["stage_name"] else stage_name,
        close_date=None if close_date == deal["close_date"] else close_date,
        next_step=None if (next_step or "").strip() == (deal["next_step"] or "").strip() else next_step,
        has_activity=given.activity,
    )


def _number(text: str) -> float:
    try:
        found = float(text.replace(",", ""))
    except ValueError:
        found = -1.0
    if not 0 <= found <= _LARGEST_AMOUNT:
        raise ValueError(f"amount: expected a number from 0 on, got {text!r}")
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"close_date: expected a day such as 2026-03-01, got {text!r}") from None
