"""How each rep does: the coaching card, which the rep reads in the same words as the manager."""

from collections.abc import Sequence
from datetime import date
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException
from fastapi.responses import RedirectResponse, Response

from salesinsight_assets.adapters.dashboard import reps as reads
from salesinsight_assets.adapters.dashboard.rows import EVERYTHING, PAGE, Row
from salesinsight_assets.domain.shares import Share, share
from salesinsight_assets.web.exports import csv_file
from salesinsight_assets.web.frame import page
from salesinsight_assets.web.pages import AfterOf, pages_of
from salesinsight_assets.web.visits import Visit, VisitOf

router = APIRouter()
_COLUMNS = (
    "as_of_date", "owner_id", "owner_name", "n_closed", "win_rate", "low", "high", "team_win_rate", "compared_with",
    "adjusted_difference", "adjusted_low", "adjusted_high", "open_deals", "deals_at_risk", "amount_at_risk", "caveat",
    "is_opportunity",
)  # fmt: skip


@router.get("/reps")
def reps(visit: VisitOf, words: str = "", after: AfterOf = 0) -> Response:
    """A page of the reps whom the viewer may see, by name; a rep is led to the own card."""
    day, words = reads.latest_day(visit.rows), words.strip()
    if visit.viewer.role == "rep" and (own := _cards(visit, day)):
        return RedirectResponse(f"/reps/{own[0]['owner_id']}", HTTPStatus.SEE_OTHER)
    found = _cards(visit, day, words, after)
    return page(
        visit,
        "reps.html.jinja",
        reps=found,
        day=day,
        words=words,
        file=f"/reps.csv?{urlencode({'words': words})}" if words else "/reps.csv",
        pages=pages_of("/reps", {"words": words}, found, after),
        coaching=visit.site.policies.coaching,
    )


@router.get("/reps.csv")
def reps_file(visit: VisitOf, words: str = "") -> Response:
    """They as rows, all of them."""
    day = reads.latest_day(visit.rows)
    found = _cards(visit, day, words.strip(), most=EVERYTHING)
    return csv_file(visit, f"reps-{day or visit.site.today}.csv", _COLUMNS, found)


@router.get("/reps/{owner_id}")
def rep(visit: VisitOf, owner_id: str) -> Response:
    """The card of a rep."""
    found = _found(visit, owner_id)
    return page(
        visit,
        "rep.html.jinja",
        rep=found,
        paragraphs=found["card"].split("\n\n"),
        at_risk=_at_risk(found),
        coaching=visit.site.policies.coaching,
        is_own=found["owner_id"] == visit.viewer.identity.user_id,
    )


@router.get("/reps/{owner_id}/card.csv")
def rep_file(visit: VisitOf, owner_id: str) -> Response:
    """Its figures."""
    found = _found(visit, owner_id)
    return csv_file(visit, f"rep-{owner_id}-{found['as_of_date']}.csv", _COLUMNS, [found])


def _cards(visit: Visit, day: date | None, words: str = "", after: int = 0, most: int = PAGE) -> Sequence[Row]:
    return reads.cards(visit.rows, day, words, after, most) if day else []


def _found(visit: Visit, owner_id: str) -> Row:
    """The card. Raises HTTPException 404 where there is none that the viewer may see."""
    day = reads.latest_day(visit.rows)
    found = reads.card(visit.rows, day, owner_id) if day else None
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return found


def _at_risk(found: Row) -> Share | None:
    """The share of the open deals at HIGH risk; None: nothing is said of the rep, or nothing is open."""
    return share(found["deals_at_risk"], found["open_deals"]) if found["open_deals"] else None
