"""What whoever runs the platform watches, from the warehouse alone: how old the rows are, what waits, what failed."""

from collections.abc import Sequence
from datetime import date, timedelta

from salesinsight_assets.adapters.dashboard.rows import Database, Row

_OUTBOX_DAYS = timedelta(days=30)
_CRM = "SELECT table_name, source, synced_at FROM crm.sync_cursors WHERE synced_at IS NOT NULL ORDER BY table_name"
_SCORED = """
SELECT r.as_of_date, r.open_deals, r.scored_at, m.trained_at,
  (SELECT avg(is_fallback::integer)::float FROM insight.opportunity_scores AS s WHERE s.as_of_date = r.as_of_date) AS share_of_fallbacks
FROM insight.scoring_runs AS r LEFT JOIN insight.models AS m USING (model_id) ORDER BY r.as_of_date DESC, r.scored_at DESC LIMIT 1
"""
_ALERTS = "SELECT as_of_date, to_send, suppressed, held_out FROM insight.alert_days ORDER BY as_of_date DESC LIMIT 1"
_OUTBOX = """
SELECT channel, status, count(*) AS n, min(queued_at) AS oldest FROM engagement.outbox WHERE as_of_date > :since GROUP BY 1, 2 ORDER BY 1, 2
"""


def crm_deliveries(database: Database) -> Sequence[Row]:
    """Each CRM table with `source` and `synced_at`, of which moment it was last read."""
    return database.rows(_CRM)


def latest_scores(database: Database) -> Row | None:
    """The latest day's scores: `open_deals`, `scored_at`, `share_of_fallbacks`, and `trained_at` of its model; None: none yet."""
    return database.row(_SCORED)


def latest_alerts(database: Database) -> Row | None:
    """The alerts of the latest day by what became of them; None where there is none yet."""
    return database.row(_ALERTS)


def outbox_counts(database: Database, today: date) -> Sequence[Row]:
    """Messages of the last 30 days by `channel` and `status`: `n`, and when the `oldest` was queued."""
    return database.rows(_OUTBOX, since=today - _OUTBOX_DAYS)
