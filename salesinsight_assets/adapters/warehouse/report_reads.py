"""What the reports read of the past: when it began, and what earlier reports said."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from salesinsight_assets.adapters.warehouse.warehouse import NO_REPORT, Warehouse

_WEEK = timedelta(days=6)
"""From the first day of seven to the last."""
_OPENED = (
    "SELECT count(*) AS sent, count(*) FILTER (WHERE EXISTS (SELECT FROM engagement.message_events AS e"
    " WHERE e.message_key = o.message_key)) AS opened FROM engagement.outbox AS o"
    f" WHERE o.status = 'sent' AND o.channel = 'email' AND {NO_REPORT} AND o.as_of_date BETWEEN $1 AND $2"
    " AND o.as_of_date >= (SELECT min(as_of_date) FROM engagement.message_events)"
)
"""Before the first event there may have been nothing that tells: links and pictures need an address and a key."""
_LOOKED = """
SELECT count(*) AS reps, count(*) FILTER (WHERE EXISTS (SELECT FROM engagement.visits AS v
  WHERE v.user_id = owners.owner_id AND v.day BETWEEN $2 AND $1)) AS looked
FROM (SELECT DISTINCT owner_id FROM insight.opportunity_scores WHERE as_of_date = $1 AND owner_id IS NOT NULL) AS owners
WHERE EXISTS (SELECT FROM engagement.visits WHERE day <= $1)
"""
"""Before the first visit there may have been nothing to look at: the dashboard is a process of its own."""
_LAST_LIFTS = (
    "SELECT * FROM insight.alert_lift AS l WHERE experiment = $1 AND as_of_date = (SELECT max(as_of_date)"
    " FROM insight.alert_lift WHERE experiment = l.experiment AND as_of_date <= $2)"
)


def first_day_of_scores(store: Warehouse) -> date | None:
    """The first day of which a model's scores were shown; None: never."""
    return _first(store, "SELECT min(as_of_date) AS day FROM insight.opportunity_scores WHERE NOT is_fallback")


def first_day_of_alerts(store: Warehouse, day: date) -> date | None:
    """The first day of which an alert was sent, up to `day`; None: never."""
    return _first(
        store,
        f"SELECT min(as_of_date) AS day FROM engagement.outbox AS o WHERE status = 'sent' AND {NO_REPORT} AND as_of_date <= $1",
        (day,),
    )


def _first(store: Warehouse, sql: str, parameters: Sequence[object] = ()) -> date | None:
    found = store.read(sql, parameters)["day"][0]
    return None if pd.isna(found) else found.date()


def figures_of_reports(store: Warehouse, name: str, day: date) -> dict[date, dict[str, Any]]:
    """The figures of a company's reports of one name before `day`, by day."""
    rows = store.read(
        "SELECT as_of_date, figures::text AS figures FROM insight.reports WHERE report = $1 AND audience = 'company'"
        " AND as_of_date < $2::text::date ORDER BY 1",
        (name, day.isoformat()),
    )
    return {row["as_of_date"].date(): json.loads(row["figures"]) for row in rows.to_dict("records")}


def open_on(store: Warehouse, days: Sequence[date]) -> dict[date, list[str]]:
    """The deals that were open on each day."""
    return {
        day: store.read("SELECT opportunity_id FROM insight.open_opportunities WHERE as_of_date = $1", (day,))[
            "opportunity_id"
        ].tolist()
        for day in days
    }


def digests_opened(store: Warehouse, first: date, last: date) -> tuple[int, int]:
    """Of the digests of those days, how many were opened or answered, and how many were sent since openings are recorded."""
    rows = store.read(_OPENED, (first, last))
    return int(rows["opened"][0]), int(rows["sent"][0])


def reps_on_dashboard(store: Warehouse, day: date) -> tuple[int, int]:
    """Of the reps with open deals on a day, how many looked at the dashboard in the week up to it, and how many there are.

    Both are 0 where nobody at all had looked by then.
    """
    rows = store.read(_LOOKED, (day, day - _WEEK))
    return int(rows["looked"][0]), int(rows["reps"][0])


def last_lifts(store: Warehouse, experiment: str, day: date) -> dict[str, dict[str, Any]]:
    """By measure the row of the last look at an experiment, up to `day`; empty: nobody looked yet."""
    rows = store.read(_LAST_LIFTS, (experiment, day))
    return {str(row["measure"]): {str(name): value for name, value in row.items()} for row in rows.to_dict("records")}
