"""Who looked at the dashboard, week by week, of those whom the viewer may see."""

from collections.abc import Sequence
from datetime import date

from salesinsight_assets.adapters.dashboard.rows import Row, Rows

WEEKS = 12
_BY_WEEK = """
WITH weeks AS (
  SELECT CAST(:today AS date) - 7 * n AS until FROM generate_series(0, :weeks - 1) AS n
), days AS (
  SELECT until, (SELECT max(as_of_date) FROM insight.open_opportunities WHERE as_of_date <= until) AS day
  FROM weeks WHERE until >= (SELECT min(day) FROM engagement.visits)
), owners AS (
  SELECT DISTINCT until, owner_id FROM days JOIN insight.open_opportunities ON as_of_date = day WHERE owner_id IS NOT NULL
)
SELECT until, count(*) AS reps, count(*) FILTER (WHERE EXISTS (
  SELECT FROM engagement.visits AS v WHERE v.user_id = owners.owner_id AND v.day > until - 7 AND v.day <= until)) AS looked
FROM owners WHERE {visible:owners} GROUP BY until ORDER BY until
"""
"""Weeks before the first visit are left out: there may have been nothing to look at."""


def looks_by_week(rows: Rows, today: date) -> Sequence[Row]:
    """The last weeks of seven days, the latest ends with `today`: `until`, `reps` with open deals then, `looked`: those who did."""
    return rows.rows(_BY_WEEK, today=today, weeks=WEEKS)
