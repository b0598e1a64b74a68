"""The alerts of a deal over time: sent or why not, what their owners answered, and what was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from salesinsight_assets.adapters.dashboard.deal import SEEN
from salesinsight_assets.adapters.dashboard.rows import Row, Rows
from salesinsight_assets.adapters.warehouse.warehouse import NO_REPORT
from salesinsight_assets.domain.delivery.messages import digest_key
from salesinsight_assets.domain.feedback.answers import ToldAlert

_ALERTS = f"""{SEEN}
SELECT a.as_of_date, a.rule, a.priority, a.status, a.suppressed_because, a.win_probability, a.rank, a.owner_id,
  u.name AS owner_name, m.sent_at, m.channels, v.verdict, v.given_at, v.channel AS answered_by,
  x.is_acted_on, x.acted_at, x.action
FROM seen JOIN insight.rep_alerts AS a ON a.opportunity_id = seen.opportunity_id
LEFT JOIN crm.users AS u ON u.id = a.owner_id AND u.valid_to IS NULL
LEFT JOIN LATERAL (
  SELECT min(o.sent_at) AS sent_at, string_agg(DISTINCT o.channel, ' and ') AS channels FROM engagement.outbox AS o
  WHERE a.status = 'to_send' AND o.as_of_date = a.as_of_date AND o.owner_id = a.owner_id AND o.status = 'sent'
    AND coalesce(o.opportunity_id, a.opportunity_id) = a.opportunity_id AND {NO_REPORT}
) AS m ON true
LEFT JOIN LATERAL (
  SELECT verdict, given_at, channel FROM engagement.verdicts AS g WHERE a.status = 'to_send' AND g.as_of_date = a.as_of_date
    AND g.opportunity_id = a.opportunity_id AND g.owner_id = a.owner_id ORDER BY given_at DESC LIMIT 1
) AS v ON true
LEFT JOIN insight.alert_outcomes AS x ON x.alert_date = a.as_of_date AND x.opportunity_id = a.opportunity_id AND x.rule = a.rule
  AND a.status IN ('to_send', 'held_out')
WHERE {{visible:seen}} ORDER BY a.as_of_date DESC, a.status = 'to_send' DESC, a.rule
"""
_SILENCES = f"""{SEEN}
SELECT s.kind, s.rule, s.since, s.until, s.withdrawn_at, s.owner_id, u.name AS owner_name,
  s.withdrawn_at IS NULL AND coalesce(s.until, 'infinity') > :at AS holds
FROM seen JOIN engagement.silences AS s ON s.opportunity_id = seen.opportunity_id
  OR (s.opportunity_id IS NULL AND s.channel IS NULL AND s.owner_id = seen.owner_id)
LEFT JOIN crm.users AS u ON u.id = s.owner_id AND u.valid_to IS NULL
WHERE {{visible:seen}} ORDER BY s.since DESC, s.kind
"""
_TOLD = f"""{SEEN}
SELECT a.as_of_date, a.owner_id, a.opportunity_id, a.rule
FROM seen JOIN insight.rep_alerts AS a ON a.opportunity_id = seen.opportunity_id AND a.owner_id = seen.owner_id
WHERE {{visible:seen}} AND a.owner_id = :me AND a.status = 'to_send' AND a.as_of_date >= :since
  AND a.as_of_date = coalesce(CAST(:alert_day AS date), a.as_of_date)
ORDER BY a.as_of_date DESC, a.rule LIMIT 1
"""


@dataclass(frozen=True)
class Span:
    """An alert that stayed the same from `first` to `last`, the days both included; `row` is that of the last."""

    first: date
    last: date
    row: Row


def alerts(rows: Rows, day: date, opportunity_id: str) -> Sequence[Row]:
    """One row a day and rule that held, the latest first."""
    return rows.rows(_ALERTS, day=day, deal=opportunity_id)


def spans(found: Sequence[Row]) -> list[Span]:
    """Alerts of following days that say the same as one, the latest first."""
    spans: dict[tuple[object, ...], Span] = {}
    done: list[Span] = []
    for row in found:
        key = (row["rule"], row["owner_id"])
        span = spans.get(key)
        if span and _goes_on(span, row):
            spans[key] = Span(row["as_of_date"], span.last, span.row)
            continue
        done += [span] if span else []
        spans[key] = Span(row["as_of_date"], row["as_of_date"], row)
    return sorted([*done, *spans.values()], key=lambda span: (span.last, span.row["status"] == "to_send"), reverse=True)


def _goes_on(span: Span, row: Row) -> bool:
    """Whether the row is of the day before a span that nobody was told of, and says the same."""
    is_next = span.first - row["as_of_date"] == timedelta(days=1)
    is_same = all(span.row[name] == row[name] for name in ("status", "suppressed_because"))
    return is_next and is_same and row["status"] == "suppressed"


def silences(rows: Rows, day: date, opportunity_id: str, at: datetime) -> Sequence[Row]:
    """What its owners asked not to be told of, the latest first; `holds` where it does at a moment."""
    return rows.rows(_SILENCES, day=day, deal=opportunity_id, at=at)


def told_alert(
    rows: Rows, day: date, opportunity_id: str, user_id: str | None, since: date, alert_day: date | None = None
) -> ToldAlert | None:
    """The alert that somebody may answer: the latest one since a day that was for that user, who still owns the deal."""
    found = rows.row(_TOLD, day=day, deal=opportunity_id, me=user_id, since=since, alert_day=alert_day)
    if found is None:
        return None
    key = digest_key(found["as_of_date"], found["owner_id"])
    return ToldAlert(key, found["as_of_date"], found["owner_id"], found["opportunity_id"], found["rule"])
