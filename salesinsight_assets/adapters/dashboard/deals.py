"""Open deals of a day as a list: the riskiest first, each with what a person asks of it at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from salesinsight_assets.adapters.dashboard.rows import PAGE, Row, Rows, holds

_DEALS = """
SELECT s.opportunity_id, o.name, o.account_name, s.owner_id, o.owner_name, o.stage_name, o.close_date,
  s.amount, s.win_probability, s.win_probability_7d_ago, s.risk_level, s.model_id, s.is_fallback,
  s.amount * (1 - s.win_probability) AS at_risk,
  f.days_in_stage, f.expected_stage_days, f.days_since_last_activity, f.age_days, f.expected_cycle_days,
  'days_since_last_activity' = ANY(f.defaulted_features) AS is_activity_unknown,
  (SELECT r ->> 'text' FROM jsonb_array_elements(s.reasons) AS r WHERE r ->> 'direction' = 'against' LIMIT 1) AS why,
  count(*) OVER () AS n_found, sum(s.amount) OVER () AS amount_found
FROM insight.opportunity_scores AS s
JOIN insight.open_opportunities AS o USING (as_of_date, opportunity_id)
JOIN insight.opportunity_features AS f USING (as_of_date, opportunity_id)
WHERE s.as_of_date = :day AND {visible:s}
  AND (:risk = '' OR s.risk_level = :risk OR :risk = 'AT_RISK' AND s.risk_level IN ('HIGH', 'MEDIUM')) AND (:owner_id = '' OR s.owner_id = :owner_id)
  AND (:stage = '' OR o.stage_name = :stage)
  AND (CAST(:due_from AS date) IS NULL OR o.close_date >= CAST(:due_from AS date))
  AND (CAST(:due_until AS date) IS NULL OR o.close_date <= CAST(:due_until AS date))
  AND (:words = '' OR o.name ILIKE :like OR o.account_name ILIKE :like)
ORDER BY at_risk DESC NULLS LAST, s.opportunity_id LIMIT :most OFFSET :after
"""
_ALERTS = """
SELECT DISTINCT ON (opportunity_id) opportunity_id, rule, priority, status, suppressed_because FROM insight.rep_alerts
WHERE as_of_date = :day AND {visible} AND opportunity_id = ANY(:deals)
ORDER BY opportunity_id, status = 'to_send' DESC, status = 'held_out' DESC, priority = 'HIGH' DESC, rule
"""
_CHOICES = """
SELECT s.owner_id, min(o.owner_name) AS owner_name, array_agg(DISTINCT o.stage_name) AS stages
FROM insight.opportunity_scores AS s JOIN insight.open_opportunities AS o USING (as_of_date, opportunity_id)
WHERE s.as_of_date = :day AND {visible:s} GROUP BY 1 ORDER BY 2, 1
"""


@dataclass(frozen=True)
class Wanted:
    """Which deals are wanted; an empty text, or no day, wants all. `risk` may be AT_RISK: HIGH or MEDIUM.

    `due_from` and `due_until` are the first and the last close date.
    """

    risk: str = ""
    owner_id: str = ""
    stage: str = ""
    words: str = ""
    due_from: date | None = None
    due_until: date | None = None


@dataclass(frozen=True)
class DealList:
    """A page of deals, how many there are in all and their amount, and by deal what became of its alert."""

    deals: Sequence[Row]
    n_found: int
    amount: float | None
    alerts: dict[str, Row]


def deal_list(rows: Rows, day: date, wanted: Wanted, after: int = 0, most: int = PAGE) -> DealList:
    """The deals of a day, largest amount at risk (amount times the chance to lose it) first, from a place on."""
    found = rows.rows(
        _DEALS,
        day=day,
        risk=wanted.risk,
        owner_id=wanted.owner_id,
        stage=wanted.stage,
        words=wanted.words,
        due_from=wanted.due_from,
        due_until=wanted.due_until,
        like=holds(wanted.words),
        most=most,
        after=after,
    )
    ids = [row["opportunity_id"] for row in found]
    alerts = rows.rows(_ALERTS, day=day, deals=ids) if ids else []
    n_found, amount = (found[0]["n_found"], found[0]["amount_found"]) if found else (0, None)
    return DealList(found, n_found, amount, {row["opportunity_id"]: row for row in alerts})


@dataclass(frozen=True)
class Choices:
    """What can be chosen from: owners by Id, and stages."""

    owners: dict[str, str]
    stages: list[str]


def choices(rows: Rows, day: date) -> Choices:
    """The owners and stages of the open deals of a day."""
    found = rows.rows(_CHOICES, day=day)
    owners = {row["owner_id"]: row["owner_name"] or row["owner_id"] for row in found if row["owner_id"]}
    return Choices(owners, sorted({stage for row in found for stage in row["stages"] if stage}))
