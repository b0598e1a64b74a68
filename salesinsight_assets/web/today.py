"""What needs a rep today: at most a few cards, each with one thing to do; a manager sees those of the team."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from fastapi import APIRouter
from fastapi.responses import Response

from salesinsight_assets.adapters.dashboard.deals import Wanted, deal_list
from salesinsight_assets.adapters.dashboard.rows import EVERYTHING, Row
from salesinsight_assets.adapters.dashboard.today import Card, Hand, hand, is_done
from salesinsight_assets.domain.delivery import texts
from salesinsight_assets.web.exports import csv_file
from salesinsight_assets.web.feedback import Asked, asked
from salesinsight_assets.web.frame import page
from salesinsight_assets.web.visits import Visit, VisitOf

router = APIRouter()
_RISKIEST = 3
_MOST_SHOWN = 30
"""Cards; those of a team. Of more nobody reads the last, and the list of deals is the better place."""
_COLUMNS = ("as_of_date", "owner_name", "opportunity_id", "name", "rule", "priority", "amount", "win_probability", "why", "action",
            "verdict", "silence")  # fmt: skip


@dataclass(frozen=True)
class _Shown:
    """A card, and what its owner may answer, where that is the viewer."""

    card: Card
    asked: Asked | None
    salesforce: str | None

    @property
    def place(self) -> str:
        """Its place on the page."""
        return f"card-{self.card.told.opportunity_id}"


@router.get("/today")
def today(visit: VisitOf) -> Response:
    """The cards of the latest day."""
    if visit.day is None:
        return page(visit, "empty.html.jinja", title="Today", about="What needs you today")
    found = _hand(visit, visit.day, _MOST_SHOWN)
    me = visit.viewer.identity.user_id
    groups = _by_owner(visit, found.cards)
    return page(
        visit,
        "today.html.jinja",
        groups=groups,
        n_cards=found.n_found,
        n_shown=len(found.cards),
        is_own=all(shown.card.alert.owner_id == me for _, of_owner in groups for shown in of_owner),
        me=me,
        is_done=is_done(visit.rows, visit.day),
        riskiest=[] if found.n_found else _riskiest(visit, visit.day),
        texts=texts,
    )


@router.get("/today.csv")
def today_file(visit: VisitOf) -> Response:
    """The cards as rows."""
    rows = [_row(card) for card in (_hand(visit, visit.day, EVERYTHING).cards if visit.day else [])]
    return csv_file(visit, f"today-{visit.day or visit.site.today}.csv", _COLUMNS, rows)


def _hand(visit: Visit, day: date, most: int) -> Hand:
    site, me = visit.site, visit.viewer.identity.user_id
    playbook = site.policies.playbook
    return hand(visit.rows, day, site.clock(), playbook, lambda: site.last_week(day), me=me, most=most)


def _by_owner(visit: Visit, found: Sequence[Card]) -> list[tuple[str, list[_Shown]]]:
    """The cards of each owner by name, the viewer's own first; within one the largest amount x risk first."""
    me = visit.viewer.identity.user_id
    ordered = sorted(found, key=lambda card: (card.alert.owner_id != me, card.owner_name, card.alert.owner_id))
    grouped = groupby(ordered, key=lambda card: card.alert.owner_id)
    return [(owner, [_shown(visit, card) for card in of_owner]) for owner, of_owner in grouped]


def _shown(visit: Visit, card: Card) -> _Shown:
    is_own = card.alert.owner_id == visit.viewer.identity.user_id
    may_answer = asked(card.alert, card.verdict, card.silences, visit.site.policies.feedback) if is_own else None
    return _Shown(card, may_answer, visit.site.settings.salesforce.record_url(card.told.opportunity_id))


def _riskiest(visit: Visit, day: date) -> Sequence[Row]:
    """The deals with the most to lose, for a day without a card."""
    wanted = Wanted(owner_id=visit.viewer.identity.user_id or "") if visit.viewer.role == "rep" else Wanted()
    return deal_list(visit.rows, day, wanted, most=_RISKIEST).deals


def _row(card: Card) -> dict[str, object]:
    content = card.told.content
    return {
        "as_of_date": card.alert.as_of_date,
        "owner_name": card.owner_name,
        "opportunity_id": card.told.opportunity_id,
        "name": content.name,
        "rule": card.alert.rule,
        "priority": content.priority,
        "amount": content.amount,
        "win_probability": content.win_probability,
        "why": "; ".join(texts.reasons_shown(content)),
        "action": next(iter(content.actions), None),
        "verdict": card.verdict,
        "silence": card.silences[0]["kind"] if card.silences else None,
    }
