"""The coaching cards of the latest day that has any, of the reps whom the viewer may see."""

from collections.abc import Sequence
from datetime import date

from salesinsight_assets.adapters.dashboard.rows import PAGE, Row, Rows, holds

_DAY = "SELECT max(as_of_date) AS day FROM insight.coaching_cards"
_CARDS = """
SELECT c.as_of_date, c.owner_id, c.owner_name, c.is_opportunity, c.n_closed, c.win_rate, c.low, c.high, c.team_win_rate,
  c.compared_with, c.adjusted_difference, c.adjusted_low, c.adjusted_high, c.open_deals, c.deals_at_risk, c.amount_at_risk,
  c.figures -> 'open_deals' ->> 'caveat' AS caveat, count(*) OVER () AS n_found
FROM insight.coaching_cards AS c WHERE c.as_of_date = :day AND {visible:c} AND (:words = '' OR c.owner_name ILIKE :like)
ORDER BY c.owner_name, c.owner_id LIMIT :most OFFSET :after
"""
_CARD = """
SELECT c.*, c.figures -> 'open_deals' ->> 'caveat' AS caveat, c.figures -> 'against_others' -> 'theirs' AS others
FROM insight.coaching_cards AS c WHERE c.as_of_date = :day AND c.owner_id = :owner_id AND {visible:c}
"""


def latest_day(rows: Rows) -> date | None:
    """The latest day with cards; None: there are none yet."""
    found: date | None = rows.of_company(_DAY)[0]["day"]
    return found


def cards(rows: Rows, day: date, words: str = "", after: int = 0, most: int = PAGE) -> Sequence[Row]:
    """One row a rep whose name holds `words`, by name, from a place on; `n_found` is how many there are.

    Of a rep with too few closed deals all figures but `n_closed` are missing.
    """
    return rows.rows(_CARDS, day=day, words=words, like=holds(words), after=after, most=most)


def card(rows: Rows, day: date, owner_id: str) -> Row | None:
    """The card of a rep with its text; `others` is the share that the others won, with n and interval. None: there is none."""
    return rows.row(_CARD, day=day, owner_id=owner_id)
