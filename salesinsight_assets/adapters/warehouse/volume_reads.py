"""What the checks of volume read: figures of each day, by the CRM's own stamps, so that a past day gives the same again.

Rows count as created by CreatedDate, whatever became of them; as changed by the versions that began. A first load brings each row
in one version, so changes are known from the day after it on only. A day that a table was not read to the end of is not known.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

import pandas as pd

from salesinsight_assets.adapters.warehouse.warehouse import Warehouse
from salesinsight_assets.domain.crm.tables import CRM_TABLES, CrmTable
from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.monitoring.volume import ACTIVITIES, OWNER, PIPELINE, SOURCE, WORK

SOURCES = tuple(table for table in CRM_TABLES if table.cursor_field)
"""The tables that grow; the others are small lists that are read in full."""
NEVER_CHANGE = ("opportunity_history", "opportunity_field_history")
_DAYS = "(SELECT generate_series($1::timestamp, $2::timestamp, '1 day')::date AS day) AS d"
_READ_UNTIL = "(SELECT synced_at FROM crm.sync_cursors WHERE table_name = '{table}')"


def source_values(store: Warehouse, days: Sequence[date], zone: str) -> pd.DataFrame:
    """Rows created and rows changed of each table and day: `kind`, `subject`, `measure`, `day`, `value`."""
    return pd.concat([*_created(store, days, zone), *_changed(store, days, zone)], ignore_index=True)


def _created(store: Warehouse, days: Sequence[date], zone: str) -> Iterator[pd.DataFrame]:
    for table in SOURCES:
        born = f"SELECT min(created_date) FROM crm.{table.name}"
        yield _counted(store, table, "rows created", ("created_date", "count(DISTINCT id)", born), days, zone)


def _changed(store: Warehouse, days: Sequence[date], zone: str) -> Iterator[pd.DataFrame]:
    for table in SOURCES:
        if table.name not in NEVER_CHANGE:
            loaded = f"SELECT min(synced_at) + interval '1 day' FROM crm.{table.name}"
            yield _counted(store, table, "rows changed", ("valid_from", "count(*)", loaded), days, zone)


def _counted(
    store: Warehouse, table: CrmTable, measure: str, what: tuple[str, str, str], days: Sequence[date], zone: str
) -> pd.DataFrame:
    """Counts of a stamp by day; missing before the day from which they are known, and where the table was not read whole."""
    stamp, count, known_from = what
    rows = store.read(
        f"SELECT d.day, CASE WHEN d.day >= (({known_from}) AT TIME ZONE '{zone}')::date AND (d.day + 1)::timestamp"
        f" <= {_READ_UNTIL.format(table=table.name)} AT TIME ZONE '{zone}' THEN coalesce(c.n, 0) END::float8 AS value"
        f" FROM {_DAYS} LEFT JOIN (SELECT ({stamp} AT TIME ZONE '{zone}')::date AS day, {count} AS n FROM crm.{table.name}"
        f" WHERE {stamp} >= $1::timestamp AT TIME ZONE '{zone}' GROUP BY 1) AS c USING (day) ORDER BY 1",
        (days[0], days[-1]),
    )
    return rows.assign(kind=SOURCE, subject=table.name, measure=measure)


_PIPELINE = {
    "open deals": "SELECT as_of_date AS day, count(*)::float8 AS value FROM insight.open_opportunities"
    " WHERE as_of_date BETWEEN $1 AND $2 GROUP BY 1",
    "alerts": "SELECT as_of_date AS day, to_send::float8 AS value FROM insight.alert_days WHERE as_of_date BETWEEN $1 AND $2",
    "defaulted share": "SELECT as_of_date AS day, sum(cardinality(defaulted_features))::float8 / count(*) / "
    f"{len(FEATURE_NAMES)} AS value FROM insight.opportunity_features WHERE as_of_date BETWEEN $1 AND $2 GROUP BY 1",
    "fallback share": "SELECT as_of_date AS day, avg(is_fallback::int)::float8 AS value FROM insight.opportunity_scores"
    " WHERE as_of_date BETWEEN $1 AND $2 GROUP BY 1",
}
_CLOSED = (
    "SELECT d.day, CASE WHEN (d.day + 1)::timestamp <= {read_until} AT TIME ZONE '{zone}' AND d.day >= (SELECT"
    " min(created_date)::date FROM crm.opportunity_history) THEN coalesce(c.n, 0) END::float8 AS value FROM {days} LEFT JOIN"
    " (SELECT (closed_at AT TIME ZONE '{zone}')::date AS day, count(*) AS n FROM (SELECT opportunity_id, min(h.created_date)"
    " AS closed_at FROM crm.opportunity_history AS h JOIN (SELECT DISTINCT master_label FROM crm.opportunity_stages WHERE"
    " is_closed) AS s ON s.master_label = h.stage_name GROUP BY 1) AS first GROUP BY 1) AS c USING (day)"
)


def pipeline_values(store: Warehouse, days: Sequence[date], zone: str) -> pd.DataFrame:
    """Open and closed deals, alerts to send, the shares of defaults and of scores by the rules, of each day that was worked on."""
    frames = [
        store.read(sql, (days[0], days[-1])).assign(kind=PIPELINE, subject="all deals", measure=measure)
        for measure, sql in _PIPELINE.items()
    ]
    read_until = _READ_UNTIL.format(table="opportunity_history")
    closed = store.read(_CLOSED.format(read_until=read_until, zone=zone, days=_DAYS), (days[0], days[-1]))
    return pd.concat(
        [*frames, closed.assign(kind=PIPELINE, subject="all deals", measure="closed deals")], ignore_index=True
    )


def owner_values(store: Warehouse, days: Sequence[date], zone: str, as_of: datetime) -> pd.DataFrame:
    """Activities, and other work on deals, of each owner that was active as of a moment, by day."""
    measured = {ACTIVITIES: _by_owner(("tasks", "events"), "owner_id"), WORK: _by_owner(NEVER_CHANGE, "created_by_id")}
    at = f"'{as_of.isoformat()}'::timestamptz"
    active = (
        f"SELECT id FROM crm.users WHERE coalesce(is_active, true) AND valid_from <= {at}"
        f" AND (valid_to IS NULL OR valid_to > {at})"
    )
    read_until = " AND ".join(
        f"(d.day + 1)::timestamp <= {_READ_UNTIL.format(table=table)} AT TIME ZONE '{zone}'"
        for table in ("tasks", "events", *NEVER_CHANGE)
    )
    return pd.concat(
        [
            store.read(
                f"SELECT u.id AS subject, d.day, CASE WHEN {read_until} THEN coalesce(c.n, 0) END::float8 AS value"
                f" FROM ({active}) AS u CROSS JOIN {_DAYS} LEFT JOIN (SELECT who, (created_date AT TIME ZONE '{zone}')::date AS"
                f" day, count(DISTINCT id) AS n FROM ({rows}) AS r GROUP BY 1, 2) AS c ON c.who = u.id AND c.day = d.day",
                (days[0], days[-1]),
            ).assign(kind=OWNER, measure=measure)
            for measure, rows in measured.items()
        ],
        ignore_index=True,
    )


def list_sizes(store: Warehouse, table: CrmTable, as_of: datetime) -> tuple[int, int]:
    """How many entries a list had as of a moment, and a week before it."""
    moments = ", ".join(f"('{(as_of - timedelta(days=ago)).isoformat()}'::timestamptz)" for ago in (0, 7))
    rows = store.read(
        f"SELECT m.at, (SELECT count(*) FROM crm.{table.name} AS t WHERE valid_from <= m.at AND (valid_to IS NULL OR"
        f" valid_to > m.at) AND NOT coalesce(is_deleted, false)) AS n FROM (VALUES {moments}) AS m(at) ORDER BY 1 DESC"
    )
    return int(rows["n"][0]), int(rows["n"][1])


def _by_owner(tables: Sequence[str], who: str) -> str:
    """The rows of `tables` since a day, in their first version: whose they were when they were made."""
    return " UNION ALL ".join(
        f"(SELECT DISTINCT ON (id) id, {who} AS who, created_date FROM crm.{table}"
        " WHERE created_date >= $1::timestamp - interval '1 day' ORDER BY id, valid_from)"
        for table in tables
    )
