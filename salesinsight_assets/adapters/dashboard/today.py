"""The alerts of a day that are told to their owners, in the words of the messages, with what was answered."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

from salesinsight_assets.adapters.dashboard.rows import Row, Rows
from salesinsight_assets.adapters.warehouse.warehouse import ALERTS_TO_WORD, NO_REPORT
from salesinsight_assets.domain.alerts.actions import Playbook
from salesinsight_assets.domain.delivery.messages import LastWeek, digest_key, told_deal
from salesinsight_assets.domain.delivery.payloads import ToldDeal, told_deals
from salesinsight_assets.domain.feedback.answers import ToldAlert

_ALERTS = f"""
SELECT *, count(*) OVER () AS n_found FROM ({ALERTS_TO_WORD} WHERE a.as_of_date = :day AND a.status = 'to_send' AND {{visible:a}}) AS told
ORDER BY told.owner_id IS DISTINCT FROM :me, told.rank LIMIT :most
"""
_MESSAGES = f"""
SELECT o.owner_id, o.payload FROM engagement.outbox AS o
WHERE o.as_of_date = :day AND {NO_REPORT} AND {{visible:o}} ORDER BY o.channel = 'email', o.message_key
"""
_OWNERS = """
SELECT owner_id, min(owner_name) AS owner_name FROM insight.open_opportunities
WHERE as_of_date = :day AND {visible} AND owner_id IS NOT NULL GROUP BY 1
"""
_VERDICTS = """
SELECT opportunity_id, verdict FROM engagement.verdicts WHERE as_of_date = :day AND {visible} ORDER BY given_at
"""
_SILENCES = """
SELECT kind, owner_id, opportunity_id, rule, since, until FROM engagement.silences
WHERE {visible} AND channel IS NULL AND since <= :at AND coalesce(until, 'infinity') > :at AND withdrawn_at IS NULL
ORDER BY since DESC, kind
"""
_IS_DONE = "SELECT as_of_date FROM insight.alert_days WHERE as_of_date = :day"
_NUMBERS = ("amount", "deal_amount", "win_probability", "win_probability_7d_ago")


@dataclass(frozen=True)
class Card:
    """An alert that its owner is told of; `silences` are those that hold, the latest first."""

    alert: ToldAlert
    owner_name: str
    told: ToldDeal
    verdict: str | None
    silences: Sequence[Row]


@dataclass(frozen=True)
class Hand:
    """Cards, and how many there are in all."""

    cards: Sequence[Card]
    n_found: int


def is_done(rows: Rows, day: date) -> bool:
    """Whether the alerts of a day are worked out, also where there is none."""
    return bool(rows.of_company(_IS_DONE, day=day))


def hand(
    rows: Rows,
    day: date,
    at: datetime,
    playbook: Playbook,
    last_week: Callable[[], LastWeek],
    *,
    me: str | None,
    most: int,
) -> Hand:
    """The alerts to send of a day: those of `me` first, then the largest amount x risk.

    Their words are those of the queued messages; of one that is in none (nothing is sent, or the rep has unsubscribed) they are
    made in the same way, for which `last_week` is asked.
    """
    alerts = rows.rows(_ALERTS, day=day, me=me, most=most)
    if not alerts:
        return Hand([], 0)
    told = _queued(rows.rows(_MESSAGES, day=day))
    missing = [row for row in alerts if (row["owner_id"], row["opportunity_id"]) not in told]
    told |= _worded(missing, playbook, last_week()) if missing else {}
    names = {row["owner_id"]: row["owner_name"] for row in rows.rows(_OWNERS, day=day)}
    verdicts = {row["opportunity_id"]: row["verdict"] for row in rows.rows(_VERDICTS, day=day)}
    silences = rows.rows(_SILENCES, at=at)
    found = [
        Card(
            alert := _alert(row),
            names.get(row["owner_id"]) or row["owner_id"],
            told[row["owner_id"], row["opportunity_id"]],
            verdicts.get(row["opportunity_id"]),
            [silence for silence in silences if _is_of(silence, alert)],
        )
        for row in alerts
    ]
    return Hand(found, alerts[0]["n_found"])


def _queued(messages: Sequence[Row]) -> dict[tuple[str, str], ToldDeal]:
    """What messages tell, by owner and deal; those of e-mails count before others."""
    return {
        (message["owner_id"], deal.opportunity_id): deal
        for message in messages
        for deal in told_deals(message["payload"])
    }


def _worded(alerts: Sequence[Row], playbook: Playbook, last_week: LastWeek) -> Mapping[tuple[str, str], ToldDeal]:
    frame = pd.DataFrame([dict(row) for row in alerts]).astype(dict.fromkeys(_NUMBERS, "float64"))
    return {
        (str(row["owner_id"]), str(row["opportunity_id"])): told_deal(row, playbook, last_week)
        for _, row in frame.iterrows()
    }


def _alert(row: Row) -> ToldAlert:
    key = digest_key(row["as_of_date"], row["owner_id"])
    return ToldAlert(key, row["as_of_date"], row["owner_id"], row["opportunity_id"], row["rule"])


def _is_of(silence: Row, alert: ToldAlert) -> bool:
    is_own = silence["owner_id"] == alert.owner_id
    return (
        is_own and silence["opportunity_id"] in (None, alert.opportunity_id) and silence["rule"] in (None, alert.rule)
    )
