"""Alerts as other systems read and answer them: what was told of whom, what was not and why, and what the owner said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from salesinsight_assets.adapters.dashboard.rows import Database, Row, Rows
from salesinsight_assets.domain.feedback.answers import Answer, ToldAlert, verdict_of

_ALERTS = """
SELECT a.as_of_date, a.opportunity_id, a.rule, o.name, a.owner_id, o.owner_name, a.priority, a.amount, a.win_probability, a.rank,
  a.status, a.suppressed_because, m.status AS message_status, m.sent_at, v.verdict
FROM insight.rep_alerts AS a LEFT JOIN insight.open_opportunities AS o USING (as_of_date, opportunity_id)
LEFT JOIN engagement.outbox AS m ON a.status = 'to_send' AND m.message_key = 'digest:' || a.as_of_date || ':' || a.owner_id
LEFT JOIN engagement.verdicts AS v ON v.message_key = 'digest:' || a.as_of_date || ':' || a.owner_id
  AND v.opportunity_id = a.opportunity_id AND v.rule = a.rule
"""
_OF_DAY = f"""{_ALERTS}
WHERE a.as_of_date = :day AND {{visible:a}} AND (:status = '' OR a.status = :status) AND (:rule = '' OR a.rule = :rule)
  AND (:owner_id = '' OR a.owner_id = :owner_id)
  AND (a.rank, a.opportunity_id, a.rule) > (:after_rank, :after_deal, :after_rule)
ORDER BY a.rank, a.opportunity_id, a.rule LIMIT :rows
"""
_ONE = f"{_ALERTS} WHERE a.as_of_date = :day AND a.opportunity_id = :deal AND a.rule = :rule AND {{visible:a}}"
_LATEST_DAY = "SELECT max(as_of_date) AS day FROM insight.alert_days"
_VERDICT_STANDS = """
SELECT 1 FROM engagement.verdicts WHERE message_key = :key AND opportunity_id = :deal AND rule = :rule AND verdict = :verdict
"""
_SILENCE_STANDS = """
SELECT 1 FROM engagement.silences WHERE kind = :answer AND owner_id = :owner AND since >= :since AND withdrawn_at IS NULL
  AND coalesce(opportunity_id, :deal) = :deal AND coalesce(rule, :rule) = :rule
"""
_IS_SILENT = """
SELECT 1 FROM engagement.silences WHERE owner_id = :owner AND channel IS NULL AND withdrawn_at IS NULL
  AND coalesce(until, 'infinity') > :at AND (opportunity_id = :deal OR (opportunity_id IS NULL AND rule = :rule))
"""


@dataclass(frozen=True)
class AlertsWanted:
    """Which alerts of a day; an empty text wants all."""

    status: str = ""
    rule: str = ""
    owner_id: str = ""


def latest_alert_day(rows: Rows) -> date | None:
    """The latest day whose alerts are complete."""
    day: date | None = rows.of_company(_LATEST_DAY)[0]["day"]
    return day


def alerts_of_day(rows: Rows, day: date, wanted: AlertsWanted, after: tuple[int, str, str], most: int) -> Sequence[Row]:
    """Alerts of a day by rank, deal and rule, from behind such a place on."""
    return rows.rows(
        _OF_DAY,
        day=day,
        status=wanted.status,
        rule=wanted.rule,
        owner_id=wanted.owner_id,
        after_rank=after[0],
        after_deal=after[1],
        after_rule=after[2],
        rows=most,
    )


def alert(rows: Rows, day: date, opportunity_id: str, rule: str) -> Row | None:
    """One alert."""
    return rows.row(_ONE, day=day, deal=opportunity_id, rule=rule)


def stands_already(database: Database, answer: Answer, alert: ToldAlert, at: datetime, since: datetime) -> bool:
    """Whether an answer to an alert would change nothing: the same verdict counts, the same silence began after `since` and holds.

    Of `tell_me_again`, whether the alert is not silent anyway.
    """
    about = {"deal": alert.opportunity_id, "rule": alert.rule}
    if answer == "tell_me_again":
        return not database.rows(_IS_SILENT, owner=alert.owner_id, at=at, **about)
    verdict = verdict_of(answer)
    if verdict is not None and not database.rows(_VERDICT_STANDS, key=alert.message_key, verdict=verdict, **about):
        return False
    if answer in ("helpful", "not_helpful"):
        return True
    return bool(database.rows(_SILENCE_STANDS, answer=answer, owner=alert.owner_id, since=since, **about))
