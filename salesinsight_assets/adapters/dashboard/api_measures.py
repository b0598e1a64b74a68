"""The latest measures of the whole company, each with its n and interval where it has one: what a monitoring system watches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from salesinsight_assets.adapters.dashboard.rows import Row, Rows
from salesinsight_assets.domain.shares import Share, share

_A_WEEK = timedelta(days=7)
_HALF_A_YEAR = timedelta(days=182)
_RATES = """
SELECT n_deals, acted_rate, acted_low, acted_high, verdicts, helpful_rate, helpful_low, helpful_high FROM insight.alert_rates
WHERE dimension = 'all' AND as_of_date = (SELECT max(as_of_date) FROM insight.alert_rates)
"""
_LIFTS = """
SELECT measure, difference, low, high, n_alerted + n_held_out AS n FROM insight.alert_lift
WHERE as_of_date = (SELECT max(as_of_date) FROM insight.alert_lift)
"""
_AUC = """
SELECT auc, auc_low, auc_high, n_deals FROM insight.model_checks WHERE dimension = 'all deals' AND auc IS NOT NULL
ORDER BY as_of_date DESC, weeks DESC LIMIT 1
"""
_REPS = """
SELECT count(*) AS n, count(*) FILTER (WHERE EXISTS (
  SELECT FROM engagement.visits AS v WHERE v.user_id = owners.owner_id AND v.day > :since AND v.day <= :today)) AS part
FROM (SELECT DISTINCT owner_id FROM insight.opportunity_scores WHERE as_of_date = :day AND owner_id IS NOT NULL) AS owners
"""
_OPENED = """
SELECT count(*) AS n, count(*) FILTER (WHERE EXISTS (
  SELECT FROM engagement.message_events AS e WHERE e.message_key = o.message_key)) AS part
FROM engagement.outbox AS o
WHERE o.status = 'sent' AND o.channel = 'email' AND starts_with(o.message_key, 'digest:') AND o.as_of_date > :since
  AND o.as_of_date >= (SELECT min(as_of_date) FROM engagement.message_events)
"""
_MESSAGES = (
    "SELECT channel, status, count(*) AS n FROM engagement.outbox WHERE as_of_date = :day GROUP BY 1, 2 ORDER BY 1, 2"
)
_REVIEW = """
SELECT as_of_date, figures FROM insight.reports WHERE report = 'business_review' AND audience = 'company'
ORDER BY as_of_date DESC LIMIT 1
"""


@dataclass(frozen=True)
class Measured:
    """A value with its interval and n; `value` is None where there is nothing to tell yet."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int


def measures(rows: Rows, day: date, today: date) -> list[Measured]:
    """What is recorded by now. `day` is the latest with scores.

    Intervals are of 95 %, that of the AUC of 99 %; those of the lift hold at all looks at once.
    """
    reps = rows.of_company(_REPS, day=day, since=today - _A_WEEK, today=today)[0]
    opened = rows.of_company(_OPENED, since=today - _HALF_A_YEAR)[0]
    return [
        _of_share("reps_on_dashboard_weekly", share(reps["part"], reps["n"])),
        _of_share("digests_opened", share(opened["part"], opened["n"])),
        *_rates(rows.of_company(_RATES)),
        *_lifts(rows.of_company(_LIFTS)),
        *(
            Measured("auc", row["auc"], row["auc_low"], row["auc_high"], row["n_deals"])
            for row in rows.of_company(_AUC)
        ),
    ]


def messages_of(rows: Rows, day: date) -> Sequence[Row]:
    """How many messages of a day are in which state: `channel`, `status`, `n`."""
    return rows.of_company(_MESSAGES, day=day)


def latest_review(rows: Rows) -> Row | None:
    """The headline figures of the latest business review, by name, and its day."""
    found = rows.of_company(_REVIEW)
    return found[0] if found else None


def _of_share(name: str, found: Share | None) -> Measured:
    return Measured(name, found.rate, found.low, found.high, found.n) if found else Measured(name, None, None, None, 0)


def _rates(found: Sequence[Row]) -> list[Measured]:
    return [
        measured
        for row in found
        for measured in (
            Measured("alerts_acted_on", row["acted_rate"], row["acted_low"], row["acted_high"], row["n_deals"]),
            Measured("verdicts_helpful", row["helpful_rate"], row["helpful_low"], row["helpful_high"], row["verdicts"]),
        )
    ]


def _lifts(found: Sequence[Row]) -> list[Measured]:
    return [
        Measured(f"lift_{row['measure'].replace(' ', '_')}", row["difference"], row["low"], row["high"], row["n"])
        for row in found
    ]
