"""The latest success measures, each with its n and interval where it has one: what a monitoring system and a page show.

What tells of people is of those whom the viewer may see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from salesinsight_assets.adapters.dashboard.rows import Row, Rows
from salesinsight_assets.adapters.warehouse.warehouse import NO_REPORT
from salesinsight_assets.domain.shares import Share, share

_A_WEEK = timedelta(days=7)
_HALF_A_YEAR = timedelta(days=182)
_LATEST_RATES = "as_of_date = (SELECT max(as_of_date) FROM insight.alert_rates)"
_RATES = f"""
SELECT n_deals, acted_on, verdicts, helpful FROM insight.alert_rates WHERE dimension = 'all' AND {_LATEST_RATES}
"""
_RATES_OF_REPS = f"""
SELECT coalesce(sum(n_deals), 0)::integer AS n_deals, coalesce(sum(acted_on), 0)::integer AS acted_on,
  coalesce(sum(verdicts), 0)::integer AS verdicts, coalesce(sum(helpful), 0)::integer AS helpful
FROM (SELECT *, segment AS owner_id FROM insight.alert_rates WHERE dimension = 'rep' AND {_LATEST_RATES}) AS r WHERE {{visible:r}}
"""
_LIFTS = """
SELECT as_of_date, measure, difference, low, high, n_alerted, n_held_out, finding FROM insight.alert_lift
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
WHERE {visible:owners}
"""
_OPENED = f"""
SELECT count(*) AS n, count(*) FILTER (WHERE EXISTS (
  SELECT FROM engagement.message_events AS e WHERE e.message_key = o.message_key)) AS part
FROM engagement.outbox AS o
WHERE o.status = 'sent' AND o.channel = 'email' AND {NO_REPORT} AND o.as_of_date > :since AND {{visible:o}}
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


@dataclass(frozen=True)
class Recorded:
    """What is recorded by now; None: nothing. `lifts` are of the whole company, by what they are measured on."""

    on_dashboard: Share | None
    opened: Share | None
    acted_on: Share | None
    helpful: Share | None
    lifts: Mapping[str, Row]


def recorded(rows: Rows, day: date, today: date) -> Recorded:
    """Shares of the reps with open deals, of e-mails, alerts and verdicts. `day` is the latest with scores."""
    reps = rows.rows(_REPS, day=day, since=today - _A_WEEK, today=today)[0]
    opened = rows.rows(_OPENED, since=today - _HALF_A_YEAR)[0]
    rates = rows.of_company(_RATES) if rows.are_all else rows.rows(_RATES_OF_REPS)
    return Recorded(
        share(reps["part"], reps["n"]),
        share(opened["part"], opened["n"]),
        share(rates[0]["acted_on"], rates[0]["n_deals"]) if rates else None,
        share(rates[0]["helpful"], rates[0]["verdicts"]) if rates else None,
        {row["measure"]: row for row in rows.of_company(_LIFTS)},
    )


def measures(rows: Rows, day: date, today: date) -> list[Measured]:
    """What is recorded by now. `day` is the latest with scores.

    Intervals are of 95 %, that of the AUC of 99 %; those of the lift hold at all looks at once.
    """
    found = recorded(rows, day, today)
    return [
        _of_share("reps_on_dashboard_weekly", found.on_dashboard),
        _of_share("digests_opened", found.opened),
        _of_share("alerts_acted_on", found.acted_on),
        _of_share("verdicts_helpful", found.helpful),
        *(_of_lift(row) for row in found.lifts.values()),
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


def _of_lift(row: Row) -> Measured:
    n = row["n_alerted"] + row["n_held_out"]
    return Measured(f"lift_{row['measure'].replace(' ', '_')}", row["difference"], row["low"], row["high"], n)
